"""Targets of regressions: their number, unit, link and range."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import train_test_split

from sk_adagrad import AdagradRegressor
from sk_adagrad._losses import REGRESSION_LOSSES

from .comparing import assert_same, pickled
from .streaming import in_chunks
from .targeting import N_FEATURES, N_ROWS, rows
from .tasks import IDENTITY_LINK, LOG_LINK


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_targets_are_learned_as_by_a_model_each(loss, weighted, eta0):
    X, weight = rows()
    rng = np.random.default_rng(0)
    Y = np.abs(rng.normal(size=(N_ROWS, 5)) * [1, 10, 0.1, 1000, 1]) + 0.01
    params = {"eta0": eta0, "shuffle": False, "tol": None}
    weight = weight if weighted else None
    model = AdagradRegressor(loss, **params).fit(X, Y, sample_weight=weight)
    assert model.predict(X).shape == (N_ROWS, 5)
    for k in range(5):
        alone = AdagradRegressor(loss, **params)
        # Three times, since sums of one or two targets are rounded in another order.
        alone.fit(X, Y[:, [k, k, k]], sample_weight=weight)
        assert np.broadcast_to(model.eta0_, 5)[k] == alone.eta0_
        np.testing.assert_array_equal(model.coef_[k], alone.coef_[0])


@pytest.mark.parametrize("factor", [2.0**-200, 2.0**-13, 2.0**13, 2.0**200])
@pytest.mark.parametrize(
    "params",
    [
        *({"loss": loss} for loss in IDENTITY_LINK),
        {"update": "ftrl_proximal"},
        {"update": "dual_averaging"},
        {"initial_accumulator": 0.0},
        {"half_life": 50, "importance_aware": True},
        {"preconditioner": "full", "max_iter": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_auto_takes_targets_in_any_unit(method, params, factor):
    """With a power of two nothing is rounded."""
    X, weight = rows(n_rows=500)
    y = X @ np.arange(N_FEATURES) + np.random.default_rng(0).normal(size=500)
    one, other = (
        getattr(AdagradRegressor(shuffle=False, epsilon=0.1 * c, **params), method)(
            X, c * y, sample_weight=weight
        )
        for c in (1, factor)
    )
    assert other.eta0_ == factor * one.eta0_
    np.testing.assert_allclose(other.coef_, factor * one.coef_, rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-12, 1e-4, 1e4, 1e12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_auto_takes_targets_in_decimal_units(factor, dtype):
    X, _ = rows(n_rows=500)
    X = X.astype(dtype)
    y = X @ np.arange(N_FEATURES) + np.random.default_rng(0).normal(size=500)
    one, other = (AdagradRegressor(random_state=0).fit(X, c * y) for c in (1, factor))
    assert other.score(X, factor * y) == pytest.approx(one.score(X, y), abs=5e-3)


def targets_of_a_log_link(X):
    """Return three targets of unlike units."""
    mean = np.exp(X @ np.linspace(-0.5, 0.5, N_FEATURES))[:, None]
    return np.random.default_rng(0).gamma(2, mean / 2 * [1, 8, 1e-3], (len(X), 3))


@pytest.mark.parametrize("factor", [2.0**-100, 2.0**-20, 2.0**20, 2.0**100])
@pytest.mark.parametrize(
    ("loss", "params"),
    [
        *((loss, {}) for loss in LOG_LINK),
        ("poisson", {"update": "ftrl_proximal", "initial_accumulator": 1e-90}),
        ("poisson", {"eps": 1e-3}),
        ("tweedie", {"scale_invariant": True}),
        ("gamma", {"eps": 1e-3}),
        # The slopes of gamma alone have no unit.
        ("gamma", {"importance_aware": True}),
        ("gamma", {"preconditioner": "full", "eps": 1e-4}),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_auto_takes_targets_of_a_log_link_in_any_unit(method, loss, params, factor):
    """Their slopes have one factor more or less, which the root of G takes out again.

    Without an intercept that starts near log(mean of y) most of learning would be its
    way to there.
    """
    if loss == "tweedie":  # its value is a difference of numbers near 1
        factor **= 0.2
    X, weight = rows(n_rows=500)
    Y = targets_of_a_log_link(X)
    params = {"shuffle": False, "tol": None, **params}
    one, other = (
        getattr(AdagradRegressor(loss, **params), method)(
            X, c * Y, sample_weight=weight
        )
        for c in (1, factor)
    )
    np.testing.assert_array_equal(other.eta0_, one.eta0_)
    np.testing.assert_allclose(other.coef_, one.coef_, 1e-6, 1e-8)
    np.testing.assert_allclose(other.predict(X), factor * one.predict(X), 1e-6)


@pytest.mark.parametrize("loss", LOG_LINK)
@pytest.mark.parametrize("mean", [1e-12, 1e-5, 1e5, 1e12])
def test_auto_reaches_a_mean_far_from_one(loss, mean):
    X, _ = rows(n_rows=2_000)
    y = mean * targets_of_a_log_link(X)[:, 0]
    predicted = AdagradRegressor(loss, random_state=0).fit(X, y).predict(X)
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.1)


@pytest.mark.parametrize("cuts", [[1, 2, 70], [31, 33], range(1, 60)], ids=str)
@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
def test_a_stream_of_a_log_link_does_not_depend_on_its_chunks(update, cuts):
    X, weight = rows()
    Y = 1e4 * targets_of_a_log_link(X)
    whole = AdagradRegressor("gamma", update=update)
    whole.partial_fit(X, Y, sample_weight=weight)
    model = AdagradRegressor("gamma", update=update)
    assert_same(in_chunks(model, X, Y, weight, cuts, between=pickled), whole)


def test_a_log_link_at_a_float_rate_starts_at_zero():
    """That is the published rule."""
    model = AdagradRegressor("poisson", eta0=0.25).partial_fit([[0.0]], [1e6])
    np.testing.assert_allclose(model.intercept_, 0.25, rtol=1e-13)


@pytest.mark.parametrize("loss", ["absolute_error", "quantile"])
def test_a_target_that_is_hit_exactly_teaches_nothing(loss):
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = AdagradRegressor(loss, random_state=0).fit(X, np.full(50, 7.0))
    np.testing.assert_array_equal(model.predict(X), 7.0)
    np.testing.assert_array_equal(model.coef_, 0.0)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantile_reaches_the_wanted_coverage(q):
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 2, size=(20_000, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.gumbel(size=20_000) * (0.2 + X[:, 0])
    train, test = slice(None, 10_000), slice(10_000, None)
    model = AdagradRegressor("quantile", quantile=q, random_state=0)
    predicted = model.fit(X[train], y[train]).predict(X[test])
    assert np.mean(y[test] <= predicted) == pytest.approx(q, abs=0.03)


@pytest.fixture(params=["hflights", "insteval"])
def real_targets(request):
    """Return rows of flights or ratings, to learn from and to hold out at random."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("SK_ADAGRAD_DATA", beside)) / request.param
    if not (path / "X_train.npz").is_file():
        pytest.skip(f"{request.param} is not there; SK_ADAGRAD_DATA names its folder.")
    X, y = sp.load_npz(path / "X_train.npz"), np.load(path / "y_train.npy")
    return train_test_split(X, y, test_size=0.3, random_state=0)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantile_reaches_the_wanted_coverage_of_real_targets(real_targets, q):
    X, X_test, y, y_test = real_targets
    model = AdagradRegressor("quantile", quantile=q, random_state=0).fit(X, y)
    assert np.mean(y_test <= model.predict(X_test)) == pytest.approx(q, abs=0.03)


