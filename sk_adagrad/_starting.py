"""What a new model starts with: given values, or derived from its first samples."""

import math
import pickle
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator

from ._columns import N_LOOKED_AT, Columns, columns_of
from ._rates import (
    ENOUGH_SAMPLES,
    FIRST_SAMPLES,
    MOST_SAMPLES,
    N_CANDIDATES,
    Start,
    candidate_rates,
    eps_units,
    first_accumulators,
    intercept_value,
    n_to_start_by,
)
from ._rows import AS_THEY_COME
from ._samples import Samples


@dataclass(frozen=True)
class Opening:
    """What a stream started with, kept while it may start anew.

    Parameters
    ----------
    start : Start
        What the model started with.
    parameters : list
        Values of the estimator's parameters at that time.
    n_first : int
        The number of samples that decided.
    is_settled : bool
        Whether enough of the targets differ.
    parts : tuple of Samples
        The samples of non-zero weight, call by call.
    """

    start: Start
    parameters: list
    n_first: int
    is_settled: bool
    parts: tuple[Samples, ...] = ()

    def agrees_with(self, other):
        """Whether a model would start in the same way, with the same parameters."""
        return self.start.equals(other.start) and self.parameters == other.parameters

    def with_more(self, samples):
        """Return an opening that has a copy of these samples too."""
        return replace(self, parts=(*self.parts, samples.copy()))

    def followed_by(self, samples):
        """Return all samples so far."""
        return self.parts[0].followed_by(*self.parts[1:], samples)

    def targets_with(self, targets):
        """Return the targets of all samples so far."""
        first, *others = (part.targets for part in self.parts)
        return first.followed_by(*others, targets)

    def __getstate__(self):
        """Merge the parts into one, with array strides as unpickling gives them.

        So a model that has been pickled keeps its `joblib.hash`, and thousands of
        single rows are pickled in a hundredth of the time.
        """
        first, *others = self.parts
        whole = first.followed_by(*others) if others else first
        return vars(self) | {"parts": (pickle.loads(pickle.dumps(whole)),)}


@dataclass(frozen=True)
class Call:
    """What a call of `fit` or `partial_fit` learns, and what it starts from.

    Parameters
    ----------
    samples : Samples
        With class weights: those of the call, or all since the first call if a stream
        starts anew.
    class_counts : ndarray or None
        With these samples, see `ModelState`.
    goes_on : bool
        Whether it goes on from the present state rather than a new one.
    is_stream : bool
        Whether it is `partial_fit`.
    opening : Opening or None
        What the stream started with, if its first samples decide that.
    kept : Opening or None
        The same with these samples, if further ones may decide otherwise.
    """

    samples: Samples
    class_counts: np.ndarray | None
    goes_on: bool
    is_stream: bool
    opening: Opening | None = None
    kept: Opening | None = None

    @property
    def begins_stream(self):
        return self.is_stream and not self.goes_on


