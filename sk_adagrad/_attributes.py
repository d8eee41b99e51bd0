"""The fitted attributes of a model: weights, accumulators, rates and counters."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from ._publishing import learned
from ._solver import mean_per_sample
from ._sparse import as_configured


class AttributesMixin:
    """Fitted attributes, each read from the state on demand."""

    def _published(self, coef):
        if not sp.issparse(coef):
            return coef
        # A new matrix of the same arrays: `resize` would change the state's own, which
        # predictions use.
        return as_configured(sp.csr_matrix(coef))

    @property
    def coef_(self) -> Any:
        """Weights w: an array, or a CSR matrix after `sparsify`."""
        return self._published(learned(self, "coef_").weights()[0])

    @property
    def intercept_(self) -> np.ndarray:
        """Intercepts b."""
        return learned(self, "intercept_").weights()[1]

    @property
    def accumulators_(self) -> np.ndarray:
        """Running sums G of squared gradients."""
        state = learned(self, "accumulators_").unpacked()
        return self._published(state.accumulators()[0])

    @property
    def intercept_accumulators_(self) -> np.ndarray:
        """Running sums of the intercepts' squared gradients."""
        return learned(self, "intercept_accumulators_").accumulators()[1]

    @property
    def learning_rates_(self) -> np.ndarray:
        """Rates η / √(G + ε) that apply to the next gradients."""
        state = learned(self, "learning_rates_").unpacked()
        return self._published(state.learning_rates()[0])

    @property
    def intercept_learning_rates_(self) -> np.ndarray:
        """Rates that apply to the next gradients of the intercepts."""
        return learned(self, "intercept_learning_rates_").learning_rates()[1]

    @property
    def eta0_(self) -> float | np.ndarray:
        """Base learning rate in use: one, or one of each output."""
        state = learned(self, "eta0_")
        return _one_or_each(state.of_leaders(state.rates))

    @property
    def initial_accumulator_(self) -> float | np.ndarray:
        """G₀, the initial value of accumulators: one, or one of each output."""
        state = learned(self, "initial_accumulator_")
        return _one_or_each(state.first_accumulators.copy())

    @property
    def eps_(self) -> float | np.ndarray:
        """ε in use: one, or one of each output."""
        state = learned(self, "eps_")
        return _one_or_each(state.eps(state.reading))

    @property
    def scale_invariant_(self) -> bool:
        """Whether features are divided by the largest values that they have shown."""
        return learned(self, "scale_invariant_").scaled

    @property
    def progressive_loss_(self) -> float:
        """Mean loss of all samples, each scored when new and not yet learned from."""
        state = learned(self, "progressive_loss_")
        leading = state.of_leaders(state.losses())
        return float(mean_per_sample(state, leading, state.weight_sum))

    @property
    def t_(self) -> int:
        """Visits to samples of weight above 0, in all passes."""
        return learned(self, "t_").t


def _one_or_each(of_outputs):
    """Return the number that all outputs share, or else the array of all."""
    shared = (of_outputs == of_outputs[0]).all()
    return float(of_outputs[0]) if shared else of_outputs
