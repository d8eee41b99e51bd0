"""What tests compare of two models, do to them in between, and forms of X."""

import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

ARRAYS = (
    *("coef_", "intercept_", "accumulators_", "intercept_accumulators_"),
    *("learning_rates_", "intercept_learning_rates_"),
)
MODEL = (*ARRAYS, "eta0_")
STATE = (*MODEL, "t_", "progressive_loss_")

each_form = pytest.mark.parametrize("form", [np.asarray, sp.csr_array])


def assert_same(actual, wanted, names=STATE, rtol=0.0):
    """Compare attributes, to within `rtol` of the largest number of each."""
    for name in names:
        ours, theirs = getattr(actual, name), getattr(wanted, name)
        ours, theirs = map(dense, (ours, theirs))
        atol = rtol * np.abs(theirs).max() if rtol else 0.0
        np.testing.assert_allclose(ours, theirs, rtol, atol, err_msg=name)


def assert_close(actual, wanted, rtol):
    """Compare relative to the largest value, as sums of large terms can be small."""
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(
        actual, np.reshape(wanted, np.shape(actual)), rtol, rtol * scale
    )


def dense(X):
    return X.toarray() if sp.issparse(X) else X


def raw_of(model, X):
    """Return the decision function of a classifier, the prediction of a regressor."""
    return getattr(model, "decision_function", model.predict)(X)


def pickled(model):
    return pickle.loads(pickle.dumps(model))


def through_joblib(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def read_everything(model):
    """Read all that is published, and predict; return the model."""
    for name in dir(model):
        if name.endswith("_") and not name.startswith("_"):
            getattr(model, name)
    assert all(np.isfinite(getattr(model, name)).all() for name in ARRAYS)
    for n_rows in (1, 9):  # enough for weights to be read once for all rows
        model.predict(np.ones((n_rows, model.n_features_in_)))
    return model


def with_int64(X):
    """Return a CSR matrix with indices of int64."""
    X = sp.csr_matrix(X)
    X.indices, X.indptr = X.indices.astype("int64"), X.indptr.astype("int64")
    return X
