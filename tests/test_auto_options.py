"""Every option does under eta0="auto" what it does at the rate that is chosen."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.metrics import d2_tweedie_score

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV, _trial
from sk_adagrad._losses import REGRESSION_LOSSES
from sk_adagrad._rates import (
    intercepts_near,
    n_to_start_by,
    size_of_most,
    weighted_quantile,
)

from .auto_tasks import (
    FORMS,
    N_FEATURES,
    N_ROWS,
    OPTIONS,
    PENALTY,
    TARGETS,
    model_of,
    standard_samples,
    weighted_quantiles,
)
from .comparing import STATE, assert_same, pickled
from .streaming import in_chunks
from .tasks import IDENTITY_LINK, LOG_LINK


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


def test_means_halfway_between_two_first_intercepts_are_not_rounded_by_chance():
    for mean in (0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1)):
        assert intercepts_near(np.array([mean]), np.array([1.0])) == [0.0]


@pytest.mark.parametrize("looks", [False, True])
def test_a_fit_that_goes_on_counts_from_its_own_first_sample(looks):
    trial = _trial.Trial.of_stream(n_outputs=2, looks=looks)
    later = trial.of_fit(t=1000, n_samples=10_000, max_iter=1)
    assert later.end == 1000 + trial.end
    assert (later.look < later.end) == looks
    assert trial.of_fit(t=1000, n_samples=50, max_iter=1).end == 1050


# Where accumulators start.


def expected_start(X, weight, share):
    """Return the share of the squared mean |x| of non-zeros, as a power of two."""
    sizes = np.abs(X)[X != 0]
    mean = np.average(sizes, weights=np.repeat(weight, (X != 0).sum(axis=1)))
    return 2.0 ** np.round(np.log2(share * mean**2))


def share_of_two(y, weight):
    """Return 4 where one of two classes has up to an eighth, 1/256 for a half."""
    one = np.average(y, weights=weight)
    return 4.0 / max(1.0, 8 * min(one, 1 - one)) ** 5


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


@pytest.mark.parametrize("chunk", [1, 7, N_ROWS])
def test_a_stream_with_class_weights_starts_again_with_the_rarer_class(chunk):
    X, _, _ = standard_samples("binary", "dense float64")
    is_rare = np.arange(N_ROWS) % 9 == 40 % 9
    is_rare[:40] = False
    n = 128  # of 150
    model = AdagradClassifier(class_weight={0: 1.0, 1: 20.0})
    for begin in range(0, N_ROWS, chunk):
        part = slice(begin, begin + chunk)
        model.partial_fit(X[part], is_rare[part].astype(int), classes=[0, 1])
    weight = np.where(is_rare, 20.0, 1.0)[:n]
    share = is_rare[:n].mean()
    gain = weight[is_rare[:n]].sum() / weight.sum() / share
    assert share < 1 / 8
    assert model.initial_accumulator_ == expected_start(X[:n], weight, 4 * gain)
    without = AdagradClassifier().partial_fit(X, is_rare.astype(int), classes=[0, 1])
    assert without.initial_accumulator_ == expected_start(X[:n], np.ones(n), 4)


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


@pytest.mark.parametrize("chunk", [1, 7, N_ROWS])
def test_a_stream_starts_again_by_twice_as_many_samples(chunk):
    X, y, weight = standard_samples("binary", "dense float64")
    kept = np.flatnonzero(weight)
    X *= np.linspace(1, 100, N_ROWS)[:, None]
    model, starts = model_of("binary"), []
    for begin in range(0, N_ROWS, chunk):
        part = slice(begin, begin + chunk)
        model.partial_fit(X[part], y[part], [0, 1], sample_weight=weight[part])
        n = int(np.count_nonzero(weight[: begin + chunk]))
        if n >= 32:
            first = kept[: 2 ** int(np.log2(n))]
            starts.append(model.initial_accumulator_)
            share = share_of_two(y[first], weight[first])
            assert starts[-1] == expected_start(X[first], weight[first], share)
    assert len(set(starts)) == (3 if chunk < N_ROWS else 1)
    model.set_params(eta0=0.5).partial_fit(X, y)
    assert model.initial_accumulator_ == starts[-1], "a state keeps its start"


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


@pytest.mark.parametrize("n_equal", [0, 40, 140])
@pytest.mark.parametrize("chunk", [1, 64])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
def test_a_stream_is_scaled_by_targets_that_differ(loss, chunk, n_equal):
    """Claims are mostly 0; before one comes nothing is known of their size."""
    X, y, _ = standard_samples("targets", "CSR float64, int64 indices")
    X, y = sp.vstack([X[:n_equal], X], format="csr"), np.abs(y[:, 0])
    y = np.concatenate([np.zeros(n_equal), y * (y > np.median(y))])
    in_units, in_thousands = (AdagradRegressor(loss) for _ in range(2))
    for begin in range(0, len(y), chunk):
        part = slice(begin, begin + chunk)
        in_units.partial_fit(X[part], y[part])
        in_thousands.partial_fit(X[part], 1024 * y[part])
    if loss != "poisson":
        assert in_thousands.eta0_ == 1024 * in_units.eta0_
        np.testing.assert_allclose(
            in_thousands.predict(X), 1024 * in_units.predict(X), rtol=1e-5, atol=1e-3
        )
    whole = AdagradRegressor(loss).partial_fit(X, y)
    assert_same(in_units, whole)


def test_how_many_samples_a_stream_starts_by():
    for come, first in (
        *((0, 0), (1, 1), (31, 31), (32, 32), (63, 32), (64, 64)),
        *((1023, 512), (1024, 1024), (4096, 1024), (10**9, 1024)),
    ):
        assert n_to_start_by(come) == (first, True)


def test_a_stream_waits_for_targets_that_differ():
    rising, zeros = np.arange(5000.0)[:, None], np.zeros((5000, 1))
    claims, late = zeros.copy(), zeros.copy()
    claims[100::10] = 1
    late[2000::5] = 1
    for come, targets, expected in (
        (40, rising, (32, True)),
        (0, zeros, (0, False)),
        (150, claims, (128, False)),
        (170, claims, (128, False)),
        (171, claims, (171, True)),  # has eight ones
        (255, claims, (171, True)),
        (256, claims, (256, True)),
        (200, np.hstack([rising, claims]), (171, True)),
        (2035, late, (1024, False)),
        (2036, late, (2036, True)),
        (4096, late, (2036, True)),
        (4000, zeros, (2048, False)),
        (4096, zeros, (4096, True)),  # no longer waited for
        (5000, zeros, (4096, True)),
    ):
        assert n_to_start_by(come, targets[: min(come, 4096)]) == expected


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


# Where intercepts start.


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_what_is_published_of_intercepts_does_not_overflow_on_the_way(preconditioner):
    X = np.random.default_rng(0).normal(size=(40, 3)) * 1e-155
    model = AdagradClassifier(preconditioner=preconditioner).fit(X, X[:, 0] > 0)
    assert 0 < model.intercept_accumulators_[0] < 1e3
    assert np.isfinite(model.intercept_learning_rates_)


@pytest.mark.parametrize("size", [1e-23, 1, 1e20])
def test_a_rate_of_0_tells_of_a_feature_that_never_came(size):
    """Not of a column the square of whose size is no number of float32."""
    X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    X[:, 1] = 0
    model = AdagradClassifier(scale_invariant=True, random_state=0)
    model.fit(X * np.float32(size), X[:, 0] > 0)
    np.testing.assert_array_equal(model.learning_rates_[0] > 0, [True, False, True])


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


@pytest.mark.parametrize("task", ["classes", "targets"])
def test_accumulators_start_at_0_for_a_given_rate_or_as_given(task):
    X, y, _ = standard_samples(task, "dense float64")
    assert model_of(task, eta0=0.5).fit(X, y).initial_accumulator_ == 0
    for given in (0.0, 0.3):
        model = model_of(task, initial_accumulator=given)
        assert model.fit(X, y).initial_accumulator_ == given