class StartMixin(BaseEstimator):
    """Makes a `Start` from parameters and samples.

    The estimator provides `_target_sizes`, `_first_slopes`, `_with_class_weights` and
    `_that_must_differ`, which returns None or values of shape (n_samples, n_outputs)
    that tell nothing while all are equal. It may override `_first_intercepts` and
    `_slope_sizes`.
    """

    def _opened(self, call, samples):
        """Return the call with its opening, if it has one.

        A stream starts anew with all samples so far if these imply another start, or if
        parameters have changed since its last one; otherwise the result would depend on
        how the stream is divided into calls.

        Parameters
        ----------
        call : Call
        samples : Samples
            Its samples, without class weights.
        """
        known, weighed = self._opening if call.goes_on else None, call.samples
        if self.eta0 != "auto" or not (known or call.begins_stream):
            return call
        if known is None:
            opening = self._opening_of(weighed)
        else:
            opening = known
            if self._is_due(known, self._state.t, weighed, call.is_stream):
                samples = known.followed_by(samples)
                weighed, counts = self._with_class_weights(
                    samples, stream=call.is_stream
                )
                if call.is_stream:
                    opening = self._opening_of(weighed)
                if not (call.is_stream and opening.agrees_with(known)):
                    call = replace(
                        call, samples=weighed, class_counts=counts, goes_on=False
                    )
        if not call.is_stream:  # it starts from its own visits
            return call
        if self._may_start_anew(opening):
            if len(weighed.weight):
                samples = samples.take(weighed.counted(weighed.rows.n_rows))
            call = replace(call, kept=opening.with_more(samples))
        return replace(call, opening=opening)

    def _parameter_values(self):
        own = vars(self)
        return [own.get(name) for name in self._parameter_constraints]

    def _n_to_start_by(self, n_samples, targets):
        """Return how many of the first samples decide, and whether they suffice."""
        if self.preconditioner == "full":  # learning all again would take too long
            return min(n_samples, FIRST_SAMPLES), True
        unlike = None if targets is None else self._that_must_differ(targets)
        return n_to_start_by(n_samples, unlike)

    def _opening_of(self, samples):
        """Return the opening of a stream that has had these samples."""
        known = samples.counted(MOST_SAMPLES)
        targets = samples.targets.take(known)
        n_first, is_settled = self._n_to_start_by(samples.n_counted, targets)
        first = samples.take(known[:n_first])
        start = self._start_for(first, first, AS_THEY_COME)
        return Opening(start, self._parameter_values(), n_first, is_settled)

    def _is_due(self, opening, n_before, samples, stream):
        """Whether, with these samples, more decide the start than before."""
        if not stream:  # a fit with warm_start, which may have any other samples
            return n_before < FIRST_SAMPLES or not opening.is_settled
        targets = None
        if not opening.is_settled:
            new = samples.targets.take(samples.counted(MOST_SAMPLES))
            targets = opening.targets_with(new)
        n_samples = n_before + samples.n_counted
        return self._n_to_start_by(n_samples, targets)[0] > opening.n_first

    def _may_start_anew(self, opening):
        """Whether further samples may decide the start of a stream."""
        enough = FIRST_SAMPLES if self.preconditioner == "full" else ENOUGH_SAMPLES
        return not opening.is_settled or opening.n_first < enough

    def _first_intercepts(self, samples):
        """Return the intercept that each output starts with."""
        return np.zeros(samples.targets.n_outputs)

    def _slope_sizes(self, samples, intercepts):
        """Return the size of each output's slopes at the first intercepts."""
        return np.ones(samples.targets.n_outputs)

    def _start_for(self, samples, visited, order):
        """Return the `Start` of all samples."""
        if self.eta0 != "auto":
            return self._given_start([self.eta0], samples.targets.n_outputs)
        return self._measured_start(samples, visited, order)

    def _given_start(self, rates, n_outputs):
        """Return the `Start` of given rates, the same for each output."""
        rates = np.tile(np.asarray(rates, dtype=np.float64), (n_outputs, 1))
        zeros = np.zeros(n_outputs)
        accumulators = self._accumulators(zeros)
        columns = Columns(scaled=self._scale_free)
        units = np.ones(n_outputs)
        return Start(rates, accumulators, units, intercepts=zeros, columns=columns)

    @np.errstate(over="ignore")  # values too large are refused below
    def _measured_start(
        self, samples, visited, order, n_candidates=N_CANDIDATES, shared=np.asarray
    ):
        """Return the `Start` of samples.

        Parameters
        ----------
        samples, visited : Samples
            With the weights of samples, and with those of visits.
        order : ndarray of uint32
            The visits.
        n_candidates : int
        shared : callable
            Gives all outputs the same size, where they are to share one.
        """
        value_size, row_nnz = samples.rows.sizes(samples.weight)
        columns, read_size = self._columns(visited, order, value_size)
        if columns.scaled or len(columns.centring):
            value_size = read_size
        row_size = value_size * math.sqrt(row_nnz)
        intercepts = self._first_intercepts(samples)
        target_sizes = shared(self._target_sizes(samples, intercepts))
        lightness = visited.lightness(order)
        slopes = shared(self._slope_sizes(samples, intercepts) * lightness)
        eta = candidate_rates(target_sizes, row_size, n_candidates)
        first_slopes = self._first_slopes(samples) * slopes
        accumulators = self._accumulators(value_size * first_slopes)
        dtype = samples.rows.data.dtype
        units = eps_units(slopes)
        largest = max(eta.max(), accumulators.max(), self.eps * units.max())
        if largest > float(np.finfo(dtype).max):
            raise ValueError(
                "Values of X, y or sample_weight are too large, or those of X too "
                f"small beside y, for {dtype}, the type of the model. Scale them, X "
                "for example with MaxAbsScaler"
                + (", or use a float64 X." if dtype == np.float32 else ".")
            )
        value = intercept_value(row_size) if self.fit_intercept else 1.0
        return Start(
            rates=eta,
            accumulators=accumulators,
            eps_units=units,
            intercepts=intercepts,
            intercept_value=value,
            columns=columns,
        )

    @property
    def _scale_free(self):
        """Whether the units of columns must not matter at all."""
        return self.scale_invariant != "auto" and bool(self.scale_invariant)

    def _columns(self, visited, order, value_size):
        """Return how columns are to be read, judging by some of the visits."""
        some = visited.counted(N_LOOKED_AT, order)
        if not len(order):  # neighbours in a stream may be alike
            apart = max(1, visited.n_counted // N_LOOKED_AT)
            some = visited.counted(apart * N_LOOKED_AT)[::apart]
        first = visited.rows.matrix()[some]
        diagonal = self.preconditioner == "diagonal"
        return columns_of(
            first,
            scaled=self.scale_invariant if diagonal else False,
            may_be_centred=diagonal and self.fit_intercept,
            eps=self.eps,
            mean_of_all=value_size,
        )

    def _accumulators(self, gradient_sizes):
        """Return G₀ of each output: as given, or by the size of its gradients."""
        if self.initial_accumulator != "auto":
            return np.full(len(gradient_sizes), float(self.initial_accumulator))
        return first_accumulators(gradient_sizes)
