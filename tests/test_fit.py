"""`fit`: what its result depends on, what it must not depend on, when it stops."""

import contextlib
import copy
import math
import pickle
import signal
import threading
import time
import tracemalloc
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.utils.class_weight import compute_sample_weight

from sk_adagrad import (
    AdagradClassifier,
    AdagradRegressor,
    AdagradRegressorCV,
    _visits,
)
from sk_adagrad._dispatch import KERNELS
from sk_adagrad._rows import read_rows
from sk_adagrad._visits import shuffled, visits

from . import comparing
from .comparing import MODEL, each_form, raw_of, with_int64

N_ROWS, N_FEATURES = 80, 15

ESTIMATORS = {
    "binary": AdagradClassifier(random_state=0),
    "classes": AdagradClassifier(random_state=0),
    "one target": AdagradRegressor(random_state=0),
    "targets": AdagradRegressor(random_state=0),
}
each_task = pytest.mark.parametrize("task", ESTIMATORS)
each_classifier = pytest.mark.parametrize("task", ["binary", "classes"])
each_estimator = pytest.mark.parametrize("task", ["binary", "one target"])


def samples(task, dtype="float64"):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.5)
    X = X.astype("float32").astype(dtype)
    if isinstance(ESTIMATORS[task], AdagradRegressor):
        y = rng.normal(size=(N_ROWS, 10) if task == "targets" else N_ROWS)
        return X, y.astype("float32").astype(dtype)
    return X, np.arange(N_ROWS) % (10 if task == "classes" else 2)


def fitted(task, X, y, sample_weight=None, **params):
    model = type(ESTIMATORS[task])(**{**ESTIMATORS[task].get_params(), **params})
    return model.fit(X, y, sample_weight=sample_weight)


def assert_same(actual, wanted, rtol=0.0):
    """Compare the models, and not how long it took to come there."""
    comparing.assert_same(actual, wanted, MODEL, rtol)


# The order of visits.


@pytest.mark.parametrize("weighted", [False, True])
@each_form
@each_task
def test_the_order_of_the_rows_does_not_matter(task, form, weighted):
    X, y = samples(task)
    rng = np.random.default_rng(0)
    weight = rng.uniform(0, 3, N_ROWS) if weighted else np.ones(N_ROWS)
    wanted = fitted(task, form(X), y, weight)
    for _ in range(5):
        order = rng.permutation(N_ROWS)
        assert_same(fitted(task, form(X[order]), y[order], weight[order]), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_task
def test_weights_of_equal_rows_are_added_up_in_any_order(task, dtype):
    """To the bit, though each sum is rounded."""
    X, y = samples(task, dtype)
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(N_ROWS), rng.integers(1, 30, N_ROWS))
    weight = rng.uniform(0, 1, len(rows)) * 10.0 ** rng.integers(-3, 4, len(rows))
    wanted = fitted(task, X[rows], y[rows], weight)
    for _ in range(5):
        order = rng.permutation(len(rows))
        model = fitted(task, X[rows[order]], y[rows[order]], weight[order])
        assert_same(model, wanted)


def test_rows_that_are_nearly_equal_may_come_in_any_order():
    """Where columns may have any scale, rows are ordered by sums, which are rounded."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = np.ones((18, 1)), 1 + np.eye(9)[rng.integers(9, size=18)] * 2**-52
        order = rng.permutation(18)
        model, other = (
            fitted("targets", X[rows], y[rows], scale_invariant=True, max_iter=1)
            for rows in (slice(None), order)
        )
        assert model.t_ == other.t_


@each_form
@each_task
def test_repeating_a_row_is_giving_it_weight(task, form):
    X, y = samples(task)
    rng = np.random.default_rng(0)
    repeats = rng.integers(0, 5, N_ROWS)
    rows = rng.permutation(np.repeat(np.arange(N_ROWS), repeats))
    assert_same(fitted(task, form(X[rows]), y[rows]), fitted(task, form(X), y, repeats))


@each_form
@each_task
def test_repeating_a_row_of_light_weight_is_giving_it_more(task, form):
    """Though what is "auto" goes by the mean weight where that is below 1."""
    X, y = samples(task)
    repeats = np.random.default_rng(0).integers(1, 5, N_ROWS)
    rows = np.repeat(np.arange(N_ROWS), repeats)
    light = np.full(len(rows), 2.0**-5)
    model = fitted(task, form(X[rows]), y[rows], light)
    assert_same(model, fitted(task, form(X), y, 2.0**-5 * repeats))
    heavy = fitted(task, form(X), y, repeats)
    assert np.all(model.initial_accumulator_ < heavy.initial_accumulator_)


@each_classifier
def test_repeating_a_row_of_a_light_class_is_giving_it_weight(task):
    X, y = samples(task)
    repeats = np.random.default_rng(0).integers(1, 5, N_ROWS)
    rows = np.repeat(np.arange(N_ROWS), repeats)
    weights = {"class_weight": {label: 2.0 ** -(3 + label) for label in range(10)}}
    if task == "binary":
        weights = {"class_weight": {0: 0.125, 1: 0.25}}
    model = fitted(task, X[rows], y[rows], **weights)
    assert_same(model, fitted(task, X, y, repeats, **weights))


@each_task
def test_repeating_all_rows_as_often_is_giving_all_the_same_weight(task):
    X, y = samples(task)
    twice = np.repeat(np.arange(N_ROWS), 2)
    assert_same(
        fitted(task, X[twice], y[twice]), fitted(task, X, y, np.full(N_ROWS, 2))
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_form
@each_task
def test_long_rows_that_differ_at_the_end_only_are_not_taken_together(
    task, form, dtype
):
    """Their keys are short, so that ties are told apart by longer ones."""
    _, y = samples(task)
    y = np.repeat(y[:2], N_ROWS // 2, axis=0)
    X = np.ones((N_ROWS, 100), dtype)
    X[:, -1] = np.arange(N_ROWS) + 1
    assert fitted(task, form(X), y, max_iter=1).t_ == N_ROWS
    X[:, -1] = np.arange(N_ROWS) % 2 + 1  # four kinds of rows
    once = fitted(task, form(X[[0, 1, -2, -1]]), y[[0, 1, -2, -1]], [20.0] * 4)
    assert_same(fitted(task, form(X), y), once)


@each_task
def test_equal_rows_with_different_targets_are_not_taken_together(task):
    _, y = samples(task)
    X = np.ones((N_ROWS, 1))
    assert fitted(task, X, y, max_iter=1).t_ == len(np.unique(y, axis=0))


@pytest.mark.parametrize("columns", [3, 40])
def test_targets_that_are_equal_in_float32_only_are_not_taken_together(columns):
    X, y = np.ones((N_ROWS, columns)), 1.7e9 + np.arange(N_ROWS)  # seconds of 2023
    model = fitted("one target", X, y, max_iter=1)
    assert model.t_ == N_ROWS
    assert_same(fitted("one target", X[::-1], y[::-1], max_iter=1), model)


@pytest.mark.parametrize("values", [[-1, 1], [-0.3, 0.3], [1, 2, 3, 4, 5], [0, 1]])
@pytest.mark.parametrize("n_features", [20, 40, 200])
def test_rows_of_a_few_values_are_visited_in_random_order(values, n_features):
    """Not one class after the other, as rows with the same short key are."""
    rng = np.random.default_rng(0)
    X = rng.choice(np.array(values, float), size=(2000, n_features))
    y = np.arange(2000.0) % 2
    rows, _ = read_rows(X, keyed=True)
    for seed in range(3):
        order, _ = visits(rows, y[:, None], np.empty(0), seed)
        assert sorted(order) == list(range(2000))
        changes = np.count_nonzero(np.diff(y[order]))
        assert abs(changes - 1000) < 5 * np.sqrt(2000 / 4), "five standard deviations"


@pytest.mark.parametrize("weighted", [False, True])
def test_visits_of_equal_rows_are_far_from_each_other(weighted):
    """Not one after the other, though they have the same hash."""
    X = np.arange(1500)[:, None] + 1.0
    weight = np.where(X[:, 0] > 1400, 20.0, 1.0) if weighted else np.empty(0)
    if not weighted:
        X = np.vstack((X, *19 * [X[1400:]]))
    rows, _ = read_rows(X, keyed=True)
    for seed in range(3):
        order, _ = visits(rows, np.ones((len(X), 1)), weight, seed)
        assert len(order) == 1600
        places = np.argsort(X[order, 0], kind="stable")[1400:].reshape(100, 2)
        apart = np.abs(np.diff(places))
        assert np.count_nonzero(apart == 1) < 4, "an eighth of one is expected"
        assert abs(apart.mean() - 1600 / 3) < 5 * 1600 / np.sqrt(18 * 100)


@pytest.mark.parametrize("weights", [None, [1], [0, 1, 2], [0.3, 1, 7], [1e-3, 1e3]])
@pytest.mark.parametrize("n_features", [1, 40])
@pytest.mark.parametrize("scale_free", [False, True])
def test_equal_rows_are_visited_as_often_as_their_weight_asks_for(
    weights, n_features, scale_free
):
    rng = np.random.default_rng(0)
    X = np.ones((300, n_features))
    X[:, 0] = np.minimum(rng.geometric(0.1, 300), 30)
    weight = (
        np.empty(0) if weights is None else rng.choice(np.array(weights, float), 300)
    )
    totals = Counter()
    for value, own in zip(
        X[:, 0], weight if len(weight) else np.ones(300), strict=True
    ):
        totals[value] += own
    totals = {value: total for value, total in totals.items() if total}
    most = 4 * np.mean(list(totals.values()))
    wanted = {value: max(1, round(total / most)) for value, total in totals.items()}
    rows, _ = read_rows(X, keyed=True)
    order, shares = visits(rows, np.ones((300, 1)), weight, 0, scale_free=scale_free)
    assert Counter(X[order, 0]) == wanted
    for row in order:
        share = shares[row] if len(shares) else 1
        assert share == pytest.approx(totals[X[row, 0]] / wanted[X[row, 0]])
    assert len(set(order)) == len(wanted), "of equal rows one stands for all"


@pytest.mark.parametrize("repeated", [False, True])
def test_labels_of_weighed_or_repeated_rows_are_not_known_before_they_are_learned(
    repeated,
):
    """They are drawn at random, so that new ones cannot be predicted."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = sp.random(2000, 1000, density=0.01, random_state=seed, format="csr")
        y, weight, rows = rng.integers(2, size=2000), None, np.arange(2000)
        if repeated:
            rows = rng.choice(rows, 2000)
        else:
            weight = rng.lognormal(size=2000)
        model = AdagradClassifier(random_state=0, max_iter=1)
        model.fit(X[rows], y[rows], sample_weight=weight)
        assert model.progressive_loss_ > np.log(2) - 0.02