def test_poisson_reaches_the_mean_of_real_targets(real_targets):
    X, X_test, y, y_test = real_targets
    y, y_test = np.maximum(y, 0), np.maximum(y_test, 0)
    predicted = AdagradRegressor("poisson", random_state=0).fit(X, y).predict(X_test)
    # Delays of flights have a long tail: the seeds alone make differences of 3 %.
    assert predicted.mean() == pytest.approx(y_test.mean(), rel=0.06)


@pytest.mark.parametrize(
    ("loss", "noise"),
    [
        ("poisson", lambda rng, mean: rng.poisson(mean)),
        ("gamma", lambda rng, mean: rng.gamma(2, mean / 2)),
        ("tweedie", lambda rng, mean: rng.gamma(2, mean / 2) * rng.binomial(1, 0.5)),
    ],
)
def test_losses_with_a_log_link_reach_the_mean(loss, noise):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 4))
    y = noise(rng, np.exp(X @ [0.5, -0.3, 0.2, 0.0] + 1.0)) + 0.0
    predicted = AdagradRegressor(loss, random_state=0).fit(X, y).predict(X)
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.03)
    if loss == "poisson":
        wanted = PoissonRegressor(alpha=0).fit(X, y).predict(X)
        assert np.mean(np.abs(predicted / wanted - 1)) < 0.05


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("eta0", [100.0, "auto"])
@pytest.mark.parametrize("loss", LOG_LINK)
def test_far_off_predictions_of_a_log_link_leave_weights_finite(
    loss, eta0, size, dtype
):
    X, _ = rows(n_rows=500, dtype=dtype)
    X *= size
    y = np.exp(np.random.default_rng(0).normal(size=500) * 3)
    model = AdagradRegressor(loss, eta0=eta0, random_state=0).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    predicted = model.predict(X)
    assert np.isfinite(predicted).all()
    assert (predicted >= np.finfo(dtype).tiny).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOG_LINK)
def test_a_prediction_of_a_log_link_is_at_least_the_smallest_normal_number(loss, dtype):
    X = np.array([[-1.0], [0.0], [1.0]], dtype)
    model = AdagradRegressor(loss, eta0=1.0, fit_intercept=False, random_state=0)
    model.fit(X, np.exp(X[:, 0]))
    assert model.coef_[0] > 0
    far = np.array([[-1e4], [-1e3], [0.0]], dtype) / model.coef_[0]
    smallest = np.finfo(dtype).tiny
    np.testing.assert_array_equal(model.predict(far), [smallest, smallest, 1])
    assert model.predict(far).dtype == dtype


@pytest.mark.parametrize(
    ("loss", "value"), [("poisson", -1.0), ("gamma", 0.0), ("tweedie", -1e-9)]
)
def test_targets_outside_the_range_of_the_loss_are_refused(loss, value):
    X, _ = rows()
    y = np.random.default_rng(0).uniform(0.1, 2, N_ROWS)
    model = AdagradRegressor(loss, random_state=0).fit(X, y)
    before = pickle.dumps(model)
    y = np.where(np.arange(N_ROWS) == 70, value, y)
    for method in (model.partial_fit, model.fit):
        with pytest.raises(ValueError, match=f"loss='{loss}' is defined for"):
            method(X, y)
        assert pickle.dumps(model) == before
