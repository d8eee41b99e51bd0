"""preconditioner="full" holds to its equation, and to what it is for."""

import copy
import pickle
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.linalg import eigh

from sk_adagrad import AdagradClassifier, AdagradRegressor, _full_models
from sk_adagrad._full_models import root_with

from .comparing import ARRAYS, assert_close, assert_same, pickled, read_everything
from .reference import LOSSES
from .streaming import in_chunks
from .tasks import ids, loss_parameter, loss_parameters, samples_of

pytestmark = pytest.mark.slow

RTOL = {"float64": 1e-8, "float32": 1e-5}
TASKS = [
    (AdagradClassifier, "log_loss", 2),
    (AdagradClassifier, "hinge", 3),
    (AdagradClassifier, "squared_hinge", 2),
    (AdagradRegressor, "squared_error", 1),
    (AdagradRegressor, "huber", 3),
    (AdagradRegressor, "quantile", 2),
]
each_task = pytest.mark.parametrize("task", TASKS, ids=ids)


def full_matrix_adagrad(
    X, Y, weight, loss, parameter, *, eta0=0.5, eps=1e-8, G0=0.0, fit_intercept=True
):
    """Learn each column of Y row by row, with the whole matrix at every row."""
    _, slope = LOSSES[loss]
    X = np.column_stack((X, np.full(len(X), float(fit_intercept))))
    m, n_outputs = X.shape[1], Y.shape[1]
    w, G = np.zeros((n_outputs, m)), np.zeros((n_outputs, m, m))
    diagonal, rates = np.empty((n_outputs, m)), np.empty((n_outputs, m))
    for k in range(n_outputs):
        G[k] = G0 * np.eye(m)
        for x, y, c in zip(X, Y[:, k], weight, strict=True):
            g = c * slope(w[k] @ x, y, parameter) * x
            G[k] += np.outer(g, g)
            eigenvalues, V = eigh(G[k] + eps * np.eye(m))
            # Rounding leaves eigenvalues below the least that there can be.
            root = V @ np.diag(eigenvalues.clip(min=G0 + eps) ** -0.5) @ V.T
            w[k] -= eta0 * root @ g
        diagonal[k], rates[k] = G[k].diagonal(), eta0 * root.diagonal()
    return SimpleNamespace(
        coef_=w[:, :-1],
        intercept_=w[:, -1],
        accumulators_=diagonal[:, :-1],
        intercept_accumulators_=diagonal[:, -1],
        learning_rates_=rates[:, :-1],
        intercept_learning_rates_=rates[:, -1],
    )


def streamed(
    task,
    dtype="float64",
    form=np.asarray,
    cuts=(),
    between=lambda model: model,
    **params,
):
    """Learn the samples in chunks."""
    estimator, loss, _ = task
    X, y, _, weight = samples_of(task, dtype)
    params = {"eta0": 0.5, "preconditioner": "full", **loss_parameters(task), **params}
    return in_chunks(estimator(loss, **params), X, y, weight, cuts, form, between)


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"eta0": 0.1, "eps": 0.3},
        {"initial_accumulator": 2.0},
        {"fit_intercept": False},
    ],
    ids=str,
)
@each_task
def test_refreshed_every_row_it_is_the_exact_rule(task, options, form, dtype):
    X, _, Y, weight = samples_of(task, dtype)
    eps = {"eps": 1e-4} | options  # with less, the reference is no better than this
    model = streamed(task, dtype, form, refresh_every=1, **eps)
    if "initial_accumulator" in eps:
        eps["G0"] = eps.pop("initial_accumulator")
    reference = full_matrix_adagrad(
        X.astype("float64"), Y, weight, task[1], loss_parameter(task), **eps
    )
    for name in ARRAYS:
        actual = getattr(model, name)
        assert actual.dtype == dtype
        assert_close(actual, getattr(reference, name), RTOL[dtype])


