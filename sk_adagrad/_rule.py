"""The constants of learning: those by which weights are read, and all others."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Reading:
    """The constants by which weights are read from the table.

    Parameters
    ----------
    update : str
        Its name in the kernel.
    eps : float
    least_eps : float
        The smallest number that is not 0 in the model's type.
    l1, l2 : tuple of float
        ``alpha * l1_ratio`` and ``alpha * (1 - l1_ratio)``, one per candidate or one
        for all.
    """

    update: str
    eps: float
    least_eps: float
    l1: tuple[float, ...]
    l2: tuple[float, ...]

    def eps_in(self, units):
        """Return ε of outputs, given their units of it."""
        return np.maximum(self.eps * units, self.least_eps)

    @property
    def lazy(self):
        """Whether regularisation waits until a feature is touched again."""
        return self.update == "mirror_descent" and max(self.l1 + self.l2) > 0

    @property
    def holds_weights(self):
        """Whether the table holds the weights themselves."""
        return self.update == "mirror_descent" and not self.lazy

    @property
    def kind(self):
        """Whether L1 and whether L2 are lazy: each makes reading a weight slower."""
        return self.lazy and max(self.l1) > 0, self.lazy and max(self.l2) > 0

    def of(self, chosen):
        """Return the constants of some candidates."""
        if len(self.l1) == 1:
            return self
        l1, l2 = (tuple(each[k] for k in chosen) for each in (self.l1, self.l2))
        return replace(self, l1=l1, l2=l2)


@dataclass(frozen=True)
class Rule:
    """How a state learns from a sample, apart from its base learning rates.

    Parameters
    ----------
    loss : str
        Its name in the kernel.
    loss_parameter : float
        The loss's epsilon, quantile or power; 0 if it has none.
    reading : Reading
        The update and its regularisation.
    fade : float
        Share of an accumulator that an update removes; 0 without `half_life`.
    fit_intercept, importance_aware : bool
    refresh_every : int
        Most samples between two refreshes of a full matrix's root.
    """

    loss: str
    loss_parameter: float
    reading: Reading
    fade: float
    fit_intercept: bool
    importance_aware: bool
    refresh_every: int
