"""What is refused, and that errors and interruptions leave a model as it was."""

import contextlib
import signal
import threading
import time

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from sk_adagrad import AdagradClassifier, AdagradRegressor, AdagradRegressorCV

from .comparing import dense
from .fitting import (
    ESTIMATORS,
    N_FEATURES,
    N_ROWS,
    assert_same,
    each_estimator,
    each_task,
    fitted,
    samples,
)


@pytest.mark.parametrize(
    "params",
    [
        *({"eta0": bad} for bad in (0, -1.0, "fast", None)),
        *({"eps": bad} for bad in (0, -1e-8, None)),
        *({"initial_accumulator": -0.1}, {"epsilon": -0.1}, {"fit_intercept": "no"}),
        *({"max_iter": bad} for bad in (0, 1.5)),
        *({"tol": -1e-3}, {"n_iter_no_change": 0}, {"shuffle": 2}, {"n_jobs": 1.5}),
        *({"random_state": "now"}, {"warm_start": "yes"}, {"verbose": -1}),
        {"loss": "logloss"},
    ],
    ids=str,
)
@each_estimator
def test_a_bad_parameter_is_named(task, params):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter"):
        fitted(task, *samples(task), **params)


@pytest.mark.parametrize(
    ("task", "params"),
    [
        ("binary", {"class_weight": "even"}),
        ("one target", {"loss": "quantile", "quantile": 1.0}),
    ],
)
def test_a_bad_parameter_of_one_estimator_is_named(task, params):
    with pytest.raises(ValueError, match=f"'{list(params)[-1]}' parameter"):
        fitted(task, *samples(task), **params)


@pytest.mark.parametrize(("value", "shown"), [(1e39, r"1e\+39"), (1e300, r"1e\+300")])
@pytest.mark.parametrize("name", ["eta0", "eps", "initial_accumulator", "alpha"])
@each_estimator
def test_a_parameter_too_large_for_float32_is_refused(task, name, value, shown):
    with pytest.raises(ValueError, match=f"{name}={shown} is too large for float32"):
        fitted(task, *samples(task, "float32"), **{name: value})


@each_estimator
def test_parameters_may_be_numbers_of_numpy(task):
    X, y = samples(task, "float64")
    given = {"eta0": 0.5, "eps": 0.25, "initial_accumulator": 1.0, "alpha": 0.125}
    numpys = {name: np.float32(value) for name, value in given.items()}
    model = fitted(task, X, y, max_iter=np.int64(2), **numpys)
    np.testing.assert_array_equal(
        model.coef_, fitted(task, X, y, max_iter=2, **given).coef_
    )


@each_estimator
def test_an_unfitted_model_says_so(task):
    X, _ = samples(task)
    with pytest.raises(NotFittedError):
        ESTIMATORS[task].predict(X)
    assert not hasattr(ESTIMATORS[task], "coef_")


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize(
    "params",
    [{}, {"preconditioner": "full"}, {"alpha": 0.01}, {"scale_invariant": True}],
    ids=str,
)
@pytest.mark.parametrize("prepare", ["", "sparsify"])
@pytest.mark.parametrize("task", ESTIMATORS)
def test_rows_to_predict_must_be_finite_even_where_the_weight_is_0(
    task, prepare, params, form
):
    X, y = samples(task)
    model = fitted(task, np.where(np.arange(N_FEATURES) == 3, 0, X), y, **params)
    model = getattr(model, prepare)() if prepare else model
    assert not np.any(np.atleast_2d(dense(model.coef_))[:, 3])
    for value, name in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")):
        X[5, 3] = value
        with pytest.raises(ValueError, match=f"X contains {name}"):
            model.predict(form(X))


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_a_prediction_may_overflow(form):
    X, y = samples("one target")
    model = fitted("one target", X, 1e3 * y)
    large = 1e308 * np.sign(model.coef_)
    np.testing.assert_array_equal(model.predict(form([large])), [np.inf])


@pytest.mark.parametrize(("bad", "message"), [("X", "NaN"), ("y", "inconsistent")])
@each_task
def test_a_failed_fit_leaves_the_model_as_it_was(task, bad, message):
    X, y = samples(task)
    model = fitted(task, X, y)
    before = dict(vars(model))
    args = (X * np.nan, y) if bad == "X" else (X[:, 1:], y[1:])  # fewer features too
    with pytest.raises(ValueError, match=message):
        model.fit(*args)
    assert vars(model) == before


@pytest.mark.parametrize("loss", sorted(AdagradClassifier._losses))
def test_a_prediction_that_is_no_number_is_not_taken_for_a_perfect_one(loss):
    X = np.float32([[1e15, -1e15], [1e15, -1e15], [1e37, 1e37], [1, 1]])
    model = AdagradClassifier(loss, eta0=1000.0)
    with pytest.raises(ValueError, match="finite number"):
        model.partial_fit(X, [0, 1, 0, 2], classes=[0, 1, 2])


