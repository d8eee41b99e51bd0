"""The order in which `fit` visits rows, and which of them it takes together."""

import math
from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import log_loss

from sk_adagrad import AdagradClassifier, AdagradRegressor, _visits
from sk_adagrad._dispatch import KERNELS
from sk_adagrad._rows import read_rows
from sk_adagrad._visits import shuffled, visits

from .comparing import each_form
from .fitting import N_ROWS, assert_same, each_classifier, each_task, fitted, samples


@pytest.mark.parametrize("weighted", [False, True])
@each_form
@each_task
def test_the_order_of_the_rows_does_not_matter(task, form, weighted):
    X, y = samples(task)
    rng = np.random.default_rng(0)
    weight = rng.uniform(0, 3, N_ROWS) if weighted else np.ones(N_ROWS)
    wanted = fitted(task, form(X), y, weight)
    for _ in range(5):
        order = rng.permutation(N_ROWS)
        assert_same(fitted(task, form(X[order]), y[order], weight[order]), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_task
def test_weights_of_equal_rows_are_added_up_in_any_order(task, dtype):
    """To the bit, though each sum is rounded."""
    X, y = samples(task, dtype)
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(N_ROWS), rng.integers(1, 30, N_ROWS))
    weight = rng.uniform(0, 1, len(rows)) * 10.0 ** rng.integers(-3, 4, len(rows))
    wanted = fitted(task, X[rows], y[rows], weight)
    for _ in range(5):
        order = rng.permutation(len(rows))
        model = fitted(task, X[rows[order]], y[rows[order]], weight[order])
        assert_same(model, wanted)