def test_equal_rows_with_targets_beyond_float32_are_told_apart_without_a_warning():
    X, y = np.array([[1.0], [1.0], [1.0], [2.0]]), np.array([1e40, 2e40, 1e40, 3e40])
    rows, _ = read_rows(X, keyed=True)
    order, shares = visits(rows, y[:, None], np.empty(0), 0)
    assert sorted(y[order]) == [1e40, 2e40, 3e40]
    assert sorted(shares[order]) == [1, 1, 2]


@pytest.mark.parametrize("n_rows", [1, 2, 3, 1000, 70_000])
@pytest.mark.parametrize("upper_bits", [0, 3, 11, 12, 23, 32])
def test_numbers_are_sorted_by_their_upper_halves(n_rows, upper_bits):
    rng = np.random.default_rng(upper_bits)
    upper = rng.integers(2**upper_bits, size=n_rows, dtype=np.uint64)
    upper <<= np.uint64(rng.integers(32, 65 - upper_bits if upper_bits else 33))
    numbers = upper | np.arange(n_rows, dtype=np.uint64)
    expected, in_order = np.sort(numbers), np.empty_like(numbers)
    KERNELS[np.dtype(np.float64)].sort_numbers(numbers=numbers, in_order=in_order)
    np.testing.assert_array_equal(in_order, expected)


def test_rows_are_told_apart_by_either_half_of_their_keys():
    """Of 200,000 rows some have the same half key, and none the same key."""
    n_rows = 200_000
    rng = np.random.default_rng(0)
    keys = rng.integers(2**64, size=n_rows // 2, dtype=np.uint64)
    keys = np.append(keys, keys[rng.permutation(n_rows // 2)])  # each comes twice
    numbers, same = np.arange(n_rows, dtype=np.uint64), np.ones(n_rows - 1, np.uint8)
    targets = np.empty((n_rows, 0))
    _visits._tell_apart(numbers, same, content=keys, targets=targets, seed=1)
    order = numbers.astype(np.uint32)
    assert sorted(order) == list(range(n_rows))
    np.testing.assert_array_equal(same, keys[order[1:]] == keys[order[:-1]])
    assert np.count_nonzero(same) == n_rows // 2


@pytest.mark.parametrize("n_rows", [1, 2, 4])
def test_further_passes_have_each_order_as_often(n_rows):
    order = np.arange(n_rows, dtype=np.uint32)
    n_orders = math.factorial(n_rows)
    counts = Counter(tuple(shuffled(order, seed)) for seed in range(500 * n_orders))
    assert len(counts) == n_orders
    for count in counts.values():
        assert abs(count - 500) < 5 * np.sqrt(500), "five standard deviations"


def test_further_passes_visit_all_rows_anew():
    order = np.arange(100_000, dtype=np.uint32)
    again, third = shuffled(order, 0), shuffled(order, 1)
    for a, b in ((order, again), (order, third), (again, third)):
        assert np.count_nonzero(a == b) < 10, "one is expected"
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(100_000)
    np.testing.assert_array_equal(np.sort(again), order)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_with_the_same_hash_are_visited_in_an_order_of_their_own(
    weighted, monkeypatch
):
    """By longer hashes where 2 bits are left: not as they came."""
    sorted_numbers = _visits._sorted_numbers

    def few_bits(*args, **keys):
        numbers = sorted_numbers(*args, **keys) & np.uint64(0xC0000000FFFFFFFF)
        numbers.sort()
        return numbers

    monkeypatch.setattr(_visits, "_sorted_numbers", few_bits)
    X, y = samples("binary")
    X, y = np.vstack((X, X[:20])), np.append(y, y[:20])
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 4, N_ROWS) if weighted else np.ones(N_ROWS)
    weight = np.append(weight, weight[:20])
    wanted = fitted("binary", X, y, weight)
    for _ in range(3):
        order = rng.permutation(len(y))
        assert_same(fitted("binary", X[order], y[order], weight[order]), wanted)


@each_task
def test_rows_that_are_equal_in_float32_only_are_not_taken_together(task):
    _, y = samples(task)
    y = np.repeat(y[:2], N_ROWS // 2, axis=0)
    X = 1 + np.arange(N_ROWS)[:, None] * 1e-12
    assert fitted(task, X, y, max_iter=1).t_ == N_ROWS


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"eta0": 0.5},
        {"alpha": 1e-3, "l1_ratio": 0.5},
        {"update": "ftrl_proximal", "alpha": 1e-3},
        {"update": "dual_averaging"},
        {"half_life": 20},
        {"importance_aware": True},
        {"scale_invariant": True},
    ],
    ids=str,
)
@each_task
def test_zeros_of_dense_rows_are_as_if_not_stored(task, options):
    """Rows without zeros, with few, with many, and of nothing else."""
    _, y = samples(task)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 37))
    X[rng.random(X.shape) < np.linspace(0, 1, N_ROWS)[:, None]] = 0
    X[2:6], X[-1] = X[1], 0
    dense, sparse = (
        fitted(task, form(X), y, **options) for form in (np.array, sp.csr_array)
    )
    assert_same(dense, sparse, 1e-11)
    np.testing.assert_allclose(
        raw_of(dense, X), raw_of(sparse, sp.csr_array(X)), 1e-9, 1e-9
    )


