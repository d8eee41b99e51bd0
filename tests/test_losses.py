"""The losses in the kernel have the values and slopes of their definitions."""

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from sk_adagrad import AdagradRegressor
from sk_adagrad._dispatch import available_instruction_sets, load
from sk_adagrad._losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

from . import reference
from .tasks import LOG_LINK

PARAMETER = 0.3
# The margins and residuals at which some loss has a kink or a jump of its slope.
KINKS = np.array([-1, -PARAMETER, 0, PARAMETER, 1])

each_loss = pytest.mark.parametrize("loss", CLASSIFICATION_LOSSES | REGRESSION_LOSSES)


@pytest.fixture(params=available_instruction_sets())
def evaluate(request):
    """Return value and slope of a loss as the kernel computes them."""
    kernels = load(request.param)

    def evaluate(loss, p, y, dtype="float64", parameter=PARAMETER):
        p, y = (np.array(a, dtype) for a in np.broadcast_arrays(p, y))
        value, slope = np.full_like(p, np.nan), np.full_like(p, np.nan)
        kernel = kernels[np.dtype(dtype)]
        kernel.LOSSES[loss].evaluate(p, y, parameter, value, slope)
        return value, slope

    return evaluate


def points(loss):
    """Return raw predictions and targets for it, none of them at a kink."""
    rng = np.random.default_rng(0)
    p = rng.uniform(-4, 4, 501)
    y = np.sign(p * rng.normal(size=501))
    if loss in REGRESSION_LOSSES:
        y = np.where(rng.random(501) < 0.5, y, p + rng.uniform(-2, 2, 501))
    if loss in LOG_LINK:
        y = np.abs(y)
    at = np.concatenate((y * p, p - y)).reshape(2, 1, -1)
    far = (np.abs(at - KINKS[:, None]) > 1e-3).all(axis=(0, 1))
    return p[far], y[far]


@each_loss
def test_every_loss_has_a_definition_to_test_it_by(loss):
    assert loss in reference.LOSSES


@each_loss
def test_slope_is_the_derivative_of_the_loss(loss, evaluate):
    p, y = points(loss)
    h = 1e-5
    difference = evaluate(loss, p + h, y)[0] - evaluate(loss, p - h, y)[0]
    _, slope = evaluate(loss, p, y)
    np.testing.assert_allclose(slope, difference / (2 * h), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-5)]
)
@each_loss
def test_value_and_slope_are_those_of_the_definition(loss, evaluate, dtype, tolerance):
    p, y = (a.astype(dtype).astype("float64") for a in points(loss))
    for actual, definition in zip(
        evaluate(loss, p, y, dtype), reference.LOSSES[loss], strict=True
    ):
        wanted = definition(p, y, PARAMETER)
        np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance)


@each_loss
def test_slope_at_a_kink_is_the_one_of_the_definition(loss, evaluate):
    """A step of the untrained perceptron, whose margins are all 0, depends on it."""
    y = np.array([-1.0, 1.0] * 2)
    p = np.array([0.0, 0.0, -1.0, 1.0])
    wanted = reference.LOSSES[loss][1](p, y, PARAMETER)
    np.testing.assert_array_equal(evaluate(loss, p, y)[1].round(12), wanted.round(12))


@pytest.mark.parametrize(
    ("loss", "theirs"),
    [
        ("log_loss", "HalfBinomialLoss"),
        ("squared_error", "HalfSquaredError"),
        ("absolute_error", "AbsoluteError"),
        ("quantile", "PinballLoss"),
        ("huber", "HuberLoss"),
        ("poisson", "HalfPoissonLoss"),
        ("gamma", "HalfGammaLoss"),
        ("tweedie", "HalfTweedieLoss"),
    ],
)
def test_loss_is_that_of_scikit_learn(loss, theirs, evaluate):
    their_losses = pytest.importorskip("sklearn._loss.loss")
    options = {
        "quantile": {"quantile": PARAMETER},
        "huber": {"delta": PARAMETER},
        "tweedie": {"power": 1 + PARAMETER},
    }
    their_loss = getattr(their_losses, theirs)(**options.get(loss, {}))
    p, y = points(loss)
    parameter = 1 + PARAMETER if loss == "tweedie" else PARAMETER
    their_y = (y + 1) / 2 if loss == "log_loss" else y
    wanted = their_loss.loss_gradient(their_y, p)
    if loss in LOG_LINK:  # ours are 0 at the best prediction
        wanted = wanted[0] + their_loss.constant_to_optimal_zero(y), wanted[1]
    for actual, their in zip(
        evaluate(loss, p, y, parameter=parameter), wanted, strict=True
    ):
        np.testing.assert_allclose(actual, their, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("loss", "theirs", "arguments"),
    [
        ("hinge", "Hinge", [1.0]),
        ("perceptron", "Hinge", [0.0]),
        ("squared_hinge", "SquaredHinge", [1.0]),
        ("modified_huber", "ModifiedHuber", []),
        ("epsilon_insensitive", "EpsilonInsensitive", [PARAMETER]),
        ("squared_epsilon_insensitive", "SquaredEpsilonInsensitive", [PARAMETER]),
    ],
)
def test_loss_is_that_of_scikit_learns_sgd(loss, theirs, arguments, evaluate):
    their_losses = pytest.importorskip("sklearn.linear_model._sgd_fast")
    their_loss = getattr(their_losses, theirs)(*arguments)
    if not hasattr(their_loss, "py_loss"):
        pytest.skip("this release shows its losses to Cython only")
    p, y = points(loss)
    value, slope = evaluate(loss, p, y)
    np.testing.assert_allclose(value, list(map(their_loss.py_loss, p, y)), atol=1e-14)
    np.testing.assert_allclose(slope, list(map(their_loss.py_dloss, p, y)), atol=1e-14)


