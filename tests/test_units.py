"""Under eta0="auto" columns in other units are scaled."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV
from sk_adagrad._columns import columns_of
from sk_adagrad._dispatch import UPDATES

from .auto_tasks import (
    FORMS,
    N_FEATURES,
    N_ROWS,
    TARGETS,
    known_classes,
    looked_at,
    model_of,
    standard_samples,
)
from .comparing import assert_same, dense, pickled
from .reference import adagrad

UNITS = {"alike": 1.0, "large": 300.0, "small": 1 / 300}


def in_units(unit, task="binary", form="CSR float64, int64 indices"):
    """Return samples whose first three columns are in another unit."""
    X, y, weight = standard_samples(task, form)
    factors = np.repeat([UNITS[unit], 1.0], [3, N_FEATURES - 3]).astype(X.dtype)
    return (X.multiply(factors).tocsr() if sp.issparse(X) else X * factors), y, weight


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unit", ["alike", "small"])
@pytest.mark.parametrize("task", TARGETS)
def test_units_decide_whether_scales_are_tracked(task, unit, form):
    """The model is then that of True or of False, which tests compare elsewhere."""
    X, y, weight = in_units(unit, task, form)
    for method, known in (("fit", {}), ("partial_fit", known_classes(task))):
        models = [
            model_of(task, scale_invariant=scale_invariant, shuffle=False)
            for scale_invariant in ("auto", unit != "alike")
        ]
        for model in models:
            getattr(model, method)(X, y, sample_weight=weight, **known)
        assert models[0].scale_invariant_ is (unit != "alike")
        assert_same(*models)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("task", ["binary", "one target"])
def test_beside_large_columns_the_others_share_a_scale(task, update, method, form):
    """It is the largest value that they have in the first rows."""
    X, y, weight = in_units("large", task, form)
    options = {"update": update, "alpha": 1e-3, "l1_ratio": 0.5}
    model = model_of(task, shuffle=False, max_iter=2, tol=None, **options)
    known = known_classes(task) if method == "partial_fit" else {}
    getattr(model, method)(X, y, sample_weight=weight, **known)
    first = looked_at(weight, method)
    wanted = adagrad(
        dense(X).astype("float64"),
        (2.0 * y - 1 if task == "binary" else y)[:, None],
        weight.astype("float64"),
        loss="log_loss" if task == "binary" else "squared_error",
        passes=2 if method == "fit" else 1,
        eta0=model.eta0_,
        initial_accumulator=model.initial_accumulator_,
        eps=model.eps_,
        intercept_value=model._state.intercept_value,
        scale_invariant=True,
        least_scale=np.abs(dense(X)[first, 3:]).max(),
        **options,
    )
    rtol = 1e-3 if "float32" in form else 1e-8
    atol = rtol * np.abs(wanted.coef).max()
    np.testing.assert_allclose(np.atleast_2d(model.coef_), wanted.coef, rtol, atol)
    np.testing.assert_allclose(model.intercept_, wanted.intercept, rtol, rtol)


@pytest.mark.parametrize("unit", ["large", "small"])
@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_units_of_a_stream_do_not_depend_on_its_chunks(chunk, unit):
    X, y, weight = in_units(unit)
    whole = AdagradClassifier().partial_fit(X, y, [0, 1], weight)
    assert whole.scale_invariant_
    in_chunks = AdagradClassifier()
    for begin in range(0, len(y), chunk):
        part = slice(begin, begin + chunk)
        in_chunks.partial_fit(X[part], y[part], [0, 1], weight[part])
        in_chunks = pickled(in_chunks)
    assert_same(in_chunks, whole)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_large_values_that_few_rows_have_are_noticed(form, method):
    """The rows that are looked at have none, but the mean of all rows is larger."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 5))
    y = (X.sum(axis=1) > 0).astype(int)
    rare = np.zeros((1000, 1))
    rare[[101, 501, 901]] = 1e4
    models = [AdagradClassifier(shuffle=False) for _ in range(2)]
    for model, column in zip(models, (rare, 0 * rare), strict=True):
        known = {"classes": [0, 1]} if method == "partial_fit" else {}
        getattr(model, method)(form(np.hstack([X, column])), y, **known)
    assert models[0].scale_invariant_
    assert not models[1].scale_invariant_
    assert models[0].score(np.hstack([X, rare]), y) > 0.95


def test_units_are_those_of_rows_that_are_repeated_or_weighed():
    """Half of the rows have the large unit, and a third of those have a weight."""
    X, y, _ = in_units("large")
    counts = np.random.default_rng(1).integers(0, 4, N_ROWS)
    weighed = AdagradClassifier(random_state=0).fit(X, y, sample_weight=counts)
    which = np.random.default_rng(2).permutation(np.repeat(np.arange(N_ROWS), counts))
    repeated = AdagradClassifier(random_state=0).fit(X[which], y[which])
    assert weighed.scale_invariant_
    assert_same(repeated, weighed)


