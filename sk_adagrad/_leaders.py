"""The common part of both kinds of state: which candidates lead, and what was read."""

import numpy as np

from ._columns import Columns
from ._publishing import read_only
from ._rule import Reading


class BaseState:
    """What both kinds of state share: who leads, and `_known`, the cache of reads."""

    rates: np.ndarray
    first_accumulators: np.ndarray
    eps_units: np.ndarray
    reading: Reading
    columns: Columns
    _known: dict

    @property
    def n_outputs(self):
        return self.rates.shape[0]

    @property
    def n_candidates(self):
        return self.rates.shape[1]

    @property
    def scaled(self):
        """Whether the scales of features are tracked."""
        return self.columns.scaled

    def eps(self, reading):
        """Return ε of each output."""
        return reading.eps_in(self.eps_units)

    def shifts(self, reading):
        """Return G₀ + ε of each output."""
        return self.first_accumulators + self.eps(reading)

    def losses(self, loss_sum=None):
        """Return the summed loss of each model as (n_outputs, n_candidates)."""
        raise NotImplementedError

    @property
    def leaders(self):
        """The candidate of least loss so far, for each output; NaN does not count."""
        if self.n_candidates == 1:
            return np.zeros(self.n_outputs, dtype=np.intp)
        losses = self.losses()
        return np.where(np.isnan(losses), np.inf, losses).argmin(axis=1)

    def of_leaders(self, models):
        """Pick (n_outputs, ...) out of (n_outputs, n_candidates, ...); a copy."""
        return models[np.arange(self.n_outputs), self.leaders]

    def _once(self, name, read):
        """Return the result of `read`, or that of an earlier call with this name."""
        # If the state learns meanwhile, the result must not get into its new dict.
        known = self._known
        if name not in known:
            known[name] = read()
        return known[name]

    def _arrays_once(self, name, read):
        """Do the same for several arrays, which become read-only."""
        return self._once(name, lambda: tuple(map(read_only, read())))

    def changed(self):
        """Forget what was published: the state has learned since.

        The dict is replaced, not cleared, since another thread may be about to put into
        the old one what it read before.
        """
        self._known = {}

    def __getstate__(self):
        return {**vars(self), "_known": {}}
