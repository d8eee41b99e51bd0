"""Classes, labels, probabilities and targets: what the outputs mean."""

import contextlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context, get_config
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.metrics import f1_score, hamming_loss, log_loss
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils.class_weight import compute_sample_weight

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._dispatch import UPDATES
from sk_adagrad._losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

from .comparing import STATE, assert_same, pickled
from .reference import adagrad
from .streaming import in_chunks
from .tasks import IDENTITY_LINK, LOG_LINK

N_ROWS, N_FEATURES = 120, 15
each_form = pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])


def rows(seed=0, n_rows=N_ROWS, dtype="float64"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_FEATURES)) * (rng.random((n_rows, N_FEATURES)) < 0.4)
    weight = rng.uniform(0.1, 2, n_rows) * (rng.random(n_rows) < 0.9)
    return X.astype(dtype), weight


def classes(n_classes, n_rows=N_ROWS):
    return np.random.default_rng(n_classes).permutation(np.arange(n_rows) % n_classes)


def one_hot(y):
    """Return what each class is to learn: 1 where it is its own, or else -1."""
    return np.where(y[:, None] == np.unique(y), 1.0, -1.0)


def labels(n_labels=11, n_rows=N_ROWS):
    return (np.random.default_rng(3).random((n_rows, n_labels)) < 0.3).astype(int)


def tuples(Y):
    return tuple(map(tuple, Y.tolist()))


# multi_class="multinomial"


PENALTY = {"alpha": 1e-2, "l1_ratio": 0.5}
SOFTMAX_OPTIONS = [
    {},
    *({"update": update, **PENALTY} for update in UPDATES),
    *({"update": update, **PENALTY, "l1_ratio": 1.0} for update in UPDATES),
    *({"update": name, **PENALTY, "scale_invariant": True} for name in UPDATES),
    {"half_life": 5, **PENALTY},
    {"half_life": 5, "scale_invariant": True},
    {"fit_intercept": False, "initial_accumulator": 0.3, "eps": 0.1},
]


@pytest.mark.parametrize("n_classes", [3, 8, 9, 20])
@pytest.mark.parametrize(
    ("dtype", "rtol"), [("float64", 1e-12), ("float32", 1e-3)], ids=lambda x: x
)
@pytest.mark.parametrize("options", SOFTMAX_OPTIONS, ids=str)
@each_form
def test_multinomial_follows_the_rule_for_a_softmax(
    form, options, dtype, rtol, n_classes
):
    X, weight = rows(dtype=dtype)
    y = classes(n_classes)
    params = {"eta0": 0.5, **options}
    model = AdagradClassifier(
        multi_class="multinomial", shuffle=False, tol=None, max_iter=3, **params
    )
    model.fit(form(X), y, sample_weight=weight)
    wanted = adagrad(
        X.astype("float64"), one_hot(y), weight, loss="softmax", passes=3, **params
    )
    for name in ("coef", "intercept", "accumulators", "intercept_accumulators"):
        actual, their = getattr(model, f"{name}_"), getattr(wanted, name)
        np.testing.assert_allclose(actual, their, rtol, rtol * np.abs(their).max())
    if dtype == "float64":
        np.testing.assert_array_equal(model.coef_ == 0, wanted.coef == 0)
    np.testing.assert_allclose(model.loss_curve_, wanted.loss_curve, max(rtol, 1e-12))


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("n_classes", [3, 9, 20])
def test_multinomial_probabilities_sum_to_one(n_classes, eta0):
    X, _ = rows()
    model = AdagradClassifier(multi_class="multinomial", eta0=eta0, random_state=0)
    probabilities = model.fit(X * 100, classes(n_classes)).predict_proba(X * 100)
    assert probabilities.shape == (N_ROWS, n_classes)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-13)


@pytest.mark.parametrize("n_classes", [3, 9])
def test_a_softmax_of_far_off_predictions_is_finite(n_classes):
    """Rates as large as these drive all raw predictions far to one side."""
    X, weight = rows()
    X, y = np.abs(X) * 100, classes(n_classes)
    model = AdagradClassifier(multi_class="multinomial", eta0=100, shuffle=False)
    model.set_params(tol=None, max_iter=3).fit(X, y, sample_weight=weight)
    wanted = adagrad(X, one_hot(y), weight, loss="softmax", eta0=100, passes=3)
    np.testing.assert_allclose(model.loss_curve_, wanted.loss_curve, rtol=1e-6)