@each_task
def test_rows_are_visited_as_they_come_without_shuffle(task):
    X, y = samples(task)
    forth = fitted(task, X, y, shuffle=False)
    back = fitted(task, X[::-1], y[::-1], shuffle=False)
    assert not np.array_equal(forth.coef_, back.coef_)


@each_task
def test_random_state_draws_the_order(task):
    X, y = samples(task)
    first, again, other = (
        fitted(task, X, y, random_state=seed).coef_ for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@each_task
def test_a_random_state_instance_goes_on_from_fit_to_fit(task):
    X, y = samples(task)
    rng = np.random.RandomState(1)
    first, second = (fitted(task, X, y, random_state=rng).coef_ for _ in range(2))
    assert not np.array_equal(first, second)


# The format of X.


def unsorted(X):
    X = sp.csr_matrix(X)
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        X.indices[start:stop] = X.indices[start:stop][::-1].copy()
        X.data[start:stop] = X.data[start:stop][::-1].copy()
    return X


def with_explicit_zeros(X):
    stored = sp.csr_matrix(np.ones_like(X))
    stored.data[:] = X.ravel()
    return stored


def with_duplicates(X):
    X = sp.csr_matrix(X)
    data = np.column_stack((X.data / 4, X.data / 4, X.data / 2)).ravel()
    return sp.csr_matrix((data, np.repeat(X.indices, 3), X.indptr * 3), X.shape)


def with_spare_entries(X):
    X = sp.csr_matrix(X)
    X.data, X.indices = np.append(X.data, 7), np.append(X.indices, 1).astype("int32")
    return X


def with_strided_arrays(X):
    X = sp.csr_matrix(X)
    X.data, X.indices = np.repeat(X.data, 2)[::2], np.repeat(X.indices, 2)[::2]
    return X


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    "form",
    [
        *(sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.csc_array),
        *(sp.coo_matrix, sp.coo_array, sp.lil_matrix, sp.bsr_matrix, sp.dok_matrix),
        *(with_int64, unsorted, with_explicit_zeros, with_duplicates),
        *(
            with_spare_entries,
            with_strided_arrays,
            np.asfortranarray,
            np.ndarray.tolist,
        ),
    ],
    ids=lambda form: form.__name__,
)
@each_task
def test_formats_of_the_same_matrix_give_the_same_model(task, form, shuffle):
    X, y = samples(task)
    wanted = fitted(task, X, y, shuffle=shuffle)
    actual = fitted(task, form(X), y, shuffle=shuffle)
    assert_same(actual, wanted, rtol=1e-11)
    np.testing.assert_allclose(actual.predict(form(X)), wanted.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_keys_of_rows_depend_on_what_is_not_zero_only(dtype):
    """Whatever the order of their entries and the format, for rows of any length."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 120)) * (rng.random((200, 120)) < rng.random((200, 1)))
    X = X.astype("float32").astype(dtype)
    forms = sp.csr_matrix, with_int64, unsorted, with_explicit_zeros, np.asarray
    wanted, *others = (read_rows(form(X), keyed=True)[0] for form in forms)
    assert not wanted.whole_keys, "some rows are long"
    for rows in others:
        np.testing.assert_array_equal(rows.keys, wanted.keys)
    short = X[(X != 0).sum(axis=1) <= 32]
    assert len(short) > 20
    assert read_rows(sp.csr_matrix(short), keyed=True)[0].whole_keys


@pytest.mark.parametrize("value", [1.0, 0.1])
def test_no_two_of_all_sets_of_columns_have_the_same_key(value):
    """Rows of the same key are taken to be the same, and one-hot rows differ little."""
    columns = np.array(list(combinations(range(64), 3)), dtype="int32")
    shape = len(columns), 64
    indptr = np.arange(0, columns.size + 1, 3, dtype="int32")
    data = np.full(columns.size, value, dtype="float32")
    X = sp.csr_matrix((data, columns.ravel(), indptr), shape)
    rows, _ = read_rows(X, keyed=True)
    assert rows.whole_keys
    assert len(np.unique(rows.keys)) == len(columns) == 41_664
    X.data[:] = np.tile(np.array([1, 2, 3], "float32"), len(columns))
    assert len(np.unique(read_rows(X, keyed=True)[0].keys)) == len(columns)


@each_form
@each_task
def test_float32_and_float64_of_the_same_values_nearly_agree(task, form):
    single, double = (
        fitted(task, form(samples(task, dtype)[0]), samples(task, dtype)[1])
        for dtype in ("float32", "float64")
    )
    assert single.coef_.dtype == "float32"
    assert_same(single, double, rtol=1e-3)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint64", "bool", "float16", "object", ">f8"]
)
@each_form
def test_other_types_are_read_as_float64(form, dtype):
    X, y = samples("binary")
    X = np.abs(X.round()).astype(dtype)
    if form is sp.csr_array and dtype in ("float16", "object", ">f8"):
        pytest.skip("scipy has no sparse matrices of this type")
    actual = fitted("binary", form(X), y)
    assert actual.coef_.dtype == "float64"
    assert_same(actual, fitted("binary", X.astype("float64"), y), rtol=1e-12)


@each_task
def test_fit_does_not_write_to_its_input(task):
    X, y = samples(task)
    weight = np.linspace(0, 2, N_ROWS)
    X = sp.csr_array(X)
    arrays = X.data, X.indices, X.indptr, y, weight
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False  # which a kernel need not heed
    fitted(task, X, y, weight)
    for array, wanted in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict"])
@pytest.mark.parametrize("form", [sp.csr_array, with_int64, unsorted, np.asarray])
def test_a_matrix_without_repeated_columns_is_not_copied(form, method, dtype):
    X = np.random.default_rng(0).random((12_000, 400)).astype(dtype)
    size = X.nbytes
    X, y = form(X), X[:, 0]
    model = AdagradRegressor(max_iter=2).fit(X, y)
    tracemalloc.start()
    getattr(model, method)(X, *([y] if method != "predict" else []))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 4


@pytest.mark.parametrize("loss", sorted(AdagradClassifier._losses))
def test_a_prediction_that_is_no_number_is_not_taken_for_a_perfect_one(loss):
    X = np.float32([[1e15, -1e15], [1e15, -1e15], [1e37, 1e37], [1, 1]])
    model = AdagradClassifier(loss, eta0=1000.0)
    with pytest.raises(ValueError, match="finite number"):
        model.partial_fit(X, [0, 1, 0, 2], classes=[0, 1, 2])


@pytest.mark.parametrize(("dtype", "alpha"), [("float32", 1e-38), ("float64", 1e-308)])
def test_a_penalty_too_small_for_the_type_is_none(dtype, alpha):
    X, y = samples("binary", dtype)
    penalised = fitted("binary", X, y, alpha=alpha, l1_ratio=0.5)
    assert_same(penalised, fitted("binary", X, y))


def test_probabilities_of_both_classes_are_exact_where_they_are_small():
    model = AdagradClassifier(eta0=20.0, fit_intercept=False)
    model.partial_fit(np.float32([[1]]), [1], classes=[0, 1])
    p = model.predict_proba(np.float32([[1], [-1]]))
    assert (p > 0).all()
    np.testing.assert_array_equal(p[0], p[1][::-1])


def test_equal_rows_are_taken_together_in_whatever_order_their_columns_are():
    """Though other rows lie nearer than the rounding of a sum in another order."""
    rng = np.random.default_rng(0)
    X = np.tile(np.abs(rng.normal(size=12)), (41, 1))
    X[:40, 0] = rng.permutation(np.repeat(np.arange(1, 21), 2))
    X[40] = [1e17, *np.ones(11)]
    in_order, mixed = sp.csr_matrix(X), sp.csr_matrix(X)
    for row in range(40):
        part = slice(*mixed.indptr[row : row + 2])
        order = rng.permutation(12)
        mixed.indices[part] = mixed.indices[part][order]
        mixed.data[part] = mixed.data[part][order]
    mixed.has_sorted_indices = False
    for form in (in_order, mixed):
        rows, _ = read_rows(form)
        order, _ = visits(rows, np.zeros((41, 1)), np.empty(0), 1, scale_free=True)
        assert len(np.unique(order)) == 21


@pytest.mark.parametrize("bit", range(52))
def test_rows_that_differ_by_a_bit_are_not_the_same(bit):
    """Where rows are told apart by hashes of all that they hold."""
    X = np.array([[1.0, 2.0], [1.0 + 2.0 ** (bit - 52), 2.0]])
    model = AdagradRegressor(scale_invariant=True, eta0=0.5, max_iter=1)
    assert model.fit(X, [1.0, 1.0]).t_ == 2
    order, weight = visits(
        read_rows(X)[0], np.ones((2, 1)), np.empty(0), 0, scale_free=True
    )
    assert sorted(order) == [0, 1]
    assert not len(weight)


def test_weights_below_the_smallest_normal_number_are_0():
    X, y = samples("binary", "float32")
    weight = np.where(np.arange(N_ROWS) < 40, 1, 1e-40)
    wanted = fitted("binary", X, y, weight * (weight == 1))
    assert_same(fitted("binary", X, y, weight), wanted)


def test_columns_whose_places_in_the_table_do_not_fit_32_bits():
    """Of each feature the table holds two numbers; the columns themselves fit."""
    X, y = samples("binary", "float32")
    X = sp.csr_array(X)
    n_features, columns = 2**30 + N_FEATURES, X.indices + np.int32(2**30)
    far = sp.csr_array((X.data, columns, X.indptr), (N_ROWS, n_features))
    params = {"eta0": 0.5, "shuffle": False}
    try:
        model = fitted("binary", far, y, **params)
    except MemoryError:
        pytest.skip("the table needs 8 GiB, of which pages are used for few columns")
    wanted = fitted("binary", X, y, **params)
    np.testing.assert_array_equal(
        model.decision_function(far), wanted.decision_function(X)
    )


# Passes and stopping.


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 4])
@pytest.mark.parametrize("tol", [0, 1e-2, 0.2])
@each_task
def test_fit_stops_when_passes_in_a_row_bring_no_change(task, tol, n_iter_no_change):
    X, y = samples(task)
    losses = fitted(task, X, y, tol=None, max_iter=60).loss_curve_
    bests = np.minimum.accumulate(losses)
    changed = np.append(True, losses[1:] < bests[:-1] - tol * np.abs(bests[:-1]))
    in_vain = [
        not changed[max(0, n - n_iter_no_change) : n].any() for n in range(1, 61)
    ]
    wanted = next((n for n, stop in enumerate(in_vain, 1) if stop), 60)

    model = fitted(task, X, y, tol=tol, max_iter=60, n_iter_no_change=n_iter_no_change)

    assert model.n_iter_ == wanted
    assert model.loss_curve_ == losses[:wanted]


def test_the_default_makes_more_than_one_pass_while_the_loss_falls():
    X, _ = samples("binary")
    model = fitted("binary", X, X[:, 0] > 0)
    assert model.n_iter_ > 1
    assert model.loss_curve_[1] < model.loss_curve_[0]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_passes"),
    [
        *((20, 2, 20), (1_000, 51, 20), (2_500, 126, 8), (6_667, 334, 3)),
        *((1_000, 50, 20), (2_500, 125, 20), (12_500, 2, 8), (33_334, 2, 3)),
    ],
)
def test_the_default_makes_more_passes_over_fewer_samples(
    n_samples, n_features, n_passes, shuffle
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features)).astype("float32")
    y = rng.integers(2, size=n_samples)
    params = {"tol": None, "shuffle": shuffle}
    assert fitted("binary", X, y, **params).n_iter_ == n_passes
    # Those without a weight are none.
    X, y = np.vstack((X, X + 1)), np.append(y, y)
    weight = np.repeat([1.0, 0.0], n_samples)
    assert fitted("binary", X, y, weight, **params).n_iter_ == n_passes


def rows_of_their_own(n_rows=200, own=1.0):
    """Three common features, and one that a row has alone, for a share of the rows."""
    common = np.random.default_rng(0).normal(size=(n_rows, 3))
    alone = np.diag(np.arange(n_rows) < own * n_rows).astype(float)
    return np.hstack((common, alone))


def labels_of(n_rows, share, n_labels=1):
    y = np.zeros((n_rows, n_labels), dtype=int)
    for label in range(n_labels):
        y[label :: round(1 / share), label] = 1
    return y if n_labels > 1 else y.ravel()


@pytest.mark.parametrize("shuffle", [False, True])
@each_form
@pytest.mark.parametrize(
    ("n_labels", "share", "own", "n_passes"),
    [(n_labels, 0.1, own, 1) for n_labels in (1, 3) for own in (1, 0.5)]
    + [(n_labels, 0.1, 0.45, 20) for n_labels in (1, 3)]
    + [(n_labels, 0.25, 1, 20) for n_labels in (1, 3)],
)
def test_the_default_makes_one_pass_where_rare_classes_would_be_learned_by_heart(
    n_labels, share, own, n_passes, form, shuffle
):
    X, y = rows_of_their_own(own=own), labels_of(200, share, n_labels)
    params = {"tol": None, "shuffle": shuffle}
    assert fitted("binary", form(X), y, **params).n_iter_ == n_passes
    # Those that have the feature have all the others, of which it says nothing.
    assert fitted("binary", form(X), 1 - y, **params).n_iter_ == n_passes
    # Rows without a weight are none, and zeros that are stored say nothing.
    weight = np.repeat([2.0, 0.0], 200)
    X, y = form(np.vstack((X, X))), np.concatenate((y, y))
    if sp.issparse(X):
        X.data[X.indptr[200] :] = 0
    assert fitted("binary", X, y, weight, **params).n_iter_ == n_passes


def test_weights_decide_whether_classes_are_rare():
    X, y = rows_of_their_own(), labels_of(200, 0.1)
    assert fitted("binary", X, y, class_weight="balanced", tol=None).n_iter_ == 20
    assert fitted("binary", X, y, np.where(y, 3.0, 1.0), tol=None).n_iter_ == 20
    even = np.arange(200) % 2
    assert fitted("binary", X, even, np.where(even, 0.1, 1.0), tol=None).n_iter_ == 1


def test_several_classes_and_targets_are_not_learned_less_for_it():
    X, y = rows_of_their_own(), labels_of(200, 0.1, 3) @ [1, 2, 3]
    assert fitted("classes", X, y, tol=None).n_iter_ == 20
    assert fitted("one target", X, y, tol=None).n_iter_ == 20


@pytest.mark.parametrize("most", [3, 6])  # less, or more, than half of them come again
@each_form
def test_repeated_rows_have_features_of_their_own(form, most):
    X, y = rows_of_their_own(), labels_of(200, 0.1)
    repeats = np.random.default_rng(0).integers(1, most, 200)
    rows = np.repeat(np.arange(200), repeats)
    repeated = fitted("binary", form(X[rows]), y[rows], tol=None)
    assert repeated.n_iter_ == 1
    assert_same(repeated, fitted("binary", form(X), y, repeats, tol=None))


@pytest.mark.parametrize("max_iter", [1, 2, 5])
@each_task
def test_no_tolerance_means_all_passes(task, max_iter):
    X, y = samples(task)
    model = fitted(task, X, y, tol=None, max_iter=max_iter)
    assert model.n_iter_ == len(model.loss_curve_) == max_iter
    assert model.t_ == max_iter * N_ROWS


@each_task
def test_warm_start_goes_on_where_fit_ended(task):
    X, y = samples(task)
    params = {"eta0": 0.5, "shuffle": False, "tol": None}
    model = fitted(task, X, y, max_iter=2, warm_start=True, **params).fit(X, y)
    wanted = fitted(task, X, y, max_iter=4, **params)
    assert_same(model, wanted)
    assert model.t_ == wanted.t_


@each_task
def test_warm_start_goes_on_after_partial_fit(task):
    X, y = samples(task)
    params = {"eta0": 0.5, "shuffle": False, "tol": None}
    model = fitted(task, X, y, max_iter=1, warm_start=True, **params).partial_fit(X, y)
    assert_same(model.fit(X, y), fitted(task, X, y, max_iter=3, **params))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False},
        {"scale_invariant": True},
        {"preconditioner": "full"},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
@each_form
@each_task
def test_a_warm_start_begins_anew_with_the_first_samples_of_a_stream(
    task, form, weighted, options
):
    """Which do not suffice to choose by: rates would stay those of ten samples."""
    if "class_weight" in options and task not in ("binary", "classes"):
        pytest.skip("no classes")
    X, y = samples(task)
    X[:10] /= 100
    weight = np.linspace(2, 0, N_ROWS) if weighted else np.ones(N_ROWS)
    model = type(ESTIMATORS[task])(random_state=0, warm_start=True, **options)
    first = {"classes": np.unique(y)} if task in ("binary", "classes") else {}
    model.partial_fit(X[:10], y[:10], sample_weight=weight[:10], **first)
    model.fit(form(X[10:]), y[10:], sample_weight=weight[10:])
    wanted = fitted(task, form(X), y, sample_weight=weight, **options)
    comparing.assert_same(model, wanted)
    assert model.loss_curve_ == wanted.loss_curve_
    model.partial_fit(X, y)  # with counts of classes as after `fit`
    comparing.assert_same(model, wanted.partial_fit(X, y))


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_large_losses_before_do_not_swallow_those_of_a_warm_start(preconditioner):
    options = {"eta0": 0.1, "max_iter": 1, "warm_start": True}
    model = AdagradRegressor(preconditioner=preconditioner, **options)
    model.partial_fit([[0.0]], [1e9])  # the intercept is 0.1 after a loss of 5e17
    (p,) = model.predict([[3.0]])
    model.fit([[3.0]], [p + 0.5])
    np.testing.assert_allclose(model.loss_curve_, [0.125], rtol=1e-12)
    np.testing.assert_allclose(model.progressive_loss_, 2.5e17, rtol=1e-12)


@each_task
def test_fit_starts_over_without_warm_start(task):
    X, y = samples(task)
    model = fitted(task, X, y)
    again = fitted(task, X[:, 1:] * 2, y).fit(X, y)
    assert_same(again, model)
    assert again.t_ == model.t_
    assert again.progressive_loss_ == model.progressive_loss_


@pytest.mark.parametrize("task", ["one target", "targets"])
def test_an_error_in_a_warm_start_leaves_the_model_as_it_was(task):
    X, y = samples(task)
    model = fitted(task, X, y, warm_start=True)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="finite number"):
        model.fit(X * 1e200, y * 1e200)
    assert pickle.dumps(model) == before


def test_no_threads_are_refused_before_a_new_penalty_counts():
    X, y = samples("binary")
    model = AdagradClassifier(update="dual_averaging").partial_fit(X, y, [0, 1])
    before = model.coef_.copy()
    with pytest.raises(ValueError, match="n_jobs == 0"):
        model.set_params(alpha=10, n_jobs=0).partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, before)


def test_warm_start_refuses_new_classes():
    X, y = samples("classes")
    model = fitted("binary", X, y % 2, warm_start=True)
    with pytest.raises(ValueError, match="new class 2;"):
        model.fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3, 9, 20])
@each_form
def test_threads_do_not_change_the_model(form, n_classes):
    X, _ = samples("classes")
    y = np.arange(N_ROWS) % n_classes
    one, two = (fitted("classes", form(X), y, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert_same(two, one)
    assert two.loss_curve_ == one.loss_curve_


@pytest.mark.parametrize("n_jobs", [2, 3])
@pytest.mark.parametrize("n_classes", [9, 17, 25, 33, 58])
def test_banks_that_are_divided_among_threads_learn_the_same(n_classes, n_jobs):
    X, _ = samples("classes")
    y = np.arange(len(X)) % n_classes
    one, several = (
        fitted("classes", X, y, n_jobs=n, eta0=0.5, max_iter=2) for n in (1, n_jobs)
    )
    assert_same(several, one)


def test_verbose_prints_the_loss_of_each_pass(capsys):
    X, y = samples("binary")
    model = fitted("binary", X, y, tol=None, max_iter=4, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for line, loss in zip(lines, model.loss_curve_, strict=True):
        assert f"mean loss {loss:.6g}, " in line


def test_fit_prints_nothing_by_default(capsys):
    fitted("binary", *samples("binary"))
    assert capsys.readouterr() == ("", "")


# Weights of classes, targets.


@each_classifier
def test_balanced_is_what_scikit_learn_means_by_it(task):
    X, y = samples(task)
    y = np.where(np.arange(N_ROWS) < 20, 0, y)
    # Those of two classes start by how rare one is before class weights.
    given = {"initial_accumulator": 0.1} if task == "binary" else {}
    actual = fitted(task, X, y, class_weight="balanced", **given)
    weight = compute_sample_weight("balanced", y)
    assert_same(actual, fitted(task, X, y, weight, **given), 1e-11)


def test_balanced_in_a_stream_knows_what_fit_has_counted():
    X, y = samples("binary")
    y = (np.arange(N_ROWS) < 8).astype(int)  # one in ten
    model = fitted("binary", X, y, class_weight="balanced", eta0=0.5)
    before = copy.deepcopy(model).set_params(class_weight=None)
    model.partial_fit(X[:1], y[:1])
    before.partial_fit(X[:1], y[:1], sample_weight=[81 / (2 * 9)])
    assert_same(model, before, 1e-12)


def test_weights_that_are_no_numbers_are_named():
    with pytest.raises(ValueError, match=r"sample_weight='balanced'.* class_weight"):
        fitted("binary", *samples("binary"), "balanced")
    with pytest.raises(ValueError, match=r"class_weight={0: 'x'}"):
        fitted("binary", *samples("binary"), class_weight={0: "x"})


@pytest.mark.parametrize("seed", range(8))
def test_a_rare_class_may_weigh_nothing(seed):
    """Sums of weights are rounded, so the other class seems to have more than all."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(300, 3)), (rng.random(300) < 0.95).astype(int)
    model = AdagradClassifier(class_weight={0: 0.0, 1: 1.0}, random_state=0)
    model.fit(X, y, sample_weight=rng.uniform(0.1, 1, 300))
    assert (model.predict(X) == 1).all()


def test_balanced_leaves_a_class_without_weight_alone():
    X, y = samples("classes")
    weight = (y != 2).astype(float)
    model = AdagradClassifier(class_weight="balanced", random_state=0)
    model.fit(X, y, sample_weight=weight)
    assert len(model.classes_) == len(np.unique(y))
    assert (model.predict(X) != 2).all()


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_balanced_weights_that_overflow_are_refused(method):
    y = np.arange(40) % 2
    weight = np.where(y == 0, 1e302, 1e-3)
    weight[:2] = 5e307, 0.0
    learn = getattr(AdagradClassifier(class_weight="balanced"), method)
    classes = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=r"class_weight='balanced' gives samples the"):
        learn(np.eye(40), y, sample_weight=weight, **classes)