def test_rows_that_are_nearly_equal_may_come_in_any_order():
    """Where columns may have any scale, rows are ordered by sums, which are rounded."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = np.ones((18, 1)), 1 + np.eye(9)[rng.integers(9, size=18)] * 2**-52
        order = rng.permutation(18)
        model, other = (
            fitted("targets", X[rows], y[rows], scale_invariant=True, max_iter=1)
            for rows in (slice(None), order)
        )
        assert model.t_ == other.t_


@each_form
@each_task
def test_repeating_a_row_is_giving_it_weight(task, form):
    X, y = samples(task)
    rng = np.random.default_rng(0)
    repeats = rng.integers(0, 5, N_ROWS)
    rows = rng.permutation(np.repeat(np.arange(N_ROWS), repeats))
    assert_same(fitted(task, form(X[rows]), y[rows]), fitted(task, form(X), y, repeats))


@each_form
@each_task
def test_repeating_a_row_of_light_weight_is_giving_it_more(task, form):
    """Though what is "auto" goes by the mean weight where that is below 1."""
    X, y = samples(task)
    repeats = np.random.default_rng(0).integers(1, 5, N_ROWS)
    rows = np.repeat(np.arange(N_ROWS), repeats)
    light = np.full(len(rows), 2.0**-5)
    model = fitted(task, form(X[rows]), y[rows], light)
    assert_same(model, fitted(task, form(X), y, 2.0**-5 * repeats))
    heavy = fitted(task, form(X), y, repeats)
    assert np.all(model.initial_accumulator_ < heavy.initial_accumulator_)


@each_classifier
def test_repeating_a_row_of_a_light_class_is_giving_it_weight(task):
    X, y = samples(task)
    repeats = np.random.default_rng(0).integers(1, 5, N_ROWS)
    rows = np.repeat(np.arange(N_ROWS), repeats)
    weights = {"class_weight": {label: 2.0 ** -(3 + label) for label in range(10)}}
    if task == "binary":
        weights = {"class_weight": {0: 0.125, 1: 0.25}}
    model = fitted(task, X[rows], y[rows], **weights)
    assert_same(model, fitted(task, X, y, repeats, **weights))


@each_task
def test_repeating_all_rows_as_often_is_giving_all_the_same_weight(task):
    X, y = samples(task)
    twice = np.repeat(np.arange(N_ROWS), 2)
    assert_same(
        fitted(task, X[twice], y[twice]), fitted(task, X, y, np.full(N_ROWS, 2))
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_form
@each_task
def test_long_rows_that_differ_at_the_end_only_are_not_taken_together(
    task, form, dtype
):
    """Their keys are short, so that ties are told apart by longer ones."""
    _, y = samples(task)
    y = np.repeat(y[:2], N_ROWS // 2, axis=0)
    X = np.ones((N_ROWS, 100), dtype)
    X[:, -1] = np.arange(N_ROWS) + 1
    assert fitted(task, form(X), y, max_iter=1).t_ == N_ROWS
    X[:, -1] = np.arange(N_ROWS) % 2 + 1  # four kinds of rows
    once = fitted(task, form(X[[0, 1, -2, -1]]), y[[0, 1, -2, -1]], [20.0] * 4)
    assert_same(fitted(task, form(X), y), once)


@pytest.mark.parametrize("estimator", [AdagradClassifier, AdagradRegressor])
def test_repeating_rows_four_times_is_giving_them_that_weight_up_to_rounding(estimator):
    """Around this mean weight it is decided how often few kinds of rows are visited."""
    X, y = np.eye(10, dtype="float32"), np.arange(10) % 2
    options = {"random_state": 0, "max_iter": 2}
    weighted, repeated = (
        estimator(**options).fit(X[rows], y[rows], np.full(len(rows), weight))
        for rows, weight in ((np.arange(10), 4.0), (np.arange(400) % 10, 0.1))
    )
    assert weighted.t_ == repeated.t_ == 20
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5)


def test_targets_of_minus_0_are_0():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (300, 3)).astype(float), np.round(rng.normal(size=300))
    negative, positive = (
        AdagradRegressor(random_state=0).fit(X, np.where(y == 0, zero, y))
        for zero in (-0.0, 0.0)
    )
    assert_same(negative, positive)


@each_task
def test_equal_rows_with_different_targets_are_not_taken_together(task):
    _, y = samples(task)
    X, weight = np.ones((N_ROWS, 1)), np.full(N_ROWS, 0.02)  # or they come often
    assert fitted(task, X, y, weight, max_iter=1).t_ == len(np.unique(y, axis=0))


@pytest.mark.parametrize("columns", [3, 40])
def test_targets_that_are_equal_in_float32_only_are_not_taken_together(columns):
    X, y = np.ones((N_ROWS, columns)), 1.7e9 + np.arange(N_ROWS)  # seconds of 2023
    model = fitted("one target", X, y, max_iter=1)
    assert model.t_ == N_ROWS
    assert_same(fitted("one target", X[::-1], y[::-1], max_iter=1), model)


@pytest.mark.parametrize("values", [[-1, 1], [-0.3, 0.3], [1, 2, 3, 4, 5], [0, 1]])
@pytest.mark.parametrize("n_features", [20, 40, 200])
def test_rows_of_a_few_values_are_visited_in_random_order(values, n_features):
    """Not one class after the other, as rows with the same short key are."""
    rng = np.random.default_rng(0)
    X = rng.choice(np.array(values, float), size=(2000, n_features))
    y = np.arange(2000.0) % 2
    rows, _ = read_rows(X, keyed=True)
    for seed in range(3):
        order, _ = visits(rows, y[:, None], np.empty(0), seed)
        assert sorted(order) == list(range(2000))
        changes = np.count_nonzero(np.diff(y[order]))
        assert abs(changes - 1000) < 5 * np.sqrt(2000 / 4), "five standard deviations"


@pytest.mark.parametrize("weighted", [False, True])
def test_visits_of_equal_rows_are_far_from_each_other(weighted):
    """Not one after the other, though they have the same hash."""
    X = np.arange(1500)[:, None] + 1.0
    weight = np.where(X[:, 0] > 1400, 20.0, 1.0) if weighted else np.empty(0)
    if not weighted:
        X = np.vstack((X, *19 * [X[1400:]]))
    rows, _ = read_rows(X, keyed=True)
    for seed in range(3):
        order, _ = visits(rows, np.ones((len(X), 1)), weight, seed)
        assert len(order) == 1600
        places = np.argsort(X[order, 0], kind="stable")[1400:].reshape(100, 2)
        apart = np.abs(np.diff(places))
        assert np.count_nonzero(apart == 1) < 4, "an eighth of one is expected"
        assert abs(apart.mean() - 1600 / 3) < 5 * 1600 / np.sqrt(18 * 100)


@pytest.mark.parametrize("weights", [None, [1], [0, 1, 2], [0.3, 1, 7], [1e-3, 1e3]])
@pytest.mark.parametrize("n_features", [1, 40])
@pytest.mark.parametrize("scale_free", [False, True])
def test_equal_rows_are_visited_as_often_as_their_weight_asks_for(
    weights, n_features, scale_free
):
    rng = np.random.default_rng(0)
    X = np.ones((300, n_features))
    X[:, 0] = np.minimum(rng.geometric(0.1, 300), 30)
    weight = (
        np.empty(0) if weights is None else rng.choice(np.array(weights, float), 300)
    )
    totals = Counter()
    for value, own in zip(
        X[:, 0], weight if len(weight) else np.ones(300), strict=True
    ):
        totals[value] += own
    totals = {value: total for value, total in totals.items() if total}
    mean = np.mean(list(totals.values()))
    most = 4 * mean
    if mean > 4.0001:  # as here rows have one target, they have 250 visits, or fewer
        most = min(most, max(1, sum(totals.values()) / 250))
    wanted = {value: max(1, round(total / most)) for value, total in totals.items()}
    rows, _ = read_rows(X, keyed=True)
    order, shares = visits(rows, np.ones((300, 1)), weight, 0, scale_free=scale_free)
    assert Counter(X[order, 0]) == wanted
    for row in order:
        share = shares[row] if len(shares) else 1
        assert share == pytest.approx(totals[X[row, 0]] / wanted[X[row, 0]])
    assert len(set(order)) == len(wanted), "of equal rows one stands for all"


@pytest.mark.parametrize("repeated", [False, True])
def test_labels_of_weighed_or_repeated_rows_are_not_known_before_they_are_learned(
    repeated,
):
    """They are drawn at random, so that new ones cannot be predicted."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = sp.random(2000, 1000, density=0.01, random_state=seed, format="csr")
        y, weight, rows = rng.integers(2, size=2000), None, np.arange(2000)
        if repeated:
            rows = rng.choice(rows, 2000)
        else:
            weight = rng.lognormal(size=2000)
        model = AdagradClassifier(random_state=0, max_iter=1)
        model.fit(X[rows], y[rows], sample_weight=weight)
        assert model.progressive_loss_ > np.log(2) - 0.02


