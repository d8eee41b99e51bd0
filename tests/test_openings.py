"""Streams whose first samples mislead: what is "auto" is measured again by more."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .comparing import assert_same, each_form, pickled
from .streaming import in_chunks

N_ROWS, N_FEATURES, N_ALIKE = 5000, 6, 40
OPENINGS = {
    "binary": AdagradClassifier(random_state=0),
    "balanced": AdagradClassifier(class_weight="balanced"),
    "classes": AdagradClassifier("hinge"),
    "softmax": AdagradClassifier(multi_class="multinomial"),
    "squared_error": AdagradRegressor(random_state=0),
    "absolute_error": AdagradRegressor("absolute_error"),
    "poisson": AdagradRegressor("poisson", alpha=1e-4, l1_ratio=0.5),
    "targets": AdagradRegressor("huber", update="ftrl_proximal"),
}
each_opening = pytest.mark.parametrize("opening", OPENINGS)


def weighted_samples(opening):
    """Return rows, targets and weights; of each kind the first 40 rows are alike.

    They have one class, or nearly the same target, and a column in another unit has no
    values in 120 rows.
    """
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.7)
    z = X @ rng.normal(size=(N_FEATURES, 4)) + 0.3 * rng.normal(size=(N_ROWS, 4))
    order = np.argsort(z[:, 0])
    first = order[N_ROWS // 2 : N_ROWS // 2 + N_ALIKE]
    order = np.append(first, np.setdiff1d(np.arange(N_ROWS), first))
    X, z = X[order], z[order]
    X[:, 1] *= 300
    X[:120, 1] = 0
    weight = rng.uniform(0.5, 2, N_ROWS) * (rng.random(N_ROWS) < 0.9)
    if opening in ("classes", "softmax"):
        return X, np.digitize(z[:, 0], [-2, -1, 1, 2]), weight
    if opening in ("binary", "balanced"):
        return X, (z[:, 0] > 1).astype(int), weight
    if opening == "targets":
        return X, z * [1, 10, 100, 1000], weight
    return X, np.exp(z[:, 0] / 4 + 5), weight


def model_of(opening, **params):
    return copy.deepcopy(OPENINGS[opening]).set_params(**params)


@pytest.mark.parametrize(
    "cuts",
    [
        [*range(1, 140), 600],
        [31, 32, 33, 64, 100, 1000, 2047, 2049, 4095, 4096, 4097, 4800],
        range(7, N_ROWS, 97),
    ],
    ids=["rows", "at powers of two", "97s"],
)
@each_form
@each_opening
def test_a_long_stream_gives_the_same_model_however_it_is_cut(opening, form, cuts):
    X, y, weight = weighted_samples(opening)
    X, weight = form(X), weight if form is np.asarray else np.ones(N_ROWS)
    whole = in_chunks(model_of(opening), X, y, weight, [])
    cut = in_chunks(model_of(opening), X, y, weight, cuts, between=pickled)
    assert_same(cut, whole)
    assert whole.t_ == np.count_nonzero(weight)


@pytest.mark.parametrize("opening", ["binary", "squared_error"])
def test_a_stream_whose_first_samples_are_alike_learns_as_well_as_others(opening):
    X, y, _ = weighted_samples(opening)
    test = slice(4000, None)

    def score(order):
        cuts = range(100, 4000, 100)
        model = in_chunks(model_of(opening), X[order], y[order], np.ones(4000), cuts)
        return model.score(X[test], y[test])

    shuffled = score(np.random.default_rng(0).permutation(4000))
    assert shuffled > 0.8
    assert score(np.arange(4000)) > shuffled - 0.02


@each_opening
def test_first_samples_are_kept_no_longer_than_needed(opening):
    X, y, _ = weighted_samples(opening)
    for n, at_least, at_most in ((1023, 1024 * 8, np.inf), (1024, 0, 20_000)):
        model = in_chunks(model_of(opening), X[:n], y[:n], np.ones(n), [5, 500])
        assert at_least < len(pickle.dumps(model)) < at_most
    model = in_chunks(model_of(opening, eta0=0.5), X[:500], y[:500], np.ones(500), [])
    assert len(pickle.dumps(model)) < 10_000


def test_single_rows_are_pickled_together():
    X, y, _ = weighted_samples("binary")
    ones = np.ones(500)
    rows = in_chunks(model_of("binary"), X[:500], y[:500], ones, range(1, 500))
    whole = in_chunks(model_of("binary"), X[:500], y[:500], ones, [])
    assert len(pickle.dumps(rows)) < len(pickle.dumps(whole)) + 100
    assert_same(
        pickled(rows).partial_fit(X[500:], y[500:]), whole.partial_fit(X[500:], y[500:])
    )


@pytest.mark.parametrize(("n_equal", "n_rows"), [(33, 63), (600, 1000), (2049, 4095)])
@pytest.mark.parametrize("chunk", [1, 7])
def test_targets_are_waited_for_no_longer_than_they_are_equal(n_equal, n_rows, chunk):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4095, N_FEATURES))
    targets = X @ rng.normal(size=N_FEATURES) * 5e4
    y = np.append(np.zeros(n_equal), targets[n_equal:])
    model = AdagradRegressor()
    for begin in range(0, n_rows, chunk):
        part = slice(begin, min(begin + chunk, n_rows))
        model.partial_fit(X[part], y[part])
    assert model.score(X, targets) > 0.9
    assert_same(model, AdagradRegressor().partial_fit(X[:n_rows], y[:n_rows]))


def test_a_warm_fit_starts_again_if_all_targets_were_equal():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, N_FEATURES))
    y = np.append(np.zeros(40), X[40:] @ rng.normal(size=N_FEATURES) * 5e4)
    model = AdagradRegressor(warm_start=True, random_state=0)
    model.partial_fit(X[:40], y[:40]).fit(X[40:], y[40:])
    assert model.score(X[40:], y[40:]) > 0.99


def test_room_behind_the_entries_of_a_chunk_is_not_kept():
    X, y, _ = weighted_samples("binary")
    model, wanted = model_of("binary"), model_of("binary")
    for begin in range(0, 300, 10):
        part = sp.csr_array(X[begin : begin + 10])
        wanted.partial_fit(part.copy(), y[begin : begin + 10], [0, 1])
        part.data = np.append(part.data, np.full(50, 9.0))
        part.indices = np.append(part.indices, np.zeros(50, part.indices.dtype))
        model.partial_fit(part, y[begin : begin + 10], [0, 1])
    assert_same(model, wanted)


@each_opening
def test_a_refused_chunk_leaves_what_a_stream_has_begun_with(opening):
    X, y, weight = weighted_samples(opening)
    parts = X[:100], y[:100], weight[:100]
    model, wanted = (in_chunks(model_of(opening), *parts, [50]) for _ in range(2))
    X[120, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(X[100:300], y[100:300])
    X[120, 2] = 0
    for each in (model, wanted):
        each.partial_fit(X[100:300], y[100:300], sample_weight=weight[100:300])
    assert_same(model, wanted)


def test_chunks_that_are_reused_for_others_do_not_change_what_was_kept():
    X, y, _ = weighted_samples("binary")
    model, wanted = model_of("binary"), model_of("binary")
    room, labels = np.empty((50, N_FEATURES)), np.empty(50, dtype=int)
    for begin in range(0, 500, 50):
        part = slice(begin, begin + 50)
        room[:], labels[:] = X[part], y[part]
        model.partial_fit(room, labels, classes=[0, 1])
        wanted.partial_fit(X[part], y[part], classes=[0, 1])
        room[:], labels[:] = 1e9, 0
    assert_same(model, wanted)


@pytest.mark.parametrize(("n_before", "acts_on_all"), [(100, True), (1100, False)])
def test_what_changes_in_the_first_samples_acts_on_all_of_them(n_before, acts_on_all):
    X = np.tile(np.append(np.eye(4), -np.eye(4), axis=0), (160, 1))
    y = (X.sum(axis=1) > 0).astype(int)
    model = AdagradClassifier().partial_fit(X[:n_before], y[:n_before], [0, 1])
    model.set_params(alpha=0.1, l1_ratio=1.0).partial_fit(X[n_before:], y[n_before:])
    whole = AdagradClassifier(alpha=0.1, l1_ratio=1.0).partial_fit(X, y, [0, 1])
    assert np.array_equal(model.coef_, whole.coef_) == acts_on_all


@pytest.mark.parametrize("changed", [{"alpha": 0.1}, {"class_weight": {1: 10.0}}])
@given(seed=st.integers(0, 2**32 - 1), n_before=st.integers(1, 200))
def test_what_changes_in_the_first_samples_depends_on_no_cuts(changed, seed, n_before):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)

    def learned(n_at_once):
        model = AdagradClassifier().partial_fit(X[:n_before], y[:n_before], [0, 1])
        model.set_params(**changed)
        for begin in range(n_before, 300, n_at_once):
            chunk = slice(begin, begin + n_at_once)
            model.partial_fit(X[chunk], y[chunk])
        return model

    assert_same(learned(n_at_once=300), learned(n_at_once=10))
