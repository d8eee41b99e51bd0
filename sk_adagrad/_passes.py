"""The number of passes that `fit` makes: when they end, and max_iter="auto"."""

from dataclasses import dataclass

import numpy as np

from ._dispatch import KERNELS
from ._visits import OFTEN

_PASSES, _MOST_PASSES, _VISITS = 3, 20, 20_000

# With at least _MANY_ROWS times as many rows as columns more visits do no harm: on 30
# real tasks of 1,300 to 15,000 rows the test loss was 0.976 times as large (geometric
# mean; 0.88 to 1.003), in 1.1 to 2.5 times the time. With 8 times as many rows some had
# 1.04.
_MANY_ROWS, _VISITS_OF_MANY = 20, 100_000

# One pass is made if the rarer of two classes, or case of labels, has less than this
# share of the weight, and this many features of a new sample of it are expected to be
# unseen in it. On 10,066 tasks from 11 sets, with shares from 0.02 to 1/2 and 300 to
# 10,000 rows, the test log loss is 0.977 of that with the usual passes and F1 higher by
# 0.019. With 8 features it is 0.980, with shares of up to 1/8 0.989. Of 40 kinds of
# tasks with labels 0.921, with 2 features 0.931, with 12 0.938. Under balanced class
# weights 895 tasks had 0.75 of the weighted log loss and a balanced accuracy higher by
# 0.047, if the share is that before these weights. Not 1/4, or rounding would decide
# whether a share of exactly that is rare.
_RARE, _UNSEEN = 0.2499, 4


@dataclass(frozen=True)
class Stopping:
    """When passes over the same rows end.

    Parameters
    ----------
    max_iter : int, "auto" or None
        The most passes, see `passes_of`. None for part of a stream: one pass, and the
        trial of candidate rates goes on in the next part.
    tol : float or None
        A pass brings no change unless its loss is below the best one by this share of
        it. None makes all passes.
    n_iter_no_change : int
        Consecutive passes without change after which fitting ends.
    """

    max_iter: int | str | None = None
    tol: float | None = None
    n_iter_no_change: int = 1

    def most_passes(self, learner):
        """Return `max_iter`, or what "auto" stands for with these rows."""
        return passes_of(learner) if self.max_iter == "auto" else self.max_iter

    def is_due(self, losses):
        """Whether the last passes brought no change.

        Parameters
        ----------
        losses : array-like of shape (n_passes, ...)
            Loss after each pass, of one model or of several.

        Returns
        -------
        due : bool or ndarray of bool of shape (...)
        """
        losses = np.asarray(losses)
        if self.tol is None or len(losses) <= self.n_iter_no_change:
            return np.zeros(losses.shape[1:], dtype=bool)
        bests = np.fmin.accumulate(losses)[:-1]
        with np.errstate(invalid="ignore"):  # an overflowed loss is no improvement
            improved = losses[1:] < bests - self.tol * np.abs(bests)
        return ~improved[-self.n_iter_no_change :].any(axis=0)


ONE_OF_A_STREAM = Stopping()


def passes_of(learner):
    """Return the most passes to make under max_iter="auto".

    That is three or, for up to 5,000 samples, 20,000 divided by their number: on parts
    of ten sets and on scikit-learn's small ones, the test loss was lowest after 20 to
    40 passes over 100 to 1,000 samples (0.90 to 0.92 of that after three), after ten
    over 3,000 (0.97), and after six (0.99) or three over 10,000. If there are few
    columns, which cannot memorise the samples, there are more visits.

    A rare class whose samples are full of features that no other sample of the class
    has is another matter. From the second pass on such features explain these samples,
    but they do not occur in new ones, whose probabilities come out too low. With two
    classes, or several labels, one pass at the best rate for one pass is then best.
    """
    if _learns_by_heart(learner.samples, learner.order):
        return 1
    n, rows = learner.n_learned, learner.samples.rows
    n_columns = rows.n_features + rows.n_left_out  # so that a search makes as many
    n_visits = _VISITS_OF_MANY if n >= _MANY_ROWS * n_columns else _VISITS
    return max(_PASSES, min(_MOST_PASSES, n_visits // n))


def _learns_by_heart(samples, order):
    """Whether classes are rare, and full of features that would identify samples.

    Rows that come often are not identified by what they have alone.

    A new sample of a class is expected to have as many features that none of the known
    ones has as there are features that only one of them has, divided by their number
    (Good 1953, equation 9).
    """
    rows, targets = samples.rows, samples.targets
    if not targets.independent:
        return False
    learned = samples.full_weight
    if len(order):
        learned = np.bincount(order, minlength=rows.n_rows) * learned
    weight = samples.without_class_weight  # which makes no feature come more often
    if weight is None:
        weight = learned
    shares = targets.shares(weight)
    if np.minimum(shares, 1 - shares).mean() >= _RARE:
        return False
    visited = np.flatnonzero(learned).astype(np.uint32)
    if weight.sum() > OFTEN * len(visited):
        return False
    of_rarer = [
        visited[has[visited] == (share <= 0.5)]
        for share, has in zip(shares, targets.which_have(), strict=True)
    ]
    n_least = _UNSEEN * max(1, sum(map(len, of_rarer)))
    if len(of_rarer) * rows.n_features < n_least:
        return False
    kernel, counts = KERNELS[rows.data.dtype], np.zeros(rows.n_features, np.uint8)
    singles = (
        kernel.single_features(**rows.arrays, order=some, counts=counts)
        for some in of_rarer
    )
    return sum(singles) >= n_least
