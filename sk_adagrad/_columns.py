"""What the first rows tell of the columns: distances from 0, and units."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

# Number of rows looked at.
N_LOOKED_AT = 1 << 6

# Columns that all of these rows have are centred if, by these columns alone, rows lie
# this many standard deviations from 0. Without it, made data of 5 to 50 such columns
# have 1.01 to 1.1 times the loss at a distance of 6 to 7, and 1.03 to 1.4 times at 13
# to 14. If a tenth of the rows might lack a column, words and one-hot columns that
# nearly all rows have would be centred too: that gains little, and fits of imdb and of
# its bigrams take 2.3 and 3.6 times as long.
_FAR = 6

# A table of at most this many columns has no words, and centring costs it little. There
# half the distance is enough, and up to a quarter of the rows may lack a column, since
# `MinMaxScaler` makes a zero in each. That changes 16 of 104 tasks, whose losses become
# 0.63 to 1.001 times as high (0.92 in the geometric mean).
_FEW = 64
_FAR_IN_FEW = 3
_MAY_LACK = 0.25

# scale_invariant="auto" looks at columns with at least this many values in these rows,
# and at the smallest of them that together hold this share of the values.
_SOME_VALUES = 4
_SMALLEST = 0.1

# Scales are tracked if the mean |x| of all values exceeds _BY_MEAN times that of the
# smallest columns, or if the root mean square of the columns' means exceeds _BY_SQUARE
# times that or _BY_LEAST times the smallest of all. Set on 76 real tasks and 50 sets of
# words, counts and one-hot columns: where scales cost up to 1.4 times the loss, the
# ratios are at most 3, 7 and 12; where they gain, mostly far above the limits.
#
# If only a few large columns make the difference, the sizes of the others remain
# informative, like the weights of words: their scales are at least the largest value
# among the columns that are not so large. A few centred columns have no say in it, or
# the distances of a year would make indicators of 250 stations so small that they
# hardly learn. On 137 tables of more than 64 columns that have such a least scale, the
# test loss is 0.83 times what it would be (geometric mean): below 0.9 times on 29 of
# them, above 1.1 times on 10. The median of the columns' largest values as least scale
# would be better there, but worse with the length of texts beside words: 1.10 times on
# news20, 1.12 times on debian_packages.
_BY_MEAN = 4
_BY_SQUARE = 8
_BY_LEAST = 32

# Nor may ε outweigh squared gradients, or these overflow: scales are also tracked where
# the mean |x| is below this multiple of √ε (0.001 by default), or above this power of
# the largest number (4e9 in float32). Multiplied by 1e-5 and 1e-6, sms_spam had 1.2 and
# 3 times the test loss, and clinc150 2 and 6 times; multiplied by 1e-3, the same loss.
_BY_ROOT_OF_EPS, _BY_POWER_OF_MAX = 10, 0.25


@dataclass(frozen=True)
class Centring:
    """Columns that are read as distances from their centres.

    Parameters
    ----------
    columns : ndarray of int of shape (n_centred,)
        In ascending order.
    centres : ndarray of float64 of shape (n_centred,)
        Representable in the type of X.
    places : ndarray of int32 of shape (n_features,)
        Index of each column in these two, or -1; empty if none is centred.
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
        return self  # immutable, and a copy would have another `joblib.hash`

    def __reduce__(self):  # the places of all features would dominate a pickle
        return Centring.of, (self.columns, self.centres, len(self.places))

    def among(self, features):
        """Return the same for rows that have only these features, in their order."""
        if not len(self):
            return self
        columns = np.searchsorted(features, self.columns)
        return replace(self, columns=columns, places=self.places[features])


# Empty arrays with the strides that unpickling gives them: `joblib.Memory` hashes
# these.
NOT_CENTRED = Centring.of(np.zeros(1, int)[:0], np.zeros(1)[:0], n_features=0)


@dataclass(frozen=True)
class Columns:
    """How columns are to be read.

    Parameters
    ----------
    centring : Centring
    scaled : bool
        Whether each is then divided by its largest |x| so far.
    least_scale : float
        Lower bound of these scales.
    """

    centring: Centring = NOT_CENTRED
    scaled: bool = False
    least_scale: float = 0.0


AS_THEY_ARE = Columns()


