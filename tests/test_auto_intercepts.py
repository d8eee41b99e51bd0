"""eta0="auto": where intercepts start, and the feature they are the weight of."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV
from sk_adagrad._losses import REGRESSION_LOSSES
from sk_adagrad._rates import intercepts_near, size_of_most, weighted_quantile

from .auto_tasks import model_of, standard_samples
from .tasks import IDENTITY_LINK, LOG_LINK


def test_means_halfway_between_two_first_intercepts_are_not_rounded_by_chance():
    for mean in (0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1)):
        assert intercepts_near(np.array([mean]), np.array([1.0])) == [0.0]


AS_A_FEATURE = {
    "mirror_descent": {},
    "dual_averaging": {"update": "dual_averaging"},
    "ftrl_proximal": {"update": "ftrl_proximal"},
    "importance_aware": {"importance_aware": True},
    "half_life": {"half_life": 20},
    "full": {"preconditioner": "full"},
}


@pytest.mark.parametrize("options", AS_A_FEATURE.values(), ids=AS_A_FEATURE)
@pytest.mark.parametrize("factor", [64.0, 1.0, 2.0**-8])
def test_the_intercept_is_a_feature_of_the_size_of_rows(options, factor):
    """Of the value 1, but at least a fourth of them and at most as large."""
    X, y, weight = standard_samples("binary", "dense float64")
    X *= factor
    first = np.flatnonzero(weight)[:32]
    n_nonzeros = weight[first] @ (X[first] != 0).sum(axis=1)
    mean = weight[first] @ np.abs(X[first]).sum(axis=1) / n_nonzeros
    size = 2 ** np.round(np.log2(mean * np.sqrt(n_nonzeros / weight[first].sum())))
    value = np.clip(1, size / 4, size)
    assert (value != 1) == (factor != 1)
    params = {**options, "eps": 1e-12}
    auto = model_of("binary", **params)
    auto.partial_fit(X, y, [0, 1], sample_weight=weight)
    params.update(eta0=auto.eta0_, initial_accumulator=auto.initial_accumulator_)
    params["eps"] = auto.eps_
    with_column = model_of("binary", **params, fit_intercept=False)
    wider = np.c_[X, np.full(len(X), value)]
    with_column.partial_fit(wider, y, [0, 1], sample_weight=weight)
    for name, power in (("coef", 1), ("accumulators", -2), ("learning_rates", 2)):
        wanted = getattr(with_column, f"{name}_")
        np.testing.assert_allclose(getattr(auto, f"{name}_"), wanted[:, :-1], 1e-9)
        of_intercept = "intercept_" if name == "coef" else f"intercept_{name}_"
        actual = getattr(auto, of_intercept)
        np.testing.assert_allclose(actual, wanted[:, -1] * value**power, 1e-9)
    np.testing.assert_allclose(
        auto.decision_function(X), with_column.decision_function(wider), 1e-9
    )


@pytest.mark.parametrize("options", AS_A_FEATURE.values(), ids=AS_A_FEATURE)
@pytest.mark.parametrize("task", ["binary", "classes", "labels", "targets"])
def test_rows_far_from_1_in_size_may_be_in_any_unit(task, options):
    X, y, _ = standard_samples(task, "dense float64")
    params = {**options, "shuffle": False, "max_iter": 2, "eps": 1e-100}
    for one, other in ((64.0, 2.0**20), (2.0**-20, 2.0**-8)):
        models = [model_of(task, **params).fit(X * c, y) for c in (one, other)]
        predictions, _ = models[0]._raw_prediction(X * one)
        others, _ = models[1]._raw_prediction(X * other)
        np.testing.assert_allclose(others, predictions, 1e-7, 1e-9)


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_what_is_published_of_intercepts_does_not_overflow_on_the_way(preconditioner):
    X = np.random.default_rng(0).normal(size=(40, 3)) * 1e-155
    model = AdagradClassifier(preconditioner=preconditioner).fit(X, X[:, 0] > 0)
    assert 0 < model.intercept_accumulators_[0] < 1e3
    assert np.isfinite(model.intercept_learning_rates_)


@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
@pytest.mark.parametrize("loss", IDENTITY_LINK)
@pytest.mark.parametrize("learn", ["fit", "partial_fit", "search", "search in folds"])
def test_a_constant_added_to_y_is_added_to_predictions(learn, loss, update):
    X, y, weight = standard_samples("targets", "dense float64")
    # The sums below are exact, and one rate, which a search has, does for all targets.
    y = np.round(y[:, 4:7] * 2**10) / 2**10
    # With a narrow epsilon the rate that suits all would overshoot it and swing about,
    # which makes the rounding errors of y + constant grow.
    params = {"update": update, "shuffle": False, "epsilon": 1.0}
    models = {
        "search": AdagradRegressorCV(loss, **params),
        "search in folds": AdagradRegressorCV(loss, cv=3, **params),
    }
    model = models.get(learn, AdagradRegressor(loss, **params))
    fit = model.partial_fit if learn == "partial_fit" else model.fit
    wanted = fit(X, y, sample_weight=weight).predict(X)
    rates = model.eta0_
    for constant in (2.0**12, -(2.0**20)):
        if learn == "partial_fit":
            fit = clone(model).partial_fit
        shifted = fit(X, y + constant, sample_weight=weight)
        np.testing.assert_array_equal(shifted.eta0_, rates)
        np.testing.assert_allclose(
            shifted.predict(X) - constant, wanted, 0, 1e-11 * abs(constant)
        )


@pytest.mark.parametrize(
    "params",
    [{"fit_intercept": False}, {"update": "dual_averaging"}, {"eta0": 0.5}],
)
def test_intercepts_start_at_0_where_they_are_not_chosen(params):
    """The first sample is scored before anything is learned."""
    for fit in ("fit", "partial_fit"):
        model = AdagradRegressor(**params)
        getattr(model, fit)(np.ones((1, 1)), [1e6])
        assert model.progressive_loss_ == 1e12 / 2


WITH_QUANTILES = [
    ("absolute_error", 0.5),
    ("huber", 0.5),
    ("epsilon_insensitive", 0.5),
    *(("quantile", level) for level in (0.1, 0.5, 0.68, 0.9)),
]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("loss", "level"), WITH_QUANTILES)
def test_bounded_slopes_start_at_the_quantile_of_the_weight(loss, level, method):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(32, 2)), rng.normal(size=(32, 2)) * [1, 1e6] + [0, 1e7]
    weight = rng.integers(5, size=32)
    Y[:8] = Y[8:16]
    repeated = np.repeat(Y, weight, axis=0)
    wanted = np.quantile(repeated, level, axis=0, method="inverted_cdf")
    # Accumulators as large as these let nothing be learned.
    model = AdagradRegressor(loss, quantile=level, initial_accumulator=1e60)
    for factor in (1, 0.1):
        getattr(model, method)(X, Y, sample_weight=factor * weight)
        np.testing.assert_array_equal(model.intercept_, wanted)
    model.fit(np.repeat(X, weight, axis=0), repeated)
    np.testing.assert_array_equal(model.intercept_, wanted)


def test_a_quantile_between_two_values_is_not_rounded_by_chance():
    rng = np.random.default_rng(0)
    values, weight = np.repeat([3.0, 4.0], 50), np.tile(rng.uniform(size=50), 2)
    for _ in range(20):
        order = rng.permutation(100)
        assert weighted_quantile(values[order], weight[order], 0.5) == 3


def test_a_size_of_most_is_that_of_normal_numbers_and_of_events():
    rng = np.random.default_rng(0)
    ones, normal = np.ones(10_000), np.abs(rng.normal(size=10_000))
    assert size_of_most(normal, ones) == pytest.approx(1, rel=0.05)
    normal[:50] = 1e9
    assert size_of_most(normal, ones) == pytest.approx(1, rel=0.05)
    events = 1.0 * (np.arange(10_000) < 100)
    assert size_of_most(events, ones) == pytest.approx(0.1)
    assert size_of_most(events, ones + 8 * events) == pytest.approx(0.3, rel=0.05)
    assert size_of_most(0 * events, ones) == size_of_most(ones[:0], ones[:0]) == 0


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("loss", "level"), WITH_QUANTILES)
def test_a_few_far_targets_hardly_change_errors_on_others(loss, level, method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 5))
    y = 3 + X @ [1.0, 2.0, 3.0, 4.0, 5.0] + rng.normal(size=4000)
    is_far = rng.permutation(4000) < 20
    errors = []
    for targets in (y, np.where(is_far, 1e6 * y, y)):
        model = AdagradRegressor(loss, quantile=level, random_state=0)
        above = y - getattr(model, method)(X, targets).predict(X)
        pinball = np.maximum(level * above, (level - 1) * above)
        errors.append(pinball[~is_far].mean())
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_intercepts_start_there_whatever_the_order_of_the_samples(loss):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60) + 1e3
    wanted = AdagradRegressor(loss, random_state=0).fit(X, y)
    for _ in range(5):
        order = rng.permutation(60)
        model = AdagradRegressor(loss, random_state=0).fit(X[order], y[order])
        np.testing.assert_array_equal(model.intercept_, wanted.intercept_)
        np.testing.assert_array_equal(model.coef_, wanted.coef_)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_targets_that_are_all_the_same_are_learned_at_once(loss):
    X = np.random.default_rng(0).normal(size=(30, 4))
    model = AdagradRegressor(loss, random_state=0).fit(X, np.full(30, 1234.5))
    np.testing.assert_allclose(model.predict(X), 1234.5, rtol=1e-5)


@pytest.mark.parametrize("loss", LOG_LINK)
@pytest.mark.parametrize("spread", [2.0**-8, 2.0**-12])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_log_link_learns_what_targets_of_one_size_differ_by(method, spread, loss):
    """As years do: there the loss is nearly a squared error, and the link a line."""
    rng = np.random.default_rng(0)
    X = sp.random(4000, 1000, 0.01, "csr", random_state=0, data_rvs=np.ones)
    z = X @ rng.normal(size=1000) / 3 + 0.3 * rng.normal(size=4000)
    y, half = 1990 * (1 + spread * z), slice(None, None, 2)
    scores = []
    for each in (loss, "squared_error"):
        model = AdagradRegressor(each, random_state=0)
        getattr(model, method)(X[half], y[half])
        scores.append(model.score(X[1::2], y[1::2]))
    assert scores[0] > scores[1] - 0.025
