"""Trains models under each update, and the slow reference beside them."""

from functools import cache

import numpy as np
import pytest

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._dispatch import UPDATES
from sk_adagrad._losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

from .comparing import assert_close
from .reference import adagrad
from .tasks import LOG_LINK, ids, loss_parameter, loss_parameters

N_ROWS, N_FEATURES, N_UNSEEN = 60, 30, 3
ETA0 = 0.5
RTOL = {"float64": 1e-11, "float32": 3e-4}
SOME_TASKS = [
    (AdagradClassifier, "log_loss", 2),
    (AdagradClassifier, "hinge", 9),
    (AdagradRegressor, "absolute_error", 1),
    (AdagradRegressor, "squared_error", 3),
]
EACH_LOSS = [(AdagradClassifier, loss, 2) for loss in CLASSIFICATION_LOSSES] + [
    (AdagradRegressor, loss, 1) for loss in REGRESSION_LOSSES
]
some_tasks = pytest.mark.parametrize("task", SOME_TASKS, ids=ids)
each_loss = pytest.mark.parametrize("task", EACH_LOSS, ids=ids)
each_update = pytest.mark.parametrize("update", UPDATES)
each_l1_ratio = pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
each_dtype = pytest.mark.parametrize("dtype", RTOL)


@cache
def samples_by_frequency(task, dtype="float64", empty_rows=True):
    """Return rows, labels or values, the targets that these mean, and weights.

    Features are frequent to rare, and the last are in no row; some rows are empty.
    """
    estimator, loss, n_outputs = task
    rng = np.random.default_rng(n_outputs)
    frequency = 0.9 / np.arange(1, N_FEATURES + 1) ** 0.8
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    X *= rng.random(X.shape) < frequency
    X[:, -N_UNSEEN:] = 0
    if empty_rows:
        X[::7] = 0
    weight = rng.uniform(0.1, 3, N_ROWS) * (np.arange(N_ROWS) % 6 != 4)
    if estimator is AdagradRegressor:
        values = rng.gamma(2, size=(N_ROWS, n_outputs))
        values = values if loss in LOG_LINK else values - 2
        y = Y = values.astype(dtype)
        y = y[:, 0] if n_outputs == 1 else y
    else:
        y = rng.permutation(np.arange(N_ROWS) % n_outputs)
        positive = [1] if n_outputs == 2 else np.arange(n_outputs)
        Y = np.where(y[:, None] == positive, 1.0, -1.0)
    return X.astype(dtype), y, Y, weight.astype(dtype)


def model_of(task, **options):
    estimator, loss, _ = task
    fixed = {"eta0": ETA0, "shuffle": False, "tol": None, "max_iter": 3}
    return estimator(loss, **{**loss_parameters(task), **fixed, **options})


def samples_for(options, task, dtype):
    """Return samples of which rounding does not decide what they teach.

    An importance-aware step on an empty row can leave its prediction, the intercept,
    at a jump of the slope, where the next empty row would find it.
    """
    return samples_by_frequency(task, dtype, not options.get("importance_aware", False))


def trained(task, dtype="float64", form=np.asarray, **options):
    """Make three passes over the rows in the order in which they are."""
    X, y, _, weight = samples_for(options, task, dtype)
    return model_of(task, **options).fit(form(X), y, sample_weight=weight)


def shown_once(task, X, y, weight, **options):
    """Show these rows to `partial_fit`."""
    return go_on(model_of(task, **options), task, X, y, weight)


def go_on(model, task, X, y, weight=None):
    _, all_labels, _, _ = samples_by_frequency(task)
    classes = {"classes": np.unique(all_labels)} if is_classifier(task) else {}
    return model.partial_fit(X, y, sample_weight=weight, **classes)


def is_classifier(task):
    return task[0] is AdagradClassifier


@cache
def expected(task, dtype="float64", passes=3, **options):
    some = samples_for(options, task, dtype)
    X, _, Y, weight = (np.asarray(a, "float64") for a in some)
    return reference_for(task, X, Y, weight, passes=passes, **options)


def reference_for(task, X, Y, weight, **options):
    options = {"eta0": ETA0, "parameter": loss_parameter(task), **options}
    return adagrad(X, Y, weight, loss=task[1], **options)


def assert_follows(model, reference, dtype="float64", rtol=None, scale=1.0):
    """Compare all that is published; a feature's unit is `scale` of the usual one."""
    rtol = rtol or RTOL[dtype]
    for name, unit in (
        *(("coef", scale), ("accumulators", scale**-2), ("learning_rates", scale**2)),
        *((f"intercept{name}", 1.0) for name in ("", "_accumulators")),
        ("intercept_learning_rates", 1.0),
    ):
        actual = getattr(model, f"{name}_")
        assert actual.dtype == dtype
        assert_close(actual * unit, getattr(reference, name) * unit, rtol)
    assert_close(model.loss_curve_, reference.loss_curve, rtol)
    assert model.t_ == reference.t
    if dtype == "float64":
        assert_same_zeros(model, reference)


def assert_same_zeros(model, reference):
    zeros = np.reshape(reference.coef == 0, model.coef_.shape)
    np.testing.assert_array_equal(model.coef_ == 0, zeros)
