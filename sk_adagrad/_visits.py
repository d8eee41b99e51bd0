"""The order in which `fit` visits rows: random, but a function of their content."""

import numpy as np
import scipy.sparse as sp

from ._dispatch import KERNELS
from ._rows import AS_THEY_COME, Rows

# A multiple of the rows' mean weight, see `visits`.
_MOST_AT_ONCE = 4

# Rows come often if their mean weight is above this: 4, but not 4 up to rounding, as
# under "balanced" if rows come four times.
OFTEN = _MOST_AT_ONCE * (1 + 2**-16)

# Rows that come often with different targets have this many visits in all. That gives
# parts of a9a with 5 to 156 kinds of rows the loss of one visit per original row. With
# one visit to each, 100,000 samples of five categories, with rates of 0.1 to 0.9, had a
# log loss of 0.627 instead of 0.515.
_VISITS_OF_FEW = 5000

# Rows that come often, with fewer targets per kind than that, have this many visits. It
# is enough to learn what a few categories determine: five tasks of 7 to 13 kinds of
# rows had log losses of 0.05 to 0.58 and errors of up to 0.24 with one visit to each;
# now 0.0002 to 0.0007, and no errors. More visits would memorise rows: ten tables of 75
# to 900 rows that weigh 1,000 each have 0.61 to 1.19 times the loss that they have with
# weights of 1, and would have up to 2.2 times with 500 visits, 4.1 with 5,000.
_TARGETS_OF_ONE, _VISITS_OF_ONE_TARGET = 1.5, 250


def visits(rows: Rows, targets, weight, seed: int, *, scale_free: bool = False):
    """Order the rows by their content and merge identical ones.

    The order is that of a hash of each row's values and targets, keyed by `seed`:
    random as far as learning can tell, but independent of the order in which the rows
    came. Identical rows meet and become one row with the sum of their weights, so
    repeating a row and giving it weight are the same thing. Rows of weight 0 are left
    out.

    Where few kinds of rows come often, as those of a few categories do, all are visited
    several times, or a pass would be too few steps to learn from. A row of more than
    four times the mean weight is always visited several times, each with its share of
    the weight. One heavy step for thousands of equal rows would learn less: on a
    held-out fifth of kddcup99 the log loss after one pass is twice as high as with
    shares, which are as good as one visit per original row (0.0081 and 0.0082). But the
    loss of a repeated visit is not that of a new row, so rates are chosen too high and
    rows are memorised: with shares of half the mean weight, 18 tasks of 2,000 and
    20,000 rows had 1.02 to 1.1 times the test loss if weights were log-normal or rows a
    bootstrap sample.

    Parameters
    ----------
    rows : Rows
        With keys, unless `scale_free`.
    targets : ndarray of shape (n_rows, n_values)
    weight : ndarray of shape (n_rows,)
        Of the rows' type; empty if all weigh 1.
    seed : int
        From 0 to 2**63 - 1.
    scale_free : bool
        Whether the order must stay the same when columns are multiplied by constants.

    Returns
    -------
    order : ndarray of uint32 of shape (n_visits,)
        One of several identical rows stands for all.
    weight : ndarray of shape (n_rows,)
        The weight of a visit to each row in `order`; empty if all weigh 1.
    """
    numbered = _scale_free_numbers if scale_free else _numbers
    numbers, same = numbered(rows, targets, weight, seed)
    if not (scale_free or len(weight) or same.any()):
        return numbers.astype(np.uint32), weight
    kernel, dtype = KERNELS[rows.data.dtype], rows.data.dtype
    equal = {"numbers": numbers, "same": same, "weight": weight}
    mean, n_distinct = kernel.mean_weight(**equal)
    most_at_once, n_more = _MOST_AT_ONCE * mean, n_distinct
    total = mean * n_distinct
    if mean > OFTEN and total < np.inf:
        first = numbers[np.append(0, same) == 0].astype(np.uint32)
        differ = n_distinct >= _TARGETS_OF_ONE * _n_kinds(rows, first, seed)
        n_least = _VISITS_OF_FEW if differ else _VISITS_OF_ONE_TARGET
        most_at_once = min(most_at_once, max(1.0, total / n_least))
        n_more = int(total / most_at_once) + 1
    order = np.empty(n_distinct + n_more, dtype=np.uint32)
    shares = np.full(rows.n_rows, 0 if len(weight) else 1, dtype=dtype)
    n_visits, most, all_one = kernel.share_out(
        most_at_once=most_at_once, order=order, shares=shares, **equal
    )
    order.resize(n_visits, refcheck=False)
    if most > 1 or scale_free:
        kernel.shuffle(order=order, seed=seed)
    return order, shares[:0] if all_one else shares


