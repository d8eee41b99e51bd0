"""Options that make no sense together, or too large for the type, are refused."""

import numpy as np
import pytest
from sklearn import config_context

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .updating import go_on, model_of, samples_by_frequency, some_tasks


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("half_life", {"half_life": 5, "update": "dual_averaging"}),
        ("half_life", {"half_life": 5, "update": "ftrl_proximal"}),
        (
            "importance_aware",
            {"importance_aware": True, "update": "dual_averaging"},
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@some_tasks
def test_a_combination_without_sense_is_refused(task, method, name, options):
    X, y, _, _ = samples_by_frequency(task)
    model = model_of(task, **options)
    learn = model.fit if method == "fit" else lambda X, y: go_on(model, task, X, y)
    with pytest.raises(ValueError, match=name) as error:
        learn(X, y)
    assert options["update"] in str(error.value)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("update", ["dual_averaging", "ftrl_proximal"])
@pytest.mark.parametrize(
    ("dtype", "size"), [("float32", 1e21), ("float64", 1e160)], ids=str
)
def test_sums_that_overflow_are_refused(update, dtype, size):
    """Read as weights they might be 0, and pass for a model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5))
    y = X @ rng.normal(size=5)
    model = AdagradRegressor(update=update, eta0=1 / size, shuffle=False)
    with pytest.raises(ValueError, match="loss is no longer a finite number"):
        model.fit((X * size).astype(dtype), y)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_rate_that_makes_the_loss_overflow_is_named(method):
    model = AdagradRegressor(eta0=1e300)
    with pytest.raises(
        ValueError, match=r"eta0=1e\+300 or values.*Lower eta0 or scale"
    ):
        getattr(model, method)(np.eye(3), [1.0, 2.0, 3.0])


def test_values_that_make_the_loss_overflow_are_named_alone_where_no_rate_is_given():
    model = AdagradRegressor().fit(np.eye(3), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"number: values of X, .*\. Scale them, X"):
        model.partial_fit(1e300 * np.eye(3), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_importance_aware_softmax_is_refused(method):
    task = AdagradClassifier, "log_loss", 3
    X, y, _, _ = samples_by_frequency(task)
    model = model_of(task, importance_aware=True, multi_class="multinomial")
    learn = model.fit if method == "fit" else lambda X, y: go_on(model, task, X, y)
    with pytest.raises(ValueError, match="importance_aware") as error:
        learn(X, y)
    assert "multinomial" in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        *({"update": "adam"}, {"alpha": -1e-3}, {"l1_ratio": 1.1}, {"l1_ratio": -0.1}),
        *({"half_life": 0}, {"half_life": -1.0}, {"half_life": "short"}),
        *({"importance_aware": "yes"}, {"scale_invariant": None}),
        *({"alpha": np.nan}, {"alpha": np.inf}),
    ],
    ids=str,
)
def test_a_bad_value_is_refused(options):
    (name,) = options
    model = AdagradClassifier(**options)
    with pytest.raises(ValueError, match=name):
        model.fit(np.eye(2), [0, 1])
    with pytest.raises(ValueError, match=name):
        model.partial_fit(np.eye(2), [0, 1], classes=[0, 1])


def test_parameters_are_not_looked_at_where_scikit_learn_is_told_not_to():
    model = AdagradClassifier(tol="a tenth")  # of which a stream has no use
    with config_context(skip_parameter_validation=True):
        model.partial_fit(np.eye(2), [0, 1], classes=[0, 1])
    assert model.t_ == 2
    with pytest.raises(ValueError, match="tol"):
        model.fit(np.eye(2), [0, 1])
