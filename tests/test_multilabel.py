"""Samples with several labels."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score, hamming_loss, log_loss
from sklearn.multioutput import MultiOutputClassifier

from sk_adagrad import AdagradClassifier
from sk_adagrad._losses import CLASSIFICATION_LOSSES

from .comparing import assert_same, each_form, pickled
from .streaming import in_chunks
from .targeting import N_ROWS, classes, labels, rows


def tuples(Y):
    return tuple(map(tuple, Y.tolist()))


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("n_labels", [2, 3, 11])
def test_dense_and_sparse_indicators_give_the_same_model(n_labels, shuffle, eta0):
    X, weight = rows()
    Y = labels(n_labels)
    params = {"eta0": eta0, "shuffle": shuffle, "random_state": 0}
    dense, *others = (
        AdagradClassifier(**params).fit(X, form(Y), sample_weight=weight)
        for form in (np.asarray, sp.csr_matrix, sp.csc_array, np.ndarray.tolist, tuples)
    )
    for other in others:
        assert_same(other, dense)


@pytest.mark.parametrize("loss", CLASSIFICATION_LOSSES)
def test_labels_are_learned_as_one_binary_problem_each(loss):
    X, weight = rows()
    Y = labels(11)
    params = {"eta0": 0.5, "shuffle": False, "tol": None, "max_iter": 3}
    model = AdagradClassifier(loss, **params).fit(
        X, sp.csr_matrix(Y), sample_weight=weight
    )
    for k in range(11):
        one = AdagradClassifier(loss, **params).fit(X, Y[:, k], sample_weight=weight)
        # Residuals near 0, as of huber, have few digits left after the difference.
        np.testing.assert_allclose(model.coef_[k], one.coef_[0], 1e-9, 1e-11)
        np.testing.assert_allclose(
            model.decision_function(X)[:, k], one.decision_function(X), 1e-9, 1e-11
        )


@pytest.mark.parametrize("cuts", [[1, 2, 70], [30, 31], [64]])
@each_form
def test_a_stream_of_labels_does_not_depend_on_its_chunks(form, cuts):
    X, weight = rows()
    Y = labels()
    whole = AdagradClassifier().partial_fit(X, form(Y), sample_weight=weight)
    model = in_chunks(AdagradClassifier(), X, form(Y), weight, cuts, between=pickled)
    assert_same(model, whole)


@each_form
def test_a_stream_of_labels_may_begin_with_samples_of_none(form):
    X, _ = rows()
    Y = labels()
    Y[:50] = 0
    whole = AdagradClassifier().partial_fit(X, form(Y))
    model = AdagradClassifier()
    for i in range(N_ROWS):
        model.partial_fit(X[[i]], form(Y[[i]]))
    assert_same(model, whole)


def test_predictions_of_labels_have_the_shape_and_form_of_y():
    X, Y = make_multilabel_classification(300, n_classes=6, random_state=0)
    model = AdagradClassifier(random_state=0).fit(X, Y)
    predicted = model.predict(X)
    assert isinstance(predicted, np.ndarray)
    assert predicted.shape == (300, 6)
    assert model.decision_function(X).shape == (300, 6)
    assert model.predict_proba(X).shape == (300, 6)
    np.testing.assert_array_equal(model.predict_proba(X) > 0.5, predicted == 1)
    sparse = AdagradClassifier(random_state=0).fit(X, sp.csr_matrix(Y)).predict(X)
    assert sp.issparse(sparse)
    assert sparse.format == "csr"
    np.testing.assert_array_equal(sparse.toarray(), predicted)


def test_metrics_take_predictions_of_labels():
    X, Y = make_multilabel_classification(500, n_classes=6, random_state=0)
    wrong = AdagradClassifier(random_state=0).fit(X, Y).predict(X) != Y
    for form in (np.asarray, sp.csr_matrix):
        model = AdagradClassifier(random_state=0).fit(X, form(Y))
        predicted = model.predict(X)
        assert hamming_loss(form(Y), predicted) == pytest.approx(wrong.mean())
        assert model.score(X, form(Y)) == pytest.approx(1 - wrong.any(axis=1).mean())
        assert f1_score(form(Y), predicted, average="micro") > 0.5
    assert np.isfinite(log_loss(Y[:, 0], model.predict_proba(X)[:, 0]))


def test_a_sparse_indicator_is_not_made_dense(monkeypatch):
    n_labels = 1_000
    Y = sp.random(400, n_labels, density=1e-3, random_state=0, format="csr")
    Y.data[:] = 1
    X, _ = rows(n_rows=400)

    def refuse(*args, **kwargs):
        raise AssertionError("made dense")

    for kind in (sp.csr_array, sp.csr_matrix):
        monkeypatch.setattr(kind, "toarray", refuse)
        monkeypatch.setattr(kind, "todense", refuse)
    AdagradClassifier(eta0=0.5, max_iter=1).fit(X, Y)
    AdagradClassifier(eta0=0.5).partial_fit(X, sp.csr_matrix(Y))


def test_the_ways_out_that_are_named_for_an_indicator_are_some():
    X, _ = rows()
    Y = labels(2)
    wanted = AdagradClassifier(random_state=0).fit(X, Y)
    assert_same(AdagradClassifier(random_state=0).fit(X, 2 * Y - 1 > 0), wanted)
    several = np.column_stack((classes(3), classes(4)))
    columns = MultiOutputClassifier(AdagradClassifier(random_state=0)).fit(X, several)
    assert [len(of_column) for of_column in columns.classes_] == [3, 4]


@pytest.mark.parametrize("eta0", [0.5, "auto"])
def test_what_is_wrong_with_an_indicator_is_said(eta0):
    X, _ = rows()
    Y = labels()
    for params, y, message in (
        ({}, np.where(Y == 1, 2, 0), "must contain 0 and 1 only"),
        ({}, Y + 1, r"value 2; .*sklearn\.multioutput\.MultiOutputClassifier"),
        ({}, 2 * Y - 1, r"value -1; .* give \(y > 0\)"),
        ({}, sp.csr_matrix(Y * 0.5), "value 0.5; as an .* 0 and 1 only"),
        ({}, [tuple(np.flatnonzero(row)) for row in Y], "MultiLabelBinarizer"),
        ({}, tuple(tuple(np.flatnonzero(row)) for row in Y), "MultiLabelBinarizer"),
        ({}, [set(np.flatnonzero(row)) for row in Y], "MultiLabelBinarizer"),
        ({}, [["red", "round"]] * len(Y), "MultiLabelBinarizer"),
        ({}, np.where(Y > 0, "yes", "no"), "MultiLabelBinarizer"),
        ({}, np.where(Y > 0, "yes", "no").astype(object), "MultiLabelBinarizer"),
        ({"class_weight": "balanced"}, Y, "use sample_weight"),
        ({"multi_class": "multinomial"}, Y, "use multi_class='ovr'"),
    ):
        model = AdagradClassifier(eta0=eta0, **params)
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)
        assert not hasattr(model, "coef_")
    with pytest.raises(ValueError, match="2 entries, but y has 11 columns of labels"):
        AdagradClassifier(eta0=eta0).partial_fit(X, Y, classes=[0, 1])
    model = AdagradClassifier(eta0=eta0).fit(X, Y)
    before = pickle.dumps(model.coef_)
    for y, message in (
        (Y[:, 1:], "10 columns of labels"),
        (Y[:, 0], "one column of class labels"),
        (sp.csr_matrix(Y * 3), "0 and 1 only"),
    ):
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, y)
        assert pickle.dumps(model.coef_) == before


def test_an_indicator_is_not_written_to():
    X, _ = rows()
    y = sp.csr_matrix(np.ones_like(labels()))
    y.data[:] = labels().ravel()  # zeros too
    arrays = [y.data, y.indices, y.indptr]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    AdagradClassifier().fit(X, y)
    for array, wanted in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, wanted)
