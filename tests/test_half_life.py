"""Accumulators that forget."""

import numpy as np
import pytest

from sk_adagrad import AdagradClassifier, AdagradRegressor

from . import with_torch
from .comparing import assert_close, each_form
from .updating import (
    ETA0,
    N_ROWS,
    assert_follows,
    each_dtype,
    each_l1_ratio,
    expected,
    samples_by_frequency,
    shown_once,
    some_tasks,
    trained,
)


@each_dtype
@each_form
@each_l1_ratio
@pytest.mark.parametrize("half_life", [2, 5, 200])
@some_tasks
def test_half_life_follows_the_reference(task, half_life, l1_ratio, form, dtype):
    options = {"half_life": half_life, "alpha": 0.01, "l1_ratio": l1_ratio}
    reference = expected(task, dtype, **options)
    assert_follows(trained(task, dtype, form, **options), reference, dtype)


@pytest.mark.parametrize("half_life", [1, 4.5, 100])
@pytest.mark.parametrize("n_outputs", [2, 3])
@pytest.mark.parametrize(
    ("estimator", "loss"),
    [(AdagradClassifier, "log_loss"), (AdagradRegressor, "squared_error")],
)
def test_half_life_on_dense_rows_is_rmsprop(estimator, loss, n_outputs, half_life):
    task = estimator, loss, n_outputs
    _, y, Y, _ = samples_by_frequency(task)
    X = np.random.default_rng(0).normal(size=(N_ROWS, 11))
    coef, intercept = with_torch.descent(loss, X, Y, ETA0, half_life)
    model = shown_once(task, X, y, None, eps=with_torch.EPS, half_life=half_life)
    assert_close(model.coef_, coef, 1e-10)
    assert_close(model.intercept_, intercept, 1e-10)


def test_after_half_life_updates_the_past_counts_half():
    """The slopes of rows of ones stay -1, so G is a geometric sum."""
    model = AdagradRegressor("absolute_error", eta0=ETA0, half_life=4, eps=1e-300)
    model.partial_fit(np.full((1, 1), 8.0), [1e9])
    model.partial_fit(np.full((4, 1), 1e-9), np.full(4, 1e9))
    np.testing.assert_allclose(model.accumulators_, 32, rtol=1e-14)
    rho = 2**-0.25
    wanted = (1 - rho**5) / (1 - rho)
    np.testing.assert_allclose(model.intercept_accumulators_, wanted, rtol=1e-14)


def test_a_long_half_life_is_not_rounded_away_in_float32():
    half_life, n = 1e6, 2_000_000
    model = AdagradRegressor(
        "absolute_error", eta0=1e-6, half_life=half_life, fit_intercept=False
    )
    model.partial_fit(np.ones((n, 1), "float32"), np.full(n, 1000.0))
    wanted = np.expm1(-n * np.log(2) / half_life) / np.expm1(-np.log(2) / half_life)
    np.testing.assert_allclose(model.accumulators_, [wanted], rtol=5e-3)
