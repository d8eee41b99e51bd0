"""A stream gives the same model however it is cut, stored, typed or disturbed."""

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

from sk_adagrad import AdagradClassifier, AdagradRegressor, _banks, _full_matrix
from sk_adagrad._dispatch import KERNELS
from sk_adagrad._state import ModelState

from .comparing import (
    MODEL,
    assert_same,
    each_form,
    pickled,
    raw_of,
    read_everything,
    through_joblib,
)
from .streaming import in_chunks

N_ROWS, N_FEATURES = 40, 12

STREAMS = {
    "binary": AdagradClassifier(),
    "binary balanced": AdagradClassifier(class_weight="balanced"),
    "classes": AdagradClassifier("hinge"),
    "classes balanced": AdagradClassifier(class_weight="balanced"),
    "classes of weight 0": AdagradClassifier(class_weight=dict.fromkeys(range(5), 0)),
    "one target": AdagradRegressor(),
    "targets": AdagradRegressor("huber"),
}
each_stream = pytest.mark.parametrize("stream", STREAMS)


def weighted_samples(stream):
    """Return rows, what they are to teach, and weights of which some are 0."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.4)
    weight = rng.uniform(0.1, 2, N_ROWS) * (rng.random(N_ROWS) < 0.8)
    if isinstance(STREAMS[stream], AdagradRegressor):
        shape = (N_ROWS, 10) if stream == "targets" else N_ROWS
        return X, rng.normal(size=shape), weight
    n_classes = 10 if "classes" in stream else 2
    return X, np.arange(N_ROWS) % n_classes, weight


def model_of(stream, **params):
    return copy.deepcopy(STREAMS[stream]).set_params(**params)


@cache
def first_call(stream):
    """Return what the first call of partial_fit needs besides samples."""
    if isinstance(STREAMS[stream], AdagradRegressor):
        return {}
    return {"classes": np.unique(weighted_samples(stream)[1])}


def learn(stream, cuts=(), form=np.asarray, weighted=True, between=lambda model: model):
    """Call partial_fit with each chunk between the cuts."""
    X, y, weight = weighted_samples(stream)
    weight = weight if weighted else None
    return in_chunks(model_of(stream), X, y, weight, cuts, form, between)


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


def with_entry(X, value):
    X = X.copy()
    X[3, 2] = value
    return X


def corrupt(X):
    X = sp.csr_matrix(X)
    X.indices[5] = N_FEATURES
    return X


BAD_CHUNKS = {
    "NaN": (lambda X, y, w: (with_entry(X, np.nan), y, w), "contains NaN"),
    "infinity": (lambda X, y, w: (with_entry(X, np.inf), y, w), "contains infinity"),
    "sparse NaN": (
        lambda X, y, w: (sp.csr_array(with_entry(X, np.nan)), y, w),
        "contains NaN",
    ),
    "corrupted CSR": (lambda X, y, w: (corrupt(X), y, w), "not a valid CSR matrix"),
    "no rows": (lambda X, y, w: (X[:0], y[:0], w[:0]), "0 sample"),
    "flat X": (lambda X, y, w: (X[0], y, w), "Expected 2D array"),
    "unequal lengths": (lambda X, y, w: (X, y[1:], w), "inconsistent numbers of samp"),
    "negative weight": (
        lambda X, y, w: (X, y, w - 1),
        "Negative values in sample_weight",
    ),
    "NaN weight": (lambda X, y, w: (X, y, w * np.nan), "sample_weight contains NaN"),
    "too few weights": (lambda X, y, w: (X, y, w[1:]), "sample_weight.shape"),
    "NaN in y": (lambda X, y, w: (X, y * np.nan, w), "contains NaN"),
    "no y": (lambda X, y, w: (X, None, w), "requires y to be passed"),
    "no y, CSR": (
        lambda X, y, w: (sp.csr_array(X), None, w),
        "requires y to be passed",
    ),
}
BAD_LATER_CHUNKS = {
    "other n_features": (lambda X, y, w: (X[:, 1:], y, w), "has 11 features, but"),
}
BAD_LABELS = {
    "new class": (lambda X, y, w: (X, y + 1, w), "new class"),
    "class of another type": (lambda X, y, w: (X, y.astype(str), w), "new class '0'"),
    "values": (lambda X, y, w: (X, y + 0.5, w), "new class 0.5"),
}
BAD_TARGETS = {
    "None": (lambda X, y, w: (X, one_is(y, None), w), "contains NaN"),
    "infinity": (lambda X, y, w: (X, one_is(y, np.inf), w), "contains infinity"),
    "another target": (lambda X, y, w: (X, np.c_[y, y], w), "targets, but"),
}


def one_is(y, value):
    """Return y as objects, of which one has this value."""
    y = np.array(y, dtype=object)
    y.flat[7] = value
    return y


def refusals(*chunks):
    bad = {name: chunk for some in chunks for name, chunk in some.items()}
    return pytest.mark.parametrize(("spoil", "message"), bad.values(), ids=bad.keys())


@pytest.mark.parametrize(
    ("bad", "named"), [(0, "0"), (0.0, "0.0"), (None, "None"), (b"a", "b'a'")], ids=str
)
def test_labels_of_other_types_among_classes_that_are_objects_are_new(bad, named):
    X, names = np.eye(4), np.array(["a", "b", "a", "b"], dtype=object)
    model = AdagradClassifier().fit(X, names)
    assert model.classes_.dtype == object
    for y in (one_is(names.tolist() * 2, bad), np.array([bad] * 8)):
        rows = np.vstack((X, X))
        with pytest.raises(ValueError, match=f"new class {named};"):
            model.partial_fit(rows, y)
        with pytest.raises(ValueError, match=f"In X_val, .* new class {named};"):
            model.fit(X, names, X_val=rows, y_val=y)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_labels_that_are_objects_are_found_among_numbers(dtype):
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    wanted = AdagradClassifier().partial_fit(X, y, [0, 1])
    objects = y.astype(dtype).astype(object)
    assert_same(AdagradClassifier().partial_fit(X, objects, [0, 1]), wanted)
    with pytest.raises(ValueError, match="new class None;"):
        wanted.partial_fit(np.vstack((X, X)), one_is([*y, *y], None))


def assert_refused(model, stream, spoil, message, **classes):
    before, attributes = pickle.dumps(model), list(vars(model))
    X, y, weight = spoil(*weighted_samples(stream))
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, sample_weight=weight, **classes)
    assert list(vars(model)) == attributes
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
@each_stream
def test_what_another_thread_reads_meanwhile_is_not_kept(
    stream, preconditioner, monkeypatch
):
    X, y, weight = weighted_samples(stream)
    model = model_of(stream, preconditioner=preconditioner, eta0=0.5)
    model.partial_fit(X[:20], y[:20], sample_weight=weight[:20], **first_call(stream))
    engine = {"diagonal": _banks, "full": _full_matrix}[preconditioner]
    learns = engine.learn

    def learn_and_be_read(*args):
        for name in MODEL:
            getattr(model, name)
        model.predict(X)
        return learns(*args)

    monkeypatch.setattr(engine, "learn", learn_and_be_read)
    model.partial_fit(X[20:], y[20:], sample_weight=weight[20:])
    loaded = pickled(model)
    assert_same(model, loaded)
    np.testing.assert_array_equal(model.predict(X), loaded.predict(X))


@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@each_stream
def test_predictions_while_another_thread_learns_are_of_weights_in_between(
    stream, update, l1_ratio, monkeypatch
):
    """Counters of features are ahead of the samples then: no penalty is taken back."""
    X, y, weight = weighted_samples(stream)
    penalty = {"alpha": 0.3, "l1_ratio": l1_ratio}
    model = model_of(stream, eta0=0.5, update=update, **penalty)
    meanwhile, learns = [], _banks.learn

    def learn_and_be_read(*args):
        n_learned = learns(*args)
        for each in (model, pickled(model)):
            meanwhile.extend([raw_of(each, X), raw_of(each, np.tile(X, (10, 1)))])
        return n_learned

    model.partial_fit(X, y, sample_weight=weight, **first_call(stream))
    monkeypatch.setattr(_banks, "learn", learn_and_be_read)
    model.partial_fit(X, y, sample_weight=weight)
    monkeypatch.undo()
    assert len(meanwhile) == 4
    largest = np.abs(raw_of(model, X)).max()
    assert max(np.abs(read).max() for read in meanwhile) < 20 * largest


@each_stream
def test_a_model_predicts_as_before_until_all_of_a_new_one_is_there(
    stream, monkeypatch
):
    X, y, _ = weighted_samples(stream)
    model, meanwhile, learns = learn(stream), [], _banks.learn
    wanted, wide = model.predict(X), np.hstack((X, X))

    def learn_and_be_read(*args):
        meanwhile.append(model.predict(X))
        with pytest.raises(ValueError, match="24 features"):
            model.predict(wide)
        return learns(*args)

    monkeypatch.setattr(_banks, "learn", learn_and_be_read)
    if stream == "classes of weight 0":
        model.set_params(class_weight=None)
    model.fit(wide, y + 100)
    assert meanwhile
    for read in meanwhile:
        np.testing.assert_array_equal(read, wanted)
    assert model.predict(wide).shape == wanted.shape


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_a_prediction_under_way_is_that_of_the_model_it_began_with(
    n_classes, method, monkeypatch
):
    """Also where another thread publishes one with other classes and features."""
    X, y, _ = weighted_samples("classes")
    model = AdagradClassifier(random_state=0).fit(X, y % 3)
    wanted, reads = getattr(model, method)(X), AdagradClassifier._read

    def read_and_be_fitted(self, Z, **checks):
        monkeypatch.undo()
        model.fit(np.hstack((X, X)), y % n_classes + 5)
        return reads(self, Z, **checks)

    monkeypatch.setattr(AdagradClassifier, "_read", read_and_be_fitted)
    np.testing.assert_array_equal(getattr(model, method)(X), wanted)
    assert model.n_features_in_ == 24


def test_a_prediction_under_way_survives_that_the_penalty_is_set_to_0(monkeypatch):
    X, y, _ = weighted_samples("classes")
    model = AdagradClassifier(eta0=0.1, alpha=1e-4).partial_fit(X, y, np.unique(y))
    some = X[:3]  # or weights would be read once for all of them
    wanted, rooms = raw_of(model, some), _banks._room_for_a_row

    def go_on_without_penalty(*args):
        monkeypatch.undo()
        model.set_params(alpha=0.0).partial_fit(X[:1], y[:1])
        return rooms(*args)

    monkeypatch.setattr(_banks, "_room_for_a_row", go_on_without_penalty)
    np.testing.assert_allclose(raw_of(model, some), wanted, atol=0.2)
    assert not model._state.reading.lazy


def test_what_is_set_while_a_model_learns_stays(monkeypatch):
    X, y, _ = weighted_samples("binary")
    model, learns = learn("binary"), _banks.learn
    model.note = "a"
    model.forgotten = "b"

    def learn_and_be_set(*args):
        model.set_params(verbose=0, tol=0.5)
        model.note = "c"
        vars(model).pop("forgotten", None)
        return learns(*args)

    monkeypatch.setattr(_banks, "learn", learn_and_be_set)
    model.partial_fit(X, y)
    assert (model.tol, model.note) == (0.5, "c")
    assert not hasattr(model, "forgotten")


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


@each_form
def test_rows_that_are_none_are_refused_later_too(form):
    X, y, _ = weighted_samples("binary")
    model = AdagradClassifier().partial_fit(form(X), y, [0, 1])
    with pytest.raises(ValueError, match="0 sample"):
        model.partial_fit(form(X[:0]), y[:0])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(form(X[:0]))


def test_an_eps_that_is_subnormal_counts_as_the_least_normal_number():
    X, y, _ = weighted_samples("binary")
    model = AdagradClassifier("hinge", eta0=0.1, eps=1e-320).partial_fit(X, y, [0, 1])
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.learning_rates_).all()


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


@refusals(BAD_CHUNKS, BAD_LATER_CHUNKS)
@each_stream
def test_a_bad_chunk_is_refused_and_changes_nothing(stream, spoil, message):
    assert_refused(learn(stream), stream, spoil, message)


@refusals(BAD_CHUNKS)
@each_stream
def test_a_bad_first_chunk_is_refused_and_leaves_the_model_unfitted(
    stream, spoil, message
):
    model = model_of(stream)
    assert_refused(model, stream, spoil, message, **first_call(stream))


@refusals(BAD_LABELS)
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("stream", ["binary", "classes balanced"])
def test_an_unknown_class_is_refused_and_changes_nothing(
    stream, fitted, spoil, message
):
    model = learn(stream) if fitted else model_of(stream)
    assert_refused(model, stream, spoil, message, **first_call(stream))


@refusals(BAD_TARGETS)
@pytest.mark.parametrize("stream", ["one target", "targets"])
def test_bad_targets_are_refused_and_change_nothing(stream, spoil, message):
    assert_refused(learn(stream), stream, spoil, message)


@pytest.mark.parametrize("stream", ["binary", "classes"])
def test_the_first_chunk_must_name_the_classes(stream):
    model = model_of(stream)
    assert_refused(model, stream, lambda *samples: samples, "classes must be passed")


@pytest.mark.parametrize("known", [[], [1], [1, 1]])
def test_a_stream_needs_two_classes(known):
    X = np.eye(3)
    with pytest.raises(ValueError, match="greater than one; got"):
        AdagradClassifier().partial_fit(X, np.ones(3, dtype=int), classes=known)


@pytest.mark.parametrize("stream", ["binary", "classes"])
def test_later_chunks_must_not_name_other_classes(stream):
    not_the_same = r"classes=\[0, 1, 99\]. is not the same as on last call"
    assert_refused(
        *(learn(stream), stream, lambda *samples: samples, not_the_same),
        classes=[0, 1, 99],
    )


def test_targets_too_large_for_the_type_of_the_model_are_refused():
    """Which float64 is not."""
    X, y, _ = weighted_samples("one target")
    single, double = (
        AdagradRegressor().partial_fit(X.astype(dtype), y)
        for dtype in ("float32", "float64")
    )
    before = pickle.dumps(single)
    with pytest.raises(ValueError, match="too large for float32"):
        single.partial_fit(X, y * 1e50)
    assert pickle.dumps(single) == before
    double.partial_fit(X, y * 1e50)
    assert double.t_ == 2 * N_ROWS
    assert np.abs(double.predict(X)).max() > np.finfo("float32").max


@each_form
@each_stream
def test_rows_too_large_for_the_model_are_refused_without_a_warning(stream, form):
    X, y, _ = weighted_samples(stream)
    model = model_of(stream)
    model.partial_fit(form(X.astype("float32")), y, **first_call(stream))
    before = pickle.dumps(model)
    large = X.copy()
    large[3, 1] = 1e39
    for use in (
        lambda: model.partial_fit(form(large), y),
        lambda: model.predict(form(large)),
        lambda: model.fit(form(X.astype("float32")), y, X_val=form(large), y_val=y),
    ):
        with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"):
            use()
    assert pickle.dumps(model) == before


@each_form
@each_stream
def test_memory_mapped_read_only_arrays_are_read_where_they_are(stream, form, tmp_path):
    def memory_mapped(X):
        joblib.dump(form(X), tmp_path / "X")
        X = joblib.load(tmp_path / "X", mmap_mode="r")
        assert isinstance(X.data if sp.issparse(X) else X, np.memmap)
        return X

    assert_same(learn(stream, form=memory_mapped), learn(stream, form=form))