def test_a_column_in_another_unit_does_not_spoil_the_others():
    """Words of texts and, beside them, how long the texts are."""
    rng = np.random.default_rng(0)
    words = sp.random(2000, 300, 0.03, "csr", random_state=0)
    words.data[:] = rng.uniform(0.2, 0.4, words.nnz)
    y = words @ rng.normal(size=300) + rng.normal(scale=0.1, size=2000) > 0
    lengths = 1000 + 500 * rng.random((2000, 1))
    X, train = sp.hstack([words, lengths], format="csr"), slice(1000)
    right = {}
    for scale_invariant in ("auto", False):
        model = AdagradClassifier(scale_invariant=scale_invariant, random_state=0)
        model.fit(X[train], y[train])
        right[scale_invariant] = model.score(X[1000:], y[1000:])
    alone = AdagradClassifier(random_state=0).fit(words[train], y[train])
    assert not alone.scale_invariant_
    assert right["auto"] > alone.score(words[1000:], y[1000:]) - 0.03
    assert right[False] < right["auto"] - 0.1


def differ(X):
    how = {"may_be_centred": False, "eps": 1e-8, "mean_of_all": 0.0}
    columns, _ = columns_of(X, scaled="auto", **how)
    return columns.scaled


def test_what_tells_that_units_differ():
    ones = np.ones((40, 10))
    few, tenth, long = ones.copy(), ones.copy(), ones.copy()
    few[3:, 0] = 0
    few[:3, 0] = 1e-3
    assert not differ(few)  # three values tell nothing
    few[3, 0] = 1e-3
    assert differ(few)
    few[:4, 0] = 0.1
    assert not differ(few)  # one value in ninety
    tenth[:, 0] = 0.1
    assert differ(tenth)
    long[:, 0] = 20  # their mean is three times as large as the others
    assert not differ(long)
    long[:, 0] = 30
    assert differ(long)
    counts = sp.random(40, 300, 0.1, "csr", random_state=0)
    counts.data[:] = 1
    counts.data[[5, 50, 500]] = 100  # three large ones
    assert not differ(counts)
    assert not differ(tenth[:, :0])
    assert not differ(0 * ones)
    assert not differ(ones * ([1, 3] * 5))
    assert not differ(2e-3 * ones)
    assert differ(5e-4 * ones)  # ε would outweigh the squares
    assert differ(1e100 * ones)  # or they would overflow
    stored_zeros = sp.csr_array(ones)
    stored_zeros.data[::10] = 0
    assert not differ(stored_zeros)
    assert differ(sp.csr_array(tenth))
    assert differ(-tenth)
    assert differ(np.array([[1e-200, 1e300]] * 4))


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("float32", 2.0**-100),
        ("float32", 2.0**100),
        ("float64", 2.0**-900),
        ("float64", 2.0**-16),
        ("float64", 2.0**900),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_unit_of_all_of_x_does_not_matter(stream, dtype, size):
    X, y = load_iris(return_X_y=True)
    X = (StandardScaler().fit_transform(X) * size).astype(dtype)
    classifier, regressor = AdagradClassifier(random_state=0), AdagradRegressor()
    if stream:
        order = np.random.default_rng(0).permutation(len(y))
        X, y = X[order], y[order]
        classifier.partial_fit(X, y, [0, 1, 2])
        regressor.partial_fit(X, y)
    else:
        classifier.fit(X, y)
        regressor.set_params(random_state=0).fit(X, y)
    assert classifier.scale_invariant_
    assert classifier.score(X, y) > 0.85
    assert regressor.score(X, y) > (0.85 if stream else 0.9)


def test_a_given_rate_is_the_published_rule_in_any_units():
    X, y, weight = in_units("large")
    for options in ({"eta0": 0.1}, {"preconditioner": "full"}):
        model = AdagradClassifier(max_iter=1, **options).fit(X.toarray(), y, weight)
        assert model.scale_invariant_ is False


def test_a_stream_goes_on_in_the_units_that_it_began_with():
    X, y, _ = in_units("large", form="dense float64")
    X, y = np.tile(X, (28, 1)), np.tile(y, 28)  # it no longer starts anew
    ones = np.ones_like(X)
    for first, then, other in ((X, ones, False), (ones, X, True)):
        model = AdagradClassifier().partial_fit(first, y, [0, 1])
        assert model.scale_invariant_ is not other
        model.partial_fit(then, y)
        assert model.scale_invariant_ is not other
        model.set_params(scale_invariant=not other).partial_fit(then, y)
        model.set_params(eta0=0.1, scale_invariant="auto").partial_fit(then, y)
        t = model.t_
        with pytest.raises(ValueError, match="scale_invariant has changed"):
            model.set_params(scale_invariant=other).partial_fit(then, y)
        assert model.t_ == t


@pytest.mark.parametrize("cv", [None, 3])
def test_a_search_tracks_the_scales_of_columns_in_other_units(cv):
    X, y, _ = in_units("small", "one target")
    search = AdagradRegressorCV(cv=cv, random_state=0, shuffle=False).fit(X, y)
    assert search.scale_invariant_
    found = AdagradRegressor(
        eta0=search.eta0_,
        alpha=search.alpha_,
        l1_ratio=search.l1_ratio_,
        initial_accumulator=search.initial_accumulator_,
        eps=search.eps_,
        scale_invariant=search.scale_invariant_,
        shuffle=False,
    ).fit(X, y)
    np.testing.assert_allclose(found.coef_, search.coef_, rtol=1e-10)
    given = AdagradRegressorCV(eta0s=[0.1, 1.0], cv=cv, random_state=0).fit(X, y)
    assert given.scale_invariant_ is False