@pytest.mark.parametrize("initial_accumulator", [0.0, 2.0])
def test_an_intercept_no_longer_learned_predicts_and_has_no_gradient(
    initial_accumulator,
):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 3))
    y = X[:, 0] + 5
    model = AdagradRegressor(
        eta0=0.5,
        preconditioner="full",
        refresh_every=1,
        eps=1e-4,
        initial_accumulator=initial_accumulator,
    ).partial_fit(X[:15], y[:15])
    model.set_params(fit_intercept=False).partial_fit(X[15:], y[15:])
    w, G = np.zeros(4), initial_accumulator * np.eye(4)
    losses = []
    for i, (x, target) in enumerate(zip(X, y, strict=True)):
        error = w @ np.append(x, 1) - target
        losses.append(error**2 / 2)
        g = error * np.append(x, i < 15)
        G += np.outer(g, g)
        eigenvalues, V = eigh(G + 1e-4 * np.eye(4))
        least = initial_accumulator + 1e-4
        w -= 0.5 * V @ (V.T @ g / np.sqrt(eigenvalues.clip(min=least)))
    assert_close(np.append(model.coef_, model.intercept_), w, 1e-9)
    np.testing.assert_allclose(model.loss_curve_, [np.mean(losses[15:])], rtol=1e-9)


def test_root_of_a_changed_diagonal_is_that_of_its_eigenvectors():
    rng = np.random.default_rng(0)
    d = 10 ** rng.uniform(-2, 2, 50)
    c = rng.normal(size=50)
    eigenvalues, V = eigh(np.diag(d) + np.outer(c, c))
    expected = V @ (V.T @ c / np.sqrt(eigenvalues))
    assert_close(root_with(c, d), expected, 1e-11)


@pytest.mark.parametrize("d", [1e-8, 1.0, 1e8, 1e16])
@pytest.mark.parametrize("c", [1e-9, 1e-3, 1.0, 1e9])
def test_root_of_two_features_is_the_closed_form_however_ill_conditioned(c, d):
    # M^(1/2) = (M + √det I) / √(trace + 2 √det) of a 2 × 2 matrix M, and M = D + c cᵀ.
    c, d = np.array([c, 1e-3]), np.array([d, 1e-8])
    root_det = np.sqrt(d[0] * d[1] + d[0] * c[1] ** 2 + d[1] * c[0] ** 2)
    root_trace = np.sqrt(d.sum() + c @ c + 2 * root_det)
    expected = (d[::-1] + root_det) * c / (root_det * root_trace)
    np.testing.assert_allclose(root_with(c, d), expected, 1e-10)


