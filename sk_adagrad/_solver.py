"""Turn samples into a trained state: passes, order of visits, stopping.

Knows nothing of estimators, nor of how a model learns.
"""

import time
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ._engines import ENGINES
from ._memory import aligned_zeros
from ._passes import ONE_OF_A_STREAM
from ._rows import AS_THEY_COME
from ._rule import Rule
from ._samples import Samples
from ._trial import Trial, try_candidates
from ._visits import shuffled, visits


@dataclass(frozen=True)
class Learner:
    """One pass over the rows; `again` makes the learner of the next one.

    Parameters
    ----------
    samples : Samples
        With the weight of each visit, as `ordered` returns them.
    order : ndarray of uint32
        The rows to visit; empty for all rows as they come.
    rule : Rule
    n_jobs : int or None
        Threads that share the banks. The result does not depend on it.
    is_stream : bool
        Whether the rows are a chunk of a stream, so that no sum may depend on where the
        chunk ends.
    is_first_pass : bool
        Whether the rows are new, so that their losses count as progressive ones.
    """

    samples: Samples
    order: np.ndarray
    rule: Rule
    n_jobs: int | None
    is_stream: bool = False
    is_first_pass: bool = True

    @property
    def n_visits(self):
        return len(self.order) or self.samples.rows.n_rows

    @property
    def n_learned(self):
        """The number of visits with a weight: with an order, all of them."""
        return len(self.order) or int(self.samples.n_counted)

    def again(self, random_state):
        """Return the learner of the next pass, over the same rows in a new order."""
        order = self.order
        if random_state is not None:
            order = shuffled(order, _seed(random_state))
        return replace(self, order=order, is_first_pass=False)

    def trial(self, state, candidate_rates, n_most):
        """Return how one of several rates is chosen; None if there is only one."""
        if candidate_rates is None and state.n_candidates == 1:
            return None
        looks = self.samples.targets.are_labels and not state.coupled
        trial = Trial.of_stream(state.n_outputs, looks)
        if n_most is None:
            return trial
        return trial.of_fit(state.t, self.n_learned, n_most)

    def one_pass(self, state, trial=None, candidate_rates=None):
        """Visit the rows once.

        Returns
        -------
        state : ModelState
        loss_sums : ndarray of shape (n_outputs, n_candidates)
            Weighted losses of the pass, each sample scored before it is learned from.
        weight_sum : float
        """
        try:
            return self._one_pass(state, trial, candidate_rates)
        finally:  # another thread may have read and cached half-learned weights
            state.changed()

    def _one_pass(self, state, trial, candidate_rates):
        loss_sum = state.loss_sum
        # A sum's difference from what it was before loses small losses to rounding, so
        # the pass gets a sum of its own, except where each sample must be added to the
        # running sum (streams) and where that is 0 anyway (candidates are new).
        if not self.is_first_pass or (trial is None and not self.is_stream):
            loss_sum = aligned_zeros(loss_sum.shape)
        before, t_before, at = state.losses(loss_sum), state.t, 0
        if candidate_rates is not None:
            at = try_candidates(self, state, candidate_rates, trial)
        while trial is not None and state.n_candidates > 1:
            due = trial.next_choice(state.n_candidates)
            if not state.t < due <= t_before + self.n_learned:
                break
            since, stop = self.visits_to(trial.since(t_before), due - t_before)
            losses = self.advance(state, loss_sum, at, since, stop)
            chosen = trial.chosen(losses)
            state = state.take(chosen)
            before = np.take_along_axis(before, chosen, axis=1)
            loss_sum, at = state.loss_sum, stop
        if at < self.n_visits:
            self._learn(state, loss_sum, at, self.n_visits)
        with np.errstate(over="ignore", invalid="ignore"):  # the caller reports it
            if self.is_first_pass:
                state.weight_sum = self.weight_after(state.weight_sum)
                if loss_sum is not state.loss_sum:
                    state.loss_sum += loss_sum
            return state, state.losses(loss_sum) - before, self.weight_sum

    def advance(self, state, loss_sum, at, since, stop):
        """Make visits; return the summed losses so far, or of the visits from `since`.

        Parameters
        ----------
        state : ModelState
        loss_sum : ndarray of shape (n_groups, n_banks, 8)
        at, stop : int
            The first visit, and the one to stop before.
        since : int or None

        Returns
        -------
        losses : ndarray of shape (n_outputs, n_candidates)
        """
        if since is None:
            self._learn(state, loss_sum, at, stop)
            losses = state.losses(loss_sum)
        else:
            self._learn(state, loss_sum, at, since)
            # Summed separately: added to the first losses of a rate that overshot, they
            # would be lost to rounding, and that rate would seem the best.
            late = aligned_zeros(loss_sum.shape)
            self._learn(state, late, since, stop)
            with np.errstate(all="ignore"):  # a candidate that overflows drops out
                loss_sum += late
            losses = state.losses(late)
        return np.where(np.isfinite(state.losses(loss_sum)), losses, np.inf)

    def _learn(self, state, loss_sum, begin, end):
        engine = ENGINES[type(state)]
        state.t += engine.learn(self, state, loss_sum, begin, end)

    def visits_to(self, *counts):
        """Return the visits that these counts of samples take; None stays None."""
        if len(self.order) or not len(self.samples.weight):
            return list(counts)
        ends = np.append(0, np.flatnonzero(self.samples.weight) + 1)
        return [n if n is None else int(ends[n]) for n in counts]

    @cached_property
    def weight_sum(self):
        """The sum of the visits' weights."""
        weight = self.samples.of_visits(self.order)
        return float(weight.sum(dtype=np.float64) if len(weight) else self.n_visits)

    def weight_after(self, begin):
        """Return the sum of weights after the visits, `begin` being that before."""
        if not self.is_stream:
            return begin + self.weight_sum
        weight = self.samples.weight
        if not len(weight):
            end = begin + self.n_visits
            if begin.is_integer() and end <= 2**53:  # then no addition rounds
                return end
            weight = np.ones(self.n_visits)
        # One sample after the other, so that it does not depend on the chunks.
        return float(np.cumsum(np.append(begin, weight), dtype=np.float64)[-1])