@pytest.mark.parametrize("class_weight", [{0: 0, 1: 0}, {0: -1, 1: 1}, {0: np.inf}])
@pytest.mark.parametrize("shuffle", [False, True])
def test_class_weights_are_refused_where_sample_weights_would_be(shuffle, class_weight):
    with pytest.raises(
        ValueError, match=r"class_weight=.* gives (samples the|all samples) weight"
    ):
        fitted("binary", *samples("binary"), class_weight=class_weight, shuffle=shuffle)


@pytest.mark.parametrize(("of_class", "of_samples"), [(np.inf, 0), (1e300, 1e300)])
def test_class_weights_whose_products_are_not_finite_are_refused(of_class, of_samples):
    X, y = samples("binary")
    weight = np.where(y == 0, of_samples, 1.0)
    with pytest.raises(ValueError, match=r"weight (nan|inf), but .* must be"):
        fitted("binary", X, y, weight, class_weight={0: of_class})


def test_a_class_of_weight_zero_is_one_that_never_comes():
    X, y = samples("classes")
    params = {"max_iter": 3, "tol": None, "shuffle": False}
    model = fitted("classes", X, y, np.where(y == 1, 0, 1), **params)
    assert model.classes_.tolist() == list(range(10))
    without = fitted("classes", X[y != 1], y[y != 1], **params)
    np.testing.assert_array_equal(np.delete(model.coef_, 1, axis=0), without.coef_)
    assert 1 not in model.predict(X)
    X, y = samples("binary")
    assert (fitted("binary", X, y, y, **params).predict(X[y == 1]) == 1).all()


