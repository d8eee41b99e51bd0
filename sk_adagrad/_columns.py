"""What the first rows tell of columns: whether they lie far from 0, and their units."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

# How many rows are looked at.
N_LOOKED_AT = 1 << 6

# Columns that none of these rows lacks are centred if by these columns alone rows lie
# so many standard deviations from 0. Made data of 5 to 50 such columns have 1.01 to 1.1
# times the loss without it at 6 to 7, and 1.03 to 1.4 times at 13 to 14. If a tenth of
# the rows might lack them, words and one-hot columns that nearly all rows have would be
# among them: little is gained there, and fits of imdb and of its bigrams take 2.3 and
# 3.6 times as long.
_FAR = 6

# A table of up to this many columns has no words, and centring costs it little: there
# half the distance is far, and up to a quarter of the rows may lack a column, as
# `MinMaxScaler` makes a zero in each. That changes 16 of 104 tasks, whose losses are
# 0.63 to 1.001 times as high, 0.92 in the geometric mean.
_FEW = 64
_FAR_IN_FEW = 3
_MAY_LACK = 0.25

# scale_invariant="auto" looks at columns with at least this many values in these rows,
# and at the smallest of them that hold this share of the values.
_SOME_VALUES = 4
_SMALLEST = 0.1

# Scales are tracked if the mean |x| of all values is this many times that of the
# smallest columns, or the root mean square of columns' means this many times that or
# this many times the smallest of all. These limits were set on 76 real tasks and 50
# sets of words, counts and one-hot columns, on which the ratios are 3, 7 and 12 at most
# where scales cost up to 1.4 times the loss, and mostly far above the limits where they
# gain.
#
# If only few large columns make the difference, the others keep what their sizes
# tell, as the weights of words do: their scales are at least the largest value in
# columns that are not so large.
_BY_MEAN = 4
_BY_SQUARE = 8
_BY_LEAST = 32

# Nor must ε outweigh squares of gradients, or these overflow: scales are tracked too
# where the mean |x| is less than so many times the root of ε, 0.001 by default, and
# where it is above this power of the largest number, 4e9 in float32. Multiplied by 1e-5
# and 1e-6, sms_spam had 1.2 and 3 times the test loss, and clinc150 2 and 6 times; by
# 1e-3, the same.
_BY_ROOT_OF_EPS, _BY_POWER_OF_MAX = 10, 0.25


@dataclass(frozen=True)
class Centring:
    """Columns that are read as distances from their centres.

    Parameters
    ----------
    columns : ndarray of int of shape (n_centred,)
        In ascending order.
    centres : ndarray of float64 of shape (n_centred,)
        Numbers that the type of X has too.
    places : ndarray of int32 of shape (n_features,)
        Where in these two each column is, or -1; empty if none is.
    """

    columns: np.ndarray
    centres: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, columns, centres, n_features):
        places = np.full(n_features, -1, dtype=np.int32)
        places[columns] = np.arange(len(columns))
        return cls(columns, centres, places)

    def __len__(self):
        return len(self.columns)

    def __deepcopy__(self, memo):
        return self  # nothing changes it, and a copy would have another `joblib.hash`

    def __reduce__(self):  # places of all features would make up most of a pickle
        return Centring.of, (self.columns, self.centres, len(self.places))

    def among(self, features):
        """Return the same for rows that have these features alone, in their order."""
        if not len(self):
            return self
        columns = np.searchsorted(features, self.columns)
        return replace(self, columns=columns, places=self.places[features])


# With the strides that arrays have from a pickle, as `joblib.Memory` hashes these too.
NOT_CENTRED = Centring.of(np.zeros(1, int)[:0], np.zeros(1)[:0], n_features=0)


@dataclass(frozen=True)
class Columns:
    """How columns are to be read.

    Parameters
    ----------
    centring : Centring
    scaled : bool
        Whether then by the largest |x| of each so far.
    least_scale : float
        What these are at least.
    """

    centring: Centring = NOT_CENTRED
    scaled: bool = False
    least_scale: float = 0.0


AS_THEY_ARE = Columns()


@np.errstate(over="ignore", invalid="ignore")  # learning refuses what is too large
def columns_of(X, *, scaled, may_be_centred, eps, mean_of_all):
    """Return how the columns are to be read of which these are the first rows.

    Parameters
    ----------
    X : array or CSR matrix
    scaled : bool or "auto"
    may_be_centred : bool
    eps : float
        ε of the rule, beside which squares of values must not be lost.
    mean_of_all : float
        The mean |x| of the non-zeros of all rows. It tells of columns of large values
        that few rows have: of 8,000 headlines and a number near 1,000 in one of a
        hundred, the log loss was 0.08 or, in half of the fits, 0.16 to 0.29.

    Returns
    -------
    columns : Columns
    value_size : float
        The mean |x| that is then read of these rows, of what is not 0.
    """
    sizes, centring = _sizes_of(X), NOT_CENTRED
    if may_be_centred and X.shape[0] >= _SOME_VALUES:
        sizes, centring = _centred(X, sizes)
    size, least_scale = _mean(sizes.values), 0.0
    if scaled == "auto":
        scaled, least_scale = _units(sizes)
        scaled |= mean_of_all > _BY_MEAN * size > 0
        scaled |= 0 < size < _BY_ROOT_OF_EPS * eps**0.5
        scaled |= size > float(np.finfo(X.dtype).max) ** _BY_POWER_OF_MAX
        scaled |= len(centring) > 0  # a stream may leave the first centres behind
    if scaled:
        scales = np.full(len(sizes.columns), least_scale)
        np.maximum.at(scales, sizes.place, sizes.values)
        size = _mean(sizes.values / scales[sizes.place])
    return Columns(centring, bool(scaled), least_scale if scaled else 0.0), size


@dataclass(frozen=True)
class _Sizes:
    """Values of some rows as they are read.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_values,)
        |x| of what is not 0.
    place : ndarray of int of shape (n_values,)
        Where in `columns` that of each value is.
    columns, counts : ndarray of int of shape (n_columns,)
        Columns that have values, at least, and how many.
    """

    values: np.ndarray
    place: np.ndarray
    columns: np.ndarray
    counts: np.ndarray


def _sizes_of(X):
    if sp.issparse(X):
        nonzero = X.data != 0
        values = X.data[nonzero]
        columns, place, counts = np.unique(
            X.indices[nonzero], return_inverse=True, return_counts=True
        )
    else:
        values, place = X[X != 0], X.nonzero()[1]
        columns, counts = np.arange(X.shape[1]), np.count_nonzero(X, axis=0)
    return _Sizes(np.abs(values, dtype=np.float64), place, columns, counts)


def _centred(X, sizes):
    """Return what is read if columns far from 0 are centred, and which these are."""
    few = X.shape[1] <= _FEW
    may_lack = _MAY_LACK if few else 0.0
    full = np.flatnonzero(sizes.counts >= (1 - may_lack) * X.shape[0])
    if not len(full):
        return sizes, NOT_CENTRED
    of_full = X[:, sizes.columns[full]]
    of_full = of_full.toarray() if sp.issparse(of_full) else of_full
    of_full = np.ascontiguousarray(of_full)  # or means are summed in another order
    which, centres = _far_from_0(of_full, _FAR_IN_FEW if few else _FAR)
    if not len(which):
        return sizes, NOT_CENTRED
    full, distances = full[which], np.abs(of_full[:, which] - centres)
    others, counts = ~np.isin(sizes.place, full), sizes.counts.copy()
    counts[full] = X.shape[0]
    read = _Sizes(
        values=np.append(sizes.values[others], distances),
        place=np.append(sizes.place[others], np.tile(full, X.shape[0])),
        columns=sizes.columns,
        counts=counts,
    )
    return read, Centring.of(sizes.columns[full], centres, X.shape[1])


def _mean(values):
    return float(values.mean()) if len(values) else 0.0


def _far_from_0(X, far):
    """Return which columns vary, and their means; none if rows are not far from 0."""
    means, deviations = (of(axis=0, dtype=np.float64) for of in (X.mean, X.std))
    which = np.flatnonzero((X[0] != X).any(axis=0) & (deviations > 0))
    means, deviations = means[which], deviations[which]
    # By chance means of so few rows are one in their number: the sum is of squares.
    if not np.sum((means / deviations) ** 2) - len(which) / len(X) > far**2:  # NaN
        return which[:0], means[:0]
    return which, means.astype(X.dtype).astype(np.float64)


def _units(read):
    """Return whether columns have other units, and the least scale of any."""
    values, place, counts = read.values, read.place, read.counts
    some = counts >= _SOME_VALUES
    if not some.any():
        return False, 0.0
    every = np.bincount(place, values, len(counts)) / np.maximum(counts, 1)
    unit = every[some].max()  # lest squares be infinite or 0
    sizes, mean, counts = every[some] / unit, values.mean() / unit, counts[some]
    # Not that of values, which in rows of text is that of the few largest counts.
    root_mean_square = np.sqrt(counts @ sizes**2 / counts.sum())
    ascending = sizes.argsort()
    below = counts[ascending].cumsum()
    least, smallest, middle = (
        sizes[ascending[np.searchsorted(below, share * below[-1])]]
        for share in (0, _SMALLEST, 0.5)
    )
    differ = mean > _BY_MEAN * smallest or root_mean_square > min(
        _BY_SQUARE * smallest, _BY_LEAST * least
    )
    least_scale = 0.0
    if 0 < middle <= min(_BY_MEAN * smallest, _BY_LEAST * least):  # none is too small
        alike = every <= _BY_SQUARE * middle * unit
        least_scale = float(values[alike[place]].max())
    return bool(differ), least_scale
