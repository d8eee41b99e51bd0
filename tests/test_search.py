"""The searches find what fitting each cell alone finds, and learn with the best."""

import gc
import pickle
import re
import weakref
from copy import copy, deepcopy

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_absolute_error,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_validate,
)

from sk_adagrad import (
    AdagradClassifier,
    AdagradClassifierCV,
    AdagradRegressor,
    AdagradRegressorCV,
    _cells,
)

from .comparing import assert_same, dense, pickled, raw_of

N_ROWS, N_FEATURES = 90, 12
RATES = [0.05, 0.2, 1.0]
PLAIN = {AdagradClassifierCV: AdagradClassifier, AdagradRegressorCV: AdagradRegressor}
TASKS = {
    "binary": {},
    "ovr": {},
    "multinomial": {"multi_class": "multinomial"},
    "labels": {},
    "sparse labels": {},
    "target": {},
    "targets": {},
}
each_task = pytest.mark.parametrize("task", TASKS)


def samples(task):
    """Return rows, some of which come several times, and what they are to teach."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.6)
    raw = X[:, :4] + rng.normal(size=(N_ROWS, 4))
    repeated = rng.integers(0, N_ROWS // 2, N_ROWS // 3)
    X[-len(repeated) :], raw[-len(repeated) :] = X[repeated], raw[repeated]
    y = {
        "binary": (raw[:, 0] > 0).astype(int),
        "labels": (raw > 0).astype(int),
        "sparse labels": sp.csr_array((raw > 0).astype(int)),
        "target": raw[:, 0],
        "targets": raw[:, :3] * [1, 10, 100],
    }.get(task, raw.argmax(axis=1))
    return sp.csr_array(X), y


def search(task, **params):
    estimator = AdagradRegressorCV if task.startswith("target") else AdagradClassifierCV
    defaults = {"eta0s": RATES, "cv": 3, "random_state": 0, "max_iter": 5}
    return estimator(**{**TASKS[task], **defaults, **params})


def plain_of(model, **cell):
    """Return the plain estimator with the parameters of a search."""
    plain = PLAIN[type(model)](**cell)
    return plain.set_params(
        **{
            name: value
            for name, value in model.get_params().items()
            if name in plain.get_params() and name not in cell
        }
    )


def splits_of(model, X, y):
    folds = StratifiedKFold if is_classifier(model) and np.ndim(y) == 1 else KFold
    return list(folds(3).split(X, y))


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


# A cell is a plain model.


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
    X, y = sp.csr_array(np.eye(200)), np.arange(200) % 10 == 0
    even = np.arange(100) * 2
    splits = [(even, even + 1), (np.append(even, even), even + 1)]  # 1 in 5 is rare
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


# The table and the choice.


@pytest.mark.parametrize(
    ("task", "scoring"),
    [
        *(("binary", scoring) for scoring in (None, "neg_log_loss", "roc_auc")),
        *(("ovr", scoring) for scoring in (None, "neg_log_loss", "f1_macro")),
        ("multinomial", "neg_log_loss"),
        ("labels", None),
        ("sparse labels", None),
        *(("target", scoring) for scoring in (None, "neg_mean_absolute_error")),
        ("targets", make_scorer(mean_absolute_error, greater_is_better=False)),
    ],
    ids=str,
)
def test_the_table_is_that_of_a_grid_search(task, scoring):
    X, y = samples(task)
    model = search(task, alphas=[0, 1e-2], scoring=scoring).fit(X, y)
    axes = {"eta0": RATES, "alpha": [0, 1e-2], "l1_ratio": [0.0]}
    grid = GridSearchCV(plain_of(model), axes, cv=3, scoring=scoring).fit(X, y)
    assert model.cv_results_.keys() == {
        key for key in grid.cv_results_ if "_time" not in key
    }
    assert model.cv_results_["params"] == grid.cv_results_["params"]
    for key in model.cv_results_.keys() - {"params"}:
        np.testing.assert_allclose(
            model.cv_results_[key],
            grid.cv_results_[key].astype(float),
            1e-9,
            1e-12,
            err_msg=key,
        )
    assert model.best_index_ == grid.best_index_
    assert model.best_params_ == grid.best_params_
    assert model.best_score_ == pytest.approx(grid.best_score_)
    assert model.n_splits_ == grid.n_splits_
    np.testing.assert_array_equal(model.coef_, grid.best_estimator_.coef_)


@each_task
def test_the_best_cell_is_learned_from_all_rows(task):
    X, y = samples(task)
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS)
    model = search(task, alphas=[0, 1e-2]).fit(X, y, sample_weight=weight)
    alone = plain_of(model, **model.best_params_).fit(X, y, sample_weight=weight)
    for name in ("coef_", "intercept_", "learning_rates_", "accumulators_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(alone, name))
    for name in ("loss_curve_", "n_iter_", "t_", "progressive_loss_", "eta0_"):
        assert getattr(model, name) == getattr(alone, name)
    np.testing.assert_array_equal(dense(model.predict(X)), dense(alone.predict(X)))
    assert model.score(X, y) == alone.score(X, y)
    cell = {"eta0": model.eta0_, "alpha": model.alpha_, "l1_ratio": model.l1_ratio_}
    assert cell == model.best_params_


@pytest.mark.parametrize("cv", [None, 3])
def test_without_refit_there_is_a_table_and_no_model(cv):
    X, y = samples("binary")
    with_model = search("binary", cv=cv).fit(X, y)
    model = search("binary", cv=cv).fit(X, y).set_params(refit=False).fit(X, y)
    for name in ("best_index_", "best_score_", "best_params_", "alpha_", "l1_ratio_"):
        assert getattr(model, name) == getattr(with_model, name)
    assert model.eta0_ == model.best_params_["eta0"]
    for name in ("coef_", "n_iter_", "loss_curve_", "progressive_loss_"):
        assert not hasattr(model, name)
    for use in (lambda: model.predict(X), model.sparsify, model.densify):
        with pytest.raises(NotFittedError, match="refit=True"):
            use()
    for name in ("coef_", "best_estimator_"):
        with pytest.raises(AttributeError, match=f"'{name}' after .* refit=False"):
            getattr(model, name)


def test_a_scorer_sees_what_a_fit_publishes():
    X, y = load_iris(return_X_y=True)
    seen = {}

    def scorer(model, X, y):
        seen[model.eta0] = (
            model.n_iter_,
            model.loss_curve_,
            model.validation_loss_curve_,
        )
        return model.score(X, y)

    search = AdagradClassifierCV(
        eta0s=[0.1, 1.0], cv=[(np.arange(150), [0])], scoring=scorer, random_state=0
    ).fit(X, y)
    assert list(search.cv_results_["param_eta0"].mask) == [False, False]
    for eta0, (n_iter, loss_curve, validation_curve) in seen.items():
        alone = AdagradClassifier(eta0=eta0, random_state=0).fit(X, y)
        assert n_iter == alone.n_iter_
        np.testing.assert_allclose(loss_curve, alone.loss_curve_, rtol=1e-9)
        assert validation_curve is None
    assert len(seen) == 2


def test_a_model_that_overflows_has_no_score_and_ranks_last():
    X, y = samples("target")
    model = search("target", eta0s=[0.1, 1e200]).fit(X, y)
    assert np.isnan(model.cv_results_["mean_test_score"][1])
    assert model.cv_results_["rank_test_score"].tolist() == [1, 2]
    assert model.eta0_ == 0.1


def test_deviance_scores_cells_whose_means_underflow():
    rng = np.random.default_rng(1)
    X = rng.lognormal(0, 2, size=(300, 3)).astype(np.float32)
    y = rng.poisson(np.exp(np.clip(0.7 * X[:, 0], -5, 5)))
    model = AdagradRegressorCV(
        loss="poisson", cv=5, scoring="neg_mean_poisson_deviance", random_state=0
    )
    assert not np.isnan(model_scores(model.fit(X, y))).any()
    assert np.isfinite(model.best_score_)


@pytest.mark.parametrize("cv", [None, 3])
def test_a_grid_without_a_finite_score_is_refused(cv):
    X, y = samples("target")
    with pytest.raises(ValueError, match="No cell of the grid"):
        search("target", eta0s=[1e200], cv=cv).fit(X * 1e100, y)


# Progressive validation.


@pytest.mark.parametrize("weighted", [False, True])
@each_task
def test_the_progressive_score_is_the_loss_of_the_first_pass(task, weighted):
    X, y = samples(task)
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS) if weighted else None
    model = search(task, alphas=[0, 1e-2], cv=None).fit(X, y, sample_weight=weight)
    results = model.cv_results_
    for cell, score in zip(results["params"], results["mean_test_score"], strict=True):
        alone = plain_of(model, max_iter=1, **cell).fit(X, y, sample_weight=weight)
        assert -score == pytest.approx(alone.progressive_loss_, rel=1e-9)
    np.testing.assert_array_equal(results["split0_test_score"], model_scores(model))
    assert not results["std_test_score"].any()
    assert model.n_splits_ == 1


def model_scores(model):
    return model.cv_results_["mean_test_score"]


@each_task
def test_the_progressive_winner_is_the_plain_model_of_its_cell(task):
    X, y = samples(task)
    model = search(task, alphas=[0, 1e-2], cv=None).fit(X, y)
    alone = plain_of(model, **model.best_params_).fit(X, y)
    assert model.eta0_ == model.best_params_["eta0"]
    assert model.n_iter_ == alone.n_iter_ > 1
    np.testing.assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-9, atol=1e-12)
    assert model.progressive_loss_ == pytest.approx(-model.best_score_, rel=1e-12)
    assert model.t_ == alone.t_


@pytest.mark.parametrize("max_iter", [2, 3, 4, "auto"])
@pytest.mark.parametrize("task", ["binary", "multinomial", "target"])
def test_the_default_is_the_plain_default_where_one_rate_is_chosen(task, max_iter):
    X, y = samples(task)
    model = search(task, eta0s=8, cv=None, max_iter=max_iter).fit(X, y)
    auto = plain_of(model).fit(X, y)
    assert model.eta0_ == auto.eta0_
    np.testing.assert_allclose(model.coef_, auto.coef_, rtol=1e-9, atol=1e-12)
    rates = [cell["eta0"] for cell in model.cv_results_["params"]]
    if max_iter == 2:  # with more passes late losses decide, and no scores
        assert model.eta0_ == rates[model.best_index_]


def test_accumulators_start_as_those_of_auto_where_rates_go_by_the_data():
    X, y = samples("ovr")
    auto = AdagradClassifier().fit(X, y)
    assert auto.initial_accumulator_ > 0
    for eta0s, given, wanted in (
        *((8, "auto", auto.initial_accumulator_), (8, 0.25, 0.25)),
        *(([0.5], "auto", 0.0), ([0.5], 0.25, 0.25)),
    ):
        for cv in (None, 3):
            model = AdagradClassifierCV(eta0s=eta0s, initial_accumulator=given, cv=cv)
            assert model.fit(X, y).initial_accumulator_ == wanted
            assert model.accumulators_.min() >= wanted


def test_eps_is_measured_as_that_of_auto_where_rates_go_by_the_data():
    X, y = samples("target")
    for eta0s, unit in ((8, 2.0**-40), ([2.0**-20], 1.0)):
        model = AdagradRegressorCV(eta0s=eta0s, refit=False)
        assert model.fit(X, y).eps_ * unit == model.fit(X, 2.0**-20 * y).eps_
        model.set_params(refit=True).fit(X, 2.0**-20 * y)
        plain = model.best_estimator_
        assert plain.eps == plain.eps_ == model.eps_


# The grid.


def test_eight_rates_are_those_of_auto():
    X = np.eye(4)
    model = AdagradClassifierCV(refit=False).fit(X, [0, 1, 0, 1])
    rates = [cell["eta0"] for cell in model.cv_results_["params"]]
    assert rates == [2.0**power for power in range(-4, 4)]


@pytest.mark.parametrize("scale", [2.0**-8, 2.0**20])
def test_rates_follow_the_scales_of_rows_and_targets(scale):
    X, y = samples("target")
    rates, of_targets, of_rows = (
        search("target", eta0s=8, refit=False).fit(*args).cv_results_["param_eta0"]
        for args in ((X, y), (X, y * scale), (X * scale, y))
    )
    np.testing.assert_array_equal(of_targets, rates * scale)
    np.testing.assert_array_equal(of_rows, rates / scale)


@pytest.mark.parametrize("n_rates", [1, 2, 5, 12])
def test_any_number_of_rates_is_around_those_of_auto(n_rates):
    model = AdagradClassifierCV(eta0s=n_rates, refit=False)
    rates = model.fit(np.eye(4), [0, 1, 0, 1]).cv_results_["param_eta0"]
    assert len(rates) == n_rates
    np.testing.assert_array_equal(rates[1:], 2 * rates[:-1])
    assert 2.0**-5 <= rates[(n_rates - 1) // 2] <= 1


def test_integers_make_evenly_spaced_penalties():
    X, y = samples("binary")
    model = search("binary", alphas=5, l1_ratios=3, refit=False).fit(X, y)
    alphas = np.unique(model.cv_results_["param_alpha"])
    np.testing.assert_allclose(alphas, [1e-7, 1e-6, 1e-5, 1e-4, 1e-3])
    np.testing.assert_array_equal(
        np.unique(model.cv_results_["param_l1_ratio"]), [0, 0.5, 1]
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        *(({"eta0s": bad}, r"eta0s contains .* positive") for bad in ([0.1, 0], [-1])),
        ({"eta0s": [np.inf]}, "eta0s contains inf"),
        ({"alphas": [1e-3, -1e-3]}, "alphas contains -0.001"),
        ({"l1_ratios": [0.5, 1.5]}, "l1_ratios contains 1.5, .* from 0 to 1"),
        *(({"alphas": bad}, "no list of numbers") for bad in ([], [[1]], ["a"])),
        *(({name: 0}, f"'{name}' parameter") for name in ("eta0s", "alphas")),
        *(({name: 0.5}, f"'{name}' parameter") for name in ("eta0s", "l1_ratios")),
        ({"cv": 1}, "'cv' parameter"),
        ({"refit": "yes"}, "'refit' parameter"),
        ({"eta0s": 3000}, r"'eta0s' parameter .* \[1, 100\]"),
        ({"scoring": "precise"}, "precise"),
        ({"scoring": "accuracy", "cv": None}, "set cv to a number of folds"),
        ({"preconditioner": "full", "alphas": [1e-3]}, "alpha=0.001 does not go with"),
        ({"scoring": "neg_log_loss", "loss": "hinge"}, "needs probabilities.*'hinge'"),
        ({"cv": [([], [1, 2])]}, "no sample to learn from"),
        ({"cv": [([1, 2], [])]}, "no sample to score"),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused_and_changes_nothing(params, message):
    X, y = samples("binary")
    model = search("binary").fit(X, y)
    before = {**vars(model), **params}
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(X, y)
    assert vars(model) == before


@pytest.mark.parametrize("score", ["good", {"f1": 1.0}, None, [1.0, 2.0]], ids=str)
def test_a_scorer_must_return_a_number(score):
    with pytest.raises(
        ValueError, match=re.escape(f"a number, but returned {score!r}")
    ):
        search("binary", scoring=lambda *_: score).fit(*samples("binary"))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_scorer_that_fails_in_a_cell_gives_nan_there_as_in_a_grid_search(n_jobs):
    X, y = samples("target")
    y, scoring = np.exp(y), "neg_mean_squared_log_error"
    model = search("target", eta0s=[1e-6, 0.5], scoring=scoring, n_jobs=n_jobs)
    grid = GridSearchCV(plain_of(model), {"eta0": [1e-6, 0.5]}, cv=3, scoring=scoring)
    with pytest.warns(UserWarning, match=r"Scoring failed|non-finite"):
        grid.fit(X, y)
    with pytest.warns(UserWarning, match="The scorer failed") as warned:
        model.fit(X, y)
    of_search, scores = (
        np.array([each.cv_results_[f"split{k}_test_score"] for k in range(3)])
        for each in (model, grid)
    )
    failed = np.isnan(scores)
    assert 0 < failed.sum() < failed.size
    [warning] = warned
    told = f"failed for {failed.sum()} of 6 scores.* ValueError: .*Squared Log"
    assert re.search(told, str(warning.message))
    np.testing.assert_allclose(of_search, scores, rtol=1e-9)
    assert model.best_params_["eta0"] == grid.best_params_["eta0"]


@pytest.mark.parametrize("error", [TypeError, ValueError, ZeroDivisionError])
def test_a_scorer_that_always_fails_says_why(error):
    def score(model, X, y):
        raise error("no such label: ja")

    with pytest.raises(ValueError, match=f"{error.__name__}: no such label") as raised:
        search("binary", scoring=score).fit(*samples("binary"))
    cause = raised.value.__cause__
    assert type(cause) is error
    assert 'raise error("no such label: ja")' in cause.__notes__[0]
    wrong = make_scorer(f1_score, pos_label="ja")
    with pytest.raises(ValueError, match=r"9 of 9 .*pos_label=ja is not a valid label"):
        search("binary", scoring=wrong).fit(*samples("binary"))


def test_errors_of_a_scorer_keep_no_models_in_memory():
    models = []

    def score(model, X, y):
        models.append(weakref.ref(model))
        raise ValueError from KeyError()

    with pytest.raises(ValueError, match="No cell of the grid") as raised:
        search("binary", scoring=score).fit(*samples("binary"))
    gc.collect()
    assert isinstance(raised.value.__cause__, ValueError)
    assert [model() for model in models] == [None] * 9


def test_an_interrupted_scorer_ends_the_search():
    def score(model, X, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search("binary", scoring=score).fit(*samples("binary"))


def test_rates_beyond_the_type_of_the_model_are_refused():
    X, y = samples("binary")
    with pytest.raises(ValueError, match="too large for float32"):
        search("binary", eta0s=[1e39]).fit(X.astype("float32"), y)


# Weights, folds and metadata.


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_weights_count_in_scores(scoring):
    X, y = samples("binary")
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS)
    model = search("binary", scoring=scoring).fit(X, y, sample_weight=weight)
    score = get_scorer(scoring or "accuracy")
    for k, (train, test) in enumerate(splits_of(model, X, y)):
        for cell, actual in zip(
            model.cv_results_["params"],
            model.cv_results_[f"split{k}_test_score"],
            strict=True,
        ):
            alone = plain_of(model, **cell).fit(X[train], y[train], weight[train])
            wanted = score(alone, X[test], y[test], sample_weight=weight[test])
            assert actual == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "roc_auc"])
def test_held_out_samples_of_weight_zero_are_no_samples(scoring):
    X, y = samples("binary")
    weight = np.where(np.arange(N_ROWS) % 7 == 0, 0.0, 1.0)
    splits = splits_of(search("binary"), X, y)
    model = search("binary", cv=splits, scoring=scoring).fit(X, y, weight)
    kept = np.flatnonzero(weight)
    of_kept = [
        [np.flatnonzero(np.isin(kept, part)) for part in split] for split in splits
    ]
    wanted = search("binary", cv=of_kept, scoring=scoring).fit(X[kept], y[kept])
    np.testing.assert_allclose(model_scores(model), model_scores(wanted), rtol=1e-12)
    y = np.where(weight == 0, 1 - y, y)
    model = search("binary", cv=splits, scoring=scoring).fit(X, y, weight)
    np.testing.assert_allclose(model_scores(model), model_scores(wanted), rtol=1e-12)


def test_a_scorer_without_weights_is_not_given_any():
    X, y = samples("target")

    def score(model, X, y):
        return -np.abs(y - model.predict(X)).max()

    model = search("target", scoring=score).fit(X, y, sample_weight=np.ones(N_ROWS))
    assert np.isfinite(model_scores(model)).all()


def test_a_fold_need_not_have_all_classes_to_be_scored_by_probabilities():
    X, y = samples("ovr")
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    model = search("ovr", cv=KFold(3), scoring="neg_log_loss").fit(X, y)
    train, test = next(KFold(3).split(X))
    assert (len(np.unique(y[train])), len(np.unique(y[test]))) == (3, 2)  # of 4
    assert np.isfinite(model.best_score_)
    whole = search("ovr", cv=[(np.arange(N_ROWS), test)], scoring="neg_log_loss")
    whole.fit(X, y)
    alone = plain_of(whole, **whole.best_params_).fit(X, y)
    wanted = -log_loss(y[test], alone.predict_proba(X[test]), labels=alone.classes_)
    assert whole.best_score_ == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_search_scores_as_it_was_scored(weighted):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 4)), np.arange(90) % 3
    weight = {"sample_weight": rng.random(90)} if weighted else {}
    model = AdagradClassifierCV(cv=3, scoring="neg_log_loss", random_state=0).fit(X, y)
    wanted = -log_loss(y, model.predict_proba(X), **weight)
    assert model.score(X, y, **weight) == pytest.approx(wanted)
    wanted = accuracy_score(y, model.predict(X), **weight)
    model = model.set_params(scoring=None)
    assert model.score(X, y, **weight) == pytest.approx(wanted)


def test_folds_that_are_none_are_refused():
    with pytest.raises(ValueError, match="no splits"):
        AdagradClassifierCV(cv=[]).fit(np.eye(6), np.arange(6) % 2)


def test_groups_are_kept_together():
    X, y = samples("binary")
    groups = np.arange(N_ROWS) // 10
    model = search("binary", cv=GroupKFold(3)).fit(X, y, groups=groups)
    by_hand = list(GroupKFold(3).split(X, y, groups))
    wanted = search("binary", cv=by_hand).fit(X, y)
    np.testing.assert_array_equal(model_scores(model), model_scores(wanted))
    with pytest.raises(ValueError, match="groups"):
        search("binary", cv=None).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        search("binary").fit(X, y, colour=groups)
    with pytest.raises(TypeError, match=r"no X_val.*validates by cv.*AdagradClass"):
        search("binary").fit(X, y, X_val=X, y_val=y)


def test_any_splitter_is_taken():
    X, y = samples("target")
    cv = ShuffleSplit(4, test_size=0.2, train_size=0.5, random_state=0)
    model = search("target").set_params(cv=cv).fit(X, y)
    assert model.n_splits_ == 4
    wanted = search("target", cv=list(cv.split(X))).fit(X, y)
    np.testing.assert_array_equal(model_scores(model), model_scores(wanted))


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("asks", [True, False])
def test_weights_are_routed_to_a_scorer_that_asks_for_them(asks, n_jobs):
    X, y = samples("binary")
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS)
    scorer = get_scorer("accuracy").set_score_request(sample_weight=asks)
    model = search("binary", scoring=scorer, n_jobs=n_jobs)
    model.fit(X, y, sample_weight=weight)
    train, test = splits_of(model, X, y)[0]
    alone = plain_of(model, **model.cv_results_["params"][0])
    alone.fit(X[train], y[train], weight[train])
    wanted = alone.score(X[test], y[test], weight[test] if asks else None)
    assert model.cv_results_["split0_test_score"][0] == pytest.approx(wanted)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("asks", [True, "importance"])
def test_a_score_routes_to_the_scorer_what_it_asks_for(asks):
    X, y = samples("binary")
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS)
    name = asks if isinstance(asks, str) else "sample_weight"
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight=asks)
    model = search("binary", scoring=scorer).set_score_request(sample_weight=False)
    predicted = model.fit(X, y).predict(X)
    wanted = accuracy_score(y, predicted, sample_weight=weight)
    assert model.score(X, y, **{name: weight}) == wanted
    assert model.get_metadata_routing().consumes("score", [name]) == {name}
    with pytest.raises(TypeError, match="colour"):
        model.score(X, y, colour=y)
    scorer.set_score_request(sample_weight=False)
    with pytest.raises(TypeError, match="not routed to any object"):
        model.score(X, y, **{name: weight})


@pytest.mark.slow  # the oldest scikit-learn does not route to a scorer in a search
@pytest.mark.usefixtures("routing")
def test_cross_validation_routes_to_the_scorer_of_a_search():
    X, y = samples("binary")
    weight = np.random.default_rng(0).uniform(0, 2, N_ROWS)
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight="importance")
    model = search("binary", scoring=scorer).set_score_request(sample_weight=False)
    scores = cross_validate(model, X, y, cv=3, params={"importance": weight})
    splits = splits_of(model, X, y)
    for (train, test), score in zip(splits, scores["test_score"], strict=True):
        model.fit(X[train], y[train], importance=weight[train])
        assert score == model.score(X[test], y[test], importance=weight[test])


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("cv", [None, 3])
def test_nothing_needs_to_be_routed(cv):
    X, y = samples("binary")
    model = search("binary", cv=cv).fit(X, y)
    with config_context(enable_metadata_routing=False):
        wanted = search("binary", cv=cv).fit(X, y)
    np.testing.assert_array_equal(model.coef_, wanted.coef_)
    with pytest.raises(TypeError, match="colour"):
        model.fit(X, y, colour=y)


@pytest.mark.usefixtures("routing")
def test_a_scorer_must_say_whether_it_wants_weights():
    X, y = samples("binary")
    weights = {"sample_weight": np.ones(N_ROWS)}
    plain = AdagradClassifier().set_fit_request(sample_weight=True)
    try:
        GridSearchCV(plain, {}, scoring="accuracy").fit(X, y, **weights)
    except UnsetMetadataPassedError:
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            search("binary", scoring="accuracy").fit(X, y, **weights)
    else:
        pytest.skip("this scikit-learn gives its scorers weights only if they ask")


@pytest.mark.usefixtures("routing")
def test_weights_and_groups_are_routed_through_a_grid_search():
    X, y = samples("binary")
    rng = np.random.default_rng(0)
    weight, groups = rng.uniform(0, 2, N_ROWS), np.arange(N_ROWS) // 10
    inner = search("binary", cv=GroupKFold(2)).set_fit_request(sample_weight=True)
    inner.set_score_request(sample_weight=False)
    outer = GridSearchCV(inner, {"loss": ["log_loss"]}, cv=GroupKFold(2))
    outer.fit(X, y, sample_weight=weight, groups=groups)
    wanted = clone(inner).fit(X, y, sample_weight=weight, groups=groups)
    np.testing.assert_array_equal(outer.best_estimator_.coef_, wanted.coef_)


# The rest of an estimator.


@pytest.mark.parametrize("name", ["coef_", "eta0_", "initial_accumulator_", "t_"])
def test_what_an_unfitted_search_has_not_is_named(name):
    with pytest.raises(AttributeError, match=f"'{name}' before it is fitted"):
        getattr(AdagradClassifierCV(), name)


@pytest.mark.parametrize("eta0s", [[0.2], RATES])
@pytest.mark.parametrize("cv", [None, 3])
@each_task
def test_threads_do_not_change_the_result(task, cv, eta0s):
    X, y = samples(task)
    one, *others = (
        search(task, eta0s=eta0s, alphas=7, cv=cv, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2, 3)
    )
    for other in others:
        np.testing.assert_array_equal(model_scores(other), model_scores(one))
        np.testing.assert_array_equal(other.coef_, one.coef_)


@pytest.mark.parametrize(
    ("limit", "eta0s"),
    [("_AT_ONCE", [0.2]), ("_AT_ONCE", RATES), ("_MOST_BYTES", RATES)],
)
@pytest.mark.parametrize("update", ["mirror_descent", "dual_averaging"])
@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("task", ["binary", "targets"])
def test_penalties_trained_together_give_the_result_of_each_by_itself(
    task, cv, update, eta0s, limit, monkeypatch
):
    X, y = samples(task)
    grid = {"alphas": [0, 1e-3, 1e-2, 1e-1], "l1_ratios": [0, 0.5, 1], "eta0s": eta0s}
    model = search(task, cv=cv, update=update, **grid)
    together = clone(model).fit(X, y)
    monkeypatch.setattr(_cells, limit, 1)
    apart = model.fit(X, y)
    np.testing.assert_allclose(model_scores(together), model_scores(apart), 1e-9)
    np.testing.assert_allclose(together.coef_, apart.coef_, 1e-9, 1e-12)


@pytest.mark.parametrize("cv", [None, 3])
def test_a_random_state_instance_goes_on_from_fit_to_fit(cv):
    X, y = samples("binary")
    model = search("binary", cv=cv, random_state=np.random.RandomState(0))
    first, second = (model.fit(X, y).coef_ for _ in range(2))
    assert not np.array_equal(first, second)
    wanted = search("binary", cv=cv).fit(X, y).coef_
    np.testing.assert_array_equal(first, wanted)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_are_searched(library, cv):
    module = pytest.importorskip(library)
    X, y = samples("binary")
    names = [f"column {j}" for j in range(N_FEATURES)]
    dense = X.toarray()
    frame = module.DataFrame({name: dense[:, j] for j, name in enumerate(names)})
    columns = []

    def score(model, X, y):
        columns.append(list(X.columns))
        return model.score(X, y)

    scoring = {} if cv is None else {"scoring": score}
    model = search("binary", cv=cv, **scoring).fit(frame, module.Series(y.tolist()))
    wanted = search("binary", cv=cv).fit(dense, y)
    np.testing.assert_array_equal(model.coef_, wanted.coef_)
    np.testing.assert_array_equal(model.feature_names_in_, names)
    assert all(names == of_scorer for of_scorer in columns)


@each_task
def test_a_saved_search_predicts_the_same(task):
    X, y = samples(task)
    model = search(task).fit(X, y)
    saved = pickled(model.sparsify())
    np.testing.assert_array_equal(dense(saved.predict(X)), dense(model.predict(X)))
    np.testing.assert_array_equal(saved.densify().coef_, model.densify().coef_)
    assert saved.best_params_ == model.best_params_


@pytest.mark.parametrize("cv", [None, 3])
def test_a_sparse_column_of_labels_is_a_dense_one(cv):
    X, y = samples("binary")
    model = search("binary", cv=cv).fit(X, sp.csr_array(y[:, None]))
    wanted = search("binary", cv=cv).fit(X, y)
    np.testing.assert_array_equal(model_scores(model), model_scores(wanted))
    np.testing.assert_array_equal(model.coef_, wanted.coef_)


def test_lists_of_labels_are_searched():
    X, y = samples("binary")
    model = search("binary").fit(X.toarray().tolist(), np.array(["no", "yes"])[y])
    np.testing.assert_array_equal(
        model_scores(model), model_scores(search("binary").fit(X, y))
    )
    assert set(model.predict(X)) == {"no", "yes"}


def test_probabilities_are_there_where_the_loss_has_them():
    assert hasattr(AdagradClassifierCV(), "predict_proba")
    assert not hasattr(AdagradClassifierCV("hinge"), "predict_proba")


@pytest.mark.parametrize("refit", [True, False])
def test_a_scorer_of_probabilities_needs_those_of_the_loss_to_be_learned(refit):
    X, y = samples("binary")
    options = {"cv": 3, "eta0s": [0.5], "scoring": "neg_log_loss", "refit": refit}
    model = AdagradClassifierCV("hinge", random_state=0).fit(X, y)
    model.set_params(loss="log_loss", **options).fit(X, y)
    wanted = AdagradClassifierCV(random_state=0, **options).fit(X, y)
    assert model.best_score_ == wanted.best_score_
    assert hasattr(model.set_params(loss="hinge"), "predict_proba") == refit
    with pytest.raises(ValueError, match="needs probabilities"):
        model.fit(X, y)


@pytest.mark.parametrize("estimator", PLAIN)
def test_a_stream_is_told_where_to_go(estimator):
    assert not hasattr(estimator(), "partial_fit")
    with pytest.raises(AttributeError, match=r"search\.best_estimator_"):
        estimator().partial_fit  # noqa: B018


@pytest.mark.parametrize("offset", [0.0, 1950.0])
@pytest.mark.parametrize("weighed", [{}, {"class_weight": "balanced"}])
def test_a_stream_goes_on_with_the_best_estimator_as_with_the_plain_one(
    offset, weighed
):
    X, y = samples("binary")
    X = np.column_stack((X.toarray(), offset + 20 * np.linspace(0, 1, N_ROWS)))
    begun, later = slice(60), slice(60, None)
    plain = AdagradClassifier(random_state=0, **weighed).fit(X[begun], y[begun])
    model = AdagradClassifierCV(random_state=0, **weighed).fit(X[begun], y[begun])
    before, best = pickled(model), model.best_estimator_
    assert type(best) is AdagradClassifier
    assert best is model.best_estimator_
    assert (len(best._state.columns.centring) > 0) == (offset > 0)
    for one in (best, pickled(model).best_estimator_):
        one.partial_fit(X[later], y[later])
    plain.partial_fit(X[later], y[later])
    assert_same(best, plain)
    assert_same(one, plain)
    assert_same(model, before)


@each_task
@pytest.mark.parametrize("cv", [None, 3])
def test_the_best_estimator_predicts_as_the_search_and_starts_anew_by_itself(task, cv):
    X, y = samples(task)
    model = search(task, cv=cv).fit(X, y)
    best = model.best_estimator_
    np.testing.assert_array_equal(dense(best.predict(X)), dense(model.predict(X)))
    assert not set(vars(best)) & {"cv_results_", "best_params_", "alpha_"}
    kept = model.coef_.copy()
    np.testing.assert_array_equal(clone(best).fit(X, y).coef_, best.fit(X, y).coef_)
    np.testing.assert_array_equal(model.coef_, kept)
    assert model.fit(X, y).best_estimator_ is not best
    model.set_params(refit=False).fit(X, y)
    assert not hasattr(model, "best_estimator_")


def test_the_best_estimator_has_the_parameters_of_the_fit():
    X, y = samples("binary")
    model = AdagradClassifierCV(random_state=0).fit(X, y)
    model.set_params(loss="hinge", half_life=5.0)
    best = model.best_estimator_
    assert (best.loss, best.half_life) == ("log_loss", None)
    plain = AdagradClassifier(random_state=0).fit(X, y)
    assert_same(best.partial_fit(X, y), plain.partial_fit(X, y))


each_way_between = pytest.mark.parametrize(
    "between", [lambda model: model, pickled, deepcopy]
)


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"eta0": 3.0},
        {"eps": 1e-3},
        {"warm_start": True},
        {"alpha": 0.1},
    ],
    ids=str,
)
@each_way_between
def test_what_the_best_estimator_learns_does_not_change_the_search(
    preconditioner, change, between
):
    if preconditioner == "full" and "alpha" in change:
        pytest.skip("refused together")
    X, y = samples("binary")
    options = {"preconditioner": preconditioner, "random_state": 0}
    if preconditioner == "diagonal":
        options["alphas"] = [1e-3]
    model = AdagradClassifierCV(eta0s=[0.5], **options).fit(X, y)
    before = pickled(model)
    model = between(model)
    best = model.best_estimator_
    learn = best.fit if "warm_start" in change else best.partial_fit
    best.set_params(**change)
    learn(X, y)
    assert best.t_ > model.t_
    coef = best.coef_.copy()
    best.sparsify().densify().partial_fit(X, y)
    assert not np.array_equal(best.coef_, coef)
    assert_same(model, before)
    assert not hasattr(clone(best), "coef_")


@each_way_between
def test_what_the_best_estimator_refuses_does_not_change_the_search(between):
    """Neither a new penalty nor a rate at which float64 could not hold the sums."""
    X, y = samples("binary")
    options = {"update": "ftrl_proximal", "alphas": [1e-3], "random_state": 0}
    model = AdagradClassifierCV(eta0s=[0.5], **options).fit(X, y)
    before = pickled(model)
    model = between(model)
    best = model.best_estimator_.set_params(alpha=0.1, eta0=5e-324)
    with pytest.raises(ValueError, match="too small in float64"):
        best.partial_fit(X, y)
    assert_same(model, before)
    assert_same(best, before)


def test_a_search_and_its_best_estimator_hold_one_model_until_one_learns():
    X = np.zeros((50, 10_000))
    X[:, :4] = np.random.default_rng(0).normal(size=(50, 4))
    model = AdagradClassifierCV(random_state=0).fit(X, X[:, 0] > 0)
    size = len(pickle.dumps(model))
    assert size < 1.1 * len(pickle.dumps(model.best_estimator_))
    model._repr_html_()
    assert len(pickle.dumps(model)) < 1.1 * size
    again = pickled(model)
    assert again.best_estimator_._state is again._state
    assert len(pickle.dumps(model.sparsify())) < size / 10
    assert sp.issparse(model.best_estimator_.coef_)


@pytest.mark.parametrize("estimator", PLAIN)
def test_parameters_are_those_of_the_plain_estimator_and_of_the_search(estimator):
    plain = PLAIN[estimator]().get_params()
    for name in ("eta0", "alpha", "l1_ratio", "warm_start"):
        del plain[name]
    searched = estimator().get_params()
    for name in ("eta0s", "alphas", "l1_ratios", "cv", "scoring", "refit"):
        del searched[name]
    assert searched == plain


@pytest.mark.parametrize("cv", [None, 3])
def test_verbose_prints_the_best_score(capsys, cv):
    X, y = samples("binary")
    model = search("binary", cv=cv, verbose=1).fit(X, y)
    first, *passes = capsys.readouterr().out.splitlines()
    assert f"{model.best_score_:.6g}" in first
    assert len(passes) == model.n_iter_ - (cv is None)