def shuffled(order, seed):
    """Return visits in another random order."""
    order = order.copy()
    KERNELS[np.dtype(np.float64)].shuffle(order=order, seed=seed)
    return order


def _numbers(rows, targets, weight, seed):
    """Sort rows by a hash of their contents; mark those that equal their successor.

    A single sort of 64-bit numbers orders them, each half a key above the row's number.
    Ties are broken by whole keys and then, if need be, by exact keys of the rows.
    Returns the sorted numbers, and which rows equal the next.
    """
    keys = {"content": rows.keys, "targets": targets, "seed": seed}
    numbers = _sorted_numbers(weight, **keys)
    same = np.empty(len(numbers) - 1, dtype=np.uint8)
    if not KERNELS[targets.dtype].find_ties(numbers=numbers, same=same):
        return numbers, same
    _tell_apart(numbers, same, **keys)
    with np.errstate(over="ignore"):  # overflow counts as a difference too
        rounded = targets.astype(np.float32)
    keys_tell_all = rows.whole_keys and (rounded == targets).all()
    if same.any() and not keys_tell_all:
        tied = np.zeros(len(numbers), dtype=bool)
        tied[:-1] = same
        tied[1:] |= same.view(bool)
        some = numbers[tied].astype(np.uint32)
        exact = np.empty(rows.n_rows, dtype=np.uint64)
        exact[some] = _exact_keys(rows, targets, some, ~seed)
        _tell_apart(numbers, same, content=exact, targets=targets[:, :0], seed=0)
    return numbers, same


def _sorted_numbers(weight, *, content, targets, seed):
    """Return the sorted numbers of the rows with non-zero weight."""
    numbers = np.empty(len(content), dtype=np.uint64)
    KERNELS[targets.dtype].number_rows(
        content=content, targets=targets, seed=seed, numbers=numbers
    )
    if len(weight):
        numbers = numbers[weight != 0]
    scratch = np.empty_like(numbers)
    KERNELS[targets.dtype].sort_numbers(numbers=numbers, scratch=scratch)
    return numbers


def _tell_apart(numbers, same, **keys):
    """Sort rows that seem equal by other keys; mark those that still do."""
    for shift in (0, 32):
        if not KERNELS[keys["targets"].dtype].tell_apart(
            numbers=numbers, same=same, shift=shift, **keys
        ):
            break


def _scale_free_numbers(rows, targets, weight, seed):
    """Sort rows by a random sum of their values as shares of the columns' largest.

    Multiplying a column changes such a sum by rounding only, but a hash of the values
    completely. Returns the rows, and which equal the next.
    """
    order = np.arange(rows.n_rows, dtype=np.uint64)
    if len(weight):
        order = order[weight != 0]
    matrix = sp.csr_array(rows.matrix())  # the non-zeros of dense rows
    if not matrix.has_sorted_indices:  # or sums of equal rows would differ by rounding
        matrix = matrix.sorted_indices()
    sizes = np.abs(matrix.data, dtype=np.float64)
    if len(weight):
        sizes *= np.repeat(weight != 0, np.diff(matrix.indptr))
    largest = np.zeros(rows.n_features)
    np.maximum.at(largest, matrix.indices, sizes)
    rng = np.random.default_rng(seed)
    shares = rng.normal(size=rows.n_features) / np.where(largest > 0, largest, np.inf)
    sums = matrix @ shares
    # Not with BLAS, whose rounding of a row's sum depends on the row's position.
    sums += (targets * rng.normal(size=targets.shape[1])).sum(axis=1)
    exact_keys = _exact_keys(rows, targets, AS_THEY_COME, seed)
    order = order[np.lexsort((exact_keys[order], sums[order]))]
    same = exact_keys[order[1:]] == exact_keys[order[:-1]]
    return order, same.view(np.uint8)


def _n_kinds(rows, order, seed):
    """Return how many of these rows differ in content, whatever their targets."""
    no_targets = np.empty((rows.n_rows, 0), dtype=rows.data.dtype)
    return len(np.unique(_exact_keys(rows, no_targets, order, seed)))


def _exact_keys(rows, targets, order, seed):
    """Return keys of the full content of rows and targets."""
    keys = np.empty(len(order) or rows.n_rows, dtype=np.uint64)
    KERNELS[rows.data.dtype].row_keys(
        **rows.arrays,
        targets=targets,
        order=order,
        exact=True,
        seed=seed & (2**64 - 1),
        keys=keys,
    )
    return keys
