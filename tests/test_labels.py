"""Labels, targets, predictions and probabilities: their types and shapes."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import DataConversionWarning

from sk_adagrad import AdagradClassifier

from .fitting import N_FEATURES, N_ROWS, assert_same, each_classifier, fitted, samples


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
        ([-1, 0, 1], "int8 int64 float32 float64"),
        ([10, 11, 12], "uint8 int32 int64 uint64 float32"),
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
    for other, error, message in (
        *((other, TypeError, "not supported between") for other in (None, 3)),
        (np.nan, ValueError, "contains NaN"),
    ):
        objects[7] = other
        with pytest.raises(error, match=message):
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


def test_probabilities_of_both_classes_are_exact_where_they_are_small():
    model = AdagradClassifier(eta0=20.0, fit_intercept=False)
    model.partial_fit(np.float32([[1]]), [1], classes=[0, 1])
    p = model.predict_proba(np.float32([[1], [-1]]))
    assert (p > 0).all()
    np.testing.assert_array_equal(p[0], p[1][::-1])
