"""How many passes `fit` makes, what it goes on from, and when it stops."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor

from . import comparing
from .comparing import each_form
from .fitting import ESTIMATORS, N_ROWS, assert_same, each_task, fitted, samples


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 4])
@pytest.mark.parametrize("tol", [0, 1e-2, 0.2])
@each_task
def test_fit_stops_when_passes_in_a_row_bring_no_change(task, tol, n_iter_no_change):
    X, y = samples(task)
    losses = fitted(task, X, y, tol=None, max_iter=60).loss_curve_
    bests = np.minimum.accumulate(losses)
    changed = np.append(True, losses[1:] < bests[:-1] - tol * np.abs(bests[:-1]))
    in_vain = [
        not changed[max(0, n - n_iter_no_change) : n].any() for n in range(1, 61)
    ]
    wanted = next((n for n, stop in enumerate(in_vain, 1) if stop), 60)

    model = fitted(task, X, y, tol=tol, max_iter=60, n_iter_no_change=n_iter_no_change)

    assert model.n_iter_ == wanted
    assert model.loss_curve_ == losses[:wanted]


def test_the_default_makes_more_than_one_pass_while_the_loss_falls():
    X, _ = samples("binary")
    model = fitted("binary", X, X[:, 0] > 0)
    assert model.n_iter_ > 1
    assert model.loss_curve_[1] < model.loss_curve_[0]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_passes"),
    [
        *((20, 2, 20), (1_000, 51, 20), (2_500, 126, 8), (6_667, 334, 3)),
        *((1_000, 50, 20), (2_500, 125, 20), (12_500, 2, 8), (33_334, 2, 3)),
    ],
)
def test_the_default_makes_more_passes_over_fewer_samples(
    n_samples, n_features, n_passes, shuffle
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features)).astype("float32")
    y = rng.integers(2, size=n_samples)
    params = {"tol": None, "shuffle": shuffle}
    assert fitted("binary", X, y, **params).n_iter_ == n_passes
    # Those without a weight are none.
    X, y = np.vstack((X, X + 1)), np.append(y, y)
    weight = np.repeat([1.0, 0.0], n_samples)
    assert fitted("binary", X, y, weight, **params).n_iter_ == n_passes


def rows_of_their_own(n_own=4, n_rows=200):
    """Three common features, and some that a row has alone or shares with the next."""
    common = np.random.default_rng(0).normal(size=(n_rows, 3))
    own = np.kron(np.eye(n_rows), np.ones(n_own))
    shared = np.repeat(np.eye(n_rows // 2), 2, axis=0)
    return np.hstack((common, own, shared))


def labels_of(n_rows, share, n_labels=1):
    y = np.zeros((n_rows, n_labels), dtype=int)
    for label in range(n_labels):
        y[label :: round(1 / share), label] = 1
    return y if n_labels > 1 else y.ravel()


@pytest.mark.parametrize("shuffle", [False, True])
@each_form
@pytest.mark.parametrize(
    ("n_labels", "share", "n_own", "n_passes"),
    [
        *((n_labels, 0.2, 4, 1) for n_labels in (1, 3)),
        # A feature that the next row has too is still that of one row of a class.
        *((n_labels, 0.2, 3, 1) for n_labels in (1, 3)),
        *((n_labels, 0.2, 2, 20) for n_labels in (1, 3)),
        *((n_labels, 0.25, 4, 20) for n_labels in (1, 3)),
    ],
)
def test_the_default_makes_one_pass_where_rare_classes_would_be_learned_by_heart(
    n_labels, share, n_own, n_passes, form, shuffle
):
    X, y = rows_of_their_own(n_own), labels_of(200, share, n_labels)
    params = {"tol": None, "shuffle": shuffle}
    assert fitted("binary", form(X), y, **params).n_iter_ == n_passes
    # Those that have the feature have all the others, of which it says nothing.
    assert fitted("binary", form(X), 1 - y, **params).n_iter_ == n_passes
    # Rows without a weight are none, and zeros that are stored say nothing.
    weight = np.repeat([2.0, 0.0], 200)
    X, y = form(np.vstack((X, X))), np.concatenate((y, y))
    if sp.issparse(X):
        X.data[X.indptr[200] :] = 0
    assert fitted("binary", X, y, weight, **params).n_iter_ == n_passes


def test_weights_decide_whether_classes_are_rare():
    X, y = rows_of_their_own(), labels_of(200, 0.1)
    assert fitted("binary", X, y, class_weight="balanced", tol=None).n_iter_ == 1
    assert fitted("binary", X, y, np.where(y, 3.0, 1.0), tol=None).n_iter_ == 20
    even = np.arange(200) % 2
    assert fitted("binary", X, even, np.where(even, 0.1, 1.0), tol=None).n_iter_ == 1


def test_rows_that_come_often_are_not_known_by_features_of_their_own():
    X, y = rows_of_their_own(n_rows=12), labels_of(12, 1 / 6)
    for weight, n_passes in ((1.0, 1), (1000.0, 20)):
        weights = np.full(12, weight)
        assert fitted("binary", X, y, weights, tol=None).n_iter_ == n_passes


def test_several_classes_and_targets_are_not_learned_less_for_it():
    X, y = rows_of_their_own(), labels_of(200, 0.1, 3) @ [1, 2, 3]
    assert fitted("classes", X, y, tol=None).n_iter_ == 20
    assert fitted("one target", X, y, tol=None).n_iter_ == 20


@pytest.mark.parametrize("most", [3, 6])  # less, or more, than half of them come again
@each_form
def test_repeated_rows_have_features_of_their_own(form, most):
    X, y = rows_of_their_own(), labels_of(200, 0.1)
    repeats = np.random.default_rng(0).integers(1, most, 200)
    rows = np.repeat(np.arange(200), repeats)
    repeated = fitted("binary", form(X[rows]), y[rows], tol=None)
    assert repeated.n_iter_ == 1
    assert_same(repeated, fitted("binary", form(X), y, repeats, tol=None))


@pytest.mark.parametrize("max_iter", [1, 2, 5])
@each_task
def test_no_tolerance_means_all_passes(task, max_iter):
    X, y = samples(task)
    model = fitted(task, X, y, tol=None, max_iter=max_iter)
    assert model.n_iter_ == len(model.loss_curve_) == max_iter
    assert model.t_ == max_iter * N_ROWS


# Warm starts, threads and messages.


@each_task
def test_warm_start_goes_on_where_fit_ended(task):
    X, y = samples(task)
    params = {"eta0": 0.5, "shuffle": False, "tol": None}
    model = fitted(task, X, y, max_iter=2, warm_start=True, **params).fit(X, y)
    wanted = fitted(task, X, y, max_iter=4, **params)
    assert_same(model, wanted)
    assert model.t_ == wanted.t_


@each_task
def test_warm_start_goes_on_after_partial_fit(task):
    X, y = samples(task)
    params = {"eta0": 0.5, "shuffle": False, "tol": None}
    model = fitted(task, X, y, max_iter=1, warm_start=True, **params).partial_fit(X, y)
    assert_same(model.fit(X, y), fitted(task, X, y, max_iter=3, **params))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False},
        {"scale_invariant": True},
        {"preconditioner": "full"},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
@each_form
@each_task
def test_a_warm_start_begins_anew_with_the_first_samples_of_a_stream(
    task, form, weighted, options
):
    """Which do not suffice to choose by: rates would stay those of ten samples."""
    if "class_weight" in options and task not in ("binary", "classes"):
        pytest.skip("no classes")
    X, y = samples(task)
    X[:10] /= 100
    weight = np.linspace(2, 0, N_ROWS) if weighted else np.ones(N_ROWS)
    model = type(ESTIMATORS[task])(random_state=0, warm_start=True, **options)
    first = {"classes": np.unique(y)} if task in ("binary", "classes") else {}
    model.partial_fit(X[:10], y[:10], sample_weight=weight[:10], **first)
    model.fit(form(X[10:]), y[10:], sample_weight=weight[10:])
    wanted = fitted(task, form(X), y, sample_weight=weight, **options)
    comparing.assert_same(model, wanted)
    assert model.loss_curve_ == wanted.loss_curve_
    model.partial_fit(X, y)  # with counts of classes as after `fit`
    comparing.assert_same(model, wanted.partial_fit(X, y))


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_large_losses_before_do_not_swallow_those_of_a_warm_start(preconditioner):
    options = {"eta0": 0.1, "max_iter": 1, "warm_start": True}
    model = AdagradRegressor(preconditioner=preconditioner, **options)
    model.partial_fit([[0.0]], [1e9])  # the intercept is 0.1 after a loss of 5e17
    (p,) = model.predict([[3.0]])
    model.fit([[3.0]], [p + 0.5])
    np.testing.assert_allclose(model.loss_curve_, [0.125], rtol=1e-12)
    np.testing.assert_allclose(model.progressive_loss_, 2.5e17, rtol=1e-12)


@each_task
def test_fit_starts_over_without_warm_start(task):
    X, y = samples(task)
    model = fitted(task, X, y)
    again = fitted(task, X[:, 1:] * 2, y).fit(X, y)
    assert_same(again, model)
    assert again.t_ == model.t_
    assert again.progressive_loss_ == model.progressive_loss_


@pytest.mark.parametrize("task", ["one target", "targets"])
def test_an_error_in_a_warm_start_leaves_the_model_as_it_was(task):
    X, y = samples(task)
    model = fitted(task, X, y, warm_start=True)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="finite number"):
        model.fit(X * 1e200, y * 1e200)
    assert pickle.dumps(model) == before


def test_no_threads_are_refused_before_a_new_penalty_counts():
    X, y = samples("binary")
    model = AdagradClassifier(update="dual_averaging").partial_fit(X, y, [0, 1])
    before = model.coef_.copy()
    with pytest.raises(ValueError, match="n_jobs == 0"):
        model.set_params(alpha=10, n_jobs=0).partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, before)


def test_warm_start_refuses_new_classes():
    X, y = samples("classes")
    model = fitted("binary", X, y % 2, warm_start=True)
    with pytest.raises(ValueError, match="new class 2;"):
        model.fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3, 9, 20])
@each_form
def test_threads_do_not_change_the_model(form, n_classes):
    X, _ = samples("classes")
    y = np.arange(N_ROWS) % n_classes
    one, two = (fitted("classes", form(X), y, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert_same(two, one)
    assert two.loss_curve_ == one.loss_curve_


@pytest.mark.parametrize("n_jobs", [2, 3])
@pytest.mark.parametrize("n_classes", [9, 17, 25, 33, 58])
def test_banks_that_are_divided_among_threads_learn_the_same(n_classes, n_jobs):
    X, _ = samples("classes")
    y = np.arange(len(X)) % n_classes
    one, several = (
        fitted("classes", X, y, n_jobs=n, eta0=0.5, max_iter=2) for n in (1, n_jobs)
    )
    assert_same(several, one)


def test_verbose_prints_the_loss_of_each_pass(capsys):
    X, y = samples("binary")
    model = fitted("binary", X, y, tol=None, max_iter=4, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for line, loss in zip(lines, model.loss_curve_, strict=True):
        assert f"mean loss {loss:.6g}, " in line


def test_fit_prints_nothing_by_default(capsys):
    fitted("binary", *samples("binary"))
    assert capsys.readouterr() == ("", "")
