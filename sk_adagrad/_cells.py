"""Training cells of a grid side by side: one state has the models of several.

Knows nothing of estimators, folds or scorers.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from sklearn.utils import gen_even_slices

from ._layout import LANES, MIN_MODELS_IN_BANKS, MOST_BANKS_AT_ONCE
from ._solver import mean_per_sample, sum_over_outputs

# The most models of a row to be trained together, and the memory that their state may
# take unless a single penalty needs more.
_AT_ONCE, _MOST_BYTES = MOST_BANKS_AT_ONCE * LANES, 1 << 30


def together(rules, n_models, n_bytes, n_threads):
    """Divide rules that differ in the penalty into those to be trained together.

    With three L2 penalties and none, eight rates and five folds that takes 0.73 of the
    time on imdb (0.93 in float64) and 0.70 on clickbait, as banks overlap their waiting
    for prediction, loss and step. Penalties of different kinds stay apart, since all
    would take the time that only one of them needs.

    Parameters
    ----------
    rules : iterable of Rule
    n_models : int
        Models of each rule that one row trains.
    n_bytes : int
        Memory that they take.
    n_threads : int
        Number of parts that the work should be divided into. None has so few models
        that they would not be in banks, whose sums are rounded differently.

    Returns
    -------
    divided : list of list of Rule
    """
    of_kinds = defaultdict(list)
    for rule in rules:
        of_kinds[rule.reading.kind].append(rule)
    most = max(1, min(_AT_ONCE // n_models, _MOST_BYTES // n_bytes))
    fewest = -(-MIN_MODELS_IN_BANKS // n_models)
    divided = []
    for of_kind in of_kinds.values():
        n = len(of_kind)
        n_parts = max(-(-n // most), min(n_threads, n // fewest))
        divided += [of_kind[part] for part in gen_even_slices(n, n_parts)]
    return divided


def joint(rules, n_rates):
    """Return the rule of a state with a candidate for each rule and rate.

    Those of the first rule come first.
    """
    if len(rules) == 1:
        return rules[0]
    readings = [rule.reading for rule in rules]
    l1 = tuple(reading.l1[0] for reading in readings for _ in range(n_rates))
    l2 = tuple(reading.l2[0] for reading in readings for _ in range(n_rates))
    return replace(rules[0], reading=replace(readings[0], l1=l1, l2=l2))


def first_losses(learner, state, since):
    """Make the first pass with all candidates of a new state.

    Returns
    -------
    losses : ndarray of shape (n_candidates,)
        Mean loss of each, every sample scored before it is learned from.
    deciding : ndarray of shape (n_candidates,)
        Summed losses of the samples after the first `since`, or of all if it is None.
    """
    since, end = learner.visits_to(since, learner.n_learned)
    deciding = learner.advance(state, state.loss_sum, 0, since, end)
    state.weight_sum = learner.weight_sum
    losses = mean_per_sample(state, state.losses(), state.weight_sum)
    with np.errstate(over="ignore"):  # infinity is the worst loss
        return losses, sum_over_outputs(deciding)


def final_scores(learner, state, score, interrupted, *, stopping, random_state):
    """Train all candidates of a state, each for as long as it would be alone.

    Parameters
    ----------
    learner : Learner
        Of the first pass.
    state : ModelState
    score : callable
        Takes a state, which of its candidates are finished, their places in the first
        state and the losses of their passes; returns their scores, or errors in place
        of some. Finished candidates may go on learning while others are unfinished.
    interrupted : threading.Event
        Set when nobody waits for the scores any more.
    stopping, random_state
        See `solve`.

    Returns
    -------
    scores : ndarray of object of shape (n_candidates,)
        NaN where the loss has overflowed.
    """
    places = np.arange(state.n_candidates)
    scores = np.full(len(places), np.nan, dtype=object)
    curves = np.empty((0, len(places)))
    going = np.ones(len(places), dtype=bool)
    n_most = stopping.most_passes(learner)
    for n_passes in range(1, n_most + 1):
        if n_passes > 1:
            learner = learner.again(random_state)
        state, loss_sums, weight_sum = learner.one_pass(state)
        losses = mean_per_sample(state, loss_sums, weight_sum)
        curves = np.vstack((curves, losses))
        going &= np.isfinite(losses)
        at_end = stopping.is_due(curves) | (n_passes == n_most)
        ended = np.flatnonzero(going & at_end)
        if len(ended):
            of_passes = curves[:, ended].T.tolist()
            scores[places[ended]] = score(state, ended, places[ended], of_passes)
        going &= ~at_end
        if not going.any() or interrupted.is_set():
            break
        if 2 * going.sum() <= len(going):
            kept = np.flatnonzero(going)
            state = state.take(np.tile(kept, (state.n_outputs, 1)))
            places, curves, going = places[kept], curves[:, kept], going[kept]
    return scores
