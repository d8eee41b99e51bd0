"""eta0="auto": where accumulators start, and the unit of eps."""

import numpy as np
import pytest

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .auto_tasks import (
    N_ROWS,
    expected_start,
    model_of,
    share_of_two,
    standard_samples,
    weighted_quantiles,
)


@pytest.mark.parametrize("n_ones", [1, 2, 3, 4, 6, 8, 14])
def test_accumulators_start_by_the_share_of_the_rarer_class(n_ones):
    """At 4 up to an eighth, 1/8 at a quarter and 1/256 at a half, as all x are 1."""
    X, y = np.ones((16, 1)), (np.arange(16) < n_ones).astype(int)
    model = AdagradClassifier(scale_invariant=False, random_state=0).fit(X, y)
    known = {1: 4, 2: 4, 4: 1 / 8, 8: 1 / 256, 14: 4}
    share = share_of_two(y, np.ones(16))
    assert share == known.get(n_ones, share)
    assert model.initial_accumulator_ == expected_start(X, np.ones(16), share)


@pytest.mark.parametrize("size", [2.0**-8, 1.0, 3.0, 2.0**12])
@pytest.mark.parametrize("task", ["binary", "rare", "classes"])
def test_accumulators_start_by_the_size_of_values(task, size):
    X, y, weight = standard_samples(
        "classes" if task == "classes" else "binary", "dense float64"
    )
    if task == "rare":
        y = np.arange(N_ROWS) % 10 == 0
    X = X * size
    X[0] *= 100  # an outlier, which a mean square would be mostly made of
    model = AdagradClassifier(shuffle=False, max_iter=1)
    for weights in (weight, None):
        model.fit(X, y, sample_weight=weights)
        each = np.ones(N_ROWS) if weights is None else weight
        share = 4.0 if task == "classes" else share_of_two(y, each)
        wanted = expected_start(X, each, share)
        assert model.initial_accumulator_ == wanted
    X = np.column_stack((X, np.zeros(N_ROWS)))
    model.fit(X, y)
    np.testing.assert_array_equal(model.accumulators_[:, -1], wanted)
    rates = model.eta0_ / np.sqrt(np.full(len(model.coef_), wanted + model.eps_))
    np.testing.assert_allclose(model.learning_rates_[:, -1], rates)


@pytest.mark.parametrize("rare", [0, 1])
@pytest.mark.parametrize("factor", [1.0, 3.0, 20.0, "balanced"])
def test_a_class_weight_makes_no_rare_class_frequent(factor, rare):
    """Accumulators start at so many times as much as it then has of the weight."""
    X, _, _ = standard_samples("binary", "dense float64")
    is_rare = np.arange(N_ROWS) % 50 == 7
    factors = {rare: factor, 1 - rare: 1.0}
    if factor == "balanced":
        factors = {rare: 50 / 2, 1 - rare: 50 / 49 / 2}
    weight = np.where(is_rare, factors[rare], factors[1 - rare])
    model = AdagradClassifier(class_weight=factor if factor == "balanced" else factors)
    model.fit(X, np.where(is_rare, rare, 1 - rare))
    gain = weight[is_rare].sum() / weight.sum() / is_rare.mean()
    assert model.initial_accumulator_ == expected_start(X, weight, 4 * gain)


def nearest_multiples(means, spreads):
    """Return the multiples nearest to these means of spreads as powers of two."""
    steps = 2.0 ** np.round(np.log2(spreads))
    return steps * np.round(means / steps)


