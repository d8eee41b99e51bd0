"""The three updates with an elastic net equal the dense loop, however rows come."""

import copy
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._dispatch import KERNELS, UPDATES, available_instruction_sets, load

from .comparing import (
    assert_close,
    assert_same,
    each_form,
    pickled,
    raw_of,
    read_everything,
    with_int64,
)
from .reference import soft
from .streaming import in_chunks
from .tasks import ids
from .updating import (
    ETA0,
    N_ROWS,
    N_UNSEEN,
    SOME_TASKS,
    assert_follows,
    each_dtype,
    each_l1_ratio,
    each_loss,
    each_update,
    expected,
    go_on,
    model_of,
    reference_for,
    samples_by_frequency,
    samples_for,
    shown_once,
    some_tasks,
    trained,
)

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


@pytest.mark.parametrize(
    "options", [{}, {"scale_invariant": True, "initial_accumulator": 2.0}], ids=str
)
@some_tasks
def test_without_a_penalty_ftrl_proximal_is_mirror_descent(task, options):
    model = trained(task, update="ftrl_proximal", **options)
    assert_follows(model, expected(task, **options), rtol=1e-9)


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
