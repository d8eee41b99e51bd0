"""Updates, elastic net and the options of the rule, held against the dense loop."""

import copy
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sklearn import config_context

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._dispatch import KERNELS, UPDATES, available_instruction_sets, load
from sk_adagrad._losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

from . import with_torch
from .comparing import (
    assert_close,
    assert_same,
    pickled,
    raw_of,
    read_everything,
    with_int64,
)
from .reference import adagrad, soft
from .streaming import in_chunks
from .tasks import LOG_LINK, LOSS_PARAMETERS, ids, loss_parameter, loss_parameters

N_ROWS, N_FEATURES, N_UNSEEN = 60, 30, 3
ETA0 = 0.5
RTOL = {"float64": 1e-11, "float32": 3e-4}

MOVING_UPDATES = "mirror_descent", "ftrl_proximal"  # from where the weights are
SOME_TASKS = [
    (AdagradClassifier, "log_loss", 2),
    (AdagradClassifier, "hinge", 9),
    (AdagradRegressor, "absolute_error", 1),
    (AdagradRegressor, "squared_error", 3),
]
EACH_LOSS = [(AdagradClassifier, loss, 2) for loss in CLASSIFICATION_LOSSES] + [
    (AdagradRegressor, loss, 1) for loss in REGRESSION_LOSSES
]


some_tasks = pytest.mark.parametrize("task", SOME_TASKS, ids=ids)
each_loss = pytest.mark.parametrize("task", EACH_LOSS, ids=ids)
each_update = pytest.mark.parametrize("update", UPDATES)
each_moving_update = pytest.mark.parametrize("update", MOVING_UPDATES)
each_l1_ratio = pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
each_dtype = pytest.mark.parametrize("dtype", RTOL)
each_form = pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])

VARIANTS = {
    "none": {},
    **{
        f"{update}-{l1_ratio}": {"update": update, "alpha": 0.01, "l1_ratio": l1_ratio}
        for update in UPDATES
        for l1_ratio in (0.0, 0.3, 1.0)
    },
    "half_life": {"half_life": 5},
    "importance_aware": {"importance_aware": True},
    "scale_invariant": {"scale_invariant": True},
    "importance_aware-ftrl_proximal": {
        **{"update": "ftrl_proximal", "importance_aware": True},
        **{"alpha": 0.01, "l1_ratio": 0.3},
    },
    **{
        f"scale_invariant-{update}": {
            **{"update": update, "scale_invariant": True},
            **{"alpha": 0.01, "l1_ratio": 0.3},
        }
        for update in UPDATES
    },
    "everything": {
        **{"half_life": 5, "importance_aware": True, "scale_invariant": True},
        **{"alpha": 0.01, "l1_ratio": 0.3},
    },
}
each_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


@cache
def samples_by_frequency(task, dtype="float64", empty_rows=True):
    """Return rows, labels or values, the targets that these mean, and weights.

    Features are frequent to rare, and the last are in no row; some rows are empty.
    """
    estimator, loss, n_outputs = task
    rng = np.random.default_rng(n_outputs)
    frequency = 0.9 / np.arange(1, N_FEATURES + 1) ** 0.8
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    X *= rng.random(X.shape) < frequency
    X[:, -N_UNSEEN:] = 0
    if empty_rows:
        X[::7] = 0
    weight = rng.uniform(0.1, 3, N_ROWS) * (np.arange(N_ROWS) % 6 != 4)
    if estimator is AdagradRegressor:
        values = rng.gamma(2, size=(N_ROWS, n_outputs))
        values = values if loss in LOG_LINK else values - 2
        y = Y = values.astype(dtype)
        y = y[:, 0] if n_outputs == 1 else y
    else:
        y = rng.permutation(np.arange(N_ROWS) % n_outputs)
        positive = [1] if n_outputs == 2 else np.arange(n_outputs)
        Y = np.where(y[:, None] == positive, 1.0, -1.0)
    return X.astype(dtype), y, Y, weight.astype(dtype)


