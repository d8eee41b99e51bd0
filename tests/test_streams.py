"""A stream gives the same model however it is cut, stored, typed or copied."""

import copy
import pickle
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_adagrad import AdagradClassifier, AdagradRegressor, _banks
from sk_adagrad._dispatch import KERNELS

from .comparing import assert_same, each_form, pickled, read_everything, through_joblib
from .streaming import (
    N_FEATURES,
    N_ROWS,
    each_stream,
    first_call,
    learn,
    model_of,
    weighted_samples,
)


@cache
def learned_whole(stream, form, weighted):
    return learn(stream, form=form, weighted=weighted)


@each_stream
@pytest.mark.parametrize("weighted", [False, True])
@each_form
@settings(max_examples=40, deadline=None)
@given(cuts=st.sets(st.integers(1, N_ROWS - 1)).map(sorted))
def test_any_chunking_of_a_stream_gives_the_same_model(stream, form, weighted, cuts):
    whole = learned_whole(stream, form, weighted)
    assert_same(learn(stream, cuts, form, weighted), whole)


@pytest.mark.parametrize("before", [1 / 3, 2.0**53])
def test_sums_of_weights_do_not_depend_on_the_chunks(before):
    X, y, _ = weighted_samples("one target")
    models = [AdagradRegressor(eta0=0.5) for _ in range(2)]
    for model, cuts in zip(models, ([0, 10], range(11)), strict=True):
        model.partial_fit(X[30:31], y[30:31], sample_weight=[before])
        for start, stop in pairwise(cuts):
            model.partial_fit(X[start:stop], y[start:stop])
    assert models[0].progressive_loss_ == models[1].progressive_loss_


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_a_chunk_counts_beside_any_weight_before(preconditioner):
    model = AdagradRegressor(eta0=0.5, preconditioner=preconditioner)
    model.partial_fit([[1.0]], [0.0], sample_weight=[1e17])  # predicted without a loss
    assert model.partial_fit([[1.0]], [1.0]).loss_curve_ == [0.5]


@pytest.mark.parametrize(
    "between",
    [
        lambda model, path: pickled(model),
        lambda model, path: copy.deepcopy(model),
        through_joblib,
        lambda model, path: read_everything(model),
    ],
    ids=["pickle", "deepcopy", "joblib", "reading"],
)
@each_stream
def test_an_interlude_changes_nothing(stream, between, tmp_path):
    model = learn(stream, [7, 20], between=lambda model: between(model, tmp_path / "m"))
    assert_same(model, learn(stream))


@each_stream
def test_a_copy_learns_apart_from_the_original(stream):
    X, y, _ = weighted_samples(stream)
    model = learn(stream)
    copy.deepcopy(model).partial_fit(X, y)
    assert_same(model, learn(stream))


@each_stream
def test_published_attributes_do_not_change_as_learning_goes_on(stream):
    X, y, _ = weighted_samples(stream)
    model = learn(stream)
    coef, values = model.coef_, model.coef_.copy()
    model.partial_fit(X, y)
    np.testing.assert_array_equal(coef, values)
    assert not np.array_equal(model.coef_, values)


@pytest.mark.parametrize("first", ["float32", "float64"])
@pytest.mark.parametrize("second", ["float32", "float64", "int64", "uint8", "bool"])
@each_form
@each_stream
def test_later_chunks_are_read_in_the_type_of_the_first(stream, form, first, second):
    X, y, _ = weighted_samples(stream)
    X, chunk = X.astype(first), np.abs(X).astype(second)
    model = model_of(stream)
    model.partial_fit(form(X), y, **first_call(stream))
    by_hand = copy.deepcopy(model)
    model.partial_fit(form(chunk), y)
    assert model.coef_.dtype == first
    assert_same(model, by_hand.partial_fit(form(chunk.astype(first)), y))


@each_stream
def test_later_chunks_may_have_another_index_type(stream):
    index_types = iter(["int64", "int32", "int64"])

    def form(X):
        X, index_type = sp.csr_matrix(X), next(index_types)
        X.indices, X.indptr = X.indices.astype(index_type), X.indptr.astype(index_type)
        return X

    assert_same(learn(stream, [7, 20], form), learn(stream, form=sp.csr_matrix))


@each_stream
def test_a_chunk_of_zero_weights_changes_nothing(stream):
    X, y, _ = weighted_samples(stream)
    model = learn(stream, [7])
    before = pickle.dumps(model)
    model.partial_fit(X, y, sample_weight=np.zeros(N_ROWS))
    assert pickle.dumps(model) == before


