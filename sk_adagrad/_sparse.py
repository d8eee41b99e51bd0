"""Sparse matrices: checking their arrays, which may contradict each other.

SciPy may crash the process when it converts such a matrix, and its own check misses
matrices without entries, and pointers whose difference overflows their type. Returned
are SciPy's matrices or arrays, as scikit-learn is configured.
"""

from contextlib import contextmanager

import scipy.sparse as sp
from sklearn import get_config


def as_csr(X, name="X"):
    """Return X, in CSR if it is sparse; if it already is, its rows are not checked.

    Raises
    ------
    ValueError
        If the arrays of a sparse X in another format contradict each other.
    """
    if not sp.issparse(X):
        return X
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got a {X.ndim}D sparse array instead: {name} must "
            "have a row for each sample and a column for each feature or label."
        )
    if X.format == "csr":
        _check_lengths(X, name)
        return X
    if X.format == "coo":
        _check_coordinates(X, name)
    elif X.format in ("csc", "bsr"):
        _check_compressed(X, name)
    elif X.format == "lil":
        _check_lists(X, name)
    elif X.format == "dia" and len(X.offsets) != len(X.data):
        raise _wrong(
            X, name, f"it has {len(X.offsets)} offsets and {len(X.data)} diagonals."
        )
    with _naming(X, name):
        return X.tocsr()


def checked_csr(y):
    """Return a copy of a sparse y as a CSR matrix, fully checked."""
    y = as_csr(y, "y")
    _check_compressed(y, "y")
    return y.copy()


def as_configured(matrix):
    """Return a CSR matrix as a sparse array if scikit-learn is configured so."""
    wanted = get_config().get("sparse_interface")  # from scikit-learn 1.9 on
    return sp.csr_array(matrix) if wanted == "sparray" else matrix


def check_pointers(X, name="X"):
    """Refuse a matrix with a row that ends before its start or beyond all entries."""
    starts, ends, n_entries = X.indptr[:-1], X.indptr[1:], len(X.indices)
    wrong = (ends < starts) | (ends > n_entries)  # a difference might overflow
    if wrong.any():
        raise wrong_row(X, wrong.argmax(), name)


def wrong_row(X, row, name="X"):
    """Return the error for a row that ends before its start or beyond all entries."""
    return _wrong(
        X,
        name,
        f"{_axes(X)[0]} {row} is said to go from entry {X.indptr[row]} to "
        f"{X.indptr[row + 1]}, but indptr must not decrease and there are "
        f"{len(X.indices)} entries.",
    )


def wrong_index(X, low, high, name="X"):
    """Return the error for column indices, given the least and the largest."""
    _, axis, _, n = _axes(X)
    return _wrong(
        X,
        name,
        f"its {axis} indices go from 0 to {n - 1}, but indices "
        f"contains {low if low < 0 else high}.",
    )


def _axes(X):
    """Return what a compressed matrix's pointers and indices count, and how many."""
    if X.format == "csc":
        return "column", "row", *X.shape[::-1]
    if X.format == "bsr":
        sizes = (n // size for n, size in zip(X.shape, X.blocksize, strict=True))
        return "row of blocks", "column of blocks", *sizes
    return "row", "column", *X.shape


def _check_compressed(X, name):
    _check_lengths(X, name)
    check_pointers(X, name)
    if len(X.indices):
        low, high = X.indices.min(), X.indices.max()
        if low < 0 or high >= _axes(X)[3]:
            raise wrong_index(X, low, high, name)
    with _naming(X, name):
        X.check_format(full_check=True)


def _check_lengths(X, name):
    """Refuse a compressed matrix whose arrays have wrong lengths or types."""
    pointed, axis, n, _ = _axes(X)
    indptr, indices = X.indptr, X.indices
    if len(indptr) != n + 1:
        raise _wrong(
            X,
            name,
            f"indptr must have {n + 1} entries, one for each {pointed} and one more, "
            f"but it has {len(indptr)}.",
        )
    if len(indices) != len(X.data):
        raise _wrong(
            X,
            name,
            f"indices has {len(indices)} entries and data has {len(X.data)}; they must "
            "be as many.",
        )
    if indptr[0] != 0:
        raise _wrong(X, name, f"indptr must start with 0, not {indptr[0]}.")
    if indices.dtype not in ("int32", "int64"):
        raise _wrong(
            X,
            name,
            f"its {axis} indices are {indices.dtype}, but must be int32 or int64.",
        )


def _check_coordinates(X, name):
    for axis, at in enumerate((X.row, X.col)):
        if len(at) and (at.min() < 0 or at.max() >= X.shape[axis]):
            wrong = at.min() if at.min() < 0 else at.max()
            raise _wrong(
                X,
                name,
                f"its shape is {X.shape}, but it has an entry at "
                f"{('row', 'column')[axis]} {wrong}.",
            )


def _check_lists(X, name):
    columns, values = ([*map(len, lists)] for lists in (X.rows, X.data))
    if columns != values or len(columns) != X.shape[0]:
        raise _wrong(
            X,
            name,
            f"rows and data must have lists of the same lengths for {X.shape[0]} rows.",
        )


def _wrong(X, name, what):
    return ValueError(f"{name} is not a valid {X.format.upper()} matrix: {what}")


@contextmanager
def _naming(X, name):
    """Name the matrix whose arrays SciPy refuses."""
    try:
        yield
    except ValueError as error:
        raise _wrong(X, name, f"{error}.") from error