def model_of(task, **options):
    estimator, loss, _ = task
    fixed = {"eta0": ETA0, "shuffle": False, "tol": None, "max_iter": 3}
    return estimator(loss, **{**loss_parameters(task), **fixed, **options})


def samples_for(options, task, dtype):
    """Return samples of which rounding does not decide what they teach.

    An importance-aware step on an empty row can leave its prediction, the intercept,
    at a jump of the slope, where the next empty row would find it.
    """
    return samples_by_frequency(task, dtype, not options.get("importance_aware", False))


def trained(task, dtype="float64", form=np.asarray, **options):
    """Make three passes over the rows in the order in which they are."""
    X, y, _, weight = samples_for(options, task, dtype)
    return model_of(task, **options).fit(form(X), y, sample_weight=weight)


def shown_once(task, X, y, weight, **options):
    """Show these rows to `partial_fit`."""
    return go_on(model_of(task, **options), task, X, y, weight)


def go_on(model, task, X, y, weight=None):
    _, all_labels, _, _ = samples_by_frequency(task)
    classes = {"classes": np.unique(all_labels)} if is_classifier(task) else {}
    return model.partial_fit(X, y, sample_weight=weight, **classes)


def is_classifier(task):
    return task[0] is AdagradClassifier


@cache
def expected(task, dtype="float64", passes=3, **options):
    some = samples_for(options, task, dtype)
    X, _, Y, weight = (np.asarray(a, "float64") for a in some)
    return reference_for(task, X, Y, weight, passes=passes, **options)


def reference_for(task, X, Y, weight, **options):
    options = {"eta0": ETA0, "parameter": loss_parameter(task), **options}
    return adagrad(X, Y, weight, loss=task[1], **options)


def assert_follows(model, reference, dtype="float64", rtol=None, scale=1.0):
    """Compare all that is published; a feature's unit is `scale` of the usual one."""
    rtol = rtol or RTOL[dtype]
    for name, unit in (
        *(("coef", scale), ("accumulators", scale**-2), ("learning_rates", scale**2)),
        *((f"intercept{name}", 1.0) for name in ("", "_accumulators")),
        ("intercept_learning_rates", 1.0),
    ):
        actual = getattr(model, f"{name}_")
        assert actual.dtype == dtype
        assert_close(actual * unit, getattr(reference, name) * unit, rtol)
    assert_close(model.loss_curve_, reference.loss_curve, rtol)
    assert model.t_ == reference.t
    if dtype == "float64":
        assert_same_zeros(model, reference)


def assert_same_zeros(model, reference):
    zeros = np.reshape(reference.coef == 0, model.coef_.shape)
    np.testing.assert_array_equal(model.coef_ == 0, zeros)


# The three updates with an elastic net.


@each_form
@each_dtype
@each_l1_ratio
@each_update
@some_tasks
def test_lazy_regularisation_equals_the_dense_loop(task, update, l1_ratio, dtype, form):
    options = {"update": update, "alpha": 0.01, "l1_ratio": l1_ratio}
    reference = expected(task, dtype, **options)
    assert_follows(trained(task, dtype, form, **options), reference, dtype)


