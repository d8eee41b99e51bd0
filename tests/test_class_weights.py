"""Weights of classes and of samples: what they mean and which are refused."""

import copy

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.utils.class_weight import compute_sample_weight

from sk_adagrad import AdagradClassifier

from .fitting import N_ROWS, assert_same, each_classifier, each_task, fitted, samples


@each_classifier
def test_balanced_is_what_scikit_learn_means_by_it(task):
    X, y = samples(task)
    y = np.where(np.arange(N_ROWS) < 20, 0, y)
    # Those of two classes start by how rare one is before class weights.
    given = {"initial_accumulator": 0.1} if task == "binary" else {}
    actual = fitted(task, X, y, class_weight="balanced", **given)
    weight = compute_sample_weight("balanced", y)
    assert_same(actual, fitted(task, X, y, weight, **given), 1e-11)


def test_balanced_in_a_stream_knows_what_fit_has_counted():
    X, y = samples("binary")
    y = (np.arange(N_ROWS) < 8).astype(int)  # one in ten
    model = fitted("binary", X, y, class_weight="balanced", eta0=0.5)
    before = copy.deepcopy(model).set_params(class_weight=None)
    model.partial_fit(X[:1], y[:1])
    before.partial_fit(X[:1], y[:1], sample_weight=[81 / (2 * 9)])
    assert_same(model, before, 1e-12)


def test_weights_that_are_no_numbers_are_named():
    with pytest.raises(ValueError, match=r"sample_weight='balanced'.* class_weight"):
        fitted("binary", *samples("binary"), "balanced")
    with pytest.raises(ValueError, match=r"class_weight={0: 'x'}"):
        fitted("binary", *samples("binary"), class_weight={0: "x"})


@pytest.mark.parametrize("seed", range(8))
def test_a_rare_class_may_weigh_nothing(seed):
    """Sums of weights are rounded, so the other class seems to have more than all."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(300, 3)), (rng.random(300) < 0.95).astype(int)
    model = AdagradClassifier(class_weight={0: 0.0, 1: 1.0}, random_state=0)
    model.fit(X, y, sample_weight=rng.uniform(0.1, 1, 300))
    assert (model.predict(X) == 1).all()


def test_balanced_leaves_a_class_without_weight_alone():
    X, y = samples("classes")
    weight = (y != 2).astype(float)
    model = AdagradClassifier(class_weight="balanced", random_state=0)
    model.fit(X, y, sample_weight=weight)
    assert len(model.classes_) == len(np.unique(y))
    assert (model.predict(X) != 2).all()


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_balanced_weights_that_overflow_are_refused(method):
    y = np.arange(40) % 2
    weight = np.where(y == 0, 1e302, 1e-3)
    weight[:2] = 5e307, 0.0
    learn = getattr(AdagradClassifier(class_weight="balanced"), method)
    classes = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=r"class_weight='balanced' gives samples the"):
        learn(np.eye(40), y, sample_weight=weight, **classes)


@pytest.mark.parametrize("class_weight", [{0: 0, 1: 0}, {0: -1, 1: 1}, {0: np.inf}])
@pytest.mark.parametrize("shuffle", [False, True])
def test_class_weights_are_refused_where_sample_weights_would_be(shuffle, class_weight):
    with pytest.raises(
        ValueError, match=r"class_weight=.* gives (samples the|all samples) weight"
    ):
        fitted("binary", *samples("binary"), class_weight=class_weight, shuffle=shuffle)


@pytest.mark.parametrize(
    ("of_class", "of_samples", "product"), [(np.inf, 0, "nan"), (1e300, 1e300, "inf")]
)
def test_class_weights_whose_products_are_not_finite_are_refused(
    of_class, of_samples, product
):
    X, y = samples("binary")
    weight = np.where(y == 0, of_samples, 1.0)
    with pytest.raises(ValueError, match=f"weight {product}, but .* must be"):
        fitted("binary", X, y, weight, class_weight={0: of_class})


def test_a_class_of_weight_zero_is_one_that_never_comes():
    X, y = samples("classes")
    params = {"max_iter": 3, "tol": None, "shuffle": False}
    model = fitted("classes", X, y, np.where(y == 1, 0, 1), **params)
    assert model.classes_.tolist() == list(range(10))
    without = fitted("classes", X[y != 1], y[y != 1], **params)
    np.testing.assert_array_equal(np.delete(model.coef_, 1, axis=0), without.coef_)
    assert 1 not in model.predict(X)
    X, y = samples("binary")
    assert (fitted("binary", X, y, y, **params).predict(X[y == 1]) == 1).all()


def test_ensembles_that_draw_by_weights_need_no_sample_of_each_class():
    X, y = samples("classes")
    y = np.where(y < 1, 0, 1)
    y[np.flatnonzero(y == 0)[1:]] = 1
    bagging = BaggingClassifier(AdagradClassifier(random_state=0), 30, random_state=0)
    drawn = [y[rows] for rows in bagging.fit(X, y).estimators_samples_]
    assert any((labels == 1).all() for labels in drawn)
    assert bagging.predict_proba(X).shape == (N_ROWS, 2)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("dtype", "size", "message"),
    [
        ("float32", 1e39, "sample_weight by class_weight has values too large"),
        ("float64", 1e308, "class_weight=.* whose sum overflows; the largest is 1e"),
    ],
)
def test_class_weights_that_are_too_large_are_named(dtype, size, message, stream):
    X, y = samples("binary", dtype)
    model = AdagradClassifier(class_weight={0: size, 1: size})
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, [0, 1]) if stream else model.fit(X, y)


@each_task
def test_weights_that_are_all_zero_are_refused(task):
    X, y = samples(task)
    with pytest.raises(ValueError, match="weights must contain at least one non-zero"):
        fitted(task, X, y, np.zeros(N_ROWS))


@each_task
def test_weights_that_float32_cannot_hold_are_refused(task):
    X, y = samples(task, "float32")
    with pytest.raises(ValueError, match="0 in float32"):
        fitted(task, X, y, np.full(N_ROWS, 1e-60))


@each_task
def test_weights_whose_sum_overflows_are_refused_without_a_warning(task):
    X, y = samples(task)
    with pytest.raises(ValueError, match="largest is 1e"):
        fitted(task, X, y, np.full(len(y), 1e308))