def test_a_softmax_forgets_by_rows_that_it_is_sure_of_too():
    """In float32 a sure probability rounds to 1, and is none the less no certainty."""
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = ((X - X.mean(axis=0)) / X.std(axis=0))[order].astype("float32"), y[order]
    params = {"eta0": 0.5, "half_life": 10}
    model = AdagradClassifier(multi_class="multinomial", shuffle=False, **params)
    model.set_params(tol=None, max_iter=20).fit(X, y)
    wanted = adagrad(
        X.astype("float64"),
        one_hot(y),
        np.ones(150),
        loss="softmax",
        passes=20,
        **params,
    )
    np.testing.assert_allclose(model.accumulators_, wanted.accumulators, rtol=1e-3)
    np.testing.assert_allclose(model.coef_, wanted.coef, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
def test_multinomial_converges_to_logistic_regression(update):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    scores = X @ rng.normal(size=(5, 4)) + rng.gumbel(size=(600, 4))
    y, alpha = scores.argmax(axis=1), 0.02
    model = AdagradClassifier(
        multi_class="multinomial",
        **{"update": update, "alpha": alpha, "eta0": 0.2},
        **{"max_iter": 300, "tol": None, "random_state": 0},
    ).fit(X, y)
    wanted = LogisticRegression(C=1 / (600 * alpha), tol=1e-10, max_iter=10_000)
    wanted.fit(X, y)
    np.testing.assert_allclose(model.coef_, wanted.coef_, atol=0.02)
    np.testing.assert_allclose(
        model.predict_proba(X), wanted.predict_proba(X), atol=0.01
    )


@pytest.mark.parametrize("n_classes", [3, 9, 20])
@pytest.mark.parametrize("eta0", [0.5, "auto"])
def test_multinomial_does_not_depend_on_chunks_or_pickling(n_classes, eta0):
    X, weight = rows()
    y = classes(n_classes)
    params = {"eta0": eta0, "alpha": 1e-3, "l1_ratio": 0.5}
    whole = AdagradClassifier(multi_class="multinomial", **params)
    whole.partial_fit(X, y, np.arange(n_classes), weight)
    for cuts in ([1, 40, 41], [33, 90]):
        model = AdagradClassifier(multi_class="multinomial", **params)
        model = in_chunks(model, X, y, weight, cuts, between=pickled)
        assert_same(model, whole)


def test_multinomial_of_two_classes_is_the_logistic_function():
    X, _ = rows()
    y = classes(2)
    softmax, ovr = (
        AdagradClassifier(multi_class=multi_class, random_state=0).fit(X, y)
        for multi_class in ("multinomial", "ovr")
    )
    assert_same(softmax, ovr)
    np.testing.assert_array_equal(softmax.predict_proba(X), ovr.predict_proba(X))


@pytest.mark.parametrize(
    ("n_classes", "multi_class"), [(2, "ovr"), (9, "ovr"), (9, "multinomial")]
)
@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.25}], ids=str)
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("eta0", [0.5, "auto"])
def test_class_weights_multiply_sample_weights(
    eta0, shuffle, class_weight, n_classes, multi_class
):
    X, weight = rows()
    y = np.where(np.arange(N_ROWS) < 40, 0, classes(n_classes))
    if class_weight == "balanced":
        factor = (weight.sum() / (n_classes * np.bincount(y, weights=weight)))[y]
    else:
        factor = compute_sample_weight(class_weight, y)
    params = {"eta0": eta0, "multi_class": multi_class}
    params |= {"shuffle": shuffle, "random_state": 0}
    if n_classes == 2:  # class weights have another part in where accumulators start
        params["initial_accumulator"] = 0.1
    actual = AdagradClassifier(class_weight=class_weight, **params).fit(
        X, y, sample_weight=weight
    )
    wanted = AdagradClassifier(**params).fit(X, y, sample_weight=weight * factor)
    assert_same(actual, wanted, rtol=1e-13)


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("multi_class", ["ovr", "multinomial"])
def test_balanced_weighs_a_stream_by_its_counts_so_far(multi_class, eta0):
    X, weight = rows()
    y = np.where(np.arange(N_ROWS) < 40, 0, classes(9))
    counts, balanced = np.zeros(9), weight.copy()
    for i, label in enumerate(y):
        counts[label] += weight[i]
        balanced[i] *= counts.sum() / (9 * counts[label]) if weight[i] else 0
    params = {"multi_class": multi_class, "eta0": eta0}
    actual = AdagradClassifier(class_weight="balanced", **params)
    in_chunks(actual, X, y, weight, [7, 50])
    wanted = AdagradClassifier(**params).partial_fit(X, y, np.arange(9), balanced)
    assert_same(actual, wanted, rtol=1e-13)