@pytest.mark.parametrize("d", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("c", [1e-12, 1e-3, 1.0, 1e9])
def test_root_of_one_feature_is_a_square_root(c, d):
    actual = root_with(np.array([c]), np.array([d]))
    np.testing.assert_allclose(actual, c / np.sqrt(d + c**2), 1e-11)


@pytest.mark.parametrize("cuts", [[7], range(1, 60)], ids=str)
def test_any_chunking_gives_the_same_model_and_rate(cuts):
    model, whole = (streamed(TASKS[1], eta0="auto", cuts=each) for each in (cuts, []))
    assert_same(model, whole)


@pytest.mark.parametrize("refresh_every", [1, 4, 1000])
@pytest.mark.parametrize("cuts", [[7], [1, 2, 30, 58], range(1, 60)], ids=str)
@each_task
def test_any_chunking_gives_the_same_model(task, cuts, refresh_every):
    whole = streamed(task, refresh_every=refresh_every)
    assert_same(streamed(task, cuts=cuts, refresh_every=refresh_every), whole)


@pytest.mark.parametrize("between", [pickled, copy.deepcopy, read_everything])
@each_task
def test_what_is_done_between_chunks_does_not_change_the_model(task, between):
    cut = streamed(task, cuts=[5, 11, 40], between=between)
    assert_same(cut, streamed(task))


def test_a_model_loaded_read_only_can_go_on(tmp_path):
    def memory_mapped(model):
        path = tmp_path / f"after {model.t_}"
        joblib.dump(model, path)
        return joblib.load(path, mmap_mode="r")

    cut = streamed(TASKS[0], cuts=[11], between=memory_mapped)
    assert_same(cut, streamed(TASKS[0]))


@each_task
def test_dense_and_sparse_rows_give_the_same_model(task):
    assert_same(streamed(task, form=sp.csr_matrix), streamed(task))


def test_refresh_every_may_change_between_chunks():
    """It counts where it is less than an eighth of the samples so far."""
    X, y, _, _ = samples_of(TASKS[0])
    changed, wanted = (streamed(TASKS[0], refresh_every=n) for n in (8, 1000))
    wanted.partial_fit(X, y)
    assert_same(changed.set_params(refresh_every=100).partial_fit(X, y), wanted)
    wanted.partial_fit(X, y)
    changed.set_params(refresh_every=3).partial_fit(X, y)
    assert (changed.coef_ != wanted.coef_).any()


def test_with_one_feature_a_row_it_is_the_diagonal_rule():
    rng = np.random.default_rng(0)
    X = np.zeros((200, 6))
    X[np.arange(200), rng.integers(6, size=200)] = rng.normal(size=200)
    y = rng.normal(size=200)
    params = {"eta0": 0.5, "fit_intercept": False, "random_state": 0}
    diagonal = AdagradRegressor(**params).fit(X, y)
    full = AdagradRegressor(preconditioner="full", refresh_every=1, **params).fit(X, y)
    for name in ("coef_", "accumulators_", "learning_rates_", "loss_curve_"):
        actual, wanted = getattr(full, name), getattr(diagonal, name)
        np.testing.assert_allclose(actual, wanted, 1e-9)


def test_features_without_a_gradient_stay_as_they_began():
    X, y, _, _ = samples_of((AdagradClassifier, "log_loss", 2))
    params = {"preconditioner": "full", "initial_accumulator": 0.5}
    model = AdagradClassifier(**params).fit(np.pad(X, ((0, 0), (0, 3))), y)
    np.testing.assert_array_equal(model.coef_[:, -3:], 0)
    np.testing.assert_array_equal(model.accumulators_[:, -3:], 0.5)


def rotated_quadratic():
    """Return rows whose squared error has curvatures 1 to 1e-4, along no axis."""
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    parts = rng.normal(size=(2000, 20))
    return parts * np.logspace(0, -2, 20) @ rotation, parts.sum(axis=1)


def correlated_features():
    """Return sums of a large common factor and small parts that make y."""
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(2000, 10))
    X = 10 * rng.normal(size=(2000, 1)) + parts
    return X, (parts - parts.mean(axis=1, keepdims=True)) @ rng.normal(size=10)


@pytest.mark.parametrize("make", [rotated_quadratic, correlated_features])
def test_it_beats_the_diagonal_by_far_each_at_its_best_rate(make):
    X, y = make()

    def best(preconditioner):
        """Return the least loss on the second half of the rows of all rates."""
        losses = []
        for eta0 in 4.0 ** np.arange(-3, 5):
            model = AdagradRegressor(eta0=eta0, preconditioner=preconditioner)
            model.partial_fit(X[:1000], y[:1000]).partial_fit(X[1000:], y[1000:])
            losses.append(model.loss_curve_[0])
        assert 0 < np.argmin(losses) < len(losses) - 1  # There is no better rate.
        return min(losses)

    assert best("full") < best("diagonal") / 10


