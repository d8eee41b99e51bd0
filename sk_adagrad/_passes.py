"""The number of passes that `fit` makes: when they end, and max_iter="auto"."""

from dataclasses import dataclass

import numpy as np

from ._dispatch import KERNELS

_PASSES, _MOST_PASSES, _VISITS = 3, 20, 20_000

# With at least _MANY_ROWS times as many rows as columns more visits do no harm: on 30
# real tasks of 1,300 to 15,000 rows the test loss was 0.976 times as large (geometric
# mean; 0.88 to 1.003), in 1.1 to 2.5 times the time. With 8 times as many rows some had
# 1.04.
_MANY_ROWS, _VISITS_OF_MANY = 20, 100_000


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

    Rare classes in rows full of features that no other row has are another matter. From
    the second pass on such features explain the few samples of the class, but they do
    not occur in new rows, whose probabilities come out too low. With two classes, or
    several labels, one pass at the best rate for one pass is then best.
    """
    if _learns_by_heart(learner.samples, learner.order):
        return 1
    n, rows = learner.n_learned, learner.samples.rows
    n_columns = rows.n_features + rows.n_left_out  # so that a search makes as many
    n_visits = _VISITS_OF_MANY if n >= _MANY_ROWS * n_columns else _VISITS
    return max(_PASSES, min(_MOST_PASSES, n_visits // n))


def _learns_by_heart(samples, order):
    """Whether classes are rare, and so are the features that would identify them.

    The expected number of unseen features in a new row is the number of features that
    only one row has, over the number of rows (Good 1953, equation 9): here 1/2 or more.
    """
    rows, targets = samples.rows, samples.targets
    if not targets.independent:
        return False
    weight = samples.full_weight
    if len(order):
        weight = np.bincount(order, minlength=rows.n_rows) * weight
    visited = np.flatnonzero(weight).astype(np.uint32)
    if 2 * rows.n_features < len(visited) or not targets.are_rare(weight):
        return False
    n_single = KERNELS[rows.data.dtype].single_features(
        **rows.arrays,
        order=visited,
        counts=np.zeros(rows.n_features, np.uint8),
    )
    return 2 * n_single >= len(visited)