def test_ensembles_that_draw_by_weights_need_no_sample_of_each_class():
    X, y = samples("classes")
    y = np.where(y < 1, 0, 1)
    y[np.flatnonzero(y == 0)[1:]] = 1
    bagging = BaggingClassifier(AdagradClassifier(random_state=0), 30, random_state=0)
    drawn = [y[rows] for rows in bagging.fit(X, y).estimators_samples_]
    assert any((labels == 1).all() for labels in drawn)
    assert bagging.predict_proba(X).shape == (N_ROWS, 2)


@each_task
def test_weights_that_are_all_zero_are_refused(task):
    X, y = samples(task)
    with pytest.raises(ValueError, match="weights must contain at least one non-zero"):
        fitted(task, X, y, np.zeros(N_ROWS))


@each_task
def test_weights_that_float32_cannot_hold_are_refused(task):
    X, y = samples(task, "float32")
    with pytest.raises(ValueError, match="0 in float32"):
        fitted(task, X, y, np.full(N_ROWS, 1e-60))


@pytest.mark.parametrize(
    "labels",
    [
        ["no", "yes"],
        np.array(["no", "yes"], dtype=object),
        [False, True],
        [-7, 10**12],
        np.array([3, 250], "uint8"),
        [0.0, 1.0],
    ],
    ids=str,
)
def test_labels_of_any_type_come_back(labels):
    X, y = samples("binary")
    labels = np.asarray(labels)
    model = fitted("binary", X, labels[y])
    np.testing.assert_array_equal(model.classes_, labels)
    assert set(model.predict(X)) == set(labels)
    assert_same(model, fitted("binary", X, y))


