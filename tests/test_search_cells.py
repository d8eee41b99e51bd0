"""A cell of a search is a plain model of the training rows of its fold."""

from copy import copy

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import GridSearchCV, KFold

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV

from .comparing import pickled, raw_of
from .searching import (
    N_FEATURES,
    N_ROWS,
    RATES,
    each_task,
    model_scores,
    plain_of,
    samples,
    search,
    splits_of,
)


class Recorder:
    """A scorer that keeps what the models are that it is given."""

    def __init__(self):
        self.seen = {}

    def __call__(self, model, X, y):
        key = model.alpha, model.eta0, model.l1_ratio
        raw = raw_of(model, X)
        found = [raw, model.coef_, model.intercept_, model.accumulators_]
        self.seen.setdefault(key, []).append([np.array(array) for array in found])
        return 0.0


def assert_cells_are_alone(model, X, y, splits, weight=None):
    """Compare the models of all cells with plain ones learned from X[train]."""
    recorder = Recorder()
    model = model.set_params(scoring=recorder, refit=False, cv=splits)
    model.fit(X, y, sample_weight=weight)
    start = {"initial_accumulator": model.initial_accumulator_, "eps": model.eps_}
    for cell, of_splits in recorder.seen.items():
        names = "alpha", "eta0", "l1_ratio"
        plain = plain_of(model, **dict(zip(names, cell, strict=True)), **start)
        for (train, test), found in zip(splits, of_splits, strict=True):
            plain.fit(X[train], y[train], None if weight is None else weight[train])
            scored = test if weight is None else test[weight[test] > 0]
            raw = raw_of(plain, X[scored])
            wanted = raw, plain.coef_, plain.intercept_, plain.accumulators_
            for actual, expected in zip(found, wanted, strict=True):
                scale = np.abs(expected).max()
                np.testing.assert_allclose(actual, expected, 1e-6, 1e-6 * scale)
    return len(recorder.seen)


@pytest.mark.parametrize("cv", [None, 3])
@each_task
def test_rows_without_a_non_zero_are_searched_too(task, cv):
    _, y = samples(task)
    model = search(task, cv=cv, alphas=[0.0, 1e-2], scale_invariant=True)
    model.fit(sp.csr_array((N_ROWS, 50)), y)
    assert model.coef_.shape[-1] == 50
    assert not model.coef_.any()


def sparsity(model, X, y):
    return -np.count_nonzero(model.coef_) / 1e3


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alphas": [0.0, 1e-2], "l1_ratios": [0.5]},
        {"alphas": [1e-2], "l1_ratios": [1.0], "update": "dual_averaging"},
        {"alphas": [1e-3], "scale_invariant": True},
        {"scoring": sparsity},
    ],
    ids=lambda options: "-".join(options) or "none",
)
@each_task
def test_columns_that_no_row_has_change_nothing(task, options, cv):
    """They are left out of the search, as most of those that words are hashed into."""
    if cv is None and "scoring" in options:
        pytest.skip("refused together")
    X, y = samples(task)
    columns = 500 * np.arange(N_FEATURES) + 3
    shape = N_ROWS, 500 * N_FEATURES
    wide = sp.csr_array((X.data, columns[X.indices], X.indptr), shape=shape)
    model = search(task, cv=cv, eta0s=3, shuffle=False, **options).fit(X, y)
    of_wide = clone(model).fit(wide, y)
    np.testing.assert_array_equal(
        of_wide.cv_results_["mean_test_score"], model.cv_results_["mean_test_score"]
    )
    for name in ("coef_", "accumulators_", "learning_rates_"):
        np.testing.assert_array_equal(
            getattr(of_wide, name)[..., columns], getattr(model, name)
        )
    assert np.count_nonzero(of_wide.coef_) == np.count_nonzero(model.coef_)
    for name in ("intercept_", "loss_curve_", "progressive_loss_", "t_"):
        np.testing.assert_array_equal(getattr(of_wide, name), getattr(model, name))
    # How weights are read for predictions depends on how often rows have a feature.
    np.testing.assert_allclose(
        raw_of(of_wide, wide), raw_of(model, X), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@each_task
def test_a_cell_is_the_plain_model_of_its_folds_training_rows(task, shuffle, weighted):
    X, y = samples(task)
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 4, N_ROWS) * 0.5 if weighted else None
    model = search(task, alphas=[0, 1e-2], l1_ratios=[0, 0.5], shuffle=shuffle)
    n_seen = assert_cells_are_alone(model, X, y, splits_of(model, X, y), weight)
    assert n_seen == 9, "three rates under alpha=0 and under two penalties"


