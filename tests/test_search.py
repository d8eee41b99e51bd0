"""The table of a search is that of a grid search, and the best cell is chosen."""

import gc
import re
import weakref

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, f1_score, make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV

from sk_adagrad import AdagradClassifier, AdagradClassifierCV, AdagradRegressorCV

from .comparing import dense
from .searching import N_ROWS, RATES, each_task, model_scores, plain_of, samples, search


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
        pytest.param({"scoring": accuracy_score}, "metric function", id="metric"),
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


# Scorers that fail.


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
