"""What a search needs to know of scorers, and the prediction that it hands them."""

from inspect import signature

from sklearn.metrics import make_scorer


def takes_weights(scorer):
    """Whether a scorer has a parameter `sample_weight`."""
    score = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in signature(score).parameters


def reads_probabilities(scorer):
    """Whether a scorer asks for `predict_proba`, and for nothing else."""
    return getattr(scorer, "_response_method", None) == "predict_proba"


def knowing_classes(scorer, classes):
    """Tell a scorer of probabilities all classes, of which a fold may lack some."""
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


class KnownPrediction:
    """The first prediction of held-out rows: all candidates were predicted together.

    A scorer that makes rows of its own, predicts again or learns gets the model's own.
    """

    def __init__(self, model, X, raw):
        self.model, self.state, self.X, self.raw = model, model._state, X, raw

    def __call__(self, X):
        vars(self.model).pop("_raw_prediction", None)
        if X is self.X and self.model._state is self.state:
            return self.raw, self.model
        return self.model._raw_prediction(X)
