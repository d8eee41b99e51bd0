"""The rows of X as the kernel reads them, and the order in which `fit` visits them."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ._dispatch import KERNELS

NO_ROWS = np.empty(0, dtype=np.uint32)
_NO_INDPTR = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Rows:
    """X without a copy: a CSR matrix's three arrays, or a dense matrix row after row.

    A dense row has all columns, which `indices` then lists once; `indptr` is empty.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_rows: int
    n_features: int

    @property
    def nnz(self) -> int:
        """Values that one visit of all rows reads."""
        return int(self.indptr[-1]) if len(self.indptr) else self.data.size

    @property
    def longest(self) -> int:
        """Entries of the longest row."""
        if not len(self.indptr):
            return self.n_features
        return int(np.diff(self.indptr).max(initial=0))

    def size(self, weight) -> float:
        """Return the root mean square of the rows' norms, weighted by any weights.

        Adding up the squares in one go costs a tenth of one pass.
        """
        values = weighted = self.data[: self.nnz]
        total = self.n_rows
        if len(weight):
            lengths = np.diff(self.indptr) if len(self.indptr) else self.n_features
            weighted = values * np.repeat(weight, lengths)
            total = weight.sum()
        with np.errstate(over="ignore"):  # too large to learn from: learning tells
            return math.sqrt(float(weighted @ values) / max(float(total), 1e-300))

    def matrix(self):
        """Return the rows as a matrix again, without a copy."""
        shape = self.n_rows, self.n_features
        if not len(self.indptr):
            return self.data.reshape(shape)
        return sp.csr_array((self.data, self.indices, self.indptr), shape=shape)

    def take(self, which) -> "Rows":
        """Return a copy of some rows."""
        return rows_of(self.matrix()[which])

    def followed_by(self, rows: "Rows") -> "Rows":
        """Return a copy of these rows and then those; either may be dense or sparse."""
        both = self.matrix(), rows.matrix()
        if any(map(sp.issparse, both)):
            return rows_of(sp.vstack(both, format="csr"))
        return rows_of(np.vstack(both))


def rows_of(X) -> Rows:
    """Wrap a validated X: a canonical CSR matrix or a C-contiguous dense array."""
    n_rows, n_features = X.shape
    if not sp.issparse(X):
        columns = np.arange(n_features, dtype=np.int32)
        return Rows(X.ravel(), columns, _NO_INDPTR, n_rows, n_features)
    indptr = X.indptr.astype(X.indices.dtype, copy=False)
    return Rows(X.data, X.indices, indptr, n_rows, n_features)


def checked_sparse(X):
    """Return X, as a canonical CSR matrix if it is sparse.

    Raises
    ------
    ValueError
        If the arrays of a sparse X contradict each other.
    """
    if not sp.issparse(X):
        return X
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got a {X.ndim}D sparse array instead: X must have a "
            "row for each sample and a column for each feature."
        )
    if X.format == "coo":
        for axis, at in enumerate((X.row, X.col)):
            if len(at) and (at.min() < 0 or at.max() >= X.shape[axis]):
                wrong = at.min() if at.min() < 0 else at.max()
                raise ValueError(
                    f"X is not a valid COO matrix: its shape is {X.shape}, but it has "
                    f"an entry at {('row', 'column')[axis]} {wrong}."
                )
    elif X.format in ("csc", "bsr"):
        X.check_format(full_check=True)
    return canonical_csr(X.tocsr())


def all_finite(X) -> bool:
    """Whether X, dense or CSR of float32 or float64, has neither NaN nor infinity."""
    data = X.data if sp.issparse(X) else X.ravel()
    return KERNELS[data.dtype].all_finite(data)


