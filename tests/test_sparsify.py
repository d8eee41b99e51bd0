"""`sparsify` and `densify` change the form of a model, and nothing else."""

import contextlib
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context, get_config

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .comparing import STATE, assert_same, pickled
from .targeting import N_ROWS, classes, labels, rows

OPTIONS = [
    {},
    {"alpha": 1e-2, "l1_ratio": 0.7},
    {"alpha": 1e-2, "l1_ratio": 0.7, "update": "dual_averaging"},
    {"alpha": 1e-2, "l1_ratio": 0.7, "update": "ftrl_proximal"},
    {"scale_invariant": True, "alpha": 1e-2, "l1_ratio": 0.7},
    {"scale_invariant": True, "initial_accumulator": 0.5},
    {"preconditioner": "full"},
]
TASKS = {
    "binary": (AdagradClassifier, classes(2)),
    "classes": (AdagradClassifier, classes(9)),
    "multinomial": (AdagradClassifier, classes(9)),
    "labels": (AdagradClassifier, labels()),
    "one target": (AdagradRegressor, np.linspace(-1, 1, N_ROWS)),
    "targets": (AdagradRegressor, np.outer(np.linspace(-1, 1, N_ROWS), [1, 2, 3])),
}


def some_columns(X):
    """Return rows of many features, most of which none of the rows has."""
    wide = np.zeros((len(X), 10 * X.shape[1]))
    wide[:, 3::10] = X
    return wide


def task_of(name, **params):
    estimator, y = TASKS[name]
    if name == "multinomial":
        params["multi_class"] = "multinomial"
    return estimator(**params), y


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_model_that_nothing_has_touched_can_be_sparsified(options):
    model = AdagradClassifier(eta0=0.5, **options)
    X, y = np.eye(4), np.arange(4) % 2
    model.partial_fit(0 * X, y, classes=[0, 1])
    wanted = pickled(model)
    model = pickled(model.sparsify())
    assert_same(model.densify().partial_fit(X, y), wanted.partial_fit(X, y), STATE)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_scikit_learn_s_configuration_decides_between_sparse_arrays_and_matrices(
    options,
):
    if "sparse_interface" not in get_config():
        pytest.skip("this scikit-learn has sparse matrices only")
    X, _ = rows()
    y = sp.csr_matrix(labels())
    model = AdagradClassifier(random_state=0, **options).fit(X, y).sparsify()
    single = AdagradRegressor(**options).fit(X, X[:, 0]).sparsify()
    for read in (
        lambda: model.coef_,
        lambda: model.predict(X),
        lambda: single.coef_,
    ):
        matrix = read()
        assert sp.isspmatrix_csr(matrix)
        with config_context(sparse_interface="sparray"):
            assert type(read()) is sp.csr_array
            np.testing.assert_array_equal(read().toarray(), matrix.toarray())
            assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("task", TASKS)
def test_a_sparsified_model_predicts_and_learns_as_before(task, options, eta0):
    if task == "multinomial" and "preconditioner" in options:
        pytest.skip("refused together")
    X, weight = rows()
    X = some_columns(X)
    model, y = task_of(task, eta0=eta0, **options)
    first, second = slice(None, 50), slice(50, None)
    known = {"classes": np.unique(y)} if task in ("binary", "classes") else {}
    known = {"classes": np.arange(9)} if task == "multinomial" else known
    model.partial_fit(X[first], y[first], sample_weight=weight[first], **known)
    wanted = pickled(model)

    assert model.sparsify() is model
    assert model.sparsify() is model
    model = pickled(model)
    assert sp.issparse(model.coef_)
    assert model.coef_.format == "csr"
    assert model.coef_.nnz == np.count_nonzero(wanted.coef_)
    assert_same_as_matrix(model, wanted)
    assert_same(model, wanted, STATE[1:])
    for form in (np.asarray, sp.csr_matrix):
        for method in ("predict", "decision_function"):
            if hasattr(model, method):
                np.testing.assert_allclose(
                    getattr(model, method)(form(X)),
                    getattr(wanted, method)(form(X)),
                    *(1e-9, 1e-12),
                )

    dense = pickled(model).densify()
    assert_same(dense, wanted)
    for other in (model, dense, wanted):
        other.partial_fit(X[second], y[second], sample_weight=weight[second])
    assert_same(model, wanted)
    assert_same(dense, wanted)


def assert_same_as_matrix(sparse, dense):
    shape = np.atleast_2d(dense.coef_).shape
    np.testing.assert_array_equal(sparse.coef_.toarray(), dense.coef_.reshape(shape))


@pytest.mark.parametrize("interface", ["spmatrix", "sparray"])
@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_a_sparse_coef_cannot_change_the_model(preconditioner, interface):
    X, _ = rows()
    model = AdagradClassifier(preconditioner=preconditioner, random_state=0)
    model.fit(X, classes(3)).sparsify()
    wanted, before = model.coef_.toarray(), model.decision_function(X)
    can_choose = "sparse_interface" in get_config()
    with config_context(**{"sparse_interface": interface} if can_choose else {}):
        for name in ("data", "indices", "indptr"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(model.coef_, name)[:] = 0
        with contextlib.suppress(ValueError):  # an older SciPy resizes in place
            model.coef_.resize((1, 2))
        model.coef_.data = np.zeros(1)
        coef = model.coef_
    np.testing.assert_array_equal(coef.toarray(), wanted)
    np.testing.assert_array_equal(model.decision_function(X), before)
    if preconditioner == "diagonal":  # a full matrix makes it anew
        assert np.shares_memory(coef.data, model.coef_.data)


def test_what_fails_leaves_a_sparsified_model_as_it_was():
    X, _ = rows()
    model = AdagradClassifier(random_state=0).fit(X, classes(3)).sparsify()
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="new class"):
        model.partial_fit(X, classes(4))
    assert pickle.dumps(model) == before
    assert sp.issparse(model.coef_)


def test_a_sparsified_model_keeps_nothing_of_features_that_no_sample_had():
    X, _ = rows()
    X = sp.csr_matrix((*sp.find(X)[2:], sp.find(X)[:2]), shape=(N_ROWS, 10**6))
    model = AdagradClassifier(random_state=0).fit(X, classes(9))
    dense = len(pickle.dumps(model))
    wanted = model.decision_function(X)
    model.sparsify()
    assert len(pickle.dumps(model)) < dense / 1000
    np.testing.assert_allclose(model.decision_function(X), wanted, 1e-9, 1e-12)