def test_a_cell_makes_as_many_passes_as_there_are_for_its_folds_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2_000, 150)), rng.normal(size=2_000)
    model = search("target", max_iter="auto", tol=None)
    assert plain_of(model).fit(X, y).n_iter_ == 10
    assert plain_of(model).fit(X[:1_000], y[:1_000]).n_iter_ == 20
    splits = [(np.arange(1_000), np.arange(1_000, 2_000))]
    assert assert_cells_are_alone(model, X, y, splits) == len(RATES)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_cell_does_not_learn_rare_classes_of_its_folds_rows_by_heart(shuffle):
    X, y = sp.csr_array(np.kron(np.eye(200), np.ones(4))), np.arange(200) % 8 == 0
    even = np.arange(100) * 2  # every fourth of these is of the class
    splits = [(even, even + 1), (np.append(even, even), even + 1)]
    splits += [(np.arange(100), np.arange(100, 200))]
    model = search("binary", max_iter="auto", tol=None, shuffle=shuffle)
    passes = [plain_of(model).fit(X[train], y[train]).n_iter_ for train, _ in splits]
    assert passes == [20, 20, 1]
    assert assert_cells_are_alone(model, X, y, splits) == len(RATES)


@pytest.mark.parametrize("tol", [0.3, 0.02, None])
@pytest.mark.parametrize("task", ["binary", "ovr", "multinomial"])
def test_each_cell_stops_by_its_own_loss(task, tol):
    X, y = samples(task)
    model = search(task, eta0s=12, alphas=[0, 1e-3], tol=tol, max_iter=12)
    assert_cells_are_alone(model, X, y, splits_of(model, X, y))