def canonical_csr(X):
    """Return the CSR matrix X with rising columns in each row, copied only if need be.

    Raises
    ------
    ValueError
        If the arrays of X contradict each other; nothing is read through them before.
    """
    n_rows, n_features = X.shape
    indptr, indices = X.indptr, X.indices
    if len(indptr) != n_rows + 1:
        raise ValueError(
            f"X is not a valid CSR matrix: it has {n_rows} rows, so indptr must have "
            f"{n_rows + 1} entries, but it has {len(indptr)}."
        )
    if len(indices) != len(X.data):
        raise ValueError(
            f"X is not a valid CSR matrix: indices has {len(indices)} entries and data "
            f"has {len(X.data)}; they must be as many."
        )
    if indptr[0] != 0:
        raise ValueError(
            f"X is not a valid CSR matrix: indptr must start with 0, not {indptr[0]}."
        )
    if indices.dtype not in (np.int32, np.int64):
        raise ValueError(
            f"X is not a valid CSR matrix: its column indices are {indices.dtype}, but "
            "must be int32 or int64."
        )
    kernel = KERNELS[np.dtype(np.float64)]
    if indptr.dtype == indices.dtype:
        narrow = indptr
    else:  # what does not fit the type of the indices must stay wrong in it
        narrow = indptr.clip(-1, len(indices) + 1).astype(indices.dtype)
    narrow, indices = np.ascontiguousarray(narrow), np.ascontiguousarray(indices)
    bad_row, low, high, canonical = kernel.inspect(narrow, indices)
    if bad_row >= 0:
        raise ValueError(
            f"X is not a valid CSR matrix: row {bad_row} is said to go from entry "
            f"{indptr[bad_row]} to {indptr[bad_row + 1]}, but indptr must not decrease "
            f"and there are {len(indices)} entries."
        )
    if low < 0 or high >= n_features:
        wrong = low if low < 0 else high
        raise ValueError(
            f"X is not a valid CSR matrix: it has {n_features} columns, so column "
            f"indices go from 0 to {n_features - 1}, but indices contains {wrong}."
        )
    contiguous = all(
        array.flags.c_contiguous for array in (X.indptr, X.indices, X.data)
    )
    if not (canonical and contiguous):
        X = X.copy()
        X.has_canonical_format = X.has_sorted_indices = False
        X.sum_duplicates()
    return X


def hashed(rows: Rows, targets, seed: int):
    """Return the rows in order of a hash of each, and these hashes; see `visits`."""
    keys = _keys(rows, targets, NO_ROWS, seed, exact=False)
    order = np.argsort(keys).astype(np.uint32)
    return order, keys[order]


def visits(
    rows: Rows,
    targets,
    weight,
    seed: int,
    *,
    scale_free: bool = False,
    known_hashes=None,
):
    """Order the rows by their content, and take together those that are the same.

    The order is that of a hash of each row's values and targets, keyed by `seed`:
    random for all that learning can tell, yet the same however the rows came. Identical
    rows fall together and are one row with the sum of their weights, so repeating a row
    and giving it weight are the same thing. Rows of weight 0 are left out.

    A row is visited once if its weight is not above the least weight or half the mean
    one, whichever is more; a heavier one several times, each with its share of the
    weight. So there are at most three visits to each distinct row on average, and never
    more than the rows that came if each weighed 1. One heavy step for thousands of
    equal rows would learn less: on a held-out fifth of kddcup99 the log loss after one
    pass was 0.018, and with the shares it is 0.0092, beside 0.0090 of a visit to each
    row as it came.

    Parameters
    ----------
    rows : Rows
    targets : ndarray of shape (n_rows, n_values)
    weight : ndarray of shape (n_rows,)
        Empty if all rows weigh 1.
    seed : int
        From 0 to 2**63 - 1.
    scale_free : bool
        Whether the order must stay the same when columns are multiplied by constants.
    known_hashes : tuple of ndarray, or None
        What `hashed` returns, if it has been called: the same for all weights.

    Returns
    -------
    order : ndarray of uint32 of shape (n_visits,)
    weight : ndarray of shape (n_rows,)
        That of a visit to each row in `order`; empty if all weigh 1.
    """
    order, keys = known_hashes or hashed(rows, targets, seed)
    # A copy, as what follows writes into it.
    kept = weight[order] != 0 if len(weight) else slice(None)
    order, keys = order[kept].copy(), keys[kept]
    if scale_free:
        order, same = _scale_free_order(rows, targets, order, weight, seed)
    elif rows.data.dtype == np.float64:
        order, same = _group_exactly(rows, targets, order, keys, seed)
    else:
        same = keys[1:] == keys[:-1]
    shuffle = np.random.Generator(np.random.SFC64(seed)).shuffle
    starts = np.flatnonzero(np.append(True, ~same))
    if not len(weight) and len(order) <= 2 * len(starts):
        # The least weight is 1 and half the mean is not more: each row is a visit.
        if len(starts) < len(order) or scale_free:
            shuffle(order)
        return order, weight

    each = weight[order] if len(weight) else np.ones(len(order), rows.data.dtype)
    order = order[starts]
    merged = np.add.reduceat(each, starts, dtype=np.float64)
    light = max(merged.min(), merged.mean() / 2)
    # Not 0.5: a quotient halfway between two integers must not be rounded by chance.
    n_visits = np.floor(merged / light + 0.499).astype(np.intp).clip(min=1)
    if (merged == n_visits).all():
        weight = weight[:0]
    else:
        weight = np.zeros(rows.n_rows, rows.data.dtype)
        weight[order] = merged / n_visits
    if n_visits.max() > 1 or scale_free:
        order = np.repeat(order, n_visits)
        shuffle(order)
    return order, weight