@pytest.mark.parametrize("number", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", ["l1_ratio", "half_life"])
def test_a_parameter_counts_the_same_whatever_its_type(name, number):
    X = np.random.default_rng(0).normal(size=(50, 4))
    model, wanted = (
        AdagradRegressor(eta0=0.5, alpha=1e-3, **{name: value})
        for value in (number(0.25), 0.25)
    )
    for each in (model, wanted):
        each.partial_fit(X, X[:, 0])
    np.testing.assert_array_equal(model.coef_, wanted.coef_)


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@each_update
@some_tasks
def test_l1_makes_some_of_the_reference_s_weights_zero(task, update, l1_ratio):
    """Or else the tests of exact zeros would be empty."""
    reference = expected(task, update=update, alpha=0.01, l1_ratio=l1_ratio)
    n_zeros = np.sum(reference.coef == 0) - np.sum(reference.accumulators == 0)
    assert 0 < n_zeros < 0.9 * reference.coef.size


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
@each_dtype
@pytest.mark.parametrize(
    "name", [*(f"{update}-0.3" for update in UPDATES), "everything"]
)
@pytest.mark.parametrize("task", SOME_TASKS[::3], ids=ids)
def test_every_kernel_follows_every_update(
    task, name, dtype, instruction_set, monkeypatch
):
    dtype_kernel = load(instruction_set)[np.dtype(dtype)]
    monkeypatch.setitem(KERNELS, np.dtype(dtype), dtype_kernel)
    reference = expected(task, dtype, **VARIANTS[name])
    assert_follows(
        trained(task, dtype, sp.csr_array, **VARIANTS[name]), reference, dtype
    )


@pytest.mark.parametrize(
    "options",
    [
        *({"alpha": 1e-4}, {"alpha": 0.3}, {"eta0": 0.01}, {"eta0": 10.0}),
        *({"eps": 0.3}, {"initial_accumulator": 2.0}, {"fit_intercept": False}),
    ],
    ids=str,
)
@each_update
@some_tasks
def test_options_go_with_regularisation(task, update, options):
    options = {"update": update, "alpha": 0.01, "l1_ratio": 0.3, **options}
    assert_follows(trained(task, **options), expected(task, **options))


@each_update
@each_loss
def test_every_loss_goes_with_every_update(task, update):
    options = {"update": update, "alpha": 0.01, "l1_ratio": 0.3}
    assert_follows(trained(task, **options), expected(task, **options), rtol=1e-10)


@each_update
@some_tasks
def test_int64_indices_follow_every_update(task, update):
    options = {"update": update, "alpha": 0.01, "l1_ratio": 0.3}
    assert_follows(trained(task, form=with_int64, **options), expected(task, **options))


@each_l1_ratio
@each_dtype
def test_a_hundred_thousand_missed_steps_are_one_formula(dtype, l1_ratio):
    """Each shrinks a weight by less than float32 can tell."""
    n, alpha = 100_000, 1e-5
    X = sp.csr_array(([1.0], [0], [0] + [1] * (n + 1)), shape=(n + 1, 1), dtype=dtype)
    model = AdagradRegressor(
        "absolute_error",
        **{"eta0": 2.0, "eps": 1.0, "initial_accumulator": 2.0},
        **{"alpha": alpha, "l1_ratio": l1_ratio, "fit_intercept": False},
    ).partial_fit(X, np.ones(n + 1))

    w = h = 2 / np.sqrt(2 + 1 + 1)
    for _ in range(n + 1):
        w = max(w - h * alpha * l1_ratio, 0) / (1 + h * alpha * (1 - l1_ratio))
    assert (w == 0) == (l1_ratio == 1)
    rtol = {"float64": 1e-9, "float32": 1e-5}[dtype]
    np.testing.assert_allclose(model.coef_, w, rtol)


@pytest.mark.skipif(
    len(available_instruction_sets()) == 1, reason="only x86-64 has a switch for this"
)
@pytest.mark.parametrize("instruction_set", available_instruction_sets())
@pytest.mark.parametrize("n_outputs", [1, 3])
@each_dtype
def test_what_a_penalty_has_all_but_removed_is_zero(
    dtype, n_outputs, instruction_set, monkeypatch
):
    """Denormal numbers are slow, but only learning may do without them.

    A weight of 2^-10, at a rate of 2^-10, is halved by each sample.
    """
    dtype_kernel = load(instruction_set)[np.dtype(dtype)]
    monkeypatch.setitem(KERNELS, np.dtype(dtype), dtype_kernel)
    tiny = np.finfo(dtype).tiny
    n_bits = int(-np.log2(tiny))
    for n_empty in range(n_bits - 15, n_bits + 5):
        X = sp.csr_array(([1.0], [0], [0] + [1] * (n_empty + 1)), dtype=dtype)
        y = np.ones((n_empty + 1, n_outputs)).squeeze()
        model = AdagradRegressor(
            "absolute_error",
            **{"eta0": 2.0**-10, "alpha": 2.0**10, "fit_intercept": False},
        ).partial_fit(X, y)
        weights = model.coef_.ravel()
        exact = 2.0 ** (-10 - n_empty - 1)
        assert (weights == weights[0]).all()
        assert weights[0] == 0 or weights[0] >= tiny
        np.testing.assert_allclose(weights, exact, rtol=1e-4, atol=tiny)
    assert weights[0] == 0
    assert np.array(tiny, dtype) / 2 > 0


@pytest.mark.parametrize("n_empty", [0, 1, 10, 400])
@each_update
def test_a_weight_fades_to_zero_at_the_step_at_which_the_dense_loop_says(
    update, n_empty
):
    task = AdagradRegressor, "absolute_error", 1
    options = {"update": update, "alpha": 2e-3, "l1_ratio": 0.5, "eta0": 0.1}
    X = np.zeros((20 + n_empty, 40))
    X[:20] = np.random.default_rng(0).normal(size=(20, 40))
    y, weight = np.ones(len(X)), np.ones(len(X))
    model = shown_once(task, X, y, weight, **options)
    assert_follows(model, reference_for(task, X, y[:, None], weight, **options))


@each_form
@each_update
@some_tasks
def test_intercept_is_not_penalised(task, update, form):
    """With weights held at zero it is the one that is learned without features."""
    X, y, _, weight = samples_by_frequency(task)
    options = {"update": update, "l1_ratio": 1.0}
    model = shown_once(task, form(X), y, weight, alpha=1e9, **options)
    alone = shown_once(task, form(0 * X), y, weight, alpha=0.0, **options)
    np.testing.assert_array_equal(model.coef_, 0)
    assert alone.intercept_.any()
    # Each has a loop of its own in the kernel, so they may round differently.
    np.testing.assert_allclose(model.intercept_, alone.intercept_, 1e-12)


@each_variant
@some_tasks
def test_features_that_no_row_has_stay_as_they_began(task, options):
    model = trained(task, initial_accumulator=0.5, eps=0.5, **options)
    np.testing.assert_array_equal(model.coef_[..., -N_UNSEEN:], 0)
    np.testing.assert_array_equal(model.accumulators_[..., -N_UNSEEN:], 0.5)
    rate = 0.0 if options.get("scale_invariant") else ETA0
    np.testing.assert_array_equal(model.learning_rates_[..., -N_UNSEEN:], rate)


@each_update
def test_a_sample_that_teaches_nothing_still_shrinks_the_weights(update):
    """Its slope is 0, but it is a sample: t moves on, and the penalty applies."""
    task = AdagradRegressor, "epsilon_insensitive", 1
    options = {"update": update, "alpha": 0.1, "fit_intercept": False}
    model = shown_once(task, np.array([[1.0, 0.0]]), np.ones(1), None, **options)
    before, G = model.coef_, model.accumulators_
    go_on(model, task, np.array([[0.0, 1.0]]), np.zeros(1))
    assert 0 < model.coef_[0] < before[0]
    np.testing.assert_array_equal(model.accumulators_, G)
    assert model.t_ == 2


@some_tasks
def test_without_a_penalty_ftrl_proximal_is_mirror_descent(task):
    model = trained(task, update="ftrl_proximal")
    assert_follows(model, expected(task), rtol=1e-9)


@each_l1_ratio
@each_dtype
def test_dual_averaging_is_its_formula(dtype, l1_ratio):
    """Far below their targets, all samples have the slope -1."""
    task, alpha = (AdagradRegressor, "absolute_error", 1), 0.05
    X, _, _, weight = samples_by_frequency(task, dtype)
    options = {"update": "dual_averaging", "alpha": alpha, "l1_ratio": l1_ratio}
    model = shown_once(task, X, np.full(N_ROWS, 1e6), weight, eps=0.01, **options)
    z, G = -weight @ X, weight**2 @ X**2
    t = np.count_nonzero(weight)
    shrunk = soft(z, t * alpha * l1_ratio)
    wanted = -ETA0 * shrunk / (np.sqrt(G + 0.01) + ETA0 * t * alpha * (1 - l1_ratio))
    assert_close(model.coef_, wanted, {"float64": 1e-13, "float32": 1e-5}[dtype])
    np.testing.assert_array_equal(model.coef_ == 0, wanted == 0)


# What a stream may be cut by, whatever the options.

STREAMS = [
    (AdagradClassifier, "hinge", 10),
    (AdagradRegressor, "squared_error", 1),
]
each_stream = pytest.mark.parametrize("task", STREAMS, ids=ids)
STREAM_VARIANTS = VARIANTS | {
    f"auto-{name}": {"eta0": "auto", **options} for name, options in VARIANTS.items()
}


@cache
def whole_stream(task, form, name):
    X, y, _, weight = samples_by_frequency(task)
    return shown_once(task, form(X), y, weight, **STREAM_VARIANTS[name])


@each_stream
@pytest.mark.parametrize("name", STREAM_VARIANTS)
@settings(max_examples=10, deadline=None)
@given(
    cuts=st.sets(st.integers(1, N_ROWS - 1)).map(sorted),
    form=st.sampled_from([np.asarray, sp.csr_array]),
    between=st.sampled_from([lambda m: m, pickled, copy.deepcopy, read_everything]),
)
@example(cuts=range(3, N_ROWS, 4), form=sp.csr_array, between=pickled)
@example(cuts=range(3, N_ROWS, 4), form=sp.csr_array, between=read_everything)
def test_any_chunking_gives_the_same_model(task, name, cuts, form, between):
    X, y, _, weight = samples_by_frequency(task)
    model = model_of(task, **STREAM_VARIANTS[name])
    model = in_chunks(model, X, y, weight, cuts, form, between)
    assert_same(model, whole_stream(task, form, name))


@each_variant
@some_tasks
def test_fit_is_partial_fit_for_each_pass(task, options):
    X, y, _, weight = samples_for(options, task, "float64")
    model = model_of(task, **options)
    for _ in range(3):
        go_on(model, task, X, y, weight)
    wanted = trained(task, **options)
    for name in ("coef_", "intercept_", "accumulators_", "learning_rates_", "t_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(wanted, name))


@each_variant
@some_tasks
def test_rows_of_weight_zero_are_no_rows(task, options):
    X, y, _, weight = samples_by_frequency(task)
    some = weight > 0
    with_them = shown_once(task, X, y, weight, **options)
    assert_same(with_them, shown_once(task, X[some], y[some], weight[some], **options))


@each_variant
@some_tasks
def test_zeros_that_csr_stores_are_no_values(task, options):
    def with_zeros(X):
        """Store each row's every third zero."""
        stored = (X != 0) | (np.arange(X.shape[1]) % 3 == 0)
        indptr = np.append(0, stored.sum(axis=1).cumsum())
        return sp.csr_matrix((X[stored], np.nonzero(stored)[1], indptr), X.shape)

    model = trained(task, form=with_zeros, **options)
    assert_follows(model, expected(task, **options), rtol=1e-10)


@each_variant
@each_form
@some_tasks
def test_predictions_are_those_of_the_published_weights(task, form, options):
    X, y, _, weight = samples_by_frequency(task)
    model = model_of(task, **options)
    many = np.tile(X, (10, 1))  # whose weights are read once for all rows
    for _ in range(2):
        go_on(model, task, form(X), y, weight)
        raw = X @ np.atleast_2d(model.coef_).T + model.intercept_
        assert_close(raw_of(model, form(X[:3])), raw[:3], 1e-13)
        for _ in range(2):
            assert_close(raw_of(model, form(many)), np.tile(raw, (10, 1)), 1e-13)


@each_variant
def test_number_of_threads_does_not_matter(options):
    task = AdagradClassifier, "log_loss", 20
    assert_same(trained(task, n_jobs=2, **options), trained(task, **options))


# half_life


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


# importance_aware


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


# scale_invariant


def factors(dtype="float64"):
    powers = np.random.default_rng(5).uniform(-6, 6, N_FEATURES)
    return (10**powers).astype(dtype)


@each_dtype
@each_form
@each_l1_ratio
@each_update
@some_tasks
def test_scale_invariance_follows_the_reference(task, update, l1_ratio, form, dtype):
    X, y, Y, weight = samples_by_frequency(task, dtype)
    X = X * factors(dtype)
    options = {"update": update, "scale_invariant": True}
    options.update(alpha=0.01, l1_ratio=l1_ratio, eps=1e-3)
    model = shown_once(task, form(X), y, weight, **options)
    X, Y, weight = (a.astype("float64") for a in (X, Y, weight))
    reference = reference_for(task, X, Y, weight, **options)
    assert_follows(model, reference, dtype, scale=factors())


@pytest.mark.parametrize("eta0", [ETA0, "auto"])
@pytest.mark.parametrize("visits", ["a stream", "in order", "shuffled"])
@pytest.mark.parametrize(
    "penalty", [{}, {"alpha": 0.01, "l1_ratio": 0.3}], ids=["plain", "penalised"]
)
@each_form
@each_update
@some_tasks
def test_scaled_columns_give_the_same_predictions(
    task, update, form, penalty, visits, eta0
):
    X, y, _, weight = samples_by_frequency(task)
    options = {"scale_invariant": True, "update": update, "eta0": eta0, **penalty}
    options |= {"shuffle": visits == "shuffled", "random_state": 0}
    raw = []
    for scaled in (form(X * factors()), form(X)):
        model = model_of(task, **options)
        if visits == "a stream":
            go_on(model, task, scaled, y, weight)
        else:
            model.fit(scaled, y, sample_weight=weight)
        raw.append(raw_of(model, scaled))
    assert_close(*raw, 1e-10)


def test_rows_of_weight_zero_do_not_set_the_scale():
    X, y = np.array([[1.0], [1e6], [2.0]]), np.ones(3)
    task, weight = (AdagradRegressor, "squared_error", 1), np.array([1.0, 0.0, 1.0])
    model = shown_once(task, X, y, weight, scale_invariant=True)
    some = weight > 0
    wanted = shown_once(task, X[some], y[some], None, scale_invariant=True)
    assert_same(model, wanted)


def test_a_long_half_life_is_not_rounded_away_in_float32():
    half_life, n = 1e6, 2_000_000
    model = AdagradRegressor(
        "absolute_error", eta0=1e-6, half_life=half_life, fit_intercept=False
    )
    model.partial_fit(np.ones((n, 1), "float32"), np.full(n, 1000.0))
    wanted = np.expm1(-n * np.log(2) / half_life) / np.expm1(-np.log(2) / half_life)
    np.testing.assert_allclose(model.accumulators_, [wanted], rtol=5e-3)


# Combinations that make no sense.


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("half_life", {"half_life": 5, "update": "dual_averaging"}),
        ("half_life", {"half_life": 5, "update": "ftrl_proximal"}),
        (
            "importance_aware",
            {"importance_aware": True, "update": "dual_averaging"},
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@some_tasks
def test_a_combination_without_sense_is_refused(task, method, name, options):
    X, y, _, _ = samples_by_frequency(task)
    model = model_of(task, **options)
    learn = model.fit if method == "fit" else lambda X, y: go_on(model, task, X, y)
    with pytest.raises(ValueError, match=name) as error:
        learn(X, y)
    assert options["update"] in str(error.value)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("update", ["dual_averaging", "ftrl_proximal"])
@pytest.mark.parametrize(
    ("dtype", "size"), [("float32", 1e21), ("float64", 1e160)], ids=str
)
def test_sums_that_overflow_are_refused(update, dtype, size):
    """Read as weights they might be 0, and pass for a model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5))
    y = X @ rng.normal(size=5)
    model = AdagradRegressor(update=update, eta0=1 / size, shuffle=False)
    with pytest.raises(ValueError, match="loss is no longer a finite number"):
        model.fit((X * size).astype(dtype), y)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_rate_that_makes_the_loss_overflow_is_named(method):
    model = AdagradRegressor(eta0=1e300)
    with pytest.raises(
        ValueError, match=r"eta0=1e\+300 or values.*Lower eta0 or scale"
    ):
        getattr(model, method)(np.eye(3), [1.0, 2.0, 3.0])


def test_values_that_make_the_loss_overflow_are_named_alone_where_no_rate_is_given():
    model = AdagradRegressor().fit(np.eye(3), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"number: values of X, .*\. Scale them, X"):
        model.partial_fit(1e300 * np.eye(3), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_importance_aware_softmax_is_refused(method):
    task = AdagradClassifier, "log_loss", 3
    X, y, _, _ = samples_by_frequency(task)
    model = model_of(task, importance_aware=True, multi_class="multinomial")
    learn = model.fit if method == "fit" else lambda X, y: go_on(model, task, X, y)
    with pytest.raises(ValueError, match="importance_aware") as error:
        learn(X, y)
    assert "multinomial" in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        *({"update": "adam"}, {"alpha": -1e-3}, {"l1_ratio": 1.1}, {"l1_ratio": -0.1}),
        *({"half_life": 0}, {"half_life": -1.0}, {"half_life": "short"}),
        *({"importance_aware": "yes"}, {"scale_invariant": None}),
        *({"alpha": np.nan}, {"alpha": np.inf}),
    ],
    ids=str,
)
def test_a_bad_value_is_refused(options):
    (name,) = options
    model = AdagradClassifier(**options)
    with pytest.raises(ValueError, match=name):
        model.fit(np.eye(2), [0, 1])
    with pytest.raises(ValueError, match=name):
        model.partial_fit(np.eye(2), [0, 1], classes=[0, 1])


def test_parameters_are_not_looked_at_where_scikit_learn_is_told_not_to():
    model = AdagradClassifier(tol="a tenth")  # of which a stream has no use
    with config_context(skip_parameter_validation=True):
        model.partial_fit(np.eye(2), [0, 1], classes=[0, 1])
    assert model.t_ == 2
    with pytest.raises(ValueError, match="tol"):
        model.fit(np.eye(2), [0, 1])


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@each_dtype
def test_a_target_is_penalised_the_same_whatever_rates_lie_beside_it(dtype, l1_ratio):
    """Where all steps of L2 are short, the kernel has a way of its own."""
    X = sp.random(200, 30, density=0.1, format="csr", dtype=dtype, random_state=0)
    y = np.random.default_rng(0).normal(size=200)
    penalty = {"alpha": 1e-3, "l1_ratio": l1_ratio}
    passes = {"max_iter": 3, "tol": None, "shuffle": False}

    def beside(size):
        Y = np.column_stack((y, size * y, size * y))
        model = AdagradRegressor("absolute_error", **penalty, **passes)
        return model.fit(X, Y).coef_[0]

    np.testing.assert_array_equal(beside(1e-3), beside(1e6))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("alpha", [0, 1e-2])
@pytest.mark.parametrize("update", UPDATES)
def test_a_label_is_learned_the_same_whatever_labels_lie_beside_it(
    update, alpha, dtype
):
    """Also where its own loss is flat and another one's is not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 12)).astype(dtype)
    Y = (X @ rng.normal(size=(12, 40)) + rng.normal(size=(150, 40)) > 0) * 1
    order = rng.permutation(40)
    params = {"loss": "hinge", "eta0": 0.5, "update": update, "alpha": alpha}
    params |= {"l1_ratio": 0.3, "shuffle": False, "max_iter": 2}
    model = AdagradClassifier(**params).fit(X, Y)
    other = AdagradClassifier(**params).fit(X, Y[:, order])
    np.testing.assert_array_equal(other.coef_, model.coef_[order])
    np.testing.assert_array_equal(other.accumulators_, model.accumulators_[order])
