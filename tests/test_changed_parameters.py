"""Parameters that change between two calls."""

import pickle

import numpy as np
import pytest

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._state import ModelState

from .comparing import assert_same, pickled
from .streaming import (
    N_FEATURES,
    assert_refused,
    each_stream,
    first_call,
    learn,
    model_of,
    weighted_samples,
)


@pytest.mark.parametrize("n_outputs", [1, 40])
def test_another_rate_under_ftrl_proximal_changes_all_or_nothing(
    n_outputs, monkeypatch
):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 6)), rng.normal(size=(200, n_outputs))
    model = AdagradRegressor(eta0=0.5, update="ftrl_proximal", alpha=1e-3)
    before = pickle.dumps(model.partial_fit(X, y))
    reads, calls = ModelState._weights_of, []

    def read_once(self, group):
        calls.append(group)
        if len(calls) > n_outputs // 40:
            raise MemoryError
        return reads(self, group)

    monkeypatch.setattr(ModelState, "_weights_of", read_once)
    with pytest.raises(MemoryError):
        model.set_params(eta0=0.01).partial_fit(X[:1], y[:1])
    monkeypatch.undo()
    unharmed = pickle.loads(before)
    assert_same(model, unharmed)
    assert_same(pickled(model), unharmed)


def test_a_rate_too_small_to_keep_the_weights_is_refused():
    X, y, _ = weighted_samples("binary")
    model = AdagradClassifier(eta0=0.5, update="ftrl_proximal")
    model.partial_fit(X.astype("float32"), y, classes=[0, 1])
    before = pickled(model)
    with pytest.raises(ValueError, match="too small in float32"):
        model.set_params(eta0=1e-40).partial_fit(X[:1], y[:1])
    assert_same(model, before)


@pytest.mark.parametrize("eta0", ["auto", 0.1])
def test_a_stream_goes_on_without_the_penalty_that_its_trial_began_with(eta0):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 4)), rng.integers(0, 3, 5000)
    whole = AdagradClassifier(alpha=1e-4).partial_fit(
        X[:100], y[:100], classes=[0, 1, 2]
    )
    parts = pickled(whole).set_params(alpha=0.0, eta0=eta0)
    whole.set_params(alpha=0.0, eta0=eta0).partial_fit(X[100:], y[100:])
    for chunk in np.array_split(np.arange(100, 5000), 3):
        parts.partial_fit(X[chunk], y[chunk])
    assert_same(parts, whole)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_ftrl_proximal_keeps_weights_at_rates_far_apart(factor, l1_ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)).astype("float32")
    y = (X @ rng.normal(size=(6, 3))).astype("float32")
    penalty = {"alpha": 1e-4, "l1_ratio": l1_ratio}
    model = AdagradRegressor(eta0=0.5, update="ftrl_proximal", **penalty)
    wanted = model.partial_fit(X, y).coef_
    model.set_params(eta0=0.5 * factor)
    moved = model._state.with_rate(model.eta0).weights()[0]
    np.testing.assert_allclose(moved, wanted, 1e-5, 1e-6)


@pytest.mark.parametrize(
    "params",
    [
        *({"alpha": -0.1}, {"alpha": np.nan}, {"eta0": 0.0}, {"eta0": np.nan}),
        *({"half_life": 0}, {"n_jobs": "2"}, {"fit_intercept": "no"}, {"loss": "no"}),
        *({"preconditioner": "x"}, {"update": "dual_averaging"}),
        *({"scale_invariant": True}, {"preconditioner": "full"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_calls", [1, 3])
@each_stream
def test_a_parameter_that_has_become_bad_is_refused_and_changes_nothing(
    stream, n_calls, params
):
    """Also among the first samples, which are learned anew with those that come."""
    X, y, weight = weighted_samples(stream)
    model = model_of(stream)
    for _ in range(n_calls):
        model.partial_fit(X, y, sample_weight=weight, **first_call(stream))
    (name,) = params
    model.set_params(**params)
    assert_refused(model, stream, lambda *samples: samples, name)


@each_stream
def test_another_loss_is_refused(stream):
    """Losses of both would be added up, and a link would turn weights into others."""
    model = learn(stream).set_params(loss="squared_epsilon_insensitive")
    assert_refused(model, stream, lambda *samples: samples, "loss has changed")
    X, y, _ = weighted_samples(stream)
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="loss has changed"):
        model.fit(X, y)
    model.set_params(warm_start=False).fit(X, y)


def test_another_multi_class_is_refused():
    model = AdagradClassifier().partial_fit(*weighted_samples("classes")[:2], range(10))
    model.set_params(multi_class="multinomial")
    assert_refused(
        model, "classes", lambda *samples: samples, "multi_class has changed"
    )


def test_a_penalty_that_is_refused_with_the_rate_changes_no_weight():
    """Under this update all sums are changed so that another rate leaves weights."""
    X, y, _ = weighted_samples("binary")
    model = AdagradClassifier(update="ftrl_proximal", eta0=0.5)
    wanted = model.partial_fit(X, y, [0, 1]).coef_
    model.set_params(alpha=0.1, l1_ratio=0.5, eta0=5e-324)
    with pytest.raises(ValueError, match="too small in float64"):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, wanted)


@pytest.mark.parametrize("loss", ["squared_error", "no loss"])
def test_predictions_have_the_link_of_the_loss_that_was_learned(loss):
    X, y, _ = weighted_samples("one target")
    model = AdagradRegressor("poisson").partial_fit(X, np.exp(y))
    wanted = model.predict(X)
    np.testing.assert_array_equal(model.set_params(loss=loss).predict(X), wanted)
    assert (wanted > 0).all()


def test_an_eps_that_is_subnormal_counts_as_the_least_normal_number():
    X, y, _ = weighted_samples("binary")
    model = AdagradClassifier("hinge", eta0=0.1, eps=1e-320).partial_fit(X, y, [0, 1])
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.learning_rates_).all()


@pytest.mark.parametrize(
    "options",
    [{}, *({"alpha": 0.01, "l1_ratio": l1_ratio} for l1_ratio in (0, 0.3, 1))],
    ids=str,
)
@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
@pytest.mark.parametrize("before", [0.5, "auto"])
@each_stream
def test_another_rate_leaves_the_weights(stream, before, update, options):
    """What the penalty has done to them by the rate before is not taken back."""
    X, y, weight = weighted_samples(stream)
    model = model_of(stream, eta0=before, update=update, **options)
    model.partial_fit(X, y, sample_weight=weight, **first_call(stream))
    wanted = model.coef_, model.intercept_
    model.set_params(eta0=1e-9).partial_fit(np.zeros((1, N_FEATURES)), y[:1])
    np.testing.assert_allclose(model.coef_, wanted[0], 1e-6, 1e-12)
    np.testing.assert_allclose(model.intercept_, wanted[1], 1e-6, 1e-8)
