"""Compare every loss and kind of target with its counterpart in scikit-learn.

Sections: classification, regression, rows (QuantileRegressor, on few rows),
multinomial, labels, memory. Test losses and CPU times are of the same run.
"""

import warnings
from copy import deepcopy
from functools import partial

import numpy as np
import scipy.sparse as sp
from datasets import (
    MULTICLASS,
    all_present,
    load,
    load_reuters,
    power_law,
    present,
    say_if_missing,
)
from measuring import Table, alternate, begin, fit_in_turn, options
from memory import peak_memory
from scoring import of_indicator, score
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.metrics import f1_score, mean_pinball_loss, mean_tweedie_deviance
from sklearn.multiclass import OneVsRestClassifier
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._losses import CLASSIFICATION_LOSSES, evaluated

BINARY = ("imdb", "clickbait", "a9a")
ONE_PASS = {"max_iter": 1, "tol": None}
# SGDRegressor makes all of its 1,000 passes over hflights: 45 seconds for all rows.
REGRESSION_ROWS = {"hflights": 30_000, "insteval": None}
QUANTILES = (0.1, 0.5, 0.9)
LINEAR_PROGRAM_ROWS = 10_000
REGRESSION_COLUMNS = (
    *("set", "loss", "estimator", "test loss", "on training rows", "on test rows"),
    *("CPU s", "Adagrad times faster"),
)
POWERS = {"poisson": 1, "gamma": 2, "tweedie": 1.5}


def classification(arguments):
    """Fit two classes by each loss, as it comes; test losses are by its definition."""
    table = Table(
        *("set", "loss", "test loss, Adagrad", "SGD", "test error, Adagrad", "SGD"),
        *("CPU s, Adagrad", "SGD", "times faster"),
    )
    for dataset in all_present(BINARY, "float32", arguments.max_rows):
        for loss in CLASSIFICATION_LOSSES:
            fits = fit_in_turn(
                {
                    "ours": AdagradClassifier(loss),
                    "theirs": SGDClassifier(loss),
                },
                *(dataset.X_train, dataset.y_train, arguments.rounds),
            )
            scores = [
                median(of_margins(model, dataset, loss) for model in models)
                for models, _ in fits.values()
            ]
            table.row(
                *(dataset.name, loss),
                *(f"{own:.4g}" for own, _ in scores),
                *(f"{error:.4f}" for _, error in scores),
                *of_times(fits),
            )


def of_margins(model, dataset, loss):
    """Return the mean loss of the test part's decision values, and the error."""
    p = model.decision_function(dataset.X_test).astype(np.float64)
    y = np.where(dataset.y_test == model.classes_[1], 1.0, -1.0)
    return mean_by_definition(loss, p, y), np.mean(np.where(p > 0, 1, -1) != y)


def mean_by_definition(loss, p, y, parameter=0.1):
    """Return the mean of a loss without a log link, by its definition."""
    return evaluated(loss, parameter, p, y.astype(np.float64))[0].mean()


def regression(arguments):
    """Fit numbers by each loss as it comes, beside every counterpart."""
    table = Table(*REGRESSION_COLUMNS)
    for name in present(REGRESSION_ROWS):
        max_rows = arguments.max_rows or REGRESSION_ROWS[name]
        dataset = load(name, "float32", max_rows)
        for loss, params, candidates in counterparts():
            compare(table, dataset, loss, params, candidates, arguments.rounds)


def counterparts():
    """Yield each loss, its parameters and the estimators that have it too."""
    yield "squared_error", {}, {"SGDRegressor": SGDRegressor(), "Ridge": Ridge()}
    yield (
        *("absolute_error", {}),
        {"SGDRegressor": SGDRegressor("epsilon_insensitive", epsilon=0)},
    )
    # HuberRegressor measures its epsilon in a scale of the residuals that it learns.
    yield (
        *("huber", {}),
        {"SGDRegressor": SGDRegressor("huber"), "HuberRegressor": HuberRegressor()},
    )
    for loss in ("epsilon_insensitive", "squared_epsilon_insensitive"):
        yield loss, {}, {"SGDRegressor": SGDRegressor(loss)}
    for quantile in QUANTILES:
        yield "quantile", {"quantile": quantile}, {}
    for loss, kind in (
        ("poisson", PoissonRegressor),
        ("gamma", GammaRegressor),
        ("tweedie", partial(TweedieRegressor, power=1.5)),
    ):
        # The default alpha=1 leaves little of one-hot features.
        name = loss.capitalize() + "Regressor, alpha={}"
        yield loss, {}, {name.format(a): kind(alpha=a) for a in (1, 1e-2, 1e-4)}


