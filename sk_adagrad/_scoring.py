"""What a search needs to know of scorers, and the predictions that it gives them."""

import warnings
from inspect import signature

import numpy as np
from sklearn.metrics import make_scorer


def takes_weights(scorer):
    """Whether a scorer has a parameter `sample_weight`."""
    score = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in signature(score).parameters


def reads_probabilities(scorer):
    """Whether a scorer asks for `predict_proba` and nothing else."""
    return getattr(scorer, "_response_method", None) == "predict_proba"


def knowing_classes(scorer, classes):
    """Tell a scorer of probabilities all classes, some of which a fold may lack."""
    if not reads_probabilities(scorer):
        return scorer
    if "labels" not in signature(scorer._score_func).parameters:
        return scorer
    return make_scorer(
        scorer._score_func,
        response_method="predict_proba",
        greater_is_better=scorer._sign > 0,
        **{"labels": classes, **scorer._kwargs},
    )


def numbers_and_errors(scores):
    """Return scores as numbers, with NaN for errors, and the errors."""
    are_errors = [isinstance(score, Exception) for score in scores.flat]
    failed = np.reshape(are_errors, scores.shape)
    numbers = np.where(failed, np.nan, scores).astype(np.float64)
    return numbers, scores[failed].tolist()


def tell_of_errors(errors, n_scores, *, in_vain):
    """Warn of errors that a scorer raised; raise one if the search was in vain."""
    if not errors:
        return
    failed = (
        f"The scorer failed for {len(errors)} of {n_scores} scores; the first error is "
        f"{type(errors[0]).__name__}: {errors[0]}"
    )
    if in_vain:
        message = f"No cell of the grid has a score that is a finite number. {failed}"
        raise ValueError(message) from errors[0]
    warnings.warn(
        f"These scores are NaN, so that their cells rank last. {failed}", stacklevel=2
    )


class KnownPrediction:
    """The first prediction for held-out rows, made for all candidates together.

    A scorer that makes rows of its own, predicts again or learns gets the model's own.
    """

    def __init__(self, model, X, raw):
        self.model, self.state, self.X, self.raw = model, model._state, X, raw

    def __call__(self, X):
        vars(self.model).pop("_raw_prediction", None)
        if X is self.X and self.model._state is self.state:
            return self.raw, self.model
        return self.model._raw_prediction(X)
