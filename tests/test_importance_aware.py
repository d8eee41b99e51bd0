"""Steps that are as long as the weight of a sample requires, and no longer."""

import copy

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .comparing import assert_close, each_form
from .tasks import LOG_LINK, LOSS_PARAMETERS, ids
from .updating import (
    N_FEATURES,
    N_ROWS,
    SOME_TASKS,
    assert_follows,
    each_dtype,
    each_loss,
    expected,
    go_on,
    model_of,
    reference_for,
    samples_by_frequency,
    shown_once,
    trained,
)

MOVING_UPDATES = "mirror_descent", "ftrl_proximal"  # from where the weights are
each_moving_update = pytest.mark.parametrize("update", MOVING_UPDATES)


@each_dtype
@each_moving_update
@each_loss
def test_importance_aware_step_is_the_flow(task, update, dtype):
    """The reference integrates it numerically."""
    options = {"update": update, "importance_aware": True, "eta0": 0.8}
    reference = expected(task, dtype, passes=2, **options)
    model = trained(task, dtype, max_iter=2, **options)
    rtol = {"float64": 1e-10, "float32": 1e-3}[dtype]
    assert_follows(model, reference, dtype, rtol)


@each_moving_update
@each_loss
def test_heavy_importance_aware_steps_are_the_flow(task, update):
    X, y, Y, _ = samples_by_frequency(task, empty_rows=False)
    weight = 10 ** np.random.default_rng(0).uniform(-3, 6, N_ROWS)
    options = {"update": update, "importance_aware": True, "eta0": 10.0}
    model = shown_once(task, X, y, weight, **options)
    assert_follows(model, reference_for(task, X, Y, weight, **options), rtol=1e-8)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.01, "l1_ratio": 0.3},
        {"alpha": 0.01, "l1_ratio": 0.3, "update": "ftrl_proximal"},
        {"half_life": 3},
        {"scale_invariant": True, "half_life": 3, "alpha": 0.01, "l1_ratio": 1.0},
        {"scale_invariant": True, "update": "ftrl_proximal", "alpha": 0.01},
        {"fit_intercept": False},
        {"eps": 0.3, "initial_accumulator": 2.0},
    ],
    ids=str,
)
@each_form
@pytest.mark.parametrize("task", SOME_TASKS[::2] + SOME_TASKS[3:], ids=ids)
def test_importance_awareness_goes_with_other_options(task, form, options):
    options = {"importance_aware": True, **options}
    model = trained(task, form=form, max_iter=1, **options)
    assert_follows(model, expected(task, passes=1, **options), rtol=1e-9)


def goal(task, y):
    """Return the lowest and highest prediction at which the label pulls no more."""
    loss = task[1]
    if loss == "log_loss":
        return y * np.inf, y * np.inf
    if loss in LOG_LINK:
        return np.log(y), np.log(y)
    tolerance = LOSS_PARAMETERS["epsilon"] * ("insensitive" in loss)
    return y - tolerance, y + tolerance


@each_moving_update
@each_dtype
@each_loss
@settings(max_examples=20, deadline=None)
@given(
    row=st.integers(8, N_ROWS - 1),
    log_weight=st.floats(-3, 6),
    log_eta0=st.floats(-4, 4),
    log_size=st.floats(-2, 3),
)
def test_no_weight_and_no_rate_overshoots_the_label(
    task, dtype, update, row, log_weight, log_eta0, log_size
):
    X, y, Y, _ = samples_by_frequency(task, dtype)
    options = {"update": update, "importance_aware": True, "eta0": 10**log_eta0}
    model = go_on(model_of(task, **options), task, X[:8], y[:8])
    x = np.full((1, N_FEATURES), 10**log_size, dtype)

    def raw():
        return (x.astype("float64") @ np.ravel(model.coef_) + model.intercept_)[0]

    before = raw()
    go_on(model, task, x, y[[row]], np.array([10**log_weight]))
    after = raw()
    assume(np.isfinite(model.accumulators_).all())  # far too large for float32
    low, high = goal(task, Y[row, 0])
    rounding = {"float64": 1e-9, "float32": 1e-3}[dtype] * (2 + abs(before))
    if before < low:
        assert before - rounding <= after <= low + rounding
    elif before > high:
        assert high - rounding <= after <= before + rounding
    else:
        assert abs(after - before) <= rounding


