"""What tests compare of two models, and a form of X that several of them use."""

import numpy as np
import scipy.sparse as sp

MODEL = (
    *("coef_", "intercept_", "accumulators_", "intercept_accumulators_"),
    *("learning_rates_", "intercept_learning_rates_", "eta0_"),
)
STATE = (*MODEL, "t_", "progressive_loss_")


def assert_same(actual, wanted, names=STATE, rtol=0.0):
    """Compare attributes, to within `rtol` of the largest number of each."""
    for name in names:
        ours, theirs = getattr(actual, name), getattr(wanted, name)
        ours, theirs = (a.toarray() if sp.issparse(a) else a for a in (ours, theirs))
        atol = rtol * np.abs(theirs).max() if rtol else 0.0
        np.testing.assert_allclose(ours, theirs, rtol, atol, err_msg=name)


def with_int64(X):
    """Return a CSR matrix with indices of int64."""
    X = sp.csr_matrix(X)
    X.indices, X.indptr = X.indices.astype("int64"), X.indptr.astype("int64")
    return X