@pytest.mark.parametrize(
    "params",
    [
        {"update": "dual_averaging"},
        {"update": "ftrl_proximal"},
        {"scale_invariant": True},
        {"importance_aware": True},
        {"half_life": 20},
        {"initial_accumulator": 0.1, "fit_intercept": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("task", ["binary", "targets"])
def test_every_option_acts_in_a_cell_as_in_the_plain_model(task, params):
    X, y = samples(task)
    model = search(task, alphas=[1e-3], l1_ratios=[0.5], **params)
    assert_cells_are_alone(model, X, y, splits_of(model, X, y))


@pytest.mark.parametrize("loss", AdagradClassifier._losses)
def test_a_classifier_searches_with_every_loss(loss):
    X, y = samples("binary")
    model = search("binary", loss=loss)
    assert_cells_are_alone(model, X, y, splits_of(model, X, y))


@pytest.mark.parametrize("loss", AdagradRegressor._losses)
def test_a_regressor_searches_with_every_loss(loss):
    X, y = samples("target")
    # With other seeds, such as 0, rounding grows by 1e10: at the rate 1 the steps of
    # Huber's loss overshoot.
    model = search("target", loss=loss, random_state=1)
    assert_cells_are_alone(model, X, np.exp(y / 2), splits_of(model, X, y))


@pytest.mark.parametrize("shuffle", [False, True])
def test_rows_of_weight_0_are_no_samples_of_a_fold(shuffle):
    """With 1,200 rows max_iter="auto" would be 16 passes, and with 100 it is 20."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 100))
    y = X[:, 0] + rng.normal(size=1200)
    weight = np.repeat([1.0, 0.0], [200, 1000])
    splits = [(np.arange(100), np.arange(100, 200))]
    padded = [(np.append(train, np.arange(200, 1200)), test) for train, test in splits]
    options = {"eta0s": [0.05], "shuffle": shuffle, "tol": None, "random_state": 0}
    wanted = AdagradRegressorCV(cv=splits, **options).fit(X[:200], y[:200])
    model = AdagradRegressorCV(cv=padded, **options).fit(X, y, sample_weight=weight)
    assert model.best_score_ == pytest.approx(wanted.best_score_, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5}], ids=str)
def test_classes_are_weighed_by_the_training_rows_of_each_fold(class_weight, weighted):
    X, y = samples("ovr")
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS) if weighted else None
    model = search("ovr", class_weight=class_weight)
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    assert_cells_are_alone(model, X, y, splits, weight)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_training_rows_may_be_few_repeated_and_in_any_order(shuffle, class_weight):
    X, y = samples("binary")
    rng = np.random.default_rng(0)
    splits = [(rng.integers(0, 60, 70), np.arange(60, 90)) for _ in range(2)]
    weight = rng.uniform(0.5, 2, N_ROWS)
    model = search("binary", shuffle=shuffle, class_weight=class_weight)
    assert_cells_are_alone(model, X, y, splits, weight)


def test_splits_may_be_masks():
    X, y = samples("binary")
    held_out = np.arange(N_ROWS) % 3 == 0
    model = search("binary")
    assert_cells_are_alone(model, X, y, [(~held_out, held_out)])


def test_a_full_matrix_is_searched_too():
    X, y = samples("ovr")
    model = search("ovr", preconditioner="full", refresh_every=5, max_iter=2)
    assert_cells_are_alone(model, X, y, splits_of(model, X, y))
    found = search("ovr", preconditioner="full", max_iter=2, cv=None).fit(X, y)
    alone = plain_of(found, **found.best_params_).fit(X, y)
    np.testing.assert_allclose(found.coef_, alone.coef_, rtol=1e-9)


def test_a_scorer_may_predict_rows_of_its_own():
    X, y = samples("binary")
    last = slice(-5, None)
    other = -X.toarray()[last]

    def score(model, X_test, y_test):
        return model.decision_function(other).sum()

    model = search("binary", scoring=score).fit(X, y)
    train, _ = splits_of(model, X, y)[0]
    for cell, actual in zip(
        model.cv_results_["params"], model.cv_results_["split0_test_score"], strict=True
    ):
        alone = plain_of(model, **cell).fit(X[train], y[train])
        wanted = alone.decision_function(other).sum()
        assert actual == pytest.approx(wanted, rel=1e-9)


def test_a_scorer_may_pickle_the_model_and_let_it_learn():
    X, y = samples("binary")

    def score(model, X_test, y_test):
        loaded, shallow = pickled(model), copy(model)
        before = [model.decision_function(X_test) for _ in range(2)]
        np.testing.assert_array_equal(*before)
        for other in (loaded, shallow):
            np.testing.assert_allclose(
                other.decision_function(X_test), before[0], 1e-12
            )
        model.partial_fit(X_test, y_test)
        after = model.decision_function(X_test)
        np.testing.assert_array_equal(model.decision_function(X_test.copy()), after)
        assert (after != before[0]).any()
        np.testing.assert_array_equal(
            loaded.partial_fit(X_test, y_test).decision_function(X_test), after
        )
        return 1.0

    assert search("binary", scoring=score).fit(X, y).best_score_ == 1.0


def test_a_scorer_of_probabilities_keeps_its_own_arguments():
    X, y = samples("ovr")
    scores = [
        search(
            "ovr",
            scoring=make_scorer(
                log_loss,
                response_method="predict_proba",
                greater_is_better=False,
                normalize=normalize,
            ),
            cv=KFold(3),
        )
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for normalize in (False, True)
    ]
    np.testing.assert_allclose(scores[0], scores[1] * N_ROWS / 3)


def test_a_splitter_may_draw_from_the_random_state_of_the_search():
    X, y = samples("binary")
    scores = []
    for shared in (False, True):
        of_search = np.random.RandomState(0)
        of_splitter = of_search if shared else np.random.RandomState(0)
        cv = KFold(3, shuffle=True, random_state=of_splitter)
        model = search("binary", cv=cv, random_state=of_search, scoring="neg_log_loss")
        scores.append(model_scores(model.fit(X, y)))
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("cv", [None, 2])
def test_columns_that_no_row_has_count_for_how_many_passes_there_are(cv):
    rng = np.random.default_rng(0)
    X = sp.random(2200, 10, density=0.3, format="csr", random_state=0)
    y = (X @ rng.normal(size=10) > 0).astype(int)
    wide = sp.csr_array((X.data, 3000 * X.indices, X.indptr), shape=(2200, 30_000))
    model = search("binary", cv=cv, max_iter="auto", tol=None, scoring="accuracy")
    if cv is None:
        model.set_params(scoring=None)
    passes = [clone(model).fit(each, y).n_iter_ for each in (X, wide)]
    plain = plain_of(model, eta0="auto")
    assert passes == [clone(plain).fit(each, y).n_iter_ for each in (X, wide)]
    assert passes[0] > passes[1]
    if cv:
        grid = GridSearchCV(plain, {"eta0": RATES}, cv=cv, scoring="accuracy")
        scores = model_scores(model.fit(wide, y))
        np.testing.assert_array_equal(scores, model_scores(grid.fit(wide, y)))


def test_visits_of_classes_of_weight_0_do_not_count_for_how_many_passes_there_are():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 110)), rng.choice(3, p=[0.1, 0.1, 0.8], size=3000)
    options = {"class_weight": {2: 0.0}, "shuffle": False, "tol": None}
    model = search("ovr", max_iter="auto", eta0s=[0.1], **options)
    grid = GridSearchCV(plain_of(model), {"eta0": [0.1]}, cv=3)
    np.testing.assert_array_equal(
        model_scores(model.fit(X, y)), model_scores(grid.fit(X, y))
    )
