"""`fit` to the same numbers in other formats and types gives the same model."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradRegressor
from sk_adagrad._rows import read_rows

from .comparing import each_form, pickled, raw_of, with_int64
from .fitting import N_FEATURES, N_ROWS, assert_same, each_task, fitted, samples
from .streaming import in_chunks


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
def test_a_repeated_column_changes_the_order_of_sums_in_its_own_row_only(dtype):
    rng = np.random.default_rng(0)
    indices = np.concatenate([rng.permutation(40)[:17] for _ in range(60)])
    indices[50 * 17 + 1] = indices[50 * 17]
    values = rng.normal(size=60 * 17).astype(dtype)
    X = sp.csr_matrix((values, indices, np.arange(61) * 17), shape=(60, 40))
    y = rng.normal(size=60)
    whole = AdagradRegressor(eta0=0.5).partial_fit(X, y)
    assert_same(in_chunks(AdagradRegressor(eta0=0.5), X, y, cuts=[50, 51]), whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_of_repeated_columns_that_overflows_is_refused(dtype):
    model = AdagradRegressor(eta0=0.5).partial_fit(np.eye(3, dtype=dtype), [1, 2, 3])
    before = pickled(model)
    large = np.full(2, 0.9, dtype) * np.finfo(dtype).max
    X = sp.csr_matrix((large, [1, 1], [0, 2]), shape=(1, 3))
    with pytest.raises(ValueError, match="X contains infinity"):
        model.partial_fit(X, [1.0])
    assert_same(model, before)


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


@pytest.mark.parametrize(("dtype", "alpha"), [("float32", 1e-38), ("float64", 1e-308)])
def test_a_penalty_too_small_for_the_type_is_none(dtype, alpha):
    X, y = samples("binary", dtype)
    penalised = fitted("binary", X, y, alpha=alpha, l1_ratio=0.5)
    assert_same(penalised, fitted("binary", X, y))


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
