"""eta0="auto": which rate is chosen, and when."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.metrics import d2_tweedie_score

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV, _trial

from .auto_tasks import (
    FORMS,
    N_FEATURES,
    N_ROWS,
    OPTIONS,
    PENALTY,
    TARGETS,
    model_of,
    standard_samples,
)
from .comparing import STATE, assert_same, pickled
from .streaming import in_chunks


def streamed(task, form, cuts, between=lambda model: model, **params):
    """Learn the samples in chunks."""
    samples = standard_samples(task, form)
    return in_chunks(model_of(task, **params), *samples, cuts, between=between)


def learned(task, form, method, **params):
    if method == "partial_fit":
        return streamed(task, form, [5, 90], **params)
    # At two passes the best rate itself goes on, not half of it.
    model = model_of(task, shuffle=False, tol=None, max_iter=2, **params)
    X, y, weight = standard_samples(task, form)
    return model.fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("task", TARGETS)
def test_the_chosen_rate_gives_what_it_would_have_given_alone(task, name, method, form):
    options = OPTIONS[name]
    if task == "softmax" and options.get("importance_aware"):
        pytest.skip("refused together")
    model = learned(task, form, method, **options)
    rates = np.broadcast_to(model.eta0_, len(np.atleast_2d(model.coef_)))
    rtol = 1e-3 if "float32" in form else 1e-8
    options = {**options, "initial_accumulator": model.initial_accumulator_}
    options["eps"] = model.eps_
    for eta0 in np.unique(rates):
        alone = learned(task, form, method, eta0=eta0, **options)
        those = rates == eta0
        for attribute in ("coef_", "accumulators_", "learning_rates_", "intercept_"):
            ours, theirs = (
                getattr(m, attribute).reshape(len(rates), -1)[those]
                for m in (model, alone)
            )
            np.testing.assert_allclose(
                ours, theirs, rtol, rtol * np.abs(theirs).max(), err_msg=attribute
            )
    if len(np.unique(rates)) == 1:
        np.testing.assert_allclose(
            model.progressive_loss_, alone.progressive_loss_, rtol
        )


def test_some_outputs_choose_unlike_rates():
    """Or else the test above would compare one rate only."""
    assert len(np.unique(learned("targets", "dense float64", "fit").eta0_)) > 3


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("task", TARGETS)
def test_when_a_rate_is_settled_does_not_depend_on_the_chunks(task, name, monkeypatch):
    if task == "softmax" and OPTIONS[name].get("importance_aware"):
        pytest.skip("refused together")
    for trial in ("_TRIAL_OF_ONE", "_TRIAL_OF_SEVERAL"):
        monkeypatch.setattr(_trial, trial, 70)
    monkeypatch.setattr(_trial, "_FIRST_LOOK", 40)
    whole = streamed(task, "CSR float32", [], **OPTIONS[name])
    assert whole._state.n_candidates == 1
    for cuts in ([3, 39, 40, 69, 70, 71], [71], range(1, N_ROWS)):
        model = streamed(task, "CSR float32", cuts, pickled, **OPTIONS[name])
        assert_same(model, whole)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
@pytest.mark.parametrize("task", TARGETS)
def test_one_pass_of_fit_is_partial_fit_with_any_number_of_threads(task, n_jobs):
    """Which has all candidates in memory, where fit tries some after others."""
    X, y, weight = standard_samples(task, "CSR float32")
    model = model_of(task, shuffle=False, max_iter=1, n_jobs=n_jobs, **PENALTY)
    model.fit(X, y, sample_weight=weight)
    wanted = streamed(task, "CSR float32", [], **PENALTY)
    assert_same(model, wanted)


@pytest.mark.parametrize("end", [70, N_ROWS])
@pytest.mark.parametrize(
    ("task", "options"),
    [
        *((task, {"n_jobs": n}) for task in TARGETS for n in (1, 3)),
        *((task, {"preconditioner": "full"}) for task in ("binary", "labels")),
    ],
)
def test_three_passes_go_on_with_half_of_the_rate_that_is_best(
    task, options, end, monkeypatch
):
    """Best of one output by the second half of its trial, of few weights too."""
    for trial in ("_TRIAL_OF_SEVERAL", "_TRIAL_OF_PASSES"):
        monkeypatch.setattr(_trial, trial, end)
    X, y, weight = standard_samples(task, "CSR float32")
    counted, losses = np.flatnonzero(weight)[:end], []

    def note(model):
        losses.append(model._state.losses())
        return model

    with monkeypatch.context() as patched:  # all rates go on to the end
        patched.setattr(_trial, "_TRIAL_OF_SEVERAL", 2 * N_ROWS)
        half, last = counted[len(counted) // 2], counted[-1] + 1
        cuts = [half, last] if last < N_ROWS else [half]
        stream = streamed(task, "CSR float32", cuts, note, **options)
    rates = stream._state.rates
    few = X.shape[1] * len(rates) < len(counted) and "preconditioner" not in options
    decide = losses[1] - losses[0] if len(rates) == 1 or few else losses[1]
    best = decide.argmin(axis=1)
    wanted = rates[np.arange(len(rates)), np.maximum(best - 1, 0)]
    model = model_of(task, shuffle=False, tol=None, max_iter=3, **options)
    model.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(np.broadcast_to(model.eta0_, wanted.shape), wanted)


def test_rows_far_from_0_do_not_lead_to_the_smallest_rate():
    """As at first any step overshoots; on the whole of its pass accuracy was 0.5."""
    X, y = load_iris(return_X_y=True)
    X, y = X[y > 0], y[y > 0]
    scores = [AdagradClassifier(random_state=s).fit(X, y).score(X, y) for s in range(7)]
    assert np.median(scores) > 0.9


@pytest.mark.parametrize("power", [40, 52, 54])
@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_rates_that_overflow_leave_the_choice_to_others(preconditioner, power):
    """In a stream as in fit, where they are tried one output after another."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(700, 5)) * [1, 1, 1, 1, 30]).astype("float32")
    # Times 1.5 all scales are the same in a stream, by 32 samples, as in fit.
    y = (X @ rng.normal(size=5) + 3) * 1.5 * 2.0**power
    params = {"shuffle": False, "max_iter": 1, "scale_invariant": False}
    model = AdagradRegressor(preconditioner=preconditioner, **params)
    stream = clone(model).partial_fit(X, y)
    assert stream.eta0_ == model.fit(X, y).eta0_
    assert stream.progressive_loss_ == pytest.approx(model.progressive_loss_, rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [AdagradRegressor, AdagradRegressorCV])
