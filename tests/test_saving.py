"""Saved and copied models are the same models."""

import copy

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .comparing import pickled, through_joblib


@pytest.mark.parametrize(
    "save",
    [
        lambda model, path: pickled(model),
        lambda model, path: copy.deepcopy(model),
        through_joblib,
    ],
    ids=["pickle", "deepcopy", "joblib"],
)
@pytest.mark.parametrize(
    "estimator", [AdagradClassifier(), AdagradRegressor()], ids=str
)
def test_a_saved_model_predicts_the_same(tumours, estimator, save, tmp_path):
    X, _ = tumours
    model = clone(estimator).fit(*tumours)
    saved = save(model, tmp_path / "model")
    np.testing.assert_array_equal(saved.predict(X), model.predict(X))
    np.testing.assert_array_equal(saved.coef_, model.coef_)


def test_a_model_loaded_as_a_memory_map_predicts_and_learns(tumours, tmp_path):
    X, y = tumours
    model = AdagradClassifier(random_state=0).fit(X, y)
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.coef_, model.partial_fit(X, y).coef_)


@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
@pytest.mark.parametrize("n_features", [30, 2**17])
def test_joblib_knows_a_model_again_after_pickling(tumours, n_features, update):
    """Or `joblib.Memory` would compute anew what was made with a model loaded."""
    X, y = sp.csr_matrix(tumours[0]), tumours[1]
    X.resize(len(y), n_features)
    model = AdagradClassifier(update=update)
    for alpha in (0.0, 1e-4, 0.0):  # under which features have counters, or none
        for part in (slice(10), slice(10, None), slice(None)):
            model.set_params(alpha=alpha).partial_fit(X[part], y[part], classes=[0, 1])
            for same in (pickled(model), copy.deepcopy(model)):
                assert joblib.hash(same) == joblib.hash(model)


def test_joblib_knows_a_model_with_a_full_matrix_again_after_pickling(tumours):
    X, y = tumours
    model = AdagradClassifier(preconditioner="full", refresh_every=7)
    for part in (slice(1), slice(1, 10), slice(10, None)):
        model.partial_fit(X[part], y[part], classes=[0, 1])
        for same in (pickled(model), copy.deepcopy(model)):
            assert joblib.hash(same) == joblib.hash(model)