def rows(arguments):
    """Set quantiles beside QuantileRegressor, a linear program, on few rows."""
    table = Table(*REGRESSION_COLUMNS)
    for name in present(REGRESSION_ROWS):
        dataset = load(name, "float32", arguments.max_rows or LINEAR_PROGRAM_ROWS)
        for quantile in QUANTILES:
            theirs = {
                f"QuantileRegressor, alpha={alpha}": QuantileRegressor(
                    quantile=quantile, alpha=alpha
                )
                for alpha in (1e-2, 1e-3, 1e-4)  # at the default 1 all weights are 0
            }
            compare(table, dataset, "quantile", {"quantile": quantile}, theirs, 1)


def compare(table, dataset, loss, params, candidates, rounds):
    """Add a row for our estimator and one for each of the others."""
    X, y, X_test, y_test = in_range(dataset, loss)
    candidates = {"AdagradRegressor": AdagradRegressor(loss, **params)} | candidates
    fits = fit_in_turn(candidates, X, y, rounds)
    ours = fits["AdagradRegressor"][1].cpu
    label = f"{loss} {params['quantile']}" if params else loss
    for name, (models, timing) in fits.items():
        seen, new = (
            [model.predict(rows).astype(np.float64) for model in models]
            for rows in (X, X_test)
        )
        own = median(loss_of(loss, y_test, p, params) for p in new)
        table.row(
            *(f"{dataset.name}, {X.shape[0]:,} rows", label, name, f"{own:.4g}"),
            *(remark(loss, y, seen), remark(loss, y_test, new)),
            f"{timing.cpu:.3g}",
            "" if name == "AdagradRegressor" else f"{timing.cpu / ours:.1f}",
        )


def in_range(dataset, loss):
    """Return the samples with targets in the domain of the loss.

    An early flight is no delay: 0 minutes for Poisson and Tweedie, and left out for
    gamma, which has no 0.
    """
    parts = []
    for X, y in (
        (dataset.X_train, dataset.y_train),
        (dataset.X_test, dataset.y_test),
    ):
        if loss in POWERS:
            y = np.maximum(y, 0)
        kept = y > 0 if loss == "gamma" else slice(None)
        parts += [X[kept], y[kept]]
    return parts


def loss_of(loss, y, predicted, params):
    """Return the mean loss, or the mean deviance under a log link."""
    if loss in POWERS:
        return mean_tweedie_deviance(y, predicted, power=POWERS[loss])
    if loss == "quantile":
        return mean_pinball_loss(y, predicted, alpha=params["quantile"])
    return mean_by_definition(loss, predicted, y)


def remark(loss, y, predictions):
    """Return the share of targets below a quantile, or the ratio to their mean."""
    if loss == "quantile":
        share = median(np.mean(y <= predicted) for predicted in predictions)
        return f"{share:.3f} below"
    if loss in POWERS:
        ratio = median(predicted.mean() / y.mean() for predicted in predictions)
        return f"{ratio:.3f} of the mean"
    return ""


def multinomial(arguments):
    """Time the softmax against one-vs-rest of as many lanes, at a float rate."""
    table = Table(
        *("set", "classes", "fit", "CPU s, one-vs-rest", "multinomial", "ratio"),
        *("test log loss, one-vs-rest", "multinomial", "test error, one-vs-rest"),
        "multinomial",
    )
    ratios = []
    for dataset in all_present(MULTICLASS, "float32", arguments.max_rows):
        for fit, params in (
            ("one pass, eta0=0.5", {"eta0": 0.5, **ONE_PASS}),
            ("default", {}),
        ):
            fits = fit_in_turn(
                {
                    multi_class: AdagradClassifier(multi_class=multi_class, **params)
                    for multi_class in ("ovr", "multinomial")
                },
                *(dataset.X_train, dataset.y_train, 2 * arguments.rounds + 1),
                keep=1,
            )
            times = [timing.cpu for _, timing in fits.values()]
            scores = np.array(
                [median(score(m, dataset) for m in ms) for ms, _ in fits.values()]
            )
            table.row(
                *(dataset.name, dataset.n_classes, fit),
                *(f"{seconds:.3g}" for seconds in times),
                f"{times[1] / times[0]:.2f}",
                *(f"{value:.4f}" for value in scores.T.ravel()),
            )
            ratios += [times[1] / times[0]] * ("eta0" in params)
    if ratios:
        print(f"\nOne pass: at most {max(ratios):.2f} times one-vs-rest; wanted 1.5.")