@pytest.mark.parametrize("task", ["one target", "targets"])
def test_values_too_large_to_learn_from_are_refused(task):
    X, y = samples(task)
    model = type(ESTIMATORS[task])(scale_invariant=False)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="too large"):
        model.fit(X * 1e200, y)
    assert vars(model) == before


@pytest.mark.parametrize("task", ["one target", "targets"])
def test_targets_too_large_to_square_or_sum_are_refused_without_a_warning(task):
    X, y = samples(task)
    for targets in (y * 1e200, np.full_like(y, 1.7e308)):
        with pytest.raises(ValueError, match="too large"):
            fitted(task, X, targets)


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
def test_losses_too_large_to_sum_over_targets_are_refused_without_a_warning(
    preconditioner,
):
    y = np.full((1, 3), 1.3e154)  # half of the square is 0.47 of the largest number
    model = AdagradRegressor(eta0=0.5, preconditioner=preconditioner)
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="loss is no longer a finite number"):
            learn([[1.0]], y)
    with pytest.raises(ValueError, match="loss of the validation set"):
        model.fit([[1.0]], np.zeros((1, 3)), X_val=[[1.0]], y_val=y)
    search = AdagradRegressorCV(eta0s=[0.5, 1.0], preconditioner=preconditioner)
    with pytest.raises(ValueError, match="No cell"):
        search.set_params(shuffle=False).fit([[1.0]], y)


def test_losses_too_large_to_sum_over_halves_of_a_trial_are_refused_without_a_warning():
    X = np.random.default_rng(0).normal(size=(80, 1))
    y = 1.9e153 * np.sqrt(np.arange(80.0))
    with pytest.raises(ValueError, match="loss is no longer a finite number"):
        AdagradRegressor(shuffle=False).fit(X, y)


def test_of_equal_validation_losses_the_first_model_is_kept():
    X, y = samples("one target")
    model = AdagradRegressor(eta0=1e-300, max_iter=3, tol=None, shuffle=False)
    model.fit(X, y, X_val=X, y_val=y)
    assert len(set(model.validation_loss_curve_)) == 1
    assert (model.n_iter_, model.t_) == (3, len(y))


@each_task
def test_rates_and_accumulators_beyond_float32_are_refused_without_a_warning(task):
    X, y = samples(task, "float32")
    for size in (1e30, 1e-40) if task in ("one target", "targets") else (1e30,):
        model = type(ESTIMATORS[task])(scale_invariant=False)
        with pytest.raises(ValueError, match=r"too large.* for float32.*MaxAbs"):
            model.fit(X * np.float32(size), y)
        assert not hasattr(model, "coef_")


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        *((words, "are numbers") for words in (["1", "2"], ["low", "high"])),
        ([1j, 2.0], "Complex data"),
    ],
)
def test_targets_that_are_no_numbers_are_refused(targets, message):
    X, _ = samples("one target")
    with pytest.raises(ValueError, match=message):
        AdagradRegressor().fit(X, np.resize(targets, N_ROWS))


@pytest.mark.parametrize("name", ["coef_", "learning_rates_", "accumulators_"])
@each_task
def test_published_attributes_are_read_only(task, name):
    model = fitted(task, *samples(task))
    for prefix in ("", "intercept_"):
        array = getattr(model, (prefix + name).replace("intercept_coef", "intercept"))
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_what_is_read_of_the_rates_is_a_copy():
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = AdagradRegressor(random_state=0).fit(X, X * [1, 100, 1e4])
    rates = np.array(model.eta0_)
    model.eta0_[:] = 99
    np.testing.assert_array_equal(model.eta0_, rates)


@pytest.fixture(scope="module")
def much_work():
    """Return rows with 800 classes; one pass over them takes about a second."""
    rng = np.random.default_rng(0)
    n_rows, nnz = 100_000, 60
    indices = (rng.integers(0, 50, (n_rows, nnz)) + 50 * np.arange(nnz)).astype("int32")
    indptr = nnz * np.arange(n_rows + 1, dtype="int32")
    data = rng.random(n_rows * nnz, dtype="float32")
    X = sp.csr_matrix((data, indices.ravel(), indptr), (n_rows, 50 * nnz))
    return X, np.arange(n_rows) % 800


@contextlib.contextmanager
def ctrl_c(after):
    """Press Ctrl-C in so many seconds; tell when that was."""
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    timer = threading.Timer(after, press)
    # What a shell starts in the background ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        yield pressed
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_ctrl_c_is_heard_and_leaves_a_model_to_fit_again(much_work, method, n_jobs):
    X, y = much_work
    model = AdagradClassifier(tol=None, max_iter=100, n_jobs=n_jobs)
    classes = {"classes": np.arange(800)} if method == "partial_fit" else {}
    with ctrl_c(after=0.4) as pressed, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        while True:
            getattr(model, method)(X, y, **classes)
    assert time.perf_counter() - pressed[0] < 0.25
    few = X[:1000], y[:1000] % 9
    wanted = AdagradClassifier(max_iter=1, random_state=0).fit(*few)
    assert_same(model.set_params(max_iter=1, random_state=0).fit(*few), wanted)
