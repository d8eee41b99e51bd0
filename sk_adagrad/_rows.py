"""The rows of X as the kernel reads them."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg.blas import dasum, sasum

from ._columns import NOT_CENTRED, Centring
from ._dispatch import KERNELS
from ._sparse import wrong_index, wrong_row

# The empty order of visits: each row once, as they come.
AS_THEY_COME = np.empty(0, dtype=np.uint32)
_NO_INDPTR = np.empty(0, dtype=np.int32)

# Values whose sizes are added up at a time: they stay in the near caches.
_VALUES_AT_ONCE = 1 << 16
_SUM_OF_SIZES = {np.dtype("float32"): sasum, np.dtype("float64"): dasum}


@dataclass(frozen=True)
class Rows:
    """X without a copy: a CSR matrix's three arrays, or a dense matrix row after row.

    A dense row has all columns, which `indices` lists once; `indptr` is then empty.

    Parameters
    ----------
    data, indices, indptr : ndarray
    n_rows, n_features : int
    keys : ndarray of uint64 of shape (n_rows,)
        Hashes of the rows' contents, for the order of visits; empty unless needed.
    whole_keys : bool
        Whether equal keys imply equal rows. Long rows have keys of only 32 bits, and
        float64 values are hashed as the nearest float32.
    centring : Centring
        How the kernel reads the values; elsewhere they are those of X.
    n_left_out : int
        Columns of X that `compact` has left out.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_rows: int
    n_features: int
    keys: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    whole_keys: bool = True
    centring: Centring = NOT_CENTRED
    n_left_out: int = 0

    @property
    def arrays(self) -> dict[str, Any]:
        """The arguments of the kernel's functions that read rows."""
        return {
            "indptr": self.indptr,
            "indices": self.indices,
            "data": self.data,
            "n_features": self.n_features,
        }

    @property
    def is_dense(self) -> bool:
        return not len(self.indptr)

    @property
    def nnz(self) -> int:
        """Values that a visit to each row reads."""
        return self.data.size if self.is_dense else int(self.indptr[-1])

    @property
    def longest(self) -> int:
        """Entries of the longest row."""
        if self.is_dense:
            return self.n_features
        return int(np.diff(self.indptr).max())

    def sizes(self, weight) -> tuple[float, float]:
        """Return the weighted means of non-zeros' |x| and of their number per row."""
        values, each = self.data[: self.nnz], None
        if len(weight):
            lengths = self.n_features if self.is_dense else np.diff(self.indptr)
            each = np.repeat(weight, lengths)
        n_nonzeros = size = 0.0
        for start in range(0, self.nnz, _VALUES_AT_ONCE):
            block = slice(start, start + _VALUES_AT_ONCE)
            nonzero = values[block] != 0
            if each is None:
                # BLAS and the comparison take 0.3 ns per value, np.abs and sum three
                # times, and np.count_nonzero of numbers twice as long.
                n_nonzeros += float(np.count_nonzero(nonzero))
                size += float(_SUM_OF_SIZES[values.dtype](values[block]))
            else:
                n_nonzeros += float(each[block] @ nonzero)
                with np.errstate(over="ignore"):  # learning refuses X if too large
                    size += float(each[block] @ np.abs(values[block]))
        total = float(weight.sum()) if len(weight) else self.n_rows
        return size / (n_nonzeros or 1.0), n_nonzeros / max(total, 1e-300)

    def matrix(self):
        """Return the rows as a matrix again, without a copy."""
        shape = self.n_rows, self.n_features
        if self.is_dense:
            return self.data.reshape(shape)
        X = sp.csr_array(shape, dtype=self.data.dtype)
        # Not through the constructor, in which older SciPy would needlessly copy int64
        # indices. SciPy's vstack would take any room behind the entries for entries.
        X.data, X.indices = self.data[: self.nnz], self.indices[: self.nnz]
        X.indptr = self.indptr
        return X

    def copy(self) -> "Rows":
        """Return a copy without keys."""
        if self.is_dense:
            return replace(self, data=self.data.copy())
        X = self.matrix().copy()
        return replace(self, data=X.data, indices=X.indices, indptr=X.indptr)

    def take(self, which) -> "Rows":
        """Return a copy of some rows."""
        rows = rows_of(self.matrix()[which])
        return replace(rows, centring=self.centring, n_left_out=self.n_left_out)

    def centred(self, centring) -> "Rows":
        """Return the rows to be read with this centring, unless they have one."""
        if len(centring) and not len(self.centring):
            return replace(self, centring=centring)
        return self

    def compact(self) -> tuple["Rows", np.ndarray]:
        """Return the rows without columns that none of them has, and those kept."""
        if self.is_dense:
            return self, np.arange(self.n_features)
        indices = self.indices[: self.nnz]
        has = np.zeros(self.n_features, dtype=bool)
        has[indices] = True
        has[self.centring.columns] = True
        has[0] |= not has.any()  # no feature would mean no counters and no scales
        features = np.flatnonzero(has)
        number = np.empty(self.n_features, dtype=indices.dtype)
        number[features] = np.arange(len(features))
        indices = number[indices]
        rows = replace(
            self,
            indices=indices,
            n_features=len(features),
            centring=self.centring.among(features),
            n_left_out=self.n_left_out + self.n_features - len(features),
        )
        return rows, features

    def n_nonzero_features(self) -> int:
        """Return the number of columns with a non-zero (a stored zero is none)."""
        if self.is_dense:
            has = self.matrix().any(axis=0)
        else:
            has = np.zeros(self.n_features, dtype=bool)
            has[self.indices[: self.nnz][self.data[: self.nnz] != 0]] = True
        return int(np.count_nonzero(has))

    def followed_by(self, *others: "Rows") -> "Rows":
        """Return a copy of these rows and then those; each may be dense or sparse.

        All have keys if the last have.
        """
        parts = [rows.matrix() for rows in (self, *others)]
        sparse = any(map(sp.issparse, parts))
        X = sp.vstack(parts, format="csr") if sparse else np.vstack(parts)
        return read_rows(X, keyed=True)[0] if len(others[-1].keys) else rows_of(X)