@pytest.mark.parametrize(
    ("labels", "dtypes"),
    [
        ([0, 1], "bool uint8 int8 uint32 int64 uint64 float16 float32 float64"),
        ([0, 1, 2], "uint8 int16 int64 uint64 float32 float64"),
        ([3, 200, 250], "uint8 uint32 uint64 float16 float64"),
        ([-7, 5, 900], "int16 int64 float32 float64"),
        ([0, 5, 10**12], "int64 uint64 float64"),
        ([2**53, 2**53 + 2], "int64 uint64 float64"),
        ([2**63, 2**63 + 2**40], "uint64"),
    ],
    ids=str,
)
def test_labels_of_many_rows_are_told_apart_as_words_are(labels, dtypes):
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(2000, 3)), rng.integers(len(labels), size=2000)
    words = np.array(["a", "b", "c"])[codes]
    wanted = AdagradClassifier(random_state=0, max_iter=1).fit(X, words)
    for dtype in dtypes.split():
        names = np.array(labels, dtype)
        model = AdagradClassifier(random_state=0, max_iter=1).fit(X, names[codes])
        assert model.classes_.dtype == dtype
        np.testing.assert_array_equal(model.classes_, names)
        assert_same(model, wanted)
        for of_stream in ("int64", dtype):
            if labels[-1] < 128:
                model.partial_fit(X[:1500], names[codes[:1500]].astype(of_stream))
        new = np.array([labels[0]] * 1999 + [4], "u8" if labels[0] >= 0 else "i8")
        with pytest.raises(ValueError, match="new class 4;"):
            model.partial_fit(X, new)


