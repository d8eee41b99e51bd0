"""All that learning changes, as plain arrays."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from ._columns import AS_THEY_ARE, Columns
from ._dispatch import KERNELS
from ._layout import LANES, Layout
from ._leaders import BaseState
from ._memory import aligned_copy, aligned_zeros, check_memory, zero_table
from ._publishing import read_only
from ._rates import Start
from ._rule import Reading


@dataclass
class ModelState(BaseState):
    """Weights, accumulators and counters of all models, grouped in banks.

    Each output has one model or several, the candidates, which differ in their base
    learning rate. A bank is eight models side by side, or a single one. The banks of a
    group lie side by side for each feature, and the kernel trains them in one pass over
    the rows: all those of one softmax, which need each other's predictions, or
    otherwise up to four.

    Parameters
    ----------
    table : ndarray of shape (n_groups, n_banks, n_features, 2, width)
        For each feature the weights w (or sums z) and the accumulators G of the bank's
        lanes. Eight float32 lanes are one cache line.
    intercept : ndarray of shape (n_groups, n_banks, 2, 8)
        Repeated eight times if the width is 1, like all that belongs to a lane.
    layout : Layout
    rates : ndarray of float64 of shape (n_outputs, n_candidates)
        Base learning rate of each model.
    first_accumulators : ndarray of float64 of shape (n_outputs,)
        G₀, that of untouched features. The table leaves it out, so that a new state
        need not be filled with it.
    eps_units : ndarray of float64 of shape (n_outputs,)
        The unit of ε for each output, see `_rates.eps_units`.
    first_intercepts : ndarray of float64 of shape (n_outputs,)
        The intercepts that the state started with; 0 under dual averaging, whose
        intercept is a sum of gradients.
    coupled : bool
        Whether the outputs are the classes of a softmax. A group then has all outputs
        of one candidate.
    reading : Reading
    touched : ndarray of int64 of shape (n_groups, n_features)
        t when the feature was last regularised; of shape (n_groups, 0) unless
        regularisation is lazy.
    scales : ndarray of shape (n_groups, n_features)
        Largest absolute value of each feature so far; of shape (n_groups, 0) unless
        scales are tracked.
    loss_sum : ndarray of float64 of shape (n_groups, n_banks, 8)
        Weighted loss of each lane, every sample scored when first seen and before it
        was learned from. A softmax has one loss, in the first lane of its group.
    weight_sum : float
        Sum of these samples' weights.
    t : int
        Visits to samples of weight above 0, in all passes.
    class_counts : ndarray of float64 of shape (n_classes + 1,), or None
        Running weights of the classes, then their total, for
        ``class_weight="balanced"`` in ``partial_fit``.
    intercept_value : float
        The value of the intercept's feature, see `_rates.intercept_value`; `intercept`
        is what is learned of that feature.
    columns : Columns
        Of X, whatever features the state has. `intercept` is learned at their centres.
    kept : ndarray of shape (n_kept,), or None
        The columns of X that are the features of a packed state; None if it has all.
    n_columns : int
        Columns of X, in a packed state.
    symbols : ndarray of shape (n_groups, n_banks, 4, 8)
        η, G₀ + ε, λ₁ and λ₂ of each lane, in the kernel's order; read-only. G₀ + ε is
        added to the table's G under the root. They follow from the other fields, and
        are stored since computing them takes a tenth of a call with one row.
    """

    table: np.ndarray
    intercept: np.ndarray
    layout: Layout
    rates: np.ndarray
    first_accumulators: np.ndarray
    eps_units: np.ndarray
    first_intercepts: np.ndarray
    coupled: bool
    reading: Reading
    touched: np.ndarray
    scales: np.ndarray
    loss_sum: np.ndarray
    weight_sum: float = 0.0
    t: int = 0
    class_counts: np.ndarray | None = None
    intercept_value: float = 1.0
    columns: Columns = AS_THEY_ARE
    kept: np.ndarray | None = None
    n_columns: int = 0
    symbols: np.ndarray = field(init=False, repr=False, compare=False)
    _known: dict = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self):
        self.symbols = self._symbols_of(self.rates, self.reading)

    @classmethod
    def zeros(cls, start, n_features, dtype, reading, *, coupled):
        """Make the state before the first sample from a `Start`."""
        rates = read_only(np.array(start.rates, dtype=np.float64))
        layout = Layout.of(*rates.shape, coupled=coupled)
        n_groups, n_banks, width = layout.n_groups, layout.n_banks, layout.width
        counters = 8 * reading.lazy + np.dtype(dtype).itemsize * start.columns.scaled
        line = 2 * n_banks * width * np.dtype(dtype).itemsize
        n_bytes = n_groups * n_features * (line + counters)
        check_memory(n_bytes, n_features, *rates.shape)
        state = cls(
            table=zero_table((n_groups, n_banks, n_features, 2, width), dtype),
            intercept=aligned_zeros((n_groups, n_banks, 2, LANES), dtype),
            layout=layout,
            rates=rates,
            first_accumulators=start.accumulators,
            eps_units=start.eps_units,
            first_intercepts=start.intercepts,
            coupled=coupled,
            reading=reading,
            touched=_of_features(n_groups, n_features, np.int64, reading.lazy),
            scales=_of_features(n_groups, n_features, dtype, start.columns.scaled),
            loss_sum=aligned_zeros((n_groups, n_banks, LANES)),
            intercept_value=start.intercept_value,
            columns=start.columns,
        )
        if start.intercepts.any():
            state._begin_at_first_intercepts()
        return state

    def _begin_at_first_intercepts(self):
        b = np.tile(self.first_intercepts[:, None], self.n_candidates)
        b = (b / self.intercept_value).astype(self.dtype)
        b = self.layout.by_lane(b, unused=0)
        if self.reading.update == "ftrl_proximal":
            eta, eps, _, _ = np.moveaxis(self.symbols, 2, 0)
            b *= -np.sqrt(eps) / eta  # G is still 0
        self.intercept[:, :, 0] = b

    @property
    def n_features(self):
        return self.table.shape[2]

    @property
    def dtype(self):
        return self.table.dtype

    @property
    def is_packed(self):
        """Whether features that nothing has touched are left out."""
        return self.kept is not None

    def _symbols_of(self, rates, reading):
        of_model = np.empty((*rates.shape, 4), self.dtype)
        of_model[:, :, 0] = rates
        of_model[:, :, 1] = self.shifts(reading)[:, None]
        of_model[:, :, 2] = reading.l1
        of_model[:, :, 3] = reading.l2
        lanes = self.layout.by_lane(of_model, unused=(1, 1, 0, 0))
        return read_only(lanes.swapaxes(2, 3))

    def with_rate(self, eta):
        """Return a state in which each output goes on with this rate alone."""
        if self.n_candidates == 1 and (self.rates == eta).all():
            return self
        self.settle()  # apply missed steps at the rates that they had
        state = self
        if self.n_candidates > 1:
            state = self.take(self.leaders[:, None])
        new = {"rates": read_only(np.full_like(state.rates, eta))}
        if self.reading.update == "ftrl_proximal":
            new |= state._sums_of_weights_at(eta)
        state._put(**new)
        return state

    def _put(self, **new):
        """Replace constants or arrays, and all that follows from them, at once.

        Rates are read-only, as `symbols` would not follow changes in place.
        """
        now = {"rates": self.rates, "reading": self.reading, **new}
        symbols = self._symbols_of(now["rates"], now["reading"])
        vars(self).update(new, symbols=symbols, _known={})

    def _sums_of_weights_at(self, eta):
        """Return table and intercepts that keep FTRL-proximal's weights at a new rate.

        z is -w (√(G + ε) / η + t λ₂) - sign(w) t λ₁ where w is not 0.
        """
        _, eps, l1, l2 = np.moveaxis(self.symbols, 2, 0)
        l1, l2, eta = self.t * l1, self.t * l2, self.dtype.type(eta)
        b = self.intercepts() / self.dtype.type(self.intercept_value)
        intercept = aligned_copy(self.intercept)
        table = zero_table(self.table.shape, self.dtype)
        lanes = slice(self.layout.width)
        with np.errstate(all="ignore"):
            root = np.sqrt(intercept[:, :, 1] + eps)
            intercept[:, :, 0] = -b * root / eta
            for group, of_group in enumerate(table):
                for bank, w in enumerate(self._weights_of(group)):
                    at = group, bank, lanes
                    z, G = np.moveaxis(self.table[group, bank], 1, 0)
                    anew = w * (np.sqrt(G + eps[at]) / eta + l2[at])
                    anew = -anew - np.copysign(l1[at], w)
                    of_group[bank, :, 0] = np.where(w == 0, z, anew)
                    of_group[bank, :, 1] = G
        if not (np.isfinite(table).all() and np.isfinite(intercept).all()):
            raise ValueError(
                f"eta0={eta} is too small in {self.dtype}, the type of the model, for "
                "its weights to stay what they are: use a larger one."
            )
        return {"table": table, "intercept": intercept}

    def losses(self, loss_sum=None):
        """Return the summed loss of each model as (n_outputs, n_candidates)."""
        loss_sum = self.loss_sum if loss_sum is None else loss_sum
        if self.coupled:
            # A softmax has one loss, shared by its outputs.
            return np.tile(loss_sum[:, 0, 0] / self.n_outputs, (self.n_outputs, 1))
        return self.layout.by_model(loss_sum)

    def take(self, chosen):
        """Return a state whose models go on from chosen ones of this state.

        Parameters
        ----------
        chosen : ndarray of int of shape (n_outputs, n_candidates)
            The model that each new one goes on from: the same for all outputs where
            candidates differ in their penalties.
        """
        rates = np.take_along_axis(self.rates, chosen, axis=1)
        new = self.like(rates, self.n_features, chosen=chosen[0])
        new.weight_sum, new.class_counts = self.weight_sum, self.class_counts
        new.adopt(self, chosen, np.arange(self.n_features))
        return new

    def led_by(self, candidate):
        """Return this state, to be read as if one candidate led; nothing is copied."""
        others = np.tile(np.arange(self.n_candidates) != candidate, (self.n_outputs, 1))
        others = self.layout.by_lane(others, unused=False)
        loss_sum = np.where(others, np.inf, self.loss_sum)
        return replace(self, loss_sum=loss_sum, _known={})

    def like(self, rates, n_features, outputs=slice(None), chosen=()):
        """Return a new state of the same kind, of some outputs at these rates.

        Where candidates differ in their penalties, it has those of the named ones.
        """
        start = Start(
            rates=rates,
            accumulators=self.first_accumulators[outputs],
            eps_units=self.eps_units[outputs],
            intercepts=self.first_intercepts[outputs],
            intercept_value=self.intercept_value,
            columns=self.columns,
        )
        return ModelState.zeros(
            start,
            n_features,
            self.dtype,
            self.reading.of(chosen),
            coupled=self.coupled,
        )

    def adopt(self, other, chosen, features, first=0):
        """Copy chosen models of another state over the outputs from `first` on.

        Their rates, the features' counters and scales, and t are copied too.

        Parameters
        ----------
        other : ModelState
        chosen : ndarray of int of shape (n_outputs of other, n_candidates)
            The model of the other state that each one here becomes a copy of.
        features : ndarray of int
            The features here that are those of the other state.
        first : int
        """
        moves = defaultdict(list)
        for output, of_output in enumerate(chosen):
            for candidate, source in enumerate(of_output):
                g, b, lane = self.layout.place(first + output, candidate)
                g0, b0, lane0 = other.layout.place(output, source)
                moves[g0, g].append((b0, lane0, b, lane))
                to = slice(lane, lane + 1) if self.layout.width > 1 else slice(None)
                self.intercept[g, b, :, to] = other.intercept[g0, b0, :, [lane0]].T
                self.loss_sum[g, b, to] = other.loss_sum[g0, b0, lane0]
        for (g0, g), of_groups in moves.items():
            KERNELS[self.dtype].copy_models(
                source=other.table[g0],
                target=self.table[g],
                features=features,
                moves=np.array(of_groups, dtype=np.int32),
            )
            if self.reading.lazy:
                self.touched[g, features] = other.touched[g0]
            if self.scaled:
                self.scales[g, features] = other.scales[g0]
        rates = self.rates.copy()
        outputs = slice(first, first + len(chosen))
        rates[outputs] = np.take_along_axis(other.rates, chosen, axis=1)
        self._put(rates=read_only(rates))
        self.t = other.t

    # Packing: leaving out the features that nothing has touched.

    def packed(self):
        """Return a state of the touched features only; `unpacked` is the inverse."""
        if self.is_packed:
            return self
        touched = np.any(self.table, axis=(0, 1, 3, 4))
        if self.scaled:
            touched |= self.scales[0] != 0
        touched[self.columns.centring.columns] = True
        # At least one, as no feature means no counters and no scales.
        touched[0] |= not touched.any()
        kept = np.flatnonzero(touched)
        return self._rearranged(kept, slice(None), len(kept), kept, self.n_features)

    def unpacked(self):
        """Return the state of all features again."""
        if not self.is_packed:
            return self
        return self._rearranged(slice(None), self.kept, self.n_columns, None, 0)

    def on_features(self, features, n_features):
        """Return the state of all features; this one has only some of them."""
        return replace(self, kept=features, n_columns=n_features).unpacked()

    def _rearranged(self, source, to, n_features, kept, n_columns):
        """Return a copy whose features `to` are the features `source` of this."""
        n_groups, n_banks, _, *line = self.table.shape
        table = zero_table((n_groups, n_banks, n_features, *line), self.dtype)
        for new, old in zip(table, self.table, strict=True):
            new[:, to] = old[:, source]
        touched = _of_features(n_groups, n_features, np.int64, self.reading.lazy)
        touched += self.t
        scales = _of_features(n_groups, n_features, self.dtype, self.scaled)
        for new, old in ((touched, self.touched), (scales, self.scales)):
            if new.shape[1]:
                new[:, to] = old[:, source]
        return replace(
            self,
            table=table,
            touched=touched,
            scales=scales,
            intercept=aligned_copy(self.intercept),
            loss_sum=aligned_copy(self.loss_sum),
            kept=kept,
            n_columns=n_columns,
            _known={},
        )

    # Regularisation.

    def change_reading(self, reading):
        """Change the constants of reading, after settling what is pending by the old.

        Where the table holds weights these stay as they are. Where it holds sums of
        gradients, the new constants apply to the whole past.
        """
        if reading == self.reading:
            return
        self.settle()
        n_groups = len(self.table)
        touched = _of_features(n_groups, self.n_features, np.int64, reading.lazy)
        touched += self.t
        self._put(reading=reading, touched=touched)

    def settle(self):
        """Apply the regularisation steps that features have missed."""
        if self.reading.lazy:
            for group, table in enumerate(self.table):
                table[:, :, 0] = self._weights_of(group)
                self.touched[group] = self.t  # at once, or Ctrl-C might repeat them

    def _weights_of(self, group):
        """Return w as (n_banks, n_features, width)."""
        table = self.table[group]
        out = np.empty((*table.shape[:2], self.layout.width), self.dtype)
        symbols = self.symbols[group]
        self._read_weights(table, self.touched[group], symbols, out)
        return out

    def intercepts(self):
        """Return b of each lane as (n_groups, n_banks, 8), read-only."""

        def read():
            out = np.empty((*self.intercept.shape[:2], 1, LANES), self.dtype)
            symbols = self.symbols.copy()
            symbols[:, :, 2:] = 0  # no penalty
            for group, intercept in enumerate(self.intercept):
                as_table, none = intercept[:, None], self.touched[group, :0]
                self._read_weights(as_table, none, symbols[group], out[group])
            return read_only(out[:, :, 0] * self.dtype.type(self.intercept_value))

        return self._once("intercepts", read)

    def for_prediction(self):
        """Return a state of weights as they are, for prediction only."""
        if self.reading.holds_weights:
            return self

        def read():
            table = zero_table(self.table.shape, self.dtype)
            for group, of_group in enumerate(table):
                of_group[:, :, 0] = self._weights_of(group)
            as_is = replace(self.reading, update="mirror_descent", l1=(0.0,), l2=(0.0,))
            intercepts = {"intercepts": self.intercepts()}
            touched = self.touched[:, :0]
            return replace(
                self, table=table, reading=as_is, touched=touched, _known=intercepts
            )

        return self._once("for_prediction", read)

    def _read_weights(self, table, touched, symbols, out):
        kernel = KERNELS[self.dtype]
        kernel.read_weights(
            table=table,
            touched=touched,
            symbols=symbols,
            t=self.t,
            update=kernel.UPDATES[self.reading.update],
            out=out,
        )

    # What is published.

    def weights(self):
        """Return w as (n_outputs, n_features) and (n_outputs,), read-only.

        In a packed state w is a CSR matrix.
        """

        @np.errstate(over="ignore", invalid="ignore")  # if X is small beside y
        def read():
            w = self._features_of_leaders(self._weights_of)
            if self.scaled:
                w = np.divide(w, self.scales[0], where=self.scales[0] > 0, out=w)
            b = self.of_leaders(self.layout.by_model(self.intercepts()))
            centring = self.columns.centring
            if len(centring):  # b is the prediction at the centres, not at 0
                own = centring.among(self.kept) if self.is_packed else centring
                at_0 = w[:, own.columns].astype(np.float64) @ own.centres
                b = (b - at_0).astype(self.dtype)
            if self.is_packed:
                w = self._as_csr(w)
            return w, b

        return self._arrays_once("weights", read)

    def _as_csr(self, w):
        """Return the weights of the kept features as a matrix of all columns."""
        assert self.kept is not None  # it is packed
        w = sp.csr_matrix(w)
        shape = self.n_outputs, self.n_columns
        return sp.csr_matrix((w.data, self.kept[w.indices], w.indptr), shape=shape)

    def accumulators(self):
        """Return G as (n_outputs, n_features) and (n_outputs,), read-only."""

        @np.errstate(over="ignore")
        def read():
            G = self._features_of_leaders(self._accumulators_of)
            first = self.first_accumulators.astype(self.dtype)
            G += first[:, None]
            if self.scaled:
                seen = self.scales[0] > 0
                for _ in range(2):  # the squared scale might be 0 or infinite
                    np.multiply(G, self.scales[0], where=seen, out=G)
            value = self.intercept_value  # its square might overflow
            return G, (self._intercept_accumulators() + first) / value / value

        return self._arrays_once("accumulators", read)

    def learning_rates(self):
        """Return the rates that the next gradients meet, shaped like `accumulators`."""

        @np.errstate(over="ignore")
        def read():
            eta = self.of_leaders(self.rates)
            G = self._features_of_leaders(self._accumulators_of)
            shifts = self.shifts(self.reading)
            rates = eta[:, None] / np.sqrt(G + shifts[:, None])
            if self.scaled:
                seen = self.scales[0] > 0
                rates[:, ~seen] = 0
                for _ in range(2):  # as above
                    np.divide(rates, self.scales[0], where=seen, out=rates)
            value = self.intercept_value
            root = np.sqrt(self._intercept_accumulators() + shifts)
            of_intercept = eta * value / root * value
            return rates.astype(self.dtype), of_intercept.astype(self.dtype)

        return self._arrays_once("learning_rates", read)

    def _accumulators_of(self, group):
        return self.table[group, :, :, 1]

    def _intercept_accumulators(self):
        return self.of_leaders(self.layout.by_model(self.intercept[:, :, 1]))

    def _features_of_leaders(self, read):
        """Fill (n_outputs, n_features) from groups of (n_banks, n_features, width)."""
        out = np.empty((self.n_outputs, self.n_features), self.dtype)
        groups, banks, lanes = self.layout.place(np.arange(len(out)), self.leaders)
        for group in np.unique(groups):
            of_group = read(group)
            for output in np.flatnonzero(groups == group):
                out[output] = of_group[banks[output], :, lanes[output]]
            del of_group  # free it before the next group, which is as large, is read
        return out

    def __setstate__(self, contents):
        # Copies: a pickle aligns to only 16 bytes, and joblib may load read-only
        # arrays.
        table = zero_table(contents["table"].shape, contents["table"].dtype)
        table[...] = contents["table"]
        copies = {
            name: aligned_copy(array)
            for name, array in contents.items()
            if isinstance(array, np.ndarray) and name != "table"
        }
        vars(self).update(contents, **copies, table=table)
        self._put(rates=read_only(self.rates))


def _of_features(n_groups, n_features, dtype, needed):
    """Return a zero for each feature of each group, or empty groups if not needed.

    Empty arrays get the strides that unpickling gives them, as `joblib.Memory` hashes
    these too.
    """
    n_features = n_features if needed else 0
    return np.zeros(n_groups * n_features, dtype).reshape(n_groups, n_features)