def rows_of(X) -> Rows:
    """Wrap a valid X: a canonical CSR matrix or a C-contiguous dense array."""
    n_rows, n_features = X.shape
    if not sp.issparse(X):
        columns = np.arange(n_features, dtype=np.int32)
        return Rows(X.ravel(), columns, _NO_INDPTR, n_rows, n_features)
    indptr = X.indptr
    if indptr.dtype != X.indices.dtype:
        # A pointer too large for the indices' type must not wrap round to a valid one.
        indptr = indptr.clip(-1, len(X.indices) + 1).astype(X.indices.dtype)
    data, indices, indptr = map(np.ascontiguousarray, (X.data, X.indices, indptr))
    return Rows(data, indices, indptr, n_rows, n_features)


def rows_within_bounds(X) -> Rows:
    """Wrap X as `read_rows` does, but check only that no row leads out of its arrays.

    Predictions need no more, unless one is no finite number.

    Raises
    ------
    ValueError
        If the arrays of X contradict each other.
    """
    rows = rows_of(X)
    if not rows.is_dense:
        kernel = KERNELS[X.dtype]
        _refuse(
            X,
            *kernel.bounds(
                indptr=rows.indptr, indices=rows.indices, n_rows=rows.n_rows
            ),
        )
    return rows


def read_rows(X, *, keyed=False) -> tuple[Rows, bool]:
    """Wrap a C-contiguous dense array or a CSR matrix, reading all of it once.

    Parameters
    ----------
    X : array or CSR matrix, of float32 or float64
        As returned by `as_csr`. It is copied only if a row has a column twice. The
        order of columns does not matter: rows of text vectorizers, which number their
        words after counting them, have any order, and sorting those of imdb would take
        ten times as long as a pass over them.
    keyed : bool
        Whether to hash the rows.

    Returns
    -------
    rows : Rows
    all_finite : bool
        Whether there is neither NaN nor infinity.

    Raises
    ------
    ValueError
        If the arrays of X contradict each other; nothing is read through them before.
    """
    rows = rows_of(X)
    if keyed:
        rows = replace(rows, keys=np.empty(rows.n_rows, dtype=np.uint64))
    kernel = KERNELS[X.dtype]
    bad_row, low, high, rising, all_finite, whole_keys = kernel.scan(
        **rows.arrays, n_rows=rows.n_rows, keys=rows.keys
    )
    _refuse(X, bad_row, low, high)
    marks = np.empty(rows.n_rows, dtype=np.uint8)
    if rising or not kernel.repeats(
        indptr=rows.indptr,
        indices=rows.indices,
        last_rows=np.zeros(rows.n_features, dtype=np.uint32),
        marks=marks,
    ):
        return rows if whole_keys else replace(rows, whole_keys=False), all_finite
    return read_rows(_without_repeats(rows, marks), keyed=keyed)


def _refuse(X, bad_row, low, high):
    """Refuse a matrix with a bad row (-1 for none) or column."""
    if bad_row >= 0:
        raise wrong_row(X, bad_row)
    if low < 0 or high >= X.shape[1]:
        raise wrong_index(X, low, high)


def _without_repeats(rows, marks):
    """Return a matrix with repeated columns of the marked rows added up.

    That sorts them. Other rows keep the order of their columns, in which sums are taken
    and which must not depend on what other rows there are.
    """
    X, marked = rows.matrix(), np.flatnonzero(marks)
    summed = X[marked]
    summed.has_canonical_format = summed.has_sorted_indices = False
    summed.sum_duplicates()
    which = np.arange(rows.n_rows)
    which[marked] = rows.n_rows + np.arange(len(marked))
    return sp.vstack([X, summed], format="csr")[which]