@each_dtype
@pytest.mark.parametrize(
    "task",
    [
        (AdagradClassifier, "hinge", 2),
        (AdagradRegressor, "absolute_error", 1),
        (AdagradRegressor, "quantile", 1),
        (AdagradRegressor, "epsilon_insensitive", 1),
    ],
    ids=ids,
)
def test_a_row_that_has_reached_its_label_teaches_nothing_more(task, dtype):
    """Although rounding leaves predictions on either side of it, with full slopes."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        x, y = rng.normal(size=(1, 5)).astype(dtype), rng.uniform(1, 3, 1).astype(dtype)
        if task[0] is AdagradClassifier:
            y = [1]
        options = {"importance_aware": True, "eta0": 10.0}
        model = shown_once(task, x, y, [50.0], **options)
        before = model.accumulators_
        go_on(model, task, x, y, [50.0])
        np.testing.assert_array_equal(model.accumulators_, before)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(("eta0", "y"), [(12.0, 1e5), (15.0, 1e6), (17.0, 1e7)])
def test_flow_of_the_poisson_loss_comes_close_to_a_target_far_above(
    eta0, y, dtype, rtol
):
    """Where e^-yD, which is left of the way, is as small as 1/y, to which it leads."""
    model = AdagradRegressor(
        "poisson", eta0=eta0, importance_aware=True, fit_intercept=False, eps=1e-30
    )
    model.partial_fit(np.ones((1, 1), dtype), [y])
    D = eta0 / (y - 1)  # the weight was 0, so the slope 1 - y
    wanted = -np.log(np.exp(-y * D) - np.expm1(-y * D) / y)
    np.testing.assert_allclose(model.coef_, [wanted], rtol=rtol)


@each_dtype
@pytest.mark.parametrize("far", [10.0, 2000.0, 20000.0])
def test_flow_of_the_log_loss_from_far_on_the_wrong_side(dtype, far):
    """Its margin z, and N = x² times the rate, end where d + e^z (e^d - 1) = N."""
    model = AdagradClassifier(eta0=1.0, importance_aware=True, fit_intercept=False)
    X = np.array([[100.0], [far]], dtype)
    model.partial_fit(X[:1], [0], classes=[0, 1])
    z = float(model.coef_[0, 0]) * far
    model.partial_fit(X[1:], [1])
    after = float(model.coef_[0, 0]) * far
    N = far**2 * float(model.learning_rates_[0, 0])
    assert_close(after, np.log(N - (after - z) + np.exp(z)), 1e-3)


@each_moving_update
@each_loss
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), log_rate=st.floats(-6, 3))
@example(seed=0, log_rate=-5.5)
def test_at_settled_rates_weight_two_is_twice_weight_one(task, update, seed, log_rate):
    """With G so large that it stays, a step of weight 2 is two steps of weight 1.

    It is twice as long if short and never longer, as slopes fall on the way.
    """
    options = {"initial_accumulator": 1e20, "eta0": 1e10 * 10**log_rate}
    options.update(update=update, importance_aware=True)
    X, y, _, _ = samples_by_frequency(task)
    row = X[[np.random.default_rng(seed).integers(1, 7)]]
    label = y[[seed % N_ROWS]]
    begun = go_on(model_of(task, **options), task, X[:1], y[:1])  # an empty row
    once = go_on(copy.deepcopy(begun), task, row, label)
    twice = go_on(copy.deepcopy(begun), task, row, label, np.array([2.0]))
    short = np.atleast_2d(once.coef_)[0] - np.atleast_2d(begun.coef_)[0]
    long = np.atleast_2d(twice.coef_)[0] - np.atleast_2d(begun.coef_)[0]
    rounding = 1e-9 * abs(short).max() + 1e-13
    assert (abs(short) <= abs(long) + rounding).all()
    assert (abs(long) <= 2 * abs(short) + rounding).all()
    if task[1] != "perceptron":  # it is content once the sign is right
        go_on(once, task, row, label)
        assert (abs(once.coef_ - twice.coef_) <= rounding).all()
    if log_rate < -5:
        assert_close(long, 2 * short, 1e-2)


@each_moving_update
@each_loss
def test_small_importance_aware_steps_are_plain_steps(task, update):
    X, y, _, weight = samples_by_frequency(task)
    plain, aware = (
        shown_once(task, X, y, weight, eta0=1e-7, update=update, importance_aware=aware)
        for aware in (False, True)
    )
    assert_close(aware.coef_, plain.coef_, 1e-5)
    assert_close(aware.intercept_, plain.intercept_, 1e-5)
