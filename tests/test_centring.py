"""Under eta0="auto" columns that are far from 0 are centred."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV
from sk_adagrad._columns import columns_of

from .auto_tasks import (
    FORMS,
    N_FEATURES,
    N_ROWS,
    OPTIONS,
    TARGETS,
    known_classes,
    looked_at,
    model_of,
    standard_samples,
)
from .comparing import STATE, assert_same, dense, pickled, raw_of

CENTRES = np.array([20.0, -30.0, 40.0])


def far_from_0(task="binary", form="CSR float64, int64 indices"):
    """Return samples whose first three columns are far from 0, and what is centred.

    Some of the last rows have zeros there.
    """
    X, y, weight = standard_samples(task, "dense float64")
    X[:, :3] = np.random.default_rng(3).normal(CENTRES, size=(N_ROWS, 3))
    X[147:, 0] = X[148:, 1] = 0
    make, dtype = FORMS[form]
    return make(X.astype(dtype)), y, weight.astype(dtype)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("task", TARGETS)
def test_far_columns_are_learned_as_if_they_had_been_centred(task, name, method, form):
    options = {"scale_invariant": False, "shuffle": False, "max_iter": 2, "tol": None}
    options |= OPTIONS[name]
    if task == "softmax" and options.get("importance_aware"):
        pytest.skip("refused together")
    X, y, weight = far_from_0(task, form)
    known = known_classes(task) if method == "partial_fit" else {}
    first = looked_at(weight, method)
    centres = dense(X)[first, :3].mean(axis=0, dtype=np.float64)
    centred = dense(X).copy()
    model = model_of(task, **options)
    getattr(model, method)(X, y, sample_weight=weight, **known)
    if not options.get("fit_intercept", True):
        centres = 0 * centres
    centred[:, :3] -= centres.astype(X.dtype)
    rates = np.broadcast_to(model.eta0_, len(np.atleast_2d(model.coef_)))
    options["initial_accumulator"] = model.initial_accumulator_
    options["eps"] = model.eps_
    rtol = 1e-3 if "float32" in form else 1e-8
    for eta0 in np.unique(rates):
        alone = model_of(task, eta0=eta0, **options)
        getattr(alone, method)(centred, y, sample_weight=weight, **known)
        those = rates == eta0
        for attribute in ("coef_", "accumulators_", "learning_rates_"):
            ours, theirs = (
                getattr(m, attribute).reshape(len(rates), -1)[those]
                for m in (model, alone)
            )
            atol = rtol * np.abs(theirs).max()
            np.testing.assert_allclose(ours, theirs, rtol, atol, err_msg=attribute)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("task", ["binary", "classes", "softmax", "targets"])
def test_what_is_published_of_far_columns_is_the_model(task, name, form):
    """Weights and intercepts are those of X, in which no column is centred."""
    options = OPTIONS[name]
    if task == "softmax" and options.get("importance_aware"):
        pytest.skip("refused together")
    X, y, weight = far_from_0(task, form)
    model = model_of(task, random_state=0, **options).fit(X, y, sample_weight=weight)
    raw = raw_of(model, X)
    rtol = 1e-4 if "float32" in form else 1e-9
    shown = (dense(X) @ model.coef_.T + model.intercept_).reshape(raw.shape)
    np.testing.assert_allclose(shown, raw, rtol, rtol * np.abs(raw).max())
    learned = {name: np.copy(getattr(model, name)) for name in STATE}
    packed = raw_of(model.sparsify(), X)
    np.testing.assert_allclose(packed, raw, rtol, rtol * np.abs(raw).max())
    model.densify()
    for name, array in learned.items():
        np.testing.assert_array_equal(getattr(model, name), array, err_msg=name)


def test_columns_very_far_from_0_are_predicted_as_well_when_packed():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 3)), rng.normal(size=500)
    X[:, 1] += 1e6
    y += X @ [1.0, 2.0, -1.0] - 2e6
    model = AdagradRegressor(random_state=0).fit(X.astype("float32"), y)
    wanted = model.predict(X)
    np.testing.assert_array_equal(model.sparsify().predict(X), wanted)
    assert model.score(X, y) > 0.8


def test_years_do_not_make_the_indicators_beside_them_small():
    rng = np.random.default_rng(0)
    station, year = rng.integers(0, 250, 5000), rng.integers(1950, 2020, (5000, 1))
    effects, drift = rng.normal(size=250), (year[:, 0] - 1985) / 20
    X = sp.hstack([sp.csr_array(np.eye(250)[station]), year], format="csr")
    y = effects[station] + drift + rng.normal(0, 0.3, 5000)
    for seed in range(3):
        model = AdagradRegressor(random_state=seed).fit(X[:4000], y[:4000])
        assert model.score(X[4000:], y[4000:]) > 0.9


def test_columns_that_are_constant_are_not_centred():
    X = np.random.default_rng(0).normal(size=(10, 3))
    X[:, 1] = 0.1  # whose mean of ten is another number
    model = AdagradClassifier(random_state=0).fit(X, X[:, 0] > 0)
    assert not len(model._state.columns.centring)
    assert np.abs(model.coef_).max() < 100


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_centres_of_a_stream_do_not_depend_on_its_chunks(chunk, name):
    X, y, weight = far_from_0()
    whole = AdagradClassifier(**OPTIONS[name]).partial_fit(X, y, [0, 1], weight)
    in_chunks = AdagradClassifier(**OPTIONS[name])
    for begin in range(0, len(y), chunk):
        part = slice(begin, begin + chunk)
        in_chunks.partial_fit(X[part], y[part], [0, 1], weight[part])
        in_chunks = pickled(in_chunks.sparsify()).densify()
    assert_same(in_chunks, whole)


def test_centres_are_those_of_rows_that_are_repeated_or_weighed():
    X, y, _ = far_from_0()
    counts = np.random.default_rng(1).integers(0, 4, N_ROWS)
    weighed = AdagradClassifier(random_state=0).fit(X, y, sample_weight=counts)
    which = np.random.default_rng(2).permutation(np.repeat(np.arange(N_ROWS), counts))
    repeated = AdagradClassifier(random_state=0).fit(X[which], y[which])
    assert_same(repeated, weighed)
    assert_same(
        AdagradClassifier(random_state=0).fit(dense(X[which]), y[which]), weighed
    )


@pytest.mark.parametrize("task", ["binary", "classes", "softmax", "labels"])
def test_far_columns_beside_many_that_are_mostly_empty(task):
    """Rates are then tried on the features of the first rows alone."""
    X, y, weight = far_from_0(task)
    at = np.sort(np.random.default_rng(0).choice(2**17, N_FEATURES, replace=False))
    wide = sp.csr_array((X.data, at[X.indices], X.indptr), shape=(N_ROWS, 2**17))
    models = [
        model_of(task, random_state=0, shuffle=False).fit(each, y, sample_weight=weight)
        for each in (X, wide)
    ]
    np.testing.assert_array_equal(models[1].coef_[:, at], models[0].coef_)
    np.testing.assert_array_equal(models[1].intercept_, models[0].intercept_)
    assert np.count_nonzero(models[1].coef_) == np.count_nonzero(models[0].coef_)


def test_a_later_row_may_lack_a_column_that_is_very_far_from_0():
    """At the scale of its first distances, such a row would throw the model off."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 6))
    y = X[:, :5] @ rng.normal(size=5) + rng.normal(size=6000)
    X[:, 5] += 1e5
    X[100:103, 5] = 0
    model = AdagradRegressor().partial_fit(X[:3000], y[:3000])
    assert model.score(X[3000:], y[3000:]) > 0.6