def solve(
    learner,
    state,
    *,
    candidate_rates=None,
    stopping=ONE_OF_A_STREAM,
    random_state=None,
    loss_curve=(),
    validate=None,
    task=None,
    verbose=0,
):
    """Run Adagrad until the loss stops falling.

    Parameters
    ----------
    learner : Learner
        Of the first pass.
    state : ModelState
        Updated in place, or replaced when candidates drop out.
    candidate_rates : ndarray of shape (n_outputs, n_candidates) or None
        Rates to try for each output of a new state, one of which it goes on with. None:
        the state has its rates.
    stopping : Stopping
    random_state : RandomState or None
        Draws the order of further passes; None visits the rows as they come.
    loss_curve : sequence of float
        Losses of earlier passes of the state over these rows.
    validate : callable or None
        Returns the loss of a state on other samples. It then decides when to stop, and
        the best state after a pass is returned.
    task : FitTask or None
        Is told of each pass and may end the fit.
    verbose : int
        Above 0, prints a line per pass.

    Returns
    -------
    state : ModelState
    loss_curve : list of float
        Mean loss per pass, each sample scored before it is learned from; NaN if all
        weights are 0.
    validation_curve : list of float or None
        What `validate` returned after each pass.
    """
    n_most = stopping.most_passes(learner)
    trial = learner.trial(state, candidate_rates, n_most)
    loss_curve, best_state = list(loss_curve), None
    validation_curve: list[float] = []
    solved: tuple = state, loss_curve, None
    if task:
        task.begin(n_most)
    for n_passes in range(len(loss_curve) + 1, (n_most or 1) + 1):
        start = time.perf_counter()
        if task:
            task.begin_pass()
        if n_passes > 1:
            learner, trial, candidate_rates = learner.again(random_state), None, None
        state, loss_sums, weight = learner.one_pass(state, trial, candidate_rates)
        leading = state.of_leaders(loss_sums)
        loss_curve.append(float(mean_per_sample(state, leading, weight)))
        if validate is not None:
            loss = validate(state)
            if loss < min(validation_curve, default=np.inf):
                best_state = deepcopy(state)
            validation_curve.append(loss)
        if verbose:
            line = f"pass {n_passes}: mean loss {loss_curve[-1]:.6g}"
            if validate is not None:
                line += f", on the validation set {loss:.6g}"
            print(f"{line}, {time.perf_counter() - start:.2f} s")
        solved = best_state or state, loss_curve, validation_curve or None
        stop = task.end_pass(*solved) if task else False
        curve = validation_curve or loss_curve
        if stop or stopping.is_due(curve):
            break
    return solved


def mean_per_sample(state, loss_sums, weight_sum):
    """Return the mean over samples and outputs of losses of shape (n_outputs, ...)."""
    if not weight_sum:
        return np.full(loss_sums.shape[1:], np.nan)
    n_losses = 1 if state.coupled else state.n_outputs
    with np.errstate(over="ignore", invalid="ignore"):  # the caller reports it
        return sum_over_outputs(loss_sums) / weight_sum / n_losses


def sum_over_outputs(losses):
    """Add up losses of shape (n_outputs, ...), one after the other.

    NumPy's sum adds in another order for one candidate than for several, while a search
    may train the same cell alone or with others.
    """
    return np.cumsum(losses, axis=0)[-1]


def ordered(samples, random_state, scale_free):
    """Draw the order of the first pass; return it and samples with weights of visits.

    Without a `random_state` the order is empty: the rows as they come.
    """
    if random_state is None:
        return AS_THEY_COME, samples
    order, weight = visits(
        samples.rows,
        samples.targets.content(),
        samples.weight,
        _seed(random_state),
        scale_free=scale_free,
    )
    return order, replace(samples, weight=weight)


def _seed(random_state):
    """Return a seed for one order of visits."""
    return int(random_state.randint(2**63 - 1, dtype=np.int64))