@pytest.mark.parametrize("estimator", [AdagradClassifier, AdagradRegressor])
def test_the_best_of_several_rates_is_what_it_is_alone(estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    y = np.where(X @ rng.normal(size=4) > 0, 1, -1)  # intercepts start at 0
    params = {"preconditioner": "full", "random_state": 0, "max_iter": 2}
    auto = estimator(eta0="auto", **params).fit(X, y)
    params["initial_accumulator"] = auto.initial_accumulator_
    params["eps"] = auto.eps_
    alone = estimator(eta0=auto.eta0_, **params).fit(X, y)
    np.testing.assert_allclose(auto.progressive_loss_, alone.progressive_loss_, 1e-9)
    assert_close(auto.coef_, alone.coef_, 1e-9)
    for eta0 in (0.02, 5.0):
        other = estimator(eta0=eta0, **params).fit(X, y)
        assert auto.progressive_loss_ < other.progressive_loss_


@pytest.mark.parametrize("estimator", [AdagradClassifier, AdagradRegressor])
def test_too_many_features_are_refused_with_the_memory_they_take(estimator):
    X = sp.csr_matrix((4, 10_001))
    with pytest.raises(ValueError, match=r"up to 4,000 .* 10,001, .* 1\.5 GiB"):
        estimator(eta0=0.5, preconditioner="full").fit(X, [0, 1, 0, 1])


@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0.1},
        {"update": "dual_averaging"},
        {"update": "ftrl_proximal"},
        {"half_life": 10},
        {"importance_aware": True},
        {"scale_invariant": True},
        {"multi_class": "multinomial"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_a_full_matrix_cannot_do_is_refused(params, method):
    model = AdagradClassifier(preconditioner="full", **params)
    classes = {"classes": [0, 1]} if method == "partial_fit" else {}
    (name,) = params
    refusal = rf"{name}=.* does not go with preconditioner='full': \w+"
    with pytest.raises(ValueError, match=refusal):
        getattr(model, method)([[1.0], [2.0]], [0, 1], **classes)


def test_the_preconditioner_cannot_change_in_a_stream():
    model = streamed(TASKS[0]).set_params(preconditioner="diagonal")
    X, y, _, _ = samples_of(TASKS[0])
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="call fit"):
        model.partial_fit(X, y)
    assert pickle.dumps(model) == before
    assert model.predict(X).shape == y.shape  # with the matrix it was trained with


def test_what_has_been_read_is_kept_until_learning_goes_on():
    """The roots of matrices take as long as a hundred rows to learn from."""
    X, y, _, _ = samples_of(TASKS[0])
    model = streamed(TASKS[0])
    for name in ("learning_rates_", "accumulators_", "coef_"):
        assert getattr(model, name) is getattr(model, name)
    rates = model.learning_rates_
    before = rates.copy()
    assert (model.partial_fit(X, y).learning_rates_ != before).any()
    np.testing.assert_array_equal(rates, before)
    with pytest.raises(ValueError, match="read-only"):
        model.sparsify().coef_.data[0] = 1


def test_predictions_while_another_thread_refreshes_are_of_weights_in_between(
    monkeypatch,
):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 6)), rng.normal(size=8)
    model = AdagradRegressor(preconditioner="full", eta0=0.1, refresh_every=2)
    model.partial_fit(X[:4] * (np.arange(6) < 3), y[:4])
    meanwhile, finds = [], _full_models._eigen

    def find_and_be_read(S):
        meanwhile.append(pickled(model).predict(X))  # nothing of it is kept
        return finds(S)

    monkeypatch.setattr(_full_models, "_eigen", find_and_be_read)
    steps = [model.predict(X)]
    for i in range(4, 8):
        model.partial_fit(X[i : i + 1], y[i : i + 1])
        steps.append(model.predict(X))
    assert len(meanwhile) > 1
    for read in meanwhile:
        assert min(np.abs(read - step).max() for step in steps) < 1e-12


def test_accumulators_too_large_for_their_type_are_infinite_without_a_warning():
    X = np.array([[1e10, 1], [2e10, 3], [1e10, 2]], dtype="float32")
    model = AdagradRegressor(eta0=0.1, preconditioner="full", shuffle=False)
    accumulators = model.fit(X, [1e10, 2e10, 3e10]).accumulators_
    assert np.isposinf(accumulators[0])
    assert np.isfinite(model.coef_).all()


def test_values_too_large_are_refused():
    X = [[1e200], [-1e200]]
    for eta0, message in (
        ("auto", r"too large.*MaxAbsScaler\.$"),
        (0.5, "no longer a .* eta0=0.5 or values of X"),
    ):
        model = AdagradClassifier("hinge", eta0=eta0, preconditioner="full")
        with pytest.raises(ValueError, match=message):
            model.fit(X, [0, 1])