# Several labels of a sample.


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


# Probabilities.


@pytest.mark.parametrize("loss", CLASSIFICATION_LOSSES)
def test_losses_without_probabilities_say_what_to_use(loss):
    X, _ = rows()
    y = classes(3)
    model = AdagradClassifier(loss, random_state=0).fit(X, y)
    if CLASSIFICATION_LOSSES[loss].probability:
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)).sum(axis=1), 1)
        return
    for method in ("predict_proba", "predict_log_proba"):
        assert not hasattr(model, method)
        with pytest.raises(AttributeError) as raised:
            getattr(model, method)
        reasons = f"{raised.value} {raised.value.__cause__}"
        for remedy in ("log_loss", "modified_huber", "CalibratedClassifierCV"):
            assert remedy in reasons
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_probabilities_of_log_loss_are_shares_of_the_class():
    """The labels are drawn from a logistic model, so that there are true ones."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 6))
    y = rng.random(40_000) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.5, 0.5, 0.0, 0.0]))
    train, test = slice(None, 20_000), slice(20_000, None)
    model = AdagradClassifier(random_state=0).fit(X[train], y[train])
    predicted = model.predict_proba(X[test])[:, 1]
    bins = np.floor(predicted * 10).astype(int)
    for k in range(10):
        p, n = predicted[bins == k], np.sum(bins == k)
        error = 4 * np.sqrt(p.mean() * (1 - p.mean()) / n)
        assert y[test][bins == k].mean() == pytest.approx(p.mean(), abs=0.02 + error)


# Targets of regressions.


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_targets_are_learned_as_by_a_model_each(loss, weighted, eta0):
    X, weight = rows()
    rng = np.random.default_rng(0)
    Y = np.abs(rng.normal(size=(N_ROWS, 5)) * [1, 10, 0.1, 1000, 1]) + 0.01
    params = {"eta0": eta0, "shuffle": False, "tol": None}
    weight = weight if weighted else None
    model = AdagradRegressor(loss, **params).fit(X, Y, sample_weight=weight)
    assert model.predict(X).shape == (N_ROWS, 5)
    for k in range(5):
        alone = AdagradRegressor(loss, **params)
        # Three times, since sums of one or two targets are rounded in another order.
        alone.fit(X, Y[:, [k, k, k]], sample_weight=weight)
        assert np.broadcast_to(model.eta0_, 5)[k] == alone.eta0_
        np.testing.assert_array_equal(model.coef_[k], alone.coef_[0])


@pytest.mark.parametrize("factor", [2.0**-200, 2.0**-13, 2.0**13, 2.0**200])
@pytest.mark.parametrize(
    "params",
    [
        *({"loss": loss} for loss in IDENTITY_LINK),
        {"update": "ftrl_proximal"},
        {"update": "dual_averaging"},
        {"initial_accumulator": 0.0},
        {"half_life": 50, "importance_aware": True},
        {"preconditioner": "full", "max_iter": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_auto_takes_targets_in_any_unit(method, params, factor):
    """With a power of two nothing is rounded."""
    X, weight = rows(n_rows=500)
    y = X @ np.arange(N_FEATURES) + np.random.default_rng(0).normal(size=500)
    one, other = (
        getattr(AdagradRegressor(shuffle=False, epsilon=0.1 * c, **params), method)(
            X, c * y, sample_weight=weight
        )
        for c in (1, factor)
    )
    assert other.eta0_ == factor * one.eta0_
    np.testing.assert_allclose(other.coef_, factor * one.coef_, rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-12, 1e-4, 1e4, 1e12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_auto_takes_targets_in_decimal_units(factor, dtype):
    X, _ = rows(n_rows=500)
    X = X.astype(dtype)
    y = X @ np.arange(N_FEATURES) + np.random.default_rng(0).normal(size=500)
    one, other = (AdagradRegressor(random_state=0).fit(X, c * y) for c in (1, factor))
    assert other.score(X, factor * y) == pytest.approx(one.score(X, y), abs=5e-3)


def targets_of_a_log_link(X):
    """Return three targets of unlike units."""
    mean = np.exp(X @ np.linspace(-0.5, 0.5, N_FEATURES))[:, None]
    return np.random.default_rng(0).gamma(2, mean / 2 * [1, 8, 1e-3], (len(X), 3))


@pytest.mark.parametrize("factor", [2.0**-100, 2.0**-20, 2.0**20, 2.0**100])
@pytest.mark.parametrize(
    ("loss", "params"),
    [
        *((loss, {}) for loss in LOG_LINK),
        ("poisson", {"update": "ftrl_proximal", "initial_accumulator": 1e-90}),
        ("poisson", {"eps": 1e-3}),
        ("tweedie", {"scale_invariant": True}),
        ("gamma", {"eps": 1e-3}),
        # The slopes of gamma alone have no unit.
        ("gamma", {"importance_aware": True}),
        ("gamma", {"preconditioner": "full", "eps": 1e-4}),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_auto_takes_targets_of_a_log_link_in_any_unit(method, loss, params, factor):
    """Their slopes have one factor more or less, which the root of G takes out again.

    Without an intercept that starts near log(mean of y) most of learning would be its
    way to there.
    """
    if loss == "tweedie":  # its value is a difference of numbers near 1
        factor **= 0.2
    X, weight = rows(n_rows=500)
    Y = targets_of_a_log_link(X)
    params = {"shuffle": False, "tol": None, **params}
    one, other = (
        getattr(AdagradRegressor(loss, **params), method)(
            X, c * Y, sample_weight=weight
        )
        for c in (1, factor)
    )
    np.testing.assert_array_equal(other.eta0_, one.eta0_)
    np.testing.assert_allclose(other.coef_, one.coef_, 1e-6, 1e-8)
    np.testing.assert_allclose(other.predict(X), factor * one.predict(X), 1e-6)


@pytest.mark.parametrize("loss", LOG_LINK)
@pytest.mark.parametrize("mean", [1e-12, 1e-5, 1e5, 1e12])
def test_auto_reaches_a_mean_far_from_one(loss, mean):
    X, _ = rows(n_rows=2_000)
    y = mean * targets_of_a_log_link(X)[:, 0]
    predicted = AdagradRegressor(loss, random_state=0).fit(X, y).predict(X)
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.1)


@pytest.mark.parametrize("cuts", [[1, 2, 70], [31, 33], range(1, 60)], ids=str)
@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
def test_a_stream_of_a_log_link_does_not_depend_on_its_chunks(update, cuts):
    X, weight = rows()
    Y = 1e4 * targets_of_a_log_link(X)
    whole = AdagradRegressor("gamma", update=update)
    whole.partial_fit(X, Y, sample_weight=weight)
    model = AdagradRegressor("gamma", update=update)
    assert_same(in_chunks(model, X, Y, weight, cuts, between=pickled), whole)


def test_a_log_link_at_a_float_rate_starts_at_zero():
    """That is the published rule."""
    model = AdagradRegressor("poisson", eta0=0.25).partial_fit([[0.0]], [1e6])
    np.testing.assert_allclose(model.intercept_, 0.25, rtol=1e-13)


@pytest.mark.parametrize("loss", ["absolute_error", "quantile"])
def test_a_target_that_is_hit_exactly_teaches_nothing(loss):
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = AdagradRegressor(loss, random_state=0).fit(X, np.full(50, 7.0))
    np.testing.assert_array_equal(model.predict(X), 7.0)
    np.testing.assert_array_equal(model.coef_, 0.0)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantile_reaches_the_wanted_coverage(q):
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 2, size=(20_000, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.gumbel(size=20_000) * (0.2 + X[:, 0])
    train, test = slice(None, 10_000), slice(10_000, None)
    model = AdagradRegressor("quantile", quantile=q, random_state=0)
    predicted = model.fit(X[train], y[train]).predict(X[test])
    assert np.mean(y[test] <= predicted) == pytest.approx(q, abs=0.03)


@pytest.fixture(params=["hflights", "insteval"])
def real_targets(request):
    """Return rows of flights or ratings, to learn from and to hold out at random."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("SK_ADAGRAD_DATA", beside)) / request.param
    if not (path / "X_train.npz").is_file():
        pytest.skip(f"{request.param} is not there; SK_ADAGRAD_DATA names its folder.")
    X, y = sp.load_npz(path / "X_train.npz"), np.load(path / "y_train.npy")
    return train_test_split(X, y, test_size=0.3, random_state=0)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantile_reaches_the_wanted_coverage_of_real_targets(real_targets, q):
    X, X_test, y, y_test = real_targets
    model = AdagradRegressor("quantile", quantile=q, random_state=0).fit(X, y)
    assert np.mean(y_test <= model.predict(X_test)) == pytest.approx(q, abs=0.03)


