"""Streams of each kind, shown to `partial_fit` at once or in chunks."""

import copy
import pickle
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import is_classifier

from sk_adagrad import AdagradClassifier, AdagradRegressor

N_ROWS, N_FEATURES = 40, 12
STREAMS = {
    "binary": AdagradClassifier(),
    "binary balanced": AdagradClassifier(class_weight="balanced"),
    "classes": AdagradClassifier("hinge"),
    "classes balanced": AdagradClassifier(class_weight="balanced"),
    "classes of weight 0": AdagradClassifier(class_weight=dict.fromkeys(range(5), 0)),
    "one target": AdagradRegressor(),
    "targets": AdagradRegressor("huber"),
}
each_stream = pytest.mark.parametrize("stream", STREAMS)


def in_chunks(
    model, X, y, weight=None, cuts=(), form=lambda X: X, between=lambda model: model
):
    """Learn the rows between the cuts in this form, with an interlude after each."""
    one_class_each = is_classifier(model) and np.ndim(y) == 1
    known = {"classes": np.unique(y)} if one_class_each else {}
    for start, stop in pairwise([0, *cuts, X.shape[0]]):
        part = slice(start, stop)
        sample_weight = None if weight is None else weight[part]
        model.partial_fit(form(X[part]), y[part], sample_weight=sample_weight, **known)
        model = between(model)
    return model


def weighted_samples(stream):
    """Return rows, what they are to teach, and weights of which some are 0."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.4)
    weight = rng.uniform(0.1, 2, N_ROWS) * (rng.random(N_ROWS) < 0.8)
    if isinstance(STREAMS[stream], AdagradRegressor):
        shape = (N_ROWS, 10) if stream == "targets" else N_ROWS
        return X, rng.normal(size=shape), weight
    n_classes = 10 if "classes" in stream else 2
    return X, np.arange(N_ROWS) % n_classes, weight


def model_of(stream, **params):
    return copy.deepcopy(STREAMS[stream]).set_params(**params)


@cache
def first_call(stream):
    """Return what the first call of partial_fit needs besides samples."""
    if isinstance(STREAMS[stream], AdagradRegressor):
        return {}
    return {"classes": np.unique(weighted_samples(stream)[1])}


def learn(stream, cuts=(), form=np.asarray, weighted=True, between=lambda model: model):
    """Call partial_fit with each chunk between the cuts."""
    X, y, weight = weighted_samples(stream)
    weight = weight if weighted else None
    return in_chunks(model_of(stream), X, y, weight, cuts, form, between)


def assert_refused(model, stream, spoil, message, **classes):
    before, attributes = pickle.dumps(model), list(vars(model))
    X, y, weight = spoil(*weighted_samples(stream))
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, sample_weight=weight, **classes)
    assert list(vars(model)) == attributes
    assert pickle.dumps(model) == before
