"""Weights, folds and metadata of searches."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import accuracy_score, get_scorer, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    cross_validate,
)

from sk_adagrad import AdagradClassifier, AdagradClassifierCV

from .searching import N_ROWS, model_scores, plain_of, samples, search, splits_of


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


# Metadata routing.


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