@np.errstate(over="ignore", invalid="ignore")  # learning refuses values too large
def columns_of(X, *, scaled, may_be_centred, eps, mean_of_all):
    """Return how columns are to be read, given the first rows.

    Parameters
    ----------
    X : array or CSR matrix
    scaled : bool or "auto"
    may_be_centred : bool
    eps : float
        ε of the rule, which must not outweigh squared values.
    mean_of_all : float
        The mean |x| of the non-zeros of all rows, which reveals columns of large values
        that few rows have: for 8,000 headlines and a number near 1,000 in one of a
        hundred, the log loss was 0.08 or, in half of the fits, 0.16 to 0.29.

    Returns
    -------
    columns : Columns
    value_size : float
        The mean |x| of the non-zeros of these rows, read in that way.
    """
    sizes, centring = _sizes_of(X), NOT_CENTRED
    if may_be_centred and X.shape[0] >= _SOME_VALUES:
        sizes, centring = _centred(X, sizes)
    size, least_scale = _mean(sizes.values), 0.0
    if scaled == "auto":
        few = 2 * len(centring) <= np.count_nonzero(sizes.counts)
        others = sizes.without(centring.columns) if few else sizes
        least_scale = _least_scale(others)
        scaled = _differ(sizes)
        scaled |= mean_of_all > _BY_MEAN * size > 0
        scaled |= 0 < size < _BY_ROOT_OF_EPS * eps**0.5
        scaled |= size > float(np.finfo(X.dtype).max) ** _BY_POWER_OF_MAX
        scaled |= len(centring) > 0  # a stream may drift from its first centres
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
        |x| of the non-zeros.
    place : ndarray of int of shape (n_values,)
        Index in `columns` of each value's column.
    columns, counts : ndarray of int of shape (n_columns,)
        The columns, at least those with values, and their numbers of values.
    """

    values: np.ndarray
    place: np.ndarray
    columns: np.ndarray
    counts: np.ndarray

    def without(self, columns):
        """Return the same without some columns."""
        if not len(columns):
            return self
        kept = ~np.isin(self.columns, columns)
        of_kept, new_places = kept[self.place], np.cumsum(kept) - 1
        return _Sizes(
            self.values[of_kept],
            new_places[self.place[of_kept]],
            self.columns[kept],
            self.counts[kept],
        )

    def means(self):
        """Return the mean of each column, and which have enough values to judge by."""
        sums = np.bincount(self.place, self.values, len(self.counts))
        return sums / np.maximum(self.counts, 1), self.counts >= _SOME_VALUES


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
    """Return the values with columns far from 0 centred, and the centring."""
    few = X.shape[1] <= _FEW
    may_lack = _MAY_LACK if few else 0.0
    full = np.flatnonzero(sizes.counts >= (1 - may_lack) * X.shape[0])
    if not len(full):
        return sizes, NOT_CENTRED
    of_full = X[:, sizes.columns[full]]
    of_full = of_full.toarray() if sp.issparse(of_full) else of_full
    of_full = np.ascontiguousarray(of_full)  # fixes the order of summation
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
    """Return the columns that vary and their means; none if rows are near 0."""
    means, deviations = (of(axis=0, dtype=np.float64) for of in (X.mean, X.std))
    which = np.flatnonzero((X[0] != X).any(axis=0) & (deviations > 0))
    means, deviations = means[which], deviations[which]
    # By chance alone the squared mean of n rows is 1/n, in units of the variance.
    if not np.sum((means / deviations) ** 2) - len(which) / len(X) > far**2:  # NaN
        return which[:0], means[:0]
    return which, means.astype(X.dtype).astype(np.float64)


def _differ(read):
    """Return whether columns differ in their units."""
    means, some = read.means()
    if not some.any():
        return False
    unit = means[some].max()  # keeps squares from becoming infinite or 0
    sizes, counts = means[some] / unit, read.counts[some]
    least, smallest, _ = _of_smallest(sizes, counts)
    # Not over values: in rows of text the few largest counts would dominate it.
    root_mean_square = np.sqrt(counts @ sizes**2 / counts.sum())
    return bool(
        _mean(read.values) / unit > _BY_MEAN * smallest
        or root_mean_square > min(_BY_SQUARE * smallest, _BY_LEAST * least)
    )


def _least_scale(read):
    """Return the least scale of any column; 0 if some are too small for one."""
    means, some = read.means()
    if not some.any():
        return 0.0
    least, smallest, middle = _of_smallest(means[some], read.counts[some])
    if not 0 < middle <= min(_BY_MEAN * smallest, _BY_LEAST * least):
        return 0.0
    alike = means <= _BY_SQUARE * middle
    return float(read.values[alike[read.place]].max())


def _of_smallest(sizes, counts):
    """Return the least size, and those that a tenth and half of the values reach."""
    ascending = sizes.argsort()
    below = counts[ascending].cumsum()
    return (
        sizes[ascending[np.searchsorted(below, share * below[-1])]]
        for share in (0, _SMALLEST, 0.5)
    )