def test_equal_rows_with_targets_beyond_float32_are_told_apart_without_a_warning():
    X, y = np.array([[1.0], [1.0], [1.0], [2.0]]), np.array([1e40, 2e40, 1e40, 3e40])
    rows, _ = read_rows(X, keyed=True)
    order, shares = visits(rows, y[:, None], np.empty(0), 0)
    assert sorted(y[order]) == [1e40, 2e40, 3e40]
    assert sorted(shares[order]) == [1, 1, 2]


@pytest.mark.parametrize(
    ("n_rows", "bits"),
    [
        *product([1, 2, 3, 1000], [(0, 1), (0, 10), (21, 23), (29, 32)]),
        *product([1000, 300_000], [(0, 32)]),
    ],
)
@pytest.mark.parametrize("n_equal", [1, 3])
def test_numbers_are_sorted_by_their_upper_halves(n_rows, bits, n_equal):
    """Upper halves differ in some bits only; each value comes several times."""
    rng = np.random.default_rng(n_equal)
    low, high = bits
    upper = rng.integers(2 ** (high - low), size=n_rows // n_equal + 1, dtype=np.uint64)
    upper = rng.permutation(np.repeat(upper, n_equal))[:n_rows] << np.uint64(32 + low)
    numbers = upper | np.arange(n_rows, dtype=np.uint64)
    expected, scratch = np.sort(numbers), np.empty_like(numbers)
    KERNELS[np.dtype(np.float64)].sort_numbers(numbers=numbers, scratch=scratch)
    np.testing.assert_array_equal(numbers, expected)


def test_rows_are_told_apart_by_either_half_of_their_keys():
    """Of 200,000 rows some have the same half key, and none the same key."""
    n_rows = 200_000
    rng = np.random.default_rng(0)
    keys = rng.integers(2**64, size=n_rows // 2, dtype=np.uint64)
    keys = np.append(keys, keys[rng.permutation(n_rows // 2)])  # each comes twice
    numbers, same = np.arange(n_rows, dtype=np.uint64), np.ones(n_rows - 1, np.uint8)
    targets = np.empty((n_rows, 0))
    _visits._tell_apart(numbers, same, content=keys, targets=targets, seed=1)
    order = numbers.astype(np.uint32)
    assert sorted(order) == list(range(n_rows))
    np.testing.assert_array_equal(same, keys[order[1:]] == keys[order[:-1]])
    assert np.count_nonzero(same) == n_rows // 2


@pytest.mark.parametrize("n_rows", [1, 2, 4])
def test_further_passes_have_each_order_as_often(n_rows):
    order = np.arange(n_rows, dtype=np.uint32)
    n_orders = math.factorial(n_rows)
    counts = Counter(tuple(shuffled(order, seed)) for seed in range(500 * n_orders))
    assert len(counts) == n_orders
    for count in counts.values():
        assert abs(count - 500) < 5 * np.sqrt(500), "five standard deviations"


def test_further_passes_visit_all_rows_anew():
    order = np.arange(100_000, dtype=np.uint32)
    again, third = shuffled(order, 0), shuffled(order, 1)
    for a, b in ((order, again), (order, third), (again, third)):
        assert np.count_nonzero(a == b) < 10, "one is expected"
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(100_000)
    np.testing.assert_array_equal(np.sort(again), order)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_with_the_same_hash_are_visited_in_an_order_of_their_own(
    weighted, monkeypatch
):
    """By longer hashes where 2 bits are left: not as they came."""
    sorted_numbers = _visits._sorted_numbers

    def few_bits(*args, **keys):
        numbers = sorted_numbers(*args, **keys) & np.uint64(0xC0000000FFFFFFFF)
        numbers.sort()
        return numbers

    monkeypatch.setattr(_visits, "_sorted_numbers", few_bits)
    X, y = samples("binary")
    X, y = np.vstack((X, X[:20])), np.append(y, y[:20])
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 4, N_ROWS) if weighted else np.ones(N_ROWS)
    weight = np.append(weight, weight[:20])
    wanted = fitted("binary", X, y, weight)
    for _ in range(3):
        order = rng.permutation(len(y))
        assert_same(fitted("binary", X[order], y[order], weight[order]), wanted)


@each_task
def test_rows_that_are_equal_in_float32_only_are_not_taken_together(task):
    _, y = samples(task)
    y = np.repeat(y[:2], N_ROWS // 2, axis=0)
    X = 1 + np.arange(N_ROWS)[:, None] * 1e-12
    assert fitted(task, X, y, max_iter=1).t_ == N_ROWS


@pytest.mark.parametrize("value", [1.0, 0.1])
def test_no_two_of_all_sets_of_columns_have_the_same_key(value):
    """Rows of the same key are taken to be the same, and one-hot rows differ little."""
    columns = np.array(list(combinations(range(64), 3)), dtype="int32")
    shape = len(columns), 64
    indptr = np.arange(0, columns.size + 1, 3, dtype="int32")
    data = np.full(columns.size, value, dtype="float32")
    X = sp.csr_matrix((data, columns.ravel(), indptr), shape)
    rows, _ = read_rows(X, keyed=True)
    assert rows.whole_keys
    assert len(np.unique(rows.keys)) == len(columns) == 41_664
    X.data[:] = np.tile(np.array([1, 2, 3], "float32"), len(columns))
    assert len(np.unique(read_rows(X, keyed=True)[0].keys)) == len(columns)


def test_equal_rows_are_taken_together_in_whatever_order_their_columns_are():
    """Though other rows lie nearer than the rounding of a sum in another order."""
    rng = np.random.default_rng(0)
    X = np.tile(np.abs(rng.normal(size=12)), (41, 1))
    X[:40, 0] = rng.permutation(np.repeat(np.arange(1, 21), 2))
    X[40] = [1e17, *np.ones(11)]
    in_order, mixed = sp.csr_matrix(X), sp.csr_matrix(X)
    for row in range(40):
        part = slice(*mixed.indptr[row : row + 2])
        order = rng.permutation(12)
        mixed.indices[part] = mixed.indices[part][order]
        mixed.data[part] = mixed.data[part][order]
    mixed.has_sorted_indices = False
    for form in (in_order, mixed):
        rows, _ = read_rows(form)
        order, _ = visits(rows, np.zeros((41, 1)), np.empty(0), 1, scale_free=True)
        assert len(np.unique(order)) == 21


@pytest.mark.parametrize("bit", range(52))
def test_rows_that_differ_by_a_bit_are_not_the_same(bit):
    """Where rows are told apart by hashes of all that they hold."""
    X = np.array([[1.0, 2.0], [1.0 + 2.0 ** (bit - 52), 2.0]])
    model = AdagradRegressor(scale_invariant=True, eta0=0.5, max_iter=1)
    assert model.fit(X, [1.0, 1.0]).t_ == 2
    order, weight = visits(
        read_rows(X)[0], np.ones((2, 1)), np.empty(0), 0, scale_free=True
    )
    assert sorted(order) == [0, 1]
    assert not len(weight)


@pytest.mark.parametrize("label", range(4))
def test_rows_that_differ_in_one_label_alone_are_not_the_same(label):
    y = np.zeros((40, 4), dtype=int)
    y[:20, label] = 1
    model = AdagradClassifier(random_state=0, max_iter=20, tol=None).fit(
        np.ones((40, 1)), y
    )
    p = model.predict_proba(np.ones((1, 1)))[0]
    assert p[label] == pytest.approx(0.5, abs=0.1)
    assert (np.delete(p, label) < 0.2).all()


@each_task
def test_rows_are_visited_as_they_come_without_shuffle(task):
    X, y = samples(task)
    forth = fitted(task, X, y, shuffle=False)
    back = fitted(task, X[::-1], y[::-1], shuffle=False)
    assert not np.array_equal(forth.coef_, back.coef_)


@each_task
def test_random_state_draws_the_order(task):
    X, y = samples(task)
    first, again, other = (
        fitted(task, X, y, random_state=seed).coef_ for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@each_task
def test_a_random_state_instance_goes_on_from_fit_to_fit(task):
    X, y = samples(task)
    rng = np.random.RandomState(1)
    first, second = (fitted(task, X, y, random_state=rng).coef_ for _ in range(2))
    assert not np.array_equal(first, second)


def rows_of_few_categories(n_levels=5, n_rows=20_000):
    """Return levels as one-hot rows, and labels that are 1 with a rate of the level."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, n_levels, n_rows)
    y = rng.random(n_rows) < np.linspace(0.05, 0.95, n_levels)[levels]
    return sp.csr_array(np.eye(n_levels)[levels]), y.astype(int)


@pytest.mark.parametrize("eta0", [0.5, "auto"])
@pytest.mark.parametrize("spread", [1, 1000])  # as over hashed columns
def test_few_distinct_rows_are_learned_as_well_as_one_by_one(eta0, spread):
    X, y = rows_of_few_categories()
    X = sp.csr_array((X.data, spread * X.indices, X.indptr), shape=(X.shape[0], 5000))
    losses = [
        log_loss(y, model.fit(X, y).predict_proba(X))
        for shuffle in (True, False)
        for model in [AdagradClassifier(eta0=eta0, shuffle=shuffle, random_state=0)]
    ]
    assert losses[0] < 1.005 * losses[1]


def test_few_distinct_rows_may_have_their_number_as_their_weight():
    X, y = rows_of_few_categories()
    distinct, counts = np.unique(
        np.column_stack((X.toarray(), y)), axis=0, return_counts=True
    )
    repeated = AdagradClassifier(random_state=0).fit(X, y)
    weighted = AdagradClassifier(random_state=0).fit(
        sp.csr_array(distinct[:, :-1]), distinct[:, -1].astype(int), counts
    )
    assert_same(repeated, weighted)
    assert repeated.t_ >= 5000 * repeated.n_iter_ * 0.9


@pytest.mark.parametrize("n_each", [5, 25, 5000])
def test_rows_that_come_often_with_one_target_are_visited_less_often(n_each):
    """As a table whose weights are in another unit, they are not to be memorised."""
    X, y = np.repeat(np.eye(10), n_each, axis=0), np.repeat([0, 1] * 5, n_each)
    model = AdagradClassifier(random_state=0).fit(X, y)
    assert model.t_ == min(10 * n_each, 250) * model.n_iter_


def test_what_a_few_categories_determine_is_learned():
    rng = np.random.default_rng(0)
    levels = rng.random((8000, 3)) < [0.3, 0.4, 0.8]
    X, y = np.hstack([levels, ~levels]).astype(float), levels[:, 0]
    model = AdagradClassifier(random_state=0).fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < 0.001