def test_pickles_of_far_columns_do_not_grow_with_the_number_of_features():
    X, y, weight = far_from_0()
    X.resize(N_ROWS, 2**20)
    model = AdagradClassifier().fit(X, y, sample_weight=weight).sparsify()
    assert len(pickle.dumps(model)) < 2**16
    raw = model.decision_function(X)
    np.testing.assert_array_equal(pickled(model).decision_function(X), raw)
    np.testing.assert_allclose(pickled(model).densify().decision_function(X), raw)


def test_accumulators_of_large_values_do_not_warn_on_the_way():
    X, y, _ = far_from_0(form="dense float32")
    model = AdagradClassifier().fit(X * np.float32(1e20), y)
    assert model.scale_invariant_
    assert not np.isnan(model.accumulators_).any()


@pytest.mark.parametrize("n_features", [N_FEATURES, 2**17])
@pytest.mark.parametrize("cv", [None, 3])
def test_a_search_centres_columns_that_are_far_from_0(cv, n_features):
    X, y, _ = far_from_0("one target")
    X.resize(N_ROWS, n_features)
    search = AdagradRegressorCV(cv=cv, random_state=0).fit(X, y)
    raw = search.predict(X)
    np.testing.assert_allclose(X @ search.coef_ + search.intercept_, raw, 1e-8, 1e-9)
    centred = dense(X[:, :N_FEATURES])
    centred[:, :3] -= CENTRES
    easy = AdagradRegressorCV(cv=cv, random_state=0).fit(centred, y)
    assert search.best_score_ > easy.best_score_ - 0.2 * abs(easy.best_score_)


