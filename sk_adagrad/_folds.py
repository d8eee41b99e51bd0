"""Folds of a cross-validation: which samples learn, which are held out, scoring."""

from copy import deepcopy
from dataclasses import dataclass, replace
from traceback import format_exc
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params

from ._publishing import shallow_copy
from ._rows import Rows
from ._samples import Samples
from ._scoring import KnownPrediction
from ._solver import ordered


@dataclass(frozen=True)
class Fold:
    """One division of the samples.

    Parameters
    ----------
    samples : Samples
        All of them.
    order : ndarray of uint32 of shape (n_visits,)
        Those to learn from, in the order of the first pass.
    random_state : RandomState or None
        Draws the orders of the other passes.
    rows : Rows
        Those held out.
    X, y : array-like
        Those held out, as the user gave them.
    score_params : dict
        What else the scorer needs of them.
    """

    samples: Samples
    order: np.ndarray
    random_state: np.random.RandomState | None
    rows: Rows
    X: Any
    y: Any
    score_params: dict

    def score(self, scorer, plain, state, candidate, loss_curve, raw):
        """Score one candidate of a state.

        Parameters
        ----------
        scorer : callable
        plain : estimator
            The plain one, with all parameters but `eta0`, and what is known of X and y.
        state : ModelState
        candidate : int
        loss_curve : list of float
            Its mean loss of each pass.
        raw : ndarray of shape (n_held_out, n_outputs)
            Its raw predictions of the rows held out.

        Returns
        -------
        score : float or Exception
            What the scorer raised, if it did.
        """
        if not np.isfinite(raw).all():
            return np.nan
        model = shallow_copy(plain)
        model.eta0 = float(state.rates[0, candidate])
        model._publish(state.led_by(candidate), loss_curve, None)
        model._raw_prediction = KnownPrediction(model, self.X, raw)
        try:
            with np.errstate(over="ignore"):  # infinity is the score of hopeless cells
                score = scorer(model, self.X, self.y, **self.score_params)
        except Exception as error:
            # The frames of its traceback would keep each fold's state in memory.
            error.add_note(format_exc())
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        try:
            return float(score)
        except (TypeError, ValueError):
            message = f"scoring must return a number, but returned {score!r}."
            raise ValueError(message) from None


def folds_of(
    splits, X, y, samples, rows, weighed, *, random_state, scale_free, score_params
):
    """Yield the folds, all of which draw the same order of rows.

    Parameters
    ----------
    splits : iterable of (train, test)
    X, y : array-like
        What scorers are to see.
    samples : Samples
    rows : Rows
        Those to learn from and predict: of the samples, or of fewer features.
    weighed : callable
        Takes samples; returns them with weights times class weights, and class counts.
    random_state : RandomState or None
        Only copies of it are drawn from.
    scale_free : bool
        See `visits`.
    score_params : dict
        What else scorers are to see.
    """
    (X,) = indexable(X)
    numbers, weights = np.arange(samples.rows.n_rows), samples.full_weight
    random_state = deepcopy(random_state)  # the splitter may draw from the same one
    for n_before, (train, test) in enumerate(splits):
        train, test = numbers[train], numbers[test]
        test = test[weights[test] > 0]  # with weight 0 it is no sample here either
        times = np.bincount(train, minlength=len(numbers))
        weight = times * weights
        if not weight.any() or not len(test):
            raise ValueError(
                f"Split {n_before} of cv has no sample to "
                f"{'score' if weight.any() else 'learn from'}: use fewer splits."
            )
        of_fold, _ = weighed(replace(samples, weight=weight))
        rng = deepcopy(random_state)
        order, of_fold = ordered(of_fold, rng, scale_free)
        if random_state is None:  # visit each row as often as it was drawn
            order = train[of_fold.weight[train] > 0].astype(np.uint32)
            each = of_fold.weight / np.maximum(times, 1).astype(of_fold.weight.dtype)
            of_fold = replace(of_fold, weight=each)
        yield Fold(
            replace(of_fold, rows=rows),
            order,
            rng,
            rows.take(test),
            _safe_indexing(X, test),
            y[test],
            _check_method_params(X, score_params, indices=test),
        )
