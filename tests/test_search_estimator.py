"""A search is an estimator, and its best estimator a model that goes on."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_digits

from sk_adagrad import AdagradClassifier, AdagradClassifierCV, _cells

from .comparing import assert_same, dense, pickled
from .searching import (
    N_FEATURES,
    N_ROWS,
    PLAIN,
    RATES,
    each_task,
    model_scores,
    samples,
    search,
)


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


@pytest.mark.parametrize("cv", [None, 3])
def test_threads_do_not_change_the_sums_over_many_outputs(cv):
    X, y = load_digits(return_X_y=True)
    grid = {"eta0s": [0.1], "alphas": [1e-30, 1e-29, 1e-28], "cv": cv, "max_iter": 1}
    for seed in range(6):
        model = AdagradClassifierCV(**grid, update="dual_averaging", random_state=seed)
        one, two = (
            clone(model).set_params(n_jobs=n_jobs).fit(X / 16, y) for n_jobs in (1, 2)
        )
        np.testing.assert_array_equal(model_scores(one), model_scores(two))


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


@pytest.mark.parametrize(("cv", "scoring"), [(None, None), (3, None), (3, "f1_macro")])
def test_an_indicator_of_objects_is_one_of_numbers(cv, scoring):
    X, y = samples("binary")
    Y = np.stack([y, X.toarray()[:, 0] > 0], axis=1).astype(int)
    options = {"cv": cv, "scoring": scoring, "random_state": 0}
    model = AdagradClassifierCV(**options).fit(X, Y.astype(object))
    wanted = AdagradClassifierCV(**options).fit(X, Y)
    np.testing.assert_array_equal(model_scores(model), model_scores(wanted))


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


# The best estimator.


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


def test_score_gives_the_scorer_a_plain_model_that_may_score_and_learn():
    X, y = samples("binary")

    def scorer(model, X, y):
        assert type(model) is AdagradClassifier
        before = model.score(X, y)
        model.partial_fit(X, y)
        return before

    model = AdagradClassifierCV(cv=3, scoring=scorer, random_state=0).fit(X, y)
    model.best_estimator_.partial_fit(X, 1 - y)  # which does not change the search
    coef = model.coef_.copy()
    assert model.score(X, y) == np.mean(model.predict(X) == y)
    np.testing.assert_array_equal(model.coef_, coef)
