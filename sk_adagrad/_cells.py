"""Cells of a grid, trained side by side: a bank is those that differ in the rate only.

Knows nothing of estimators, folds or scorers.
"""

import numpy as np

from ._solver import mean_loss_of_pass, stands_still


def first_losses(learner, state):
    """Make the first pass with all candidates of a state.

    Returns
    -------
    state : ModelState
    losses : ndarray of shape (n_candidates,)
        Mean loss of each, every sample scored before it was learned from; infinite
        where it has overflowed.
    """
    state, loss_sums, weight_sum = learner.one_pass(state)
    losses = mean_loss_of_pass(state, loss_sums, weight_sum)
    return state, np.where(np.isfinite(losses), losses, np.inf)


def final_scores(
    learner,
    state,
    score,
    interrupted,
    *,
    max_iter,
    tol,
    n_iter_no_change,
    random_state,
):
    """Train all candidates of a state, each as long as it would be trained alone.

    Parameters
    ----------
    learner : Learner
        Of the first pass.
    state : ModelState
    score : callable
        Takes a state and which of its candidates have come to their end, and returns
        their scores. They may learn on afterwards, while others have not ended.
    interrupted : threading.Event
        Set when nobody waits for the scores any more.
    max_iter, tol, n_iter_no_change, random_state
        See `solve`.

    Returns
    -------
    scores : ndarray of shape (n_candidates,)
        NaN where the loss has overflowed.
    """
    places = np.arange(state.n_candidates)
    scores = np.full(len(places), np.nan)
    curves = np.empty((0, len(places)))
    going = np.ones(len(places), dtype=bool)
    max_iter = learner.most_passes(max_iter)
    for n_passes in range(1, max_iter + 1):
        if n_passes > 1:
            learner = learner.again(random_state)
        state, loss_sums, weight_sum = learner.one_pass(state)
        losses = mean_loss_of_pass(state, loss_sums, weight_sum)
        curves = np.vstack((curves, losses))
        going &= np.isfinite(losses)
        at_end = stands_still(curves, tol, n_iter_no_change) | (n_passes == max_iter)
        ended = np.flatnonzero(going & at_end)
        if len(ended) == going.sum():
            state.settle()  # once for all rows to predict, as nobody learns on
        if len(ended):
            scores[places[ended]] = score(state, ended)
        going &= ~at_end
        if not going.any() or interrupted.is_set():
            break
        if 2 * going.sum() <= len(going):
            kept = np.flatnonzero(going)
            state = state.take(
                np.tile(kept, (state.n_outputs, 1)), state.rates[:, kept]
            )
            places, curves, going = places[kept], curves[:, kept], going[kept]
    return scores