@pytest.mark.parametrize(
    ("options", "matters"),
    [
        ({}, False),
        ({"scale_invariant": True, "alpha": 0.01}, False),
        ({"eta0": 0.1}, True),
        ({"fit_intercept": False}, True),
        ({"preconditioner": "full"}, True),
    ],
)
def test_how_far_columns_are_from_0_matters_to_other_rules_alone(options, matters):
    """The published rule, a model without an intercept and a full matrix."""
    X, y, _ = far_from_0(form="dense float64")
    X = np.round(X[:100, :3] * 2**20) / 2**20
    models = [
        AdagradClassifier(shuffle=False, **options).fit(each, y[:100])
        for each in (X, X + 128 * CENTRES)
    ]
    same = np.allclose(*(model.coef_ for model in models), rtol=1e-9, atol=0)
    assert same is not matters


def test_what_tells_that_columns_are_far_from_0():
    def centred(X):
        how = {"may_be_centred": True, "eps": 1e-8, "mean_of_all": 0.0}
        found, _ = columns_of(X, scaled="auto", **how)
        assert found.scaled or not len(found.centring)
        return found.centring.columns.tolist()

    rng = np.random.default_rng(0)
    X = rng.normal([10.0, 0.1, -2.0, 0.5], size=(40, 4))
    X[:, 3] = 7  # always
    assert centred(X) == centred(sp.csr_array(X)) == [0, 1, 2]
    assert centred(X[:, 1:]) == []
    assert centred(X[:3]) == []  # too few to tell
    wide = sp.hstack([X, sp.csr_array((40, 70))], format="lil")
    for n_zeros, few in ((1, [0, 1, 2]), (10, [0, 1, 2]), (11, [0, 2])):
        X[:n_zeros, 1] = wide[:n_zeros, 1] = 0
        assert centred(X) == few
        assert centred(wide.tocsr()) == [0, 2]
    assert centred(rng.normal(size=(40, 4000))) == []
    many = rng.normal(2, size=(40, 30))
    assert centred(many[:, :5]) == list(range(5))
    assert centred(many[:, :2]) == []
    wide = sp.hstack([many, sp.csr_array((40, 70))], format="csr")
    assert centred(wide) == list(range(30))
    assert centred(wide[:, 25:]) == []
    # Squares of distances may overflow, but sums of values must not.
    assert centred(np.array([[1e307, 1.0], [1e306, 1.1]] * 4)) == [0, 1]
    assert centred(np.array([[1e308, 1.0], [1e307, 1.1]] * 4)) == []


def test_columns_in_their_units_do_as_well_as_standardised_ones():
    flowers, kinds = load_iris(return_X_y=True)
    patients, disease = load_diabetes(return_X_y=True, scaled=False)
    harder = kinds > 0
    for model, X, y in (
        (AdagradClassifier(random_state=0), flowers[harder], kinds[harder]),
        (AdagradRegressor(random_state=0), patients, disease),
    ):
        standardised = make_pipeline(StandardScaler(), model)
        ours = cross_val_score(model, X, y).mean()
        assert ours > cross_val_score(standardised, X, y).mean() - 0.03
