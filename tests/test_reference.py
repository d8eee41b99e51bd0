"""The judge is judged: independent libraries agree with the loop in `reference.py`."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from . import with_torch
from .reference import KINKS, LOSSES, adagrad, flow

PARAMETERS = {"huber": 0.3, "squared_epsilon_insensitive": 0.3, "tweedie": 1.3}
JUMPING = {  # losses whose slope is constant up to the label
    "hinge": 0.0,
    "perceptron": 0.0,
    "absolute_error": 0.0,
    "epsilon_insensitive": 0.3,
    "quantile": 0.3,
}
SMOOTH = sorted(LOSSES.keys() - JUMPING.keys())
MARGIN_LOSSES = "log_loss", "hinge", "perceptron", "squared_hinge", "modified_huber"


def starts(loss, n=8):
    """Return raw predictions, labels, speeds and durations of flows that move."""
    rng = np.random.default_rng(7)
    for _ in range(n):
        y = rng.choice([-1.0, 1.0]) if loss in MARGIN_LOSSES else rng.gamma(2)
        p = -y * rng.uniform(0, 4) if loss in MARGIN_LOSSES else rng.normal(scale=2)
        yield p, y, 10 ** rng.uniform(-3, 1), 10 ** rng.uniform(-2, 2)


@pytest.mark.parametrize("loss", SMOOTH)
def test_flow_is_the_one_that_scipy_integrates(loss):
    parameter = PARAMETERS.get(loss, 0.0)
    slope = LOSSES[loss][1]
    for p, y, speed, duration in starts(loss):
        path = solve_ivp(
            lambda _, u, y=y, speed=speed: -speed * slope(u, y, parameter),
            (0, duration),
            [p],
            method="LSODA",
            rtol=1e-11,
            atol=1e-12,
        )
        moved = flow(loss, p, y, parameter, speed, duration)
        np.testing.assert_allclose(p + moved, path.y[0, -1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", JUMPING)
def test_flow_of_constant_slope_ends_at_the_label(loss):
    parameter = JUMPING[loss]
    for p, y, speed, duration in starts(loss):
        slope = LOSSES[loss][1](p, y, parameter)
        label = y + np.sign(slope) * (loss == "epsilon_insensitive") * parameter
        wanted = min(speed * duration * abs(slope), abs(p - label)) * -np.sign(slope)
        moved = flow(loss, p, y, parameter, speed, duration)
        np.testing.assert_allclose(moved, wanted, rtol=1e-13)


@pytest.mark.parametrize("speed", [1e-12, 1e-3, 1.0, 1e3, 1e6])
def test_flow_of_the_squared_error_is_exponential(speed):
    for p, y, _, duration in starts("squared_error"):
        moved = flow("squared_error", p, y, 0.0, speed, duration)
        wanted = (p - y) * np.expm1(-speed * duration)
        np.testing.assert_allclose(moved, wanted, rtol=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
def test_slope_is_smooth_between_the_kinks_and_its_sign_constant(loss):
    parameter = {**JUMPING, **PARAMETERS}.get(loss, 0.0)
    value, slope = LOSSES[loss]
    for _, y, _, _ in starts(loss):
        kinks = [-5.0, *sorted(KINKS[loss](y, parameter)), 5.0]
        for low, high in pairwise(kinks):
            u = np.linspace(low, high, 102)[1:-1]
            h = (high - low) * 1e-6
            difference = value(u + h, y, parameter) - value(u - h, y, parameter)
            slopes = slope(u, y, parameter)
            np.testing.assert_allclose(slopes, difference / (2 * h), 1e-5, 1e-7)
            assert len(np.unique(np.sign(slopes))) == 1


@pytest.mark.parametrize("half_life", [None, 3])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "poisson"])
def test_dense_rows_are_learned_as_torch_learns_them(loss, half_life):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6))
    Y = np.sign(rng.normal(size=(40, 3)))
    Y = abs(Y) if loss == "poisson" else Y
    coef, intercept = with_torch.descent(loss, X, Y, 0.2, half_life)
    options = {"eta0": 0.2, "eps": with_torch.EPS, "half_life": half_life}
    reference = adagrad(X, Y, np.ones(40), loss=loss, **options)
    np.testing.assert_allclose(reference.coef, coef, rtol=1e-10)
    np.testing.assert_allclose(reference.intercept, intercept, rtol=1e-10)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("update", "n_rows"),
    [
        ("mirror_descent", 1),
        ("ftrl_proximal", 1),
        ("dual_averaging", 1),
        ("dual_averaging", 9),
    ],
)
def test_weights_minimise_what_the_update_says(update, n_rows, l1_ratio):
    """After one sample it is the same for all: linear loss, penalty and distance."""
    x, alpha, eta0 = np.linspace(0.3, -0.1, 9)[:n_rows], 0.2, 0.7
    reference = adagrad(
        *(x[:, None], np.full((n_rows, 1), 1e9), np.ones(n_rows)),
        **{"loss": "absolute_error", "eta0": eta0, "eps": 0.01},
        **{"update": update, "alpha": alpha, "l1_ratio": l1_ratio},
    )
    z, root = -x.sum(), np.sqrt((x**2).sum() + 0.01)  # slopes are -1

    def objective(w):
        penalty = alpha * (l1_ratio * abs(w) + (1 - l1_ratio) / 2 * w**2)
        return z * w + n_rows * penalty + root / (2 * eta0) * w**2

    wanted = minimize_scalar(objective, options={"xtol": 1e-12}).x
    np.testing.assert_allclose(reference.coef, wanted, rtol=1e-6, atol=1e-8)