def test_poisson_reaches_the_mean_of_real_targets(real_targets):
    X, X_test, y, y_test = real_targets
    y, y_test = np.maximum(y, 0), np.maximum(y_test, 0)
    predicted = AdagradRegressor("poisson", random_state=0).fit(X, y).predict(X_test)
    # Delays of flights have a long tail: the seeds alone make differences of 3 %.
    assert predicted.mean() == pytest.approx(y_test.mean(), rel=0.06)


@pytest.mark.parametrize(
    ("loss", "noise"),
    [
        ("poisson", lambda rng, mean: rng.poisson(mean)),
        ("gamma", lambda rng, mean: rng.gamma(2, mean / 2)),
        ("tweedie", lambda rng, mean: rng.gamma(2, mean / 2) * rng.binomial(1, 0.5)),
    ],
)
def test_losses_with_a_log_link_reach_the_mean(loss, noise):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 4))
    y = noise(rng, np.exp(X @ [0.5, -0.3, 0.2, 0.0] + 1.0)) + 0.0
    predicted = AdagradRegressor(loss, random_state=0).fit(X, y).predict(X)
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.03)
    if loss == "poisson":
        wanted = PoissonRegressor(alpha=0).fit(X, y).predict(X)
        assert np.mean(np.abs(predicted / wanted - 1)) < 0.05


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("eta0", [100.0, "auto"])
@pytest.mark.parametrize("loss", LOG_LINK)
def test_far_off_predictions_of_a_log_link_leave_weights_finite(
    loss, eta0, size, dtype
):
    X, _ = rows(n_rows=500, dtype=dtype)
    X *= size
    y = np.exp(np.random.default_rng(0).normal(size=500) * 3)
    model = AdagradRegressor(loss, eta0=eta0, random_state=0).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    predicted = model.predict(X)
    assert np.isfinite(predicted).all()
    assert (predicted >= np.finfo(dtype).tiny).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOG_LINK)