@each_stream
def test_a_first_chunk_of_zero_weights_is_not_counted(stream):
    X, y, weight = weighted_samples(stream)
    model = model_of(stream)
    model.partial_fit(X, y, sample_weight=np.zeros(N_ROWS), **first_call(stream))
    assert model.t_ == 0
    assert_same(model.partial_fit(X, y, sample_weight=weight), learn(stream))


@pytest.mark.parametrize("weight", [1.0, 1e-60])
def test_a_chunk_whose_weights_become_0_changes_nothing(weight):
    """Because of its class, or in float32."""
    X, y, _ = weighted_samples("classes")
    class_weight = {0: 0} if weight == 1 else None
    model = AdagradClassifier(class_weight=class_weight, eta0=0.5)
    model.partial_fit(X.astype("float32"), y, np.arange(10))
    before = pickle.dumps(model)
    model.partial_fit(X[:3], np.zeros(3, dtype=int), sample_weight=np.full(3, weight))
    assert pickle.dumps(model) == before


def test_scales_are_those_of_samples_whose_class_has_a_weight():
    X, y, _ = weighted_samples("classes")
    X = np.tile(X, (3, 1)) * np.where(np.arange(3 * N_ROWS) < 40, 100, 1)[:, None]
    y = np.tile(y, 3)
    once, chunks = (AdagradClassifier(class_weight={0: 0, 1: 0}) for _ in "ab")
    once.partial_fit(X, y, np.arange(10))
    for start in range(0, len(y), 20):
        chunk = slice(start, start + 20)
        chunks.partial_fit(X[chunk], y[chunk], np.arange(10))
    assert_same(chunks, once)


def test_sums_of_gradients_begin_the_same_if_the_first_call_chooses_the_rates():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 4))
    y = X[:, :3] + 37.3
    once, chunks = (AdagradRegressor(update="ftrl_proximal") for _ in "ab")
    once.partial_fit(X, y)
    chunks.partial_fit(X[:1000], y[:1000]).partial_fit(X[1000:], y[1000:])
    assert_same(chunks, once)


@pytest.mark.parametrize("l1_ratio", [0, 1])
def test_an_interrupted_call_leaves_no_steps_of_the_penalty_to_take_back(
    l1_ratio, monkeypatch
):
    X, y, _ = weighted_samples("binary")
    params = {"eta0": 0.5, "alpha": 1e-2, "l1_ratio": l1_ratio}
    model = AdagradClassifier(**params).partial_fit(X, y, classes=[0, 1])
    kernel = KERNELS[np.dtype("float64")]

    def train(*, start, **arguments):
        if start:
            raise KeyboardInterrupt
        return kernel.train(start=start, **arguments)

    interrupted = SimpleNamespace(**{**vars(kernel), "train": train})
    with monkeypatch.context() as patched:
        patched.setattr(_banks, "_BLOCK_READS", 1)
        patched.setitem(KERNELS, np.dtype("float64"), interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X, y)
    learned = abs(model.coef_).max()
    model.partial_fit(np.zeros((1000, N_FEATURES)), np.zeros(1000, dtype=int))
    assert abs(model.coef_).max() < learned


def test_first_samples_of_weight_0_are_not_kept():
    X, y, _ = weighted_samples("binary")
    size = {}
    for n_rows in (1, 1000):
        rows = np.tile(X, (n_rows, 1))
        weight = np.zeros(len(rows))
        model = AdagradClassifier().partial_fit(
            rows, np.tile(y, n_rows), classes=[0, 1], sample_weight=weight
        )
        model.partial_fit(X[:5], y[:5])
        size[n_rows] = len(pickle.dumps(model))
    assert size[1000] == size[1]
    assert_same(model, AdagradClassifier().partial_fit(X[:5], y[:5], classes=[0, 1]))


@each_form
@each_stream
def test_memory_mapped_read_only_arrays_are_read_where_they_are(stream, form, tmp_path):
    def memory_mapped(X):
        joblib.dump(form(X), tmp_path / "X")
        X = joblib.load(tmp_path / "X", mmap_mode="r")
        assert isinstance(X.data if sp.issparse(X) else X, np.memmap)
        return X

    assert_same(learn(stream, form=memory_mapped), learn(stream, form=form))
