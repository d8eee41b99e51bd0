"""preconditioner="full": Adagrad with the whole matrix of accumulators.

Knows nothing of estimators; passes, order of visits and stopping are the solver's.
For each output, x being the row with a last feature that is always 1, the intercept's::

    G <- G + g gᵀ        w <- w - η (G + εI)^(-1/2) g        G starts as G₀I

(Duchi, Hazan and Singer 2011, figure 1). It learns equally well in any rotation of the
features, whereas the diagonal rule needs them to be uncorrelated.

The limit is the size. With m features a model takes 16 m² bytes, 64 MB for 2,000, and
8 m more for each sample between two refreshes; eta0="auto" has eight models per output
while rates are tried. A sample takes 2 m² operations, fewer if it is sparse. The
eigenvectors of G take some 10 m³ operations, three seconds of one core for 2,000
features: first after each sample, then whenever the samples have grown by an eighth,
some 65 times in 8,000 samples, and from then on after every `refresh_every`. Features
that have had no gradient do not count.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from ._columns import AS_THEY_ARE
from ._dispatch import KERNELS
from ._full_models import FullModels, set_copies
from ._leaders import BaseState
from ._memory import check_memory
from ._publishing import read_only
from ._rule import Reading

MAX_FEATURES = 4_000
# A refresh may wait until the number of samples has grown by 1/8. Without the first
# gradients, losses were up to four times as high; with this rule they are within 3 % of
# those of the exact rule, whatever `refresh_every` is.
_GROWTH = 8


@dataclass
class FullMatrixState(BaseState):
    """Matrices, weights and counters, with the interface of `ModelState`.

    Parameters
    ----------
    models : FullModels
        The candidates of each output, which differ in their base learning rate, one
        output after another.
    rates : ndarray of float64 of shape (n_outputs, n_candidates)
    dtype : dtype
        That of X and of what is published.
    first_accumulators, eps_units : ndarray of float64 of shape (n_outputs,)
    reading : Reading
        Only its ε is used.
    loss_sum : ndarray of float64 of shape (n_outputs, n_candidates)
    intercept_value : float
        As in `ModelState`.
    is_packed : bool
        Whether `weights` is a CSR matrix.
    """

    models: FullModels
    rates: np.ndarray
    dtype: np.dtype
    first_accumulators: np.ndarray
    eps_units: np.ndarray
    reading: Reading
    loss_sum: np.ndarray
    weight_sum: float = 0.0
    t: int = 0
    class_counts: np.ndarray | None = None
    intercept_value: float = 1.0
    is_packed: bool = False
    coupled: ClassVar[bool] = False
    columns = AS_THEY_ARE  # whatever units features have
    _known: dict = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def zeros(cls, start, n_features, dtype, reading, **_):
        """Make the state before the first sample; see `ModelState`."""
        rates = np.asarray(start.rates, dtype=np.float64)
        if n_features > MAX_FEATURES:
            gib = 16 * n_features**2 * rates.size / 2**30
            raise ValueError(
                f"preconditioner='full' is for up to {MAX_FEATURES:,} features, but X "
                f"has {n_features:,}, whose matrices would take {gib:,.1f} GiB. Use "
                "preconditioner='diagonal', or fewer features."
            )
        # Those of G and of its eigenvectors, which take memory as learning goes on.
        n_bytes = 16 * (n_features + 1) ** 2 * rates.size
        check_memory(n_bytes, n_features, *rates.shape, full_matrices=True)
        models = FullModels.zeros(rates.size, n_features + 1)
        intercepts = np.repeat(start.intercepts, rates.shape[1])
        models.u[:, -1] = intercepts / start.intercept_value
        return cls(
            models,
            rates,
            np.dtype(dtype),
            start.accumulators,
            start.eps_units,
            reading,
            loss_sum=np.zeros(rates.shape),
            intercept_value=start.intercept_value,
        )

    def losses(self, loss_sum=None):
        """Return the summed loss of each model as (n_outputs, n_candidates)."""
        return (self.loss_sum if loss_sum is None else loss_sum).copy()

    def _places(self, chosen):
        """Return the places of these candidates among the models, (n_outputs, ...)."""
        return self.n_candidates * np.arange(self.n_outputs)[:, None] + chosen

    def take(self, chosen):
        """Return a state whose models go on from chosen ones; see `ModelState`."""
        return replace(
            self,
            models=self.models.take(self._places(chosen).ravel()),
            rates=np.take_along_axis(self.rates, chosen, axis=1),
            loss_sum=np.take_along_axis(self.loss_sum, chosen, axis=1),
            _known={},
        )

    def led_by(self, candidate):
        """Return this state as if one candidate led; see `ModelState`."""
        loss_sum = np.full_like(self.loss_sum, np.inf)
        loss_sum[:, candidate] = self.loss_sum[:, candidate]
        return replace(self, loss_sum=loss_sum, _known={})

    def with_rate(self, eta):
        """Return a state in which each output goes on with this rate alone."""
        state = self
        if self.n_candidates > 1:
            state = self.take(self.leaders[:, None])
        state.rates = np.full((self.n_outputs, 1), float(eta))
        state.changed()
        return state

    def change_reading(self, reading):
        """Change ε."""
        self.reading = reading
        self.changed()

    def weights(self):
        """Return w as (n_outputs, n_features) and (n_outputs,), read-only."""
        w, b = self._leading("weights", lambda k, *_: self.models.weights(k), 1)
        return read_only(sp.csr_matrix(w)) if self.is_packed else w, b

    def packed(self):
        """Return a state whose `weights` is a CSR matrix; the matrices stay."""
        return replace(self, is_packed=True, _known={})

    def unpacked(self):
        """Return the state with an array for `weights` again."""
        return replace(self, is_packed=False, _known={}) if self.is_packed else self

    def accumulators(self):
        """Return the diagonal of G, shaped like the weights, read-only."""
        diagonal = self.models.diagonal
        return self._leading("G", lambda k, eta, G0, _: G0 + diagonal(k), -2)

    def learning_rates(self):
        """Return the diagonal of η (G + εI)^(-1/2), shaped like the weights, read-only.

        It needs the eigenvectors of the present G, so it takes as long as a refresh.
        """
        root_diagonal = self.models.root_diagonal
        return self._leading(
            "rates", lambda k, eta, _, shift: eta * root_diagonal(k, shift), 2
        )

    def _leading(self, name, read, power):
        """Return an array of the leaders, intercepts times a power of their value."""

        @np.errstate(over="ignore")
        def read_leaders():
            places = self._places(self.leaders[:, None])[:, 0]
            etas, first = self.of_leaders(self.rates), self.first_accumulators
            leading = zip(places, etas, first, self.shifts(self.reading), strict=True)
            values = np.array([read(*own) for own in leading])
            for _ in range(abs(power)):  # its square might overflow
                values[:, -1] *= self.intercept_value ** np.sign(power)
            values = values.astype(self.dtype)
            return values[:, :-1], values[:, -1]

        return self._arrays_once(name, read_leaders)

    def __setstate__(self, contents):
        set_copies(self, contents)


@np.errstate(over="ignore", invalid="ignore")
def learn(learner, state, loss_sum, begin, end):
    """Learn from some visits, all models row by row; return how many had a weight.

    `n_jobs` is not used: BLAS and LAPACK have threads of their own.
    """
    samples, rule, order = learner.samples, learner.rule, learner.order
    rows, weight = samples.rows, samples.weight
    loss = KERNELS[np.dtype(np.float64)].LOSSES[rule.loss]
    Y = np.column_stack([*samples.targets.of_each_output()]).astype(np.float64)
    models, etas = state.models, state.rates.ravel()
    shifts = state.shifts(state.reading).repeat(state.n_candidates)
    value, slope = np.empty(len(etas)), np.empty(len(etas))
    t = state.t
    for visit in range(begin, end):
        i = order[visit] if len(order) else visit
        weight_i = float(weight[i]) if len(weight) else 1.0
        if not weight_i:
            continue
        if models.n_pending >= min(models.pending.shape[1], rule.refresh_every):
            models.refresh(min(rule.refresh_every, 1 + t // _GROWTH))
        t += 1
        x = _row(rows, i, rule.fit_intercept * state.intercept_value)
        z = models.coordinates(x)
        p = (models.u * z).sum(axis=1)
        if not rule.fit_intercept:  # an intercept learned before still predicts
            p += state.intercept_value * models.last_weights()
        y = Y[i].repeat(state.n_candidates)
        loss.evaluate(p, y, rule.loss_parameter, value, slope)
        loss_sum += (weight_i * value).reshape(loss_sum.shape)
        slope *= weight_i
        overflowed = ~np.isfinite(loss_sum.ravel() + slope**2 * (x @ x))
        if overflowed.any():  # eigenvectors would not exist; the caller reports it
            loss_sum[overflowed.reshape(loss_sum.shape)] = np.nan
            slope[overflowed] = 0
            if overflowed.all():
                break
        models.step(x, z, slope, etas, shifts)
    return t - state.t


def _row(rows, i, intercept_value):
    """Return row i with the intercept's feature at its end."""
    x = np.zeros(rows.n_features + 1)
    if rows.is_dense:
        x[:-1] = rows.data[i * rows.n_features :][: rows.n_features]
    else:
        entries = slice(rows.indptr[i], rows.indptr[i + 1])
        x[rows.indices[entries]] = rows.data[entries]
    x[-1] = intercept_value
    return x


def raw_prediction(state, rows):
    """Return w . x + b of each row and output, of shape (n_samples, n_outputs)."""
    coef, intercept = state.weights()
    return np.asarray(rows.matrix() @ coef.T) + intercept


def raw_predictions(state, rows):
    """Return w . x + b of all models, of shape (n_samples, n_outputs, n_candidates)."""
    every = [
        raw_prediction(state.led_by(candidate), rows)
        for candidate in range(state.n_candidates)
    ]
    return np.stack(every, axis=-1)