@pytest.mark.parametrize("power", [1, 1.2, 1.7, 2])
@pytest.mark.parametrize("size", [1e-3, 1, 1e4])
def test_losses_with_a_log_link_are_half_the_deviance(power, size, evaluate):
    loss = {1: "poisson", 2: "gamma"}.get(power, "tweedie")
    p, y = points(loss)
    mean, y = size * np.exp(p), size * y
    value, _ = evaluate(loss, np.log(mean), y, parameter=power)
    wanted = mean_tweedie_deviance(y, mean, power=power) / 2
    assert value.mean() == pytest.approx(wanted, rel=1e-11)


def test_a_fit_of_gamma_does_not_depend_on_the_unit_of_targets():
    """Nor does when it stops, as the loss has no terms that do."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 10))
    y = rng.gamma(2, np.exp(X @ rng.normal(size=10) * 0.3))
    model, other = (
        AdagradRegressor("gamma", shuffle=False).fit(X, y * unit) for unit in (1, 1024)
    )
    np.testing.assert_allclose(other.loss_curve_, model.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(other.predict(X), 1024 * model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("power", "limit"), [(1 + 2.0**-20, "poisson"), (2 - 2.0**-20, "gamma")]
)
def test_tweedie_goes_over_into_poisson_and_gamma(power, limit, dtype, evaluate):
    """And its fits with it: when they stop depends on all that the loss has."""
    p, y = points(limit)
    y = y + 0.1
    pairs = zip(
        evaluate("tweedie", p, y, dtype, power),
        evaluate(limit, p, y, dtype),
        strict=True,
    )
    for actual, wanted in pairs:
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-4)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)).astype(dtype)
    y = rng.gamma(2, np.exp(X[:, 0] + 1))
    for options in ({}, {"importance_aware": True}):
        model, wanted = (
            AdagradRegressor(random_state=0, **loss, **options).fit(X, y)
            for loss in ({"loss": "tweedie", "power": power}, {"loss": limit})
        )
        assert model.n_iter_ == wanted.n_iter_
        np.testing.assert_allclose(model.predict(X), wanted.predict(X), rtol=1e-3)


@pytest.mark.parametrize(
    ("power", "limit"), [(1 + 1e-9, "poisson"), (2 - 1e-9, "gamma")]
)
def test_a_power_that_float32_cannot_tell_from_a_limit_is_refused(power, limit):
    X, y = np.ones((3, 1), "float32"), np.ones(3)
    model = AdagradRegressor("tweedie", power=power)
    with pytest.raises(ValueError, match=f"power={power} is .*float32.*{limit}"):
        model.fit(X, y)
    model.fit(X.astype("float64"), y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("power", [1, 1.01, 1.5, 1.9, 2])
@pytest.mark.parametrize("size", [1e-6, 1, 1e4, 1e8])
def test_deviances_near_the_label_are_no_differences_of_large_numbers(
    size, power, dtype, evaluate
):
    """They are as wrong as r = p - log y is, and some y^(2 - power) r² / 2."""
    rng = np.random.default_rng(0)
    y = (size * np.exp(0.3 * rng.normal(size=500))).astype(dtype)
    r = rng.uniform(-0.9, 0.9, 500) * min(1, size**-0.25)
    p = (np.log(y) + r).astype(dtype)
    loss = {1: "poisson", 2: "gamma"}.get(power, "tweedie")
    value, _ = evaluate(loss, p, y, dtype, power)
    y, p = y.astype(np.longdouble), p.astype(np.longdouble)
    b = np.longdouble(np.array(power, dtype)) - 1
    a, r = 1 - b, p - np.log(y)
    rising = np.expm1(a * r) / a if a else r
    falling = np.expm1(-b * r) / b if b else -r
    wanted = y**a * (rising + falling)
    # A rounding of p, or of log y, changes r; and one of r the sum of the two terms.
    of_r = (4 + 4 * np.abs(p)) * np.abs(r) * y**a
    bound = np.finfo(dtype).eps * (of_r + (20 + 4 * np.abs(p)) * wanted)
    assert (np.abs(value - wanted) <= bound).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_loss
def test_far_predictions_have_finite_losses(loss, evaluate, dtype):
    p = np.linspace(-1e4, 1e4, 400)
    parameter = 1 + PARAMETER if loss == "tweedie" else PARAMETER
    for y in (0.5, 3) if loss in LOG_LINK else (-1, 1):
        value, slope = evaluate(loss, p, y, dtype, parameter)
        assert np.isfinite(value).all()
        assert np.isfinite(slope).all()
        assert (value >= -1e-6).all()


@pytest.mark.parametrize(("dtype", "furthest"), [("float64", 700), ("float32", 85)])
def test_log_loss_is_right_to_the_last_bits(evaluate, dtype, furthest):
    p = np.linspace(-furthest, furthest, 20_001).astype(dtype)
    value, slope = evaluate("log_loss", p, 1, dtype)
    precise = p.astype(np.longdouble)
    tolerance = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(value, np.logaddexp(0, -precise), rtol=tolerance)
    np.testing.assert_allclose(slope, -1 / (1 + np.exp(precise)), rtol=tolerance)


@each_loss
def test_number_of_predictions_need_not_be_a_multiple_of_eight(loss, evaluate):
    p, y = (a[:16] for a in points(loss))
    whole = evaluate(loss, p, y)
    for n in range(16):
        for part, all_of_it in zip(evaluate(loss, p[:n], y[:n]), whole, strict=True):
            np.testing.assert_array_equal(part, all_of_it[:n])
