"""Samples as the solver takes them: rows, targets, checked weights."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from sklearn.utils import check_array

from ._rows import AS_THEY_COME, Rows
from ._targets import Targets


@dataclass(frozen=True)
class Samples:
    """Rows with their targets and weights.

    Parameters
    ----------
    rows : Rows
    targets : Targets
    weight : ndarray of shape (n_samples,)
        Empty if all weigh 1.
    without_class_weight : ndarray of shape (n_samples,), optional
        The weights before class weights multiplied them; None if none did.
    """

    rows: Rows
    targets: Targets
    weight: np.ndarray
    without_class_weight: np.ndarray | None = None

    @property
    def full_weight(self):
        """The weight of each sample, as an array even if all weigh 1."""
        return self.weight if len(self.weight) else np.ones(self.rows.n_rows)

    def rarer_class(self):
        """Return the rarer of two classes' share, before and after class weights."""
        weight = self.full_weight
        before = self.without_class_weight
        (share,) = self.targets.shares(weight if before is None else before)
        (weighed,) = self.targets.shares(weight)
        return (share, weighed) if share <= 0.5 else (1 - share, 1 - weighed)

    def take(self, which):
        """Return a copy of some samples."""
        weight, before = self.weight, self.without_class_weight
        return Samples(
            self.rows.take(which),
            self.targets.take(which),
            weight[which] if len(weight) else weight,
            None if before is None else before[which],
        )

    def copy(self):
        """Return a copy that shares nothing with X, y and weights."""
        return Samples(self.rows.copy(), self.targets.copy(), self.weight.copy())

    @property
    def n_counted(self):
        """The number of samples with a weight."""
        return np.count_nonzero(self.weight) if len(self.weight) else self.rows.n_rows

    def counted(self, most, order=AS_THEY_COME):
        """Return the samples of the first `most` visits that have a weight.

        All visits of an order have one.
        """
        if len(order):
            return order[:most]
        if len(self.weight):
            return np.flatnonzero(self.weight)[:most]
        return np.arange(min(self.rows.n_rows, most))

    def of_visits(self, order):
        """Return the weights of visits to these samples; empty if all are 1.

        The order is empty if each is visited once, as they come.
        """
        return self.weight[order] if len(self.weight) and len(order) else self.weight

    def lightness(self, order=AS_THEY_COME):
        """Return the mean weight of the samples that have one, but at most 1.

        Parameters
        ----------
        order : ndarray of uint32
            The visits, if `weight` is that of each visit, so that repeating samples and
            giving them weight are the same thing; else empty.
        """
        n_samples = np.count_nonzero(self.weight)
        total = float(self.of_visits(order).sum(dtype=np.float64))
        return min(1.0, total / n_samples) if n_samples else 1.0

    def followed_by(self, *others):
        """Return a copy of these samples and then those."""
        parts = self, *others
        weights = [part.weight for part in parts]
        if any(map(len, weights)):
            weights = [part.full_weight for part in parts]
        return Samples(
            self.rows.followed_by(*(other.rows for other in others)),
            self.targets.followed_by(*(other.targets for other in others)),
            np.concatenate(weights),
        )


def checked_weight(sample_weight, n_rows):
    """Return the weights as float64; an empty array stands for all 1."""
    if sample_weight is None:
        return np.empty(0)
    if isinstance(sample_weight, str):
        raise ValueError(
            f"sample_weight={sample_weight!r} is not an array of numbers, one for each "
            "sample; what weighs classes is class_weight."
        )
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(n_rows,)}: one "
            "weight for each sample."
        )
    if (weight < 0).any():
        raise ValueError(
            f"Negative values in sample_weight; the smallest is {weight.min()}, but "
            "weights must be zero or positive."
        )
    with np.errstate(over="ignore"):
        total = weight.sum()
    if np.isinf(total):
        raise ValueError(
            f"The sum of sample_weight overflows; the largest is {weight.max():.3g}. "
            "Divide all weights by it: only their proportions matter."
        )
    return weight


def cast_to(values, dtype, name):
    """Return values in the model's type; refuse those that overflow in it."""
    if not len(values):
        return values.astype(dtype)
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(values, dtype=dtype)
    if cast.dtype != values.dtype and not np.isfinite(cast).all():
        raise ValueError(
            f"{name} has values too large for {dtype}, the type of the model: the "
            f"largest is {np.abs(values).max():.3g}. Scale them or use a float64 X."
        )
    return cast
