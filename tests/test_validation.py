"""A validation set decides when `fit` stops, and the best model is kept."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adagrad import AdagradClassifier, AdagradRegressor

N_TRAIN = 200


@pytest.fixture(params=["binary", "ovr", "multinomial", "labels", "values", "full"])
def task(request):
    """Return a model, samples and its loss on others."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 30))
    noisy = X[:, :3] + rng.normal(size=(400, 3))
    params = {"eta0": 0.02, "max_iter": 8, "tol": None, "random_state": 0}
    if request.param == "values":
        model, y = AdagradRegressor(**params), noisy[:, :2]

        def half_mse(model, X, y, weight):
            return mean_squared_error(y, model.predict(X), sample_weight=weight) / 2

        return model, X, y, half_mse
    model = AdagradClassifier(**params)
    if request.param in ("binary", "full"):
        y = (noisy[:, 0] > 0).astype(int)
        if request.param == "full":
            model.set_params(preconditioner="full", refresh_every=20)
    elif request.param == "labels":
        y = sp.csr_matrix(noisy > 0, dtype=int)
    else:
        y = noisy.argmax(axis=1)
        model.set_params(multi_class=request.param)

    def loss(model, X, y, weight):
        if request.param in ("binary", "full", "multinomial"):
            return log_loss(y, model.predict_proba(X), sample_weight=weight)
        raw = model.decision_function(X)
        wanted = y.toarray() if sp.issparse(y) else np.eye(3)[y]
        losses = np.logaddexp(0, np.where(wanted, -raw, raw)).mean(axis=1)
        return np.average(losses, weights=weight)

    return model, X, y, loss


def split(X, y):
    return X[:N_TRAIN], y[:N_TRAIN], X[N_TRAIN:], y[N_TRAIN:]


def opposite(y):
    if sp.issparse(y):
        return sp.csr_matrix(1 - y.toarray())
    return -y if y.dtype.kind == "f" else (y + 1) % (y.max() + 1)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_model_of_the_best_pass_is_kept(task, weighted):
    model, X, y, loss = task
    X, y, X_val, y_val = split(X, y)
    y_val = opposite(y_val)  # the more is learned, the worse
    weight = (
        np.random.default_rng(1).uniform(0, 2, X_val.shape[0]) if weighted else None
    )
    model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    curve = model.validation_loss_curve_
    assert len(curve) == len(model.loss_curve_) == model.n_iter_ == 8
    assert curve.index(min(curve)) < 7
    np.testing.assert_allclose(loss(model, X_val, y_val, weight), min(curve), rtol=1e-9)


def test_fit_stops_when_the_validation_loss_does_not_fall(task):
    model, X, y, _ = task
    X, y, X_val, y_val = split(X, y)
    model.set_params(eta0=0.5, tol=0, max_iter=100)
    curve = model.fit(X, y, X_val=X_val, y_val=y_val).validation_loss_curve_
    assert len(curve) < 100
    assert curve[-1] >= min(curve[:-1])


def test_without_a_validation_set_there_is_no_curve(task):
    model, X, y, _ = task
    assert model.fit(X, y).validation_loss_curve_ is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": "X"}, "y_val is missing"),
        ({"y_val": "y"}, "X_val is missing"),
        ({"sample_weight_val": "y"}, "without X_val"),
        ({"X_val": "short", "y_val": "y"}, "In X_val, y_val .* inconsistent"),
        ({"X_val": "narrow", "y_val": "y"}, "In X_val, y_val .* 30 features"),
        ({"X_val": "missing", "y_val": "y"}, "In X_val, y_val .* NaN"),
        ({"X_val": "X", "y_val": "y", "sample_weight_val": "zeros"}, "non-zero"),
    ],
)
def test_a_bad_validation_set_is_refused(given, message):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 30)), rng.integers(0, 2, 60)
    values = {"X": X, "y": y, "short": X[1:], "narrow": X[:, 1:], "zeros": 0 * y}
    values["missing"] = np.where(X[0, 0] < X, X, np.nan)
    model = AdagradClassifier()
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **{name: values[value] for name, value in given.items()})
    assert vars(model) == before


def test_a_validation_set_that_has_no_finite_loss_is_refused():
    X, y = np.eye(6), np.arange(6.0)
    with pytest.raises(ValueError, match="X_val"):
        AdagradRegressor().fit(X, y, X_val=1e300 * X, y_val=y)


def test_a_validation_set_with_a_new_class_is_refused():
    X, y = np.eye(6), np.arange(6) % 2
    with pytest.raises(ValueError, match="new class"):
        AdagradClassifier().fit(X, y, X_val=X, y_val=np.arange(6) % 3)


def test_a_pipeline_transforms_the_validation_set(task):
    model, X, y, _ = task
    X, y, X_val, y_val = split(1 + 100 * X, y)
    scaler = StandardScaler().fit(X)
    wanted = model.fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    ).validation_loss_curve_
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    assert pipeline[-1].validation_loss_curve_ == wanted
