"""Several classes: softmax, class weights and probabilities."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from sk_adagrad import AdagradClassifier
from sk_adagrad._dispatch import UPDATES
from sk_adagrad._losses import CLASSIFICATION_LOSSES

from .comparing import assert_same, each_form, pickled
from .reference import adagrad
from .streaming import in_chunks
from .targeting import N_ROWS, classes, rows


def one_hot(y):
    """Return what each class is to learn: 1 where it is its own, or else -1."""
    return np.where(y[:, None] == np.unique(y), 1.0, -1.0)


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
