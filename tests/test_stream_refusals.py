"""What `partial_fit` refuses, and that it changes nothing."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .comparing import assert_same, each_form
from .streaming import (
    N_FEATURES,
    N_ROWS,
    assert_refused,
    each_stream,
    first_call,
    learn,
    model_of,
    weighted_samples,
)


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


@each_form
def test_rows_that_are_none_are_refused_later_too(form):
    X, y, _ = weighted_samples("binary")
    model = AdagradClassifier().partial_fit(form(X), y, [0, 1])
    with pytest.raises(ValueError, match="0 sample"):
        model.partial_fit(form(X[:0]), y[:0])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(form(X[:0]))


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
