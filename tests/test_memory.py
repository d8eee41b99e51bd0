"""Models that memory cannot hold are refused."""

import os
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .targeting import N_ROWS, classes, rows


@pytest.mark.parametrize("params", [{}, {"scale_invariant": True}])
@pytest.mark.parametrize("n_features", [2**42, 2**62])
@pytest.mark.parametrize("columns", [[3, 5], [5, 3]], ids=["sorted", "unsorted"])
def test_too_many_features_to_read_are_refused_too(columns, n_features, params):
    """To look for columns that come twice, and for scales, takes memory for each."""
    wide = sp.csr_array((np.ones(2), np.array(columns), [0, 2]), shape=(1, n_features))
    with pytest.raises(
        MemoryError, match=r"1 model of .* GiB of memory.*FeatureHasher"
    ):
        AdagradRegressor(**params).fit(wide, [1.0])


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_model_too_large_for_memory_is_refused_before_anything_changes(method, eta0):
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        pytest.skip("this system does not tell how much memory it has")
    X, _ = rows()
    y = classes(9)
    model = AdagradClassifier(eta0=eta0, random_state=0)
    options = {"classes": np.arange(9)} if method == "partial_fit" else {}
    wide = sp.csr_matrix((N_ROWS, 2**42))
    with pytest.raises(MemoryError, match=r"GiB of memory.* float32.*FeatureHasher"):
        getattr(model, method)(wide, y, **options)
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "n_features_in_")
    if method == "fit":  # to a stream these would be other features
        before = pickle.dumps(model.fit(X, y))
        with pytest.raises(MemoryError):
            model.fit(wide, y)
        assert pickle.dumps(model) == before


def test_full_matrices_too_large_for_memory_are_refused(monkeypatch):
    """They would be made as learning goes on, when it is too late."""
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 2**12, "SC_PHYS_PAGES": 2}.get)
    X, _ = rows()
    model = AdagradClassifier(preconditioner="full")
    with pytest.raises(MemoryError, match=r"matrices .*'diagonal'"):
        model.fit(X, classes(9))
    assert not hasattr(model, "coef_")