def test_a_rate_that_overshoots_at_first_is_not_chosen(kind, seed):
    """Beside its first losses, of 1e25, those that decide would be rounded to 0."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(2000, 784))
    score = X @ rng.normal(size=784) * 3 / 28
    y = rng.poisson(np.exp(np.clip(score - score.mean(), -5, 3))).astype(float)
    model = kind("poisson", random_state=0).fit(X, y)
    assert d2_tweedie_score(y, model.predict(X), power=1) > 0.1


def test_the_loss_of_a_pass_is_its_own_whatever_the_first_one_was():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=300) + 1e9
    model = AdagradRegressor(eta0=1e8, max_iter=8, tol=None, random_state=0).fit(X, y)
    least = np.mean((y - LinearRegression().fit(X, y).predict(X)) ** 2) / 2
    assert model.loss_curve_[0] > 1e16
    assert 0.9 * least < model.loss_curve_[-1] < 2 * least


@pytest.mark.parametrize("offset", [0.0, 20.0])
def test_weights_too_large_for_their_type_are_infinite_without_a_warning(offset):
    X = np.random.default_rng(0).normal(size=(50, 2))
    y = 1e18 * (X[:, 0] - X[:, 1])
    X = (1e-25 * (X + offset)).astype("float32")
    model = AdagradRegressor(random_state=0).fit(X, y)  # the slopes are 1e43
    np.testing.assert_array_equal(model.coef_, [np.inf, -np.inf])
    assert model.score(X, y) > 0.9


def test_attributes_of_rows_whose_squares_overflow_are_there():
    X = 1e160 * np.random.default_rng(0).normal(size=(20, 3))
    model = AdagradClassifier(random_state=0).fit(X, np.arange(20) % 2)
    for name in STATE:
        assert not np.isnan(getattr(model, name)).any()


@pytest.mark.parametrize(
    ("best", "below", "left"),
    [(4, 0, [3, 4, 5]), (4, 1, [3, 4, 5, 6]), (0, 0, [0, 1, 2]), (7, 1, [4, 5, 6, 7])],
)
def test_a_look_leaves_the_best_rate_and_its_neighbours(best, below, left):
    losses = np.abs(np.arange(8.0) - best)[None]
    trial = _trial.Trial(end=4096, look=256, below=below)
    assert trial.chosen(losses).tolist() == [left]


@pytest.mark.parametrize("looks", [False, True])
def test_a_fit_that_goes_on_counts_from_its_own_first_sample(looks):
    trial = _trial.Trial.of_stream(n_outputs=2, looks=looks)
    later = trial.of_fit(t=1000, n_samples=10_000, max_iter=1)
    assert later.end == 1000 + trial.end
    assert (later.look < later.end) == looks
    assert trial.of_fit(t=1000, n_samples=50, max_iter=1).end == 1050


@pytest.mark.parametrize("size", [1e-23, 1, 1e20])
def test_a_rate_of_0_tells_of_a_feature_that_never_came(size):
    """Not of a column the square of whose size is no number of float32."""
    X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    X[:, 1] = 0
    model = AdagradClassifier(scale_invariant=True, random_state=0)
    model.fit(X * np.float32(size), X[:, 0] > 0)
    np.testing.assert_array_equal(model.learning_rates_[0] > 0, [True, False, True])


def test_stored_zeros_and_the_format_do_not_matter():
    X, y, weight = standard_samples("classes", "dense float64")
    stored = sp.csr_matrix(np.where(X == 0, 7.0, X))
    stored.data[(X == 0).ravel()] = 0.0
    models = [
        model_of("classes", random_state=0).fit(rows, y, sample_weight=weight)
        for rows in (X, sp.csr_matrix(X), stored)
    ]
    for model in models:
        assert model.initial_accumulator_ == models[0].initial_accumulator_ > 0
        np.testing.assert_array_equal(model.eta0_, models[0].eta0_)


@pytest.mark.parametrize("form", ["CSR float32", "CSR float64, int64 indices"])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("task", TARGETS)
def test_columns_that_no_row_has_change_nothing(task, name, form):
    """As most of those that words are hashed into."""
    if task == "softmax" and OPTIONS[name].get("importance_aware"):
        pytest.skip("refused together")
    X, y, weight = standard_samples(task, form)
    columns = 300 * np.arange(N_FEATURES, dtype=X.indices.dtype) + 7
    shape = N_ROWS, 300 * N_FEATURES
    wide = type(X)((X.data, columns[X.indices], X.indptr), shape)
    model = model_of(task, shuffle=False, **OPTIONS[name])
    model.fit(X, y, sample_weight=weight)
    of_wide = clone(model).fit(wide, y, sample_weight=weight)
    np.testing.assert_array_equal(of_wide.coef_[..., columns], model.coef_)
    assert np.count_nonzero(of_wide.coef_) == np.count_nonzero(model.coef_)
    for name in ("intercept_", "eta0_", "loss_curve_", "progressive_loss_"):
        np.testing.assert_array_equal(getattr(of_wide, name), getattr(model, name))
