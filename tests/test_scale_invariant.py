"""Columns in other units give the same predictions."""

import numpy as np
import pytest

from sk_adagrad import AdagradRegressor

from .comparing import assert_close, assert_same, each_form, raw_of
from .updating import (
    ETA0,
    N_FEATURES,
    assert_follows,
    each_dtype,
    each_l1_ratio,
    each_update,
    go_on,
    model_of,
    reference_for,
    samples_by_frequency,
    shown_once,
    some_tasks,
)


def factors(dtype="float64"):
    powers = np.random.default_rng(5).uniform(-6, 6, N_FEATURES)
    return (10**powers).astype(dtype)


@each_dtype
@each_form
@each_l1_ratio
@each_update
@some_tasks
def test_scale_invariance_follows_the_reference(task, update, l1_ratio, form, dtype):
    X, y, Y, weight = samples_by_frequency(task, dtype)
    X = X * factors(dtype)
    options = {"update": update, "scale_invariant": True}
    options.update(alpha=0.01, l1_ratio=l1_ratio, eps=1e-3)
    model = shown_once(task, form(X), y, weight, **options)
    X, Y, weight = (a.astype("float64") for a in (X, Y, weight))
    reference = reference_for(task, X, Y, weight, **options)
    assert_follows(model, reference, dtype, scale=factors())


@pytest.mark.parametrize("eta0", [ETA0, "auto"])
@pytest.mark.parametrize("visits", ["a stream", "in order", "shuffled"])
@pytest.mark.parametrize(
    "penalty", [{}, {"alpha": 0.01, "l1_ratio": 0.3}], ids=["plain", "penalised"]
)
@each_form
@each_update
@some_tasks
def test_scaled_columns_give_the_same_predictions(
    task, update, form, penalty, visits, eta0
):
    X, y, _, weight = samples_by_frequency(task)
    options = {"scale_invariant": True, "update": update, "eta0": eta0, **penalty}
    options |= {"shuffle": visits == "shuffled", "random_state": 0}
    raw = []
    for scaled in (form(X * factors()), form(X)):
        model = model_of(task, **options)
        if visits == "a stream":
            go_on(model, task, scaled, y, weight)
        else:
            model.fit(scaled, y, sample_weight=weight)
        raw.append(raw_of(model, scaled))
    assert_close(*raw, 1e-10)


def test_rows_of_weight_zero_do_not_set_the_scale():
    X, y = np.array([[1.0], [1e6], [2.0]]), np.ones(3)
    task, weight = (AdagradRegressor, "squared_error", 1), np.array([1.0, 0.0, 1.0])
    model = shown_once(task, X, y, weight, scale_invariant=True)
    some = weight > 0
    wanted = shown_once(task, X[some], y[some], None, scale_invariant=True)
    assert_same(model, wanted)