SLOPES = {  # where predictions are p
    "squared_error": lambda p, y: p - y,
    "absolute_error": lambda p, y: np.sign(p - y),
    "huber": lambda p, y: np.clip(p - y, -0.1, 0.1),
    "poisson": lambda p, y: np.exp(p) - y,
    "gamma": lambda p, y: 1 - y / np.exp(p),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("loss", SLOPES)
def test_accumulators_of_targets_start_by_their_slopes(loss, method):
    X, Y, _ = standard_samples("targets", "dense float64")
    X, Y = np.column_stack((X, np.zeros(N_ROWS)))[:32], np.abs(Y[:32]) + 0.01
    weight = np.random.default_rng(0).uniform(1, 2, 32)
    model = AdagradRegressor(loss)
    getattr(model, method)(X, Y, sample_weight=weight)
    means = np.average(Y, axis=0, weights=weight)
    if loss in ("poisson", "gamma"):
        squares = np.average((Y / means - 1) ** 2, axis=0, weights=weight)
        shares = np.minimum(1, np.sqrt(squares))
        first = np.log(2) * nearest_multiples(np.log2(means), shares)
    elif loss in ("absolute_error", "huber"):
        first = weighted_quantiles(Y, weight, 0.5)
    else:
        spreads = np.sqrt(np.average((Y - means) ** 2, axis=0, weights=weight))
        first = nearest_multiples(means, spreads)
    steep = np.average(SLOPES[loss](first, Y) ** 2, axis=0, weights=weight)
    wanted = expected_start(X, weight, 3**2 * steep)
    np.testing.assert_array_equal(np.tile(model.initial_accumulator_, 11)[:11], wanted)
    np.testing.assert_array_equal(model.accumulators_[:, -1], wanted)
    rates = model.eta0_ / np.sqrt(wanted + model.eps_)
    np.testing.assert_allclose(model.learning_rates_[:, -1], rates)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("share", [0.5, 0.05, 0.005])
def test_rare_events_have_their_part_in_where_accumulators_start(share, loss):
    """It goes with their share; the mean size of slopes would go with its square."""
    X, rng = np.ones((4000, 1)), np.random.default_rng(0)
    y = 1.0 * (rng.permutation(4000) < 4000 * share)
    model = AdagradRegressor(loss, fit_intercept=loss != "squared_error").fit(X, y)
    variance = share if loss == "squared_error" else share * (1 - share)
    assert 9 * variance / 1.5 < model.initial_accumulator_ < 9 * variance * 1.5


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_targets_whose_slopes_have_squares_that_overflow_are_refused(loss, method):
    """Whether or not some of them have the weight 0."""
    X, y, weight = standard_samples("one target", "dense float64")
    for weights in (None, weight):
        model = AdagradRegressor(loss)
        with pytest.raises(ValueError, match="too large"):
            getattr(model, method)(X, 1e200 * np.abs(y), sample_weight=weights)


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_eps_is_measured_in_squares_of_slopes(preconditioner):
    X, Y, _ = standard_samples("targets", "dense float64")
    Y = np.column_stack((Y[:, 0], 2.0**-30 * Y[:, 0]))
    params = {"eps": 1e-3, "preconditioner": preconditioner}
    auto = AdagradRegressor(random_state=0, **params).fit(X, Y)
    means = Y.mean(axis=0)
    squares = np.square(Y - nearest_multiples(means, Y.std(axis=0))).mean(axis=0)
    wanted = 1e-3 * 2.0 ** np.round(np.log2(squares))
    np.testing.assert_allclose(auto.eps_, wanted, rtol=1e-12)
    for given in ({"eta0": 0.5}, {"loss": "absolute_error"}):
        assert AdagradRegressor(**params, **given).fit(X, Y).eps_ == 1e-3
    assert AdagradClassifier(**params).fit(X, Y[:, 0] > 0).eps_ == 1e-3
    auto.set_params(eps=1e-2).partial_fit(X, Y)
    np.testing.assert_allclose(auto.eps_, 10 * wanted, rtol=1e-12)


@pytest.mark.parametrize("n_ones", [2, 8, 32])
def test_scales_do_not_depend_on_how_sums_were_rounded(n_ones):
    """The length √n of rows with n ones lies between two powers of two."""
    rng = np.random.default_rng(0)
    columns = np.arange(n_ones) * 6 + rng.integers(6, size=(300, n_ones))
    X, weight = np.zeros((300, 6 * n_ones)), rng.uniform(0.5, 3, 300)
    np.put_along_axis(X, columns, 1, axis=1)
    y = columns[:, 0] % 2
    wanted = None
    for _ in range(20):
        order = rng.permutation(300)
        model = AdagradClassifier(random_state=0, max_iter=1)
        model.fit(X[order], y[order], sample_weight=weight[order])
        state = model._state
        found = state.intercept_value, model.eta0_, model.initial_accumulator_
        assert found == (wanted or found)
        wanted = found


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("task", ["binary", "classes", "labels", "softmax"])
def test_only_the_proportions_of_light_weights_matter(task, method):
    X, y, weight = standard_samples(task, "CSR float64, int64 indices")
    usual, light = (model_of(task, random_state=0) for _ in range(2))
    known = {}
    if method == "partial_fit" and task != "labels":
        known = {"classes": np.unique(y)}
    weight /= weight.max()
    getattr(usual, method)(X, y, sample_weight=weight, **known)
    getattr(light, method)(X, y, sample_weight=weight * 2.0**-40, **known)
    assert light.initial_accumulator_ == usual.initial_accumulator_ * 2.0**-80
    np.testing.assert_array_equal(light.eps_, usual.eps_ * 2.0**-80)
    for name in ("coef_", "intercept_", "eta0_"):
        np.testing.assert_allclose(getattr(light, name), getattr(usual, name), 1e-9)


@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
@pytest.mark.parametrize("task", ["binary", "classes", "softmax", "labels"])
def test_a_classifier_takes_rows_in_any_unit(task, update):
    """But for the intercept, whose feature is 1; a power of two rounds nothing."""
    X, y, _ = standard_samples(task, "dense float64")
    params = {"shuffle": False, "eps": 1e-100, "fit_intercept": False}
    params["update"] = update
    one, other = (model_of(task, **params).fit(X * c, y) for c in (1, 2.0**20))
    np.testing.assert_array_equal(other.eta0_, np.array(one.eta0_) / 2**20)
    assert other.initial_accumulator_ == one.initial_accumulator_ * 2.0**40
    np.testing.assert_array_equal(
        other.predict(X * 2.0**20) != one.predict(X), np.zeros(y.shape, bool)
    )


@pytest.mark.parametrize("task", ["classes", "targets"])
def test_accumulators_start_at_0_for_a_given_rate_or_as_given(task):
    X, y, _ = standard_samples(task, "dense float64")
    assert model_of(task, eta0=0.5).fit(X, y).initial_accumulator_ == 0
    for given in (0.0, 0.3):
        model = model_of(task, initial_accumulator=given)
        assert model.fit(X, y).initial_accumulator_ == given