def labels(arguments):
    """Learn the 120 topics of Reuters-21578 in one call, beside a model for each."""
    if not present(["reuters21578"]):
        print("\nReuters-21578 is not there.")
        return
    X, Y, X_test, Y_test = load_reuters("float32")
    sgd = SGDClassifier(loss="log_loss")
    candidates = {
        "one SGDClassifier a label": OneVsRestClassifier(sgd),
        "the same, one pass": OneVsRestClassifier(clone(sgd).set_params(**ONE_PASS)),
        "one a label, hinge": OneVsRestClassifier(SGDClassifier()),
        "AdagradClassifier": AdagradClassifier(),
        "AdagradClassifier, eta0=1": AdagradClassifier(eta0=1.0),
        "AdagradClassifier, hinge": AdagradClassifier("hinge"),
        "AdagradClassifier, hinge, eta0=1": AdagradClassifier("hinge", eta0=1.0),
        "AdagradClassifier, three passes": AdagradClassifier(max_iter=3),
    }
    fits = fit_in_turn(candidates, X, Y, 2 * arguments.rounds + 1, keep=1)
    table = Table(
        *("estimator", "CPU s", "times faster than SGD", "than one pass", "than hinge"),
        *("test log loss", "micro F1", "macro F1"),
    )
    sgd_cpu = [timing.cpu for _, timing in list(fits.values())[:3]]
    for name, (models, timing) in fits.items():
        loss, *f1 = median(of_labels(model, X_test, Y_test) for model in models)
        table.row(
            *(name, f"{timing.cpu:.3g}"),
            *(f"{cpu / timing.cpu:.1f}" for cpu in sgd_cpu),
            *("" if np.isnan(loss) else f"{loss:.5f}", *(f"{x:.4f}" for x in f1)),
        )


def of_labels(model, X, Y):
    """Return the mean log loss over samples and labels, and the F1 scores."""
    loss = np.nan
    if hasattr(model, "predict_proba"):
        loss = of_indicator(model.predict_proba(X), Y.toarray() > 0)
    predicted = model.predict(X)
    return loss, *(
        f1_score(Y, predicted, average=average, zero_division=0)
        for average in ("micro", "macro")
    )


def memory(arguments):
    """Fit 1,000 classes by 100,000 features, and predict with what L1 leaves."""
    n_classes, n_features = 1_000, 100_000
    n_rows = arguments.max_rows or 50_000
    dataset = power_law(
        n_rows, n_features, 60, "float32", n_classes=n_classes, n_test=2_000
    )
    X, y = dataset.X_train, dataset.y_train
    state = 2 * 4 * n_classes * n_features / 2**20
    table = Table("fit", "CPU s", "peak MB", "of them state", "other MB")
    for fit, params in (
        ("one pass, eta0=0.5", {"eta0": 0.5, **ONE_PASS}),
        ("default", {}),
    ):
        model = AdagradClassifier(random_state=0, **params)
        ((_, timing),) = fit_in_turn({fit: model}, X, y, 1).values()
        peak = peak_memory(model, X, y)
        table.row(
            *(fit, f"{timing.cpu:.3g}", f"{peak:.0f}", f"{state:.0f}"),
            f"{peak - state:.0f}",
        )
    table = Table(
        *("L1", "non-zeros", "coef_ MB", "CSR", "CPU s of predict, 2,000 rows", "CSR"),
        "same classes",
    )
    for alpha in (1e-7, 1e-6, 1e-5):
        l1 = {"update": "dual_averaging", "alpha": alpha, "l1_ratio": 1}
        model = AdagradClassifier(random_state=0, **l1, **ONE_PASS).fit(X, y)
        sizes, seconds, classes = [], [], []
        for fitted in (model, deepcopy(model).sparsify()):
            coef = fitted.coef_
            parts = (coef.data, coef.indices) if sp.issparse(coef) else (coef,)
            sizes.append(sum(part.nbytes for part in parts) / 2**20)
            predict = {"": lambda seed, m=fitted: m.predict(dataset.X_test)}
            seconds.append(alternate(predict, arguments.rounds)[""].cpu)
            classes.append(fitted.predict(dataset.X_test))
        table.row(
            *(f"{alpha:g}", f"{coef.nnz / np.prod(coef.shape):.4f}"),
            *(f"{size:.0f}" for size in sizes),
            *(f"{cpu:.3g}" for cpu in seconds),
            f"{np.mean(classes[0] == classes[1]):.1%}",
        )
    try:
        AdagradClassifier(eta0=0.5).fit(sp.csr_matrix((2_000, 10**9)), np.arange(2_000))
    except MemoryError as error:
        print(f"\n2,000 classes of 10^9 features: MemoryError: {error}")


def median(values):
    """Return the median over models of each of their values."""
    return np.median(list(values), axis=0)


def of_times(fits):
    """Return the two CPU times and their ratio as cells."""
    ours, theirs = (timing.cpu for _, timing in fits.values())
    return f"{ours:.3g}", f"{theirs:.3g}", f"{theirs / ours:.1f}"


SECTIONS = {
    section.__name__: section
    for section in (classification, regression, rows, multinomial, labels, memory)
}


def main():
    arguments = begin(options(__doc__, sections=SECTIONS, rounds=3))
    print(
        f"One thread, CPU time, medians of {arguments.rounds} alternating rounds, of "
        f"multinomial and labels {2 * arguments.rounds + 1}."
    )
    say_if_missing()
    for name in arguments.sections:
        print(f"\n### {name}\n\n{SECTIONS[name].__doc__.splitlines()[0]}", flush=True)
        SECTIONS[name](arguments)


if __name__ == "__main__":
    # The times show where SGD and L-BFGS did not converge.
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "Label not")  # some topics have no text
    with threadpool_limits(1):
        main()
