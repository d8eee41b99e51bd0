"""The estimators hold to the published rule, kept apart from them in `reference.py`."""

from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._dispatch import KERNELS, available_instruction_sets, load
from sk_adagrad._losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

from . import with_torch
from .comparing import assert_close, with_int64
from .reference import adagrad
from .streaming import in_chunks
from .tasks import N_ROWS, ids, loss_parameter, loss_parameters, samples_of

RTOL = {"float64": 1e-12, "float32": 2e-4}

CLASSIFICATION = [
    (AdagradClassifier, loss, n_classes)
    for loss in CLASSIFICATION_LOSSES
    for n_classes in (2, 3, 9, 20)
]
REGRESSION = [
    (AdagradRegressor, loss, n_outputs)
    for loss in REGRESSION_LOSSES
    for n_outputs in (1, 2, 3, 9, 20)
]
TASKS = CLASSIFICATION + REGRESSION
SOME_TASKS = [
    (AdagradClassifier, "log_loss", 2),
    (AdagradClassifier, "log_loss", 9),
    (AdagradRegressor, "squared_error", 1),
    (AdagradRegressor, "squared_error", 3),
]


each_task = pytest.mark.parametrize("task", TASKS, ids=ids)
some_tasks = pytest.mark.parametrize("task", SOME_TASKS, ids=ids)


@cache
def expected(task, dtype="float64", weighted=True, **options):
    _estimator, loss, _n_outputs = task
    X, _, Y, weight = samples_of(task, dtype, weighted)
    options = {"passes": 3, **options}
    options["parameter"] = loss_parameter(task)
    return adagrad(X.astype("float64"), Y, weight, loss=loss, **options)


def trained(task, dtype="float64", weighted=True, form=np.asarray, **options):
    """Make three passes over the rows in the order in which they are."""
    estimator, loss, _n_outputs = task
    X, y, _, weight = samples_of(task, dtype, weighted)
    options = {
        "eta0": 0.5,
        "shuffle": False,
        "tol": None,
        "max_iter": 3,
        **options,
    }
    model = estimator(loss, **loss_parameters(task), **options)
    return model.fit(form(X), y, sample_weight=weight if weighted else None)


def shown(task, times):
    """Show the samples to `partial_fit` so many times."""
    estimator, loss, _n_outputs = task
    X, y, _, weight = samples_of(task)
    model = estimator(loss, eta0=0.5, **loss_parameters(task))
    for _ in range(times):
        in_chunks(model, X, y, weight)
    return model


def assert_follows(model, reference, dtype="float64"):
    for name in ("coef", "intercept", "accumulators", "intercept_accumulators"):
        actual = getattr(model, f"{name}_")
        assert actual.dtype == dtype
        assert_close(actual, getattr(reference, name), RTOL[dtype])


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "csr"])
@each_task
def test_every_kernel_follows_the_rule(task, form, dtype, instruction_set, monkeypatch):
    dtype_kernel = load(instruction_set)[np.dtype(dtype)]
    monkeypatch.setitem(KERNELS, np.dtype(dtype), dtype_kernel)
    reference = expected(task, dtype)
    assert_follows(trained(task, dtype, form=form), reference, dtype)


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_classes", [2, 20, 70])
def test_tables_beyond_the_near_caches_learn_the_same(
    n_classes, dtype, instruction_set, monkeypatch
):
    """Weights of the rows to come are then fetched, which must change nothing."""
    kernel = load(instruction_set)[np.dtype(dtype)]
    monkeypatch.setitem(KERNELS, np.dtype(dtype), kernel)
    rng = np.random.default_rng(3)
    lengths = rng.integers(0, 90, 60)
    columns = [np.sort(rng.choice(200, length, replace=False)) for length in lengths]
    indptr = np.append(0, lengths.cumsum())
    values = rng.normal(size=indptr[-1]).astype(dtype)
    y = rng.integers(0, n_classes, len(lengths))

    def learned(places):
        shape = len(lengths), places[-1] + 1
        X = sp.csr_array((values, places[np.concatenate(columns)], indptr), shape=shape)
        model = AdagradClassifier(eta0=0.5, max_iter=2, tol=None, shuffle=False)
        return model.fit(X, y).coef_[:, places]

    near, far = np.arange(200), np.arange(200) * 3_000
    np.testing.assert_array_equal(learned(far), learned(near))


@each_task
def test_no_weights_are_weights_of_one(task):
    reference = expected(task, weighted=False)
    assert_follows(trained(task, weighted=False), reference)


@each_task
def test_partial_fit_is_one_pass_of_the_rule(task):
    assert_follows(shown(task, times=1), expected(task, passes=1))


@pytest.mark.parametrize(
    "options",
    [
        {"eta0": 0.01},
        {"eps": 1.0},
        {"initial_accumulator": 2.0},
        {"fit_intercept": False},
        {"fit_intercept": False, "initial_accumulator": 2.0},
    ],
    ids=str,
)
@some_tasks
def test_options_mean_what_the_rule_says(task, options):
    assert_follows(trained(task, **options), expected(task, **options))


@some_tasks
def test_int64_indices_follow_the_rule(task):
    assert_follows(trained(task, form=with_int64), expected(task))


@some_tasks
def test_loss_curve_is_the_loss_before_each_update(task):
    model = trained(task)
    np.testing.assert_allclose(model.loss_curve_, expected(task).loss_curve, 1e-12)


@some_tasks
def test_progressive_loss_counts_the_first_visits_only(task):
    model = trained(task)
    np.testing.assert_allclose(
        model.progressive_loss_, expected(task).loss_curve[0], 1e-12
    )


@some_tasks
def test_progressive_loss_of_a_stream_counts_all_samples(task):
    model = shown(task, times=3)
    np.testing.assert_allclose(
        model.progressive_loss_, expected(task).loss_curve.mean(), 1e-12
    )


@some_tasks
def test_t_counts_the_samples_with_weight(task):
    assert trained(task).t_ == expected(task).t


@pytest.mark.parametrize("prefix", ["", "intercept_"])
@some_tasks
def test_learning_rates_are_those_the_next_gradients_meet(task, prefix):
    model = trained(task, eta0=0.2, eps=0.3)
    G = getattr(expected(task, eta0=0.2, eps=0.3), f"{prefix}accumulators")
    assert_close(
        getattr(model, f"{prefix}learning_rates_"), 0.2 / np.sqrt(G + 0.3), 1e-12
    )


@pytest.mark.parametrize(
    ("estimator", "loss"),
    [
        (AdagradClassifier, "log_loss"),
        (AdagradRegressor, "squared_error"),
        (AdagradRegressor, "absolute_error"),
        (AdagradRegressor, "huber"),
    ],
)
@pytest.mark.parametrize("n_outputs", [2, 3])
def test_dense_rows_are_learned_as_torch_learns_them(estimator, loss, n_outputs):
    _, y, Y, _ = samples_of((estimator, loss, n_outputs))
    X = np.random.default_rng(0).normal(size=(N_ROWS, 11))
    coef, intercept = with_torch.descent(loss, X, Y, 0.5)
    model = estimator(loss, eta0=0.5, eps=with_torch.EPS, shuffle=False, max_iter=1)
    model.fit(X, y)
    assert_close(model.coef_, coef, 1e-11)
    assert_close(model.intercept_, intercept, 1e-11)