@pytest.mark.parametrize("wrong", [0.5, 1e30])
def test_labels_that_are_no_integers_are_refused(wrong):
    X, y = np.ones((2000, 1)), np.arange(2000) % 2.0
    y[-1] = wrong
    if wrong == 0.5:
        with pytest.raises(ValueError, match="Unknown label type"):
            AdagradClassifier().fit(X, y)
    model = AdagradClassifier().fit(X[:-1], y[:-1])
    with pytest.raises(ValueError, match="new class"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("string", [str, np.str_])
def test_strings_of_data_frames_are_told_apart_as_those_of_numpy_are(string):
    X, codes = samples("classes")
    y = np.array(["short", "", "a longer one", "Ä", *"012345"])[codes]
    objects = np.empty(N_ROWS, dtype=object)
    objects[:] = [string(label) for label in y]
    model, wanted = fitted("classes", X, objects), fitted("classes", X, y)
    assert model.classes_.dtype == object
    np.testing.assert_array_equal(model.classes_, wanted.classes_)
    assert_same(model, wanted)
    for classes in (wanted.classes_, model.classes_, model.classes_.tolist()):
        of_stream = AdagradClassifier().partial_fit(X, objects, classes)
        assert_same(of_stream, AdagradClassifier().partial_fit(X, y, classes))
    objects[7] = string("unknown")
    with pytest.raises(ValueError, match=r"new class .*unknown"):
        model.partial_fit(X, objects)
    for error, other in ((TypeError, None), (TypeError, 3), (ValueError, np.nan)):
        objects[7] = other
        with pytest.raises(error, match=r"not supported|contains NaN"):
            fitted("classes", X, objects)


def test_many_classes_are_nothing_to_warn_of():
    X, _ = samples("classes")
    assert len(fitted("classes", X, np.arange(N_ROWS) % 25).classes_) == 25


@pytest.mark.parametrize("n_rows", [1, N_ROWS])
def test_a_single_class_is_refused(n_rows):
    X, _ = samples("binary")
    with pytest.raises(
        ValueError, match="number of classes has to be greater than one"
    ):
        fitted("binary", X[:n_rows], np.ones(n_rows))


def test_continuous_labels_are_refused():
    X, y = samples("one target")
    with pytest.raises(ValueError, match="Unknown label type"):
        fitted("binary", X, y)


@each_classifier
def test_a_column_of_labels_is_flattened_with_a_warning(task):
    X, y = samples(task)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = fitted(task, X, y[:, None])
    assert_same(model, fitted(task, X, y))


def test_a_sparse_column_of_labels_is_a_dense_one():
    X, y = samples("binary")
    model = fitted("binary", X, sp.csr_array(y[:, None]))
    assert_same(model, fitted("binary", X, y))
    assert model.predict(X).shape == (N_ROWS,)


def test_several_targets_are_learned_as_each_alone():
    X, Y = samples("targets")
    together = fitted("targets", X, Y, shuffle=False, tol=None)
    assert together.coef_.shape == (10, N_FEATURES)
    assert together.predict(X).shape == Y.shape
    for k, y in enumerate(Y.T):
        alone = fitted("one target", X, y, shuffle=False, tol=None)
        assert alone.predict(X).shape == y.shape
        np.testing.assert_allclose(together.coef_[k], alone.coef_, rtol=1e-9)


def test_a_column_of_targets_keeps_its_shape():
    X, y = samples("one target")
    model = fitted("one target", X, y[:, None])
    assert model.coef_.shape == (1, N_FEATURES)
    assert model.predict(X).shape == (N_ROWS, 1)


@each_classifier
def test_predictions_follow_from_the_weights(task):
    X, y = samples(task)
    model = fitted(task, X, y)
    raw = X @ model.coef_.T + model.intercept_
    decision = model.decision_function(X)
    np.testing.assert_allclose(decision, np.reshape(raw, decision.shape), rtol=1e-9)
    best = raw.argmax(axis=1) if task == "classes" else (raw[:, 0] > 0).astype(int)
    np.testing.assert_array_equal(model.predict(X), model.classes_[best])


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
@each_classifier
def test_probabilities_are_those_of_the_loss(task, loss):
    X, y = samples(task)
    model = fitted(task, X, y, loss=loss)
    raw = model.decision_function(X).reshape(N_ROWS, -1)
    if loss == "log_loss":
        positive = 1 / (1 + np.exp(-raw))
    else:
        positive = (1 + raw.clip(-1, 1)) / 2
    if task == "binary":
        wanted = np.hstack((1 - positive, positive))
    else:
        sums = positive.sum(axis=1, keepdims=True)
        wanted = np.where(sums > 0, positive / np.where(sums > 0, sums, 1), 0.1)
    np.testing.assert_allclose(model.predict_proba(X), wanted, rtol=1e-9, atol=1e-12)
    with np.errstate(divide="ignore"):
        logarithms = np.log(model.predict_proba(X))
    np.testing.assert_array_equal(model.predict_log_proba(X), logarithms)


# Misuse and interruption.


@pytest.mark.parametrize(
    "params",
    [
        *({"eta0": bad} for bad in (0, -1.0, "fast", None)),
        *({"eps": bad} for bad in (0, -1e-8, None)),
        *({"initial_accumulator": -0.1}, {"epsilon": -0.1}, {"fit_intercept": "no"}),
        *({"max_iter": bad} for bad in (0, 1.5)),
        *({"tol": -1e-3}, {"n_iter_no_change": 0}, {"shuffle": 2}, {"n_jobs": 1.5}),
        *({"random_state": "now"}, {"warm_start": "yes"}, {"verbose": -1}),
        {"loss": "logloss"},
    ],
    ids=str,
)
@each_estimator
def test_a_bad_parameter_is_named(task, params):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter"):
        fitted(task, *samples(task), **params)


@pytest.mark.parametrize(
    ("task", "params"),
    [
        ("binary", {"class_weight": "even"}),
        ("one target", {"loss": "quantile", "quantile": 1.0}),
    ],
)
def test_a_bad_parameter_of_one_estimator_is_named(task, params):
    with pytest.raises(ValueError, match=f"'{list(params)[-1]}' parameter"):
        fitted(task, *samples(task), **params)


@pytest.mark.parametrize(("value", "shown"), [(1e39, r"1e\+39"), (1e300, r"1e\+300")])
@pytest.mark.parametrize("name", ["eta0", "eps", "initial_accumulator", "alpha"])
@each_estimator
def test_a_parameter_too_large_for_float32_is_refused(task, name, value, shown):
    with pytest.raises(ValueError, match=f"{name}={shown} is too large for float32"):
        fitted(task, *samples(task, "float32"), **{name: value})


@each_estimator
def test_parameters_may_be_numbers_of_numpy(task):
    X, y = samples(task, "float64")
    given = {"eta0": 0.5, "eps": 0.25, "initial_accumulator": 1.0, "alpha": 0.125}
    numpys = {name: np.float32(value) for name, value in given.items()}
    model = fitted(task, X, y, max_iter=np.int64(2), **numpys)
    np.testing.assert_array_equal(
        model.coef_, fitted(task, X, y, max_iter=2, **given).coef_
    )


@each_estimator
def test_an_unfitted_model_says_so(task):
    X, _ = samples(task)
    with pytest.raises(NotFittedError):
        ESTIMATORS[task].predict(X)
    assert not hasattr(ESTIMATORS[task], "coef_")


@pytest.mark.parametrize("bad", ["X", "y"])
@each_task
def test_a_failed_fit_leaves_the_model_as_it_was(task, bad):
    X, y = samples(task)
    model = fitted(task, X, y)
    before = dict(vars(model))
    args = (X * np.nan, y) if bad == "X" else (X[:, 1:], y[1:])
    with pytest.raises(ValueError, match=r"NaN|inconsistent"):
        model.fit(*args)
    assert vars(model) == before


@pytest.mark.parametrize("task", ["one target", "targets"])
def test_values_too_large_to_learn_from_are_refused(task):
    X, y = samples(task)
    model = type(ESTIMATORS[task])(scale_invariant=False)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="too large"):
        model.fit(X * 1e200, y)
    assert vars(model) == before


