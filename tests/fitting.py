"""Fits models of each kind to a few samples."""

import numpy as np
import pytest

from sk_adagrad import AdagradClassifier, AdagradRegressor

from . import comparing
from .comparing import MODEL

N_ROWS, N_FEATURES = 80, 15
ESTIMATORS = {
    "binary": AdagradClassifier(random_state=0),
    "classes": AdagradClassifier(random_state=0),
    "one target": AdagradRegressor(random_state=0),
    "targets": AdagradRegressor(random_state=0),
}
each_task = pytest.mark.parametrize("task", ESTIMATORS)
each_classifier = pytest.mark.parametrize("task", ["binary", "classes"])
each_estimator = pytest.mark.parametrize("task", ["binary", "one target"])


def samples(task, dtype="float64"):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.5)
    X = X.astype("float32").astype(dtype)
    if isinstance(ESTIMATORS[task], AdagradRegressor):
        y = rng.normal(size=(N_ROWS, 10) if task == "targets" else N_ROWS)
        return X, y.astype("float32").astype(dtype)
    return X, np.arange(N_ROWS) % (10 if task == "classes" else 2)


def fitted(task, X, y, sample_weight=None, **params):
    model = type(ESTIMATORS[task])(**{**ESTIMATORS[task].get_params(), **params})
    return model.fit(X, y, sample_weight=sample_weight)


def assert_same(actual, wanted, rtol=0.0):
    """Compare the models, and not how long it took to come there."""
    comparing.assert_same(actual, wanted, MODEL, rtol)
