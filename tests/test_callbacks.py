"""What scikit-learn's callbacks hear of `fit`, and what they may do."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adagrad import (
    AdagradClassifier,
    AdagradClassifierCV,
    AdagradRegressor,
    AdagradRegressorCV,
)

from .comparing import MODEL, STATE, assert_same

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn is older")

# What "auto" chooses depends on how many passes there may be.
PASSES = {"eta0": 0.3, "tol": None, "random_state": 0}


class Listener:
    """Notes what it hears; asks `fit` to stop after some passes."""

    def __init__(self, stop_after=None, fail_after=None):
        self.heard, self.models = [], []
        self.stop_after, self.fail_after = stop_after, fail_after

    def setup(self, estimator, context):
        self.heard.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.heard.append(f"begin {context.task_name} {context.max_subtasks}")
        self.X, self.y, self.metadata = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.heard.append(f"end {context.task_name}")
        self.models.append(fitted_estimator)
        if len(self.models) == self.fail_after:
            raise RuntimeError("no more")
        return len(self.models) == self.stop_after

    def teardown(self, estimator, context):
        self.heard.append("teardown")


def test_a_model_that_a_callback_was_given_can_go_on():
    X, y = load_iris(return_X_y=True)
    listener = Listener()
    AdagradClassifier(**PASSES, max_iter=2).set_callbacks(listener).fit(X, y)
    after = AdagradClassifier(**PASSES, max_iter=2).fit(X, y).partial_fit(X, y)
    assert_same(listener.models[-1].partial_fit(X, y), after)


def test_a_callback_that_lets_the_model_go_on_changes_none_but_its_own():
    class Trainer(Listener):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            fitted_estimator.partial_fit(X, y[::-1])

    X, y = load_iris(return_X_y=True)
    model = AdagradClassifier(**PASSES, max_iter=2).set_callbacks(Trainer())
    assert_same(model.fit(X, y), AdagradClassifier(**PASSES, max_iter=2).fit(X, y))


def standardised(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


CASES = [
    (AdagradClassifier(), load_breast_cancer),
    (AdagradClassifier(), load_iris),
    (AdagradClassifier(multi_class="multinomial", alpha=1e-3), load_iris),
    (AdagradClassifier(preconditioner="full"), load_breast_cancer),
    (AdagradRegressor(), load_diabetes),
    (AdagradRegressor(update="ftrl_proximal", alpha=0.1, l1_ratio=1), load_diabetes),
]


@pytest.mark.parametrize(("model", "load"), CASES)
def test_each_pass_hands_out_the_model_that_fewer_passes_would_have(model, load):
    X, y = standardised(load)
    listener = Listener()
    model = clone(model).set_params(max_iter=4, **PASSES)
    model.set_callbacks(listener).fit(X, y)
    assert listener.heard == [
        *("setup", "begin fit 4"),
        *(["begin pass 0", "end pass"] * 4),
        *("end fit", "teardown"),
    ]
    assert listener.X is X
    assert listener.y is y
    assert listener.metadata is None
    for n, after in enumerate(listener.models, start=1):
        alone = clone(model).set_callbacks().set_params(max_iter=min(n, 4))
        assert_same(after, alone.fit(X, y), STATE)
        assert after.n_iter_ == alone.n_iter_
        np.testing.assert_array_equal(after.predict(X), alone.predict(X))
    assert_same(model, listener.models[-1], STATE)


@pytest.mark.parametrize(("model", "load"), [CASES[0], CASES[1], CASES[4]])
def test_a_callback_can_stop_and_the_weights_are_handed_on(model, load):
    X, y = standardised(load)
    weight = np.linspace(0.5, 2, len(y))
    listener = Listener(stop_after=2)
    model = clone(model).set_params(max_iter=9, **PASSES).set_callbacks(listener)
    model.fit(X, y, sample_weight=weight)
    assert model.n_iter_ == 2
    assert listener.metadata["sample_weight"] is weight
    two = type(model)(max_iter=2, **PASSES).fit(X, y, sample_weight=weight)
    assert_same(model, two, STATE)


def test_passes_that_are_found_out_are_told_and_partial_fit_is_no_task():
    X, y = standardised(load_breast_cancer)
    listener = Listener()
    model = AdagradClassifier(random_state=0).set_callbacks(listener).fit(X, y)
    n_most = int(listener.heard[1].removeprefix("begin fit "))
    assert 3 <= model.n_iter_ <= n_most
    assert listener.heard.count("end pass") == model.n_iter_
    heard = listener.heard.copy()
    model.partial_fit(X, y)
    assert listener.heard == heard


def test_with_a_validation_set_the_model_is_the_best_so_far():
    X, y = standardised(load_breast_cancer)
    listener = Listener()
    model = AdagradClassifier(eta0=3.0, max_iter=8, tol=None, random_state=0)
    model.set_callbacks(listener).fit(X[::3], y[::3], X_val=X[1::3], y_val=y[1::3])
    curve = np.array(model.validation_loss_curve_)
    assert (np.diff(curve) > 0).any()  # else the best would always be the last
    for n, after in enumerate(listener.models[:-1], start=1):
        np.testing.assert_array_equal(after.validation_loss_curve_, curve[:n])
        best = AdagradClassifier(eta0=3.0, tol=None, random_state=0)
        best.set_params(max_iter=int(curve[:n].argmin()) + 1)
        best.fit(X[::3], y[::3])
        assert_same(after, best, MODEL)


def test_an_error_of_a_callback_changes_nothing():
    X, y = standardised(load_breast_cancer)
    model = AdagradClassifier(random_state=0).fit(X, y)
    before, coef = vars(model).copy(), model.coef_
    listener = Listener(fail_after=2)
    model.set_callbacks(listener)
    with pytest.raises(RuntimeError, match="no more"):
        model.fit(-X, y)
    assert listener.heard[-1] == "teardown"
    model.set_callbacks()
    assert vars(model) == before
    np.testing.assert_array_equal(model.coef_, coef)


@pytest.mark.parametrize(
    ("search", "load"),
    [
        (AdagradClassifierCV(cv=3), load_breast_cancer),
        (AdagradClassifierCV(), load_iris),
        (AdagradRegressorCV(), load_diabetes),
        (AdagradRegressorCV(max_iter=1), load_diabetes),
    ],
)
def test_a_search_is_one_task(search, load):
    X, y = standardised(load)
    listener = Listener()
    search.set_callbacks(listener).fit(X, y)
    heard = ["setup", "begin fit 0", "end fit", "teardown"]
    assert listener.heard == heard
    assert_same(listener.models[0], search, MODEL)
    search.set_params(refit=False).fit(X, y)
    assert listener.heard == heard * 2
    assert listener.models[1] is None


def test_callbacks_of_a_grid_search_over_a_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    listener = Listener()
    listener.max_propagation_depth = None
    pipeline = make_pipeline(StandardScaler(), AdagradClassifier(max_iter=2, **PASSES))
    grid = GridSearchCV(pipeline, {"adagradclassifier__alpha": [0, 1e-4]}, cv=3)
    grid.set_callbacks(listener).fit(X, y)  # without a warning, too
    assert listener.heard.count("end pass") == 2 * (2 * 3 + 1)
    assert listener.heard.count("setup") == 1
    assert not hasattr(grid.best_estimator_[-1], "_skl_callbacks")


def test_scores_of_each_pass():
    X, y = standardised(load_breast_cancer)
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    model = AdagradClassifier(random_state=0).set_callbacks(monitor).fit(X, y)
    scores = [line["neg_log_loss"] for line in monitor.get_logs().data]
    assert len(scores) == model.n_iter_ + 1
    assert scores[-1] > scores[1]


def test_the_best_estimator_of_a_search_keeps_nothing_of_the_search_s_callbacks():
    X, y = load_iris(return_X_y=True)
    listener = Listener()
    search = AdagradClassifierCV(random_state=0).set_callbacks(listener)
    for fitted in (search.fit(X, y), make_pipeline(search).fit(X, y)[-1]):
        heard = len(listener.heard)
        best = fitted.best_estimator_
        assert not [name for name in vars(best) if "callback" in name]
        best.fit(X, y)
        assert len(listener.heard) == heard