@pytest.mark.parametrize("task", ["one target", "targets"])
def test_targets_too_large_to_square_or_sum_are_refused_without_a_warning(task):
    X, y = samples(task)
    for targets in (y * 1e200, np.full_like(y, 1.7e308)):
        with pytest.raises(ValueError, match="too large"):
            fitted(task, X, targets)


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_losses_too_large_to_sum_over_targets_are_refused_without_a_warning(
    preconditioner,
):
    y = np.full((1, 3), 1.3e154)  # half of the square is 0.47 of the largest number
    model = AdagradRegressor(eta0=0.5, preconditioner=preconditioner)
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="loss is no longer a finite number"):
            learn([[1.0]], y)
    with pytest.raises(ValueError, match="loss of the validation set"):
        model.fit([[1.0]], np.zeros((1, 3)), X_val=[[1.0]], y_val=y)
    search = AdagradRegressorCV(eta0s=[0.5, 1.0], preconditioner=preconditioner)
    with pytest.raises(ValueError, match="No cell"):
        search.set_params(shuffle=False).fit([[1.0]], y)


def test_losses_too_large_to_sum_over_halves_of_a_trial_are_refused_without_a_warning():
    X = np.random.default_rng(0).normal(size=(80, 1))
    y = 1.9e153 * np.sqrt(np.arange(80.0))
    with pytest.raises(ValueError, match="loss is no longer a finite number"):
        AdagradRegressor(shuffle=False).fit(X, y)


def test_of_equal_validation_losses_the_first_model_is_kept():
    X, y = samples("one target")
    model = AdagradRegressor(eta0=1e-300, max_iter=3, tol=None, shuffle=False)
    model.fit(X, y, X_val=X, y_val=y)
    assert len(set(model.validation_loss_curve_)) == 1
    assert (model.n_iter_, model.t_) == (3, len(y))


@each_task
def test_weights_whose_sum_overflows_are_refused_without_a_warning(task):
    X, y = samples(task)
    with pytest.raises(ValueError, match="largest is 1e"):
        fitted(task, X, y, np.full(len(y), 1e308))


@each_task
def test_rates_and_accumulators_beyond_float32_are_refused_without_a_warning(task):
    X, y = samples(task, "float32")
    for size in (1e30, 1e-40) if task in ("one target", "targets") else (1e30,):
        model = type(ESTIMATORS[task])(scale_invariant=False)
        with pytest.raises(ValueError, match=r"too large.* for float32.*MaxAbs"):
            model.fit(X * np.float32(size), y)
        assert not hasattr(model, "coef_")


@pytest.mark.parametrize("targets", [["1", "2"], ["low", "high"], [1j, 2.0]])
def test_targets_that_are_no_numbers_are_refused(targets):
    X, _ = samples("one target")
    with pytest.raises(ValueError, match=r"numbers|Complex"):
        AdagradRegressor().fit(X, np.resize(targets, N_ROWS))


@pytest.mark.parametrize("name", ["coef_", "learning_rates_", "accumulators_"])
@each_task
def test_published_attributes_are_read_only(task, name):
    model = fitted(task, *samples(task))
    for prefix in ("", "intercept_"):
        array = getattr(model, (prefix + name).replace("intercept_coef", "intercept"))
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_what_is_read_of_the_rates_is_a_copy():
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = AdagradRegressor(random_state=0).fit(X, X * [1, 100, 1e4])
    rates = np.array(model.eta0_)
    model.eta0_[:] = 99
    np.testing.assert_array_equal(model.eta0_, rates)


@pytest.fixture(scope="module")
def much_work():
    """Return rows with 800 classes; one pass over them takes about a second."""
    rng = np.random.default_rng(0)
    n_rows, nnz = 100_000, 60
    indices = (rng.integers(0, 50, (n_rows, nnz)) + 50 * np.arange(nnz)).astype("int32")
    indptr = nnz * np.arange(n_rows + 1, dtype="int32")
    data = rng.random(n_rows * nnz, dtype="float32")
    X = sp.csr_matrix((data, indices.ravel(), indptr), (n_rows, 50 * nnz))
    return X, np.arange(n_rows) % 800


@contextlib.contextmanager
def ctrl_c(after):
    """Press Ctrl-C in so many seconds; tell when that was."""
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    timer = threading.Timer(after, press)
    # What a shell starts in the background ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        yield pressed
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_ctrl_c_is_heard_and_leaves_a_model_to_fit_again(much_work, method, n_jobs):
    X, y = much_work
    model = AdagradClassifier(tol=None, max_iter=100, n_jobs=n_jobs)
    classes = {"classes": np.arange(800)} if method == "partial_fit" else {}
    with ctrl_c(after=0.4) as pressed, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        while True:
            getattr(model, method)(X, y, **classes)
    assert time.perf_counter() - pressed[0] < 0.25
    few = X[:1000], y[:1000] % 9
    wanted = AdagradClassifier(max_iter=1, random_state=0).fit(*few)
    assert_same(model.set_params(max_iter=1, random_state=0).fit(*few), wanted)


@pytest.mark.parametrize("label", range(4))
def test_rows_that_differ_in_one_label_alone_are_not_the_same(label):
    y = np.zeros((40, 4), dtype=int)
    y[:20, label] = 1
    model = AdagradClassifier(random_state=0, max_iter=20, tol=None).fit(
        np.ones((40, 1)), y
    )
    p = model.predict_proba(np.ones((1, 1)))[0]
    assert p[label] == pytest.approx(0.5, abs=0.1)
    assert (np.delete(p, label) < 0.2).all()
