"""Publishing a model: all changes at once, each array when it is first read.

What is read of a state is cached until it learns, and never written to.
"""

from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp

from ._columns import Columns
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


@contextmanager
def published_together(estimator):
    """Yield a copy of the estimator and take over its changes, unless an error occurs.

    So an error changes no attribute, and other threads that predict see all changes at
    once.
    """
    model = as_it_is(estimator)
    before = vars(model).copy()
    yield model
    after = vars(model).items()
    vars(estimator).update(
        {n: v for n, v in after if n not in before or v is not before[n]}
    )
    for name in before.keys() - vars(model).keys():
        vars(estimator).pop(name, None)


def as_it_is(model):
    """Return a copy of an estimator or a state as it is now.

    Its attributes may be replaced meanwhile. `copy` would take four times as long, and
    3 of the 24 us of predicting a row.
    """
    kind: Any = type(model)
    copy = kind.__new__(kind)
    vars(copy).update(vars(model))
    return copy


def learned(estimator, attribute, *, by="_state"):
    """Return the source of a fitted attribute, or say why it does not exist yet."""
    try:
        return vars(estimator)[by]
    except KeyError:
        why = "before it is fitted."
        if "cv_results_" in vars(estimator):  # a search with scores but no model
            why = "after a search with refit=False: set refit=True and fit again."
        raise AttributeError(
            f"{type(estimator).__name__!r} object has no attribute {attribute!r} {why}"
        ) from None


def read_only(array):
    """Return an array or CSR matrix that cannot be written to.

    Otherwise writes to it would be silently lost.
    """
    if sp.issparse(array):
        for part in (array.data, array.indices, array.indptr):
            part.flags.writeable = False
        return array
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
