"""Searches of each kind, for a few samples, and the plain models they stand for."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import is_classifier
from sklearn.model_selection import KFold, StratifiedKFold

from sk_adagrad import (
    AdagradClassifier,
    AdagradClassifierCV,
    AdagradRegressor,
    AdagradRegressorCV,
)

N_ROWS, N_FEATURES = 90, 12
RATES = [0.05, 0.2, 1.0]
PLAIN = {AdagradClassifierCV: AdagradClassifier, AdagradRegressorCV: AdagradRegressor}
TASKS = {
    "binary": {},
    "ovr": {},
    "multinomial": {"multi_class": "multinomial"},
    "labels": {},
    "sparse labels": {},
    "target": {},
    "targets": {},
}
each_task = pytest.mark.parametrize("task", TASKS)


def samples(task):
    """Return rows, some of which come several times, and what they are to teach."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.6)
    raw = X[:, :4] + rng.normal(size=(N_ROWS, 4))
    repeated = rng.integers(0, N_ROWS // 2, N_ROWS // 3)
    X[-len(repeated) :], raw[-len(repeated) :] = X[repeated], raw[repeated]
    y = {
        "binary": (raw[:, 0] > 0).astype(int),
        "labels": (raw > 0).astype(int),
        "sparse labels": sp.csr_array((raw > 0).astype(int)),
        "target": raw[:, 0],
        "targets": raw[:, :3] * [1, 10, 100],
    }.get(task, raw.argmax(axis=1))
    return sp.csr_array(X), y


def search(task, **params):
    estimator = AdagradRegressorCV if task.startswith("target") else AdagradClassifierCV
    defaults = {"eta0s": RATES, "cv": 3, "random_state": 0, "max_iter": 5}
    return estimator(**{**TASKS[task], **defaults, **params})


def plain_of(model, **cell):
    """Return the plain estimator with the parameters of a search."""
    plain = PLAIN[type(model)](**cell)
    return plain.set_params(
        **{
            name: value
            for name, value in model.get_params().items()
            if name in plain.get_params() and name not in cell
        }
    )


def splits_of(model, X, y):
    folds = StratifiedKFold if is_classifier(model) and np.ndim(y) == 1 else KFold
    return list(folds(3).split(X, y))


def model_scores(model):
    return model.cv_results_["mean_test_score"]