def test_a_prediction_of_a_log_link_is_at_least_the_smallest_normal_number(loss, dtype):
    X = np.array([[-1.0], [0.0], [1.0]], dtype)
    model = AdagradRegressor(loss, eta0=1.0, fit_intercept=False, random_state=0)
    model.fit(X, np.exp(X[:, 0]))
    assert model.coef_[0] > 0
    far = np.array([[-1e4], [-1e3], [0.0]], dtype) / model.coef_[0]
    smallest = np.finfo(dtype).tiny
    np.testing.assert_array_equal(model.predict(far), [smallest, smallest, 1])
    assert model.predict(far).dtype == dtype


@pytest.mark.parametrize(
    ("loss", "value"), [("poisson", -1.0), ("gamma", 0.0), ("tweedie", -1e-9)]
)
def test_targets_outside_the_range_of_the_loss_are_refused(loss, value):
    X, _ = rows()
    y = np.random.default_rng(0).uniform(0.1, 2, N_ROWS)
    model = AdagradRegressor(loss, random_state=0).fit(X, y)
    before = pickle.dumps(model)
    y = np.where(np.arange(N_ROWS) == 70, value, y)
    for method in (model.partial_fit, model.fit):
        with pytest.raises(ValueError, match=f"loss='{loss}' is defined for"):
            method(X, y)
        assert pickle.dumps(model) == before


# sparsify and densify.


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


# Memory.


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