def _group_exactly(rows, targets, order, keys, seed):
    """Bring rows with the same content together; tell which equal their successor.

    The keys are those of the values as float32, which differ in 64 bits unless the rows
    are the same. float64 values may have been rounded to the same float32 ones: a
    second key, of the values as they are, tells them apart.
    """
    same = keys[1:] == keys[:-1]
    if not same.any():
        return order, same
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    in_run = same[tied[:-1]]
    exact_keys = _keys(rows, targets, order[tied], ~seed, exact=True)
    same_exactly = exact_keys[1:] == exact_keys[:-1]
    if not same_exactly[in_run].all():
        within = np.lexsort((exact_keys, keys[tied]))
        order[tied] = order[tied][within]
        exact_keys = exact_keys[within]
        same_exactly = exact_keys[1:] == exact_keys[:-1]
    same[tied[:-1][in_run & ~same_exactly]] = False
    return order, same


def _scale_free_order(rows, targets, order, weight, seed):
    """Sort rows by a random sum of their values as shares of the columns' largest.

    Multiplying a column changes such a sum by rounding only, while a hash of the values
    would become another one. Returns what `_group_exactly` does.
    """
    indptr = rows.indptr
    if not len(indptr):
        indptr = np.arange(0, rows.data.size + 1, max(1, rows.n_features))
    columns = np.resize(rows.indices, rows.nnz)
    values = np.abs(rows.data[: rows.nnz], dtype=np.float64)
    if len(weight):
        values *= np.repeat(weight != 0, np.diff(indptr))
    largest = np.zeros(rows.n_features)
    np.maximum.at(largest, columns, values)
    rng = np.random.default_rng(seed)
    shares = rng.normal(size=rows.n_features) / np.where(largest > 0, largest, np.inf)
    shape = rows.n_rows, rows.n_features
    sums = sp.csr_array((rows.data[: rows.nnz], columns, indptr), shape=shape) @ shares
    sums += targets @ rng.normal(size=targets.shape[1])
    exact_keys = _keys(rows, targets, NO_ROWS, seed, exact=True)
    order = order[np.lexsort((exact_keys[order], sums[order]))]
    return order, exact_keys[order[1:]] == exact_keys[order[:-1]]


def _keys(rows, targets, order, seed, *, exact):
    keys = np.empty(len(order) or rows.n_rows, dtype=np.uint64)
    KERNELS[rows.data.dtype].row_keys(
        indptr=rows.indptr,
        indices=rows.indices,
        data=rows.data,
        n_features=rows.n_features,
        targets=targets,
        order=order,
        exact=exact,
        seed=seed & (2**64 - 1),
        keys=keys,
    )
    return keys
