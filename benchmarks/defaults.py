"""Compare the defaults with other estimators, default and tuned, on every set.

A run takes half an hour. Each measurement is added to a file of results as soon as it
is done; a later run skips what is already there. `--report` prints the tables.
"""

import argparse
import json
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from datasets import REGRESSION, load, present, why_missing
from measuring import Table, geometric_mean, header
from scoring import score
from sklearn.linear_model import (
    LogisticRegressionCV,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV, ParameterGrid, train_test_split
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, AdagradRegressor

# The test part of kddcup99 is drawn differently from the training part, so that the
# training part cannot tell what is best there. It is shown separately.
APART = {"kddcup99"}
# One converged fit takes minutes, and choosing C takes a dozen of them.
TOO_LONG = {
    ("conll2000", "LogisticRegression, C by CV"),
    ("debian_packages", "LogisticRegression, C by CV"),
}
TWO_CLASSES = {"imdb", "imdb_bigrams", "clickbait", "sms_spam", "a9a"}
RATES = 2.0 ** np.arange(-6, 4)


# The methods compared. Each function learns from the training rows and returns a model.


def default_fit(dataset, seed):
    return ours(dataset)(random_state=seed).fit(dataset.X_train, dataset.y_train)


def one_stream(dataset, seed):
    order = np.random.default_rng(seed).permutation(len(dataset.y_train))
    classes = () if dataset.is_regression else (np.unique(dataset.y_train),)
    X, y = dataset.X_train[order], dataset.y_train[order]
    return ours(dataset)().partial_fit(X, y, *classes)


def best_rate(dataset, seed):
    """Return the best model on the test part, of one pass each at ten rates.

    No way of choosing a rate can beat it.
    """
    scale = np.std(dataset.y_train) if dataset.is_regression else 1.0
    models = [
        ours(dataset)(eta0=rate, max_iter=1, random_state=seed).fit(
            dataset.X_train, dataset.y_train
        )
        for rate in scale * RATES
    ]
    return min(models, key=lambda model: score(model, dataset)[0])


def tuned(estimator, grids, dataset, seed):
    """Choose from the grids on a fifth of the rows; refit the best on all rows."""
    rows = np.arange(len(dataset.y_train))
    train, held_out = train_test_split(rows, test_size=0.2, random_state=seed)
    part = type(dataset)(
        dataset.name,
        *(dataset.X_train[train], dataset.y_train[train]),
        *(dataset.X_train[held_out], dataset.y_train[held_out]),
    )

    def loss(parameters):
        model = estimator(random_state=seed, **parameters)
        with np.errstate(all="ignore"):
            try:
                model.fit(part.X_train, part.y_train)
                return np.nan_to_num(score(model, part)[0], nan=np.inf)
            except ValueError:  # SGD refuses to go on when weights overflow
                return np.inf

    chosen = min(ParameterGrid(grids), key=loss)
    print("   ", dataset.name, chosen, flush=True)
    model = estimator(random_state=seed, **chosen)
    return model.fit(dataset.X_train, dataset.y_train)


def ours_tuned(dataset, seed):
    scale = float(np.std(dataset.y_train)) if dataset.is_regression else 1.0
    grid = {
        "eta0": ["auto", *(scale * RATES[1:-1]).tolist()],
        "alpha": [0.0, 1e-6, 1e-5],
        "max_iter": [2, 4, 8],
        "tol": [None],
    }
    return tuned(ours(dataset), [grid], dataset, seed)


def sgd_tuned(dataset, seed):
    alphas = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3]
    passes = {"max_iter": [5], "tol": [None], "alpha": alphas}
    if dataset.is_regression:
        estimator = SGDRegressor
        rates = [0.001, 0.01, 0.1]
    else:
        estimator = partial(SGDClassifier, loss="log_loss")
        rates = [0.1, 1.0]
    grids = [
        {**passes, "learning_rate": ["optimal"]},
        {**passes, "learning_rate": ["constant"], "eta0": rates},
        {**passes, "learning_rate": ["invscaling"], "eta0": [10 * r for r in rates]},
    ]
    return tuned(estimator, grids[dataset.is_regression :], dataset, seed)


def sgd_as_it_comes(dataset, seed, **parameters):
    estimator = SGDRegressor if dataset.is_regression else SGDClassifier
    model = estimator(random_state=seed, **parameters)
    return model.fit(dataset.X_train, dataset.y_train)


def logistic_regression(dataset, seed):
    Cs = (
        np.logspace(-1, 2.5, 8) if dataset.n_classes == 2 else np.logspace(-0.5, 2.5, 4)
    )
    model = LogisticRegressionCV(Cs=Cs, cv=3, scoring="neg_log_loss", max_iter=300)
    return model.fit(dataset.X_train.astype(np.float64), dataset.y_train)


def ridge(dataset, seed):
    search = GridSearchCV(
        Ridge(solver="sparse_cg"),
        {"alpha": np.logspace(-1, 3, 9)},
        scoring="neg_mean_squared_error",
        cv=3,  # three parts in the order of rows, which is that of time in hflights
    )
    return search.fit(dataset.X_train.astype(np.float64), dataset.y_train)


def ours(dataset):
    return AdagradRegressor if dataset.is_regression else AdagradClassifier


DEFAULT, STREAM = "ours, fit", "ours, one partial_fit"
HINDSIGHT, TUNED = "ours, one pass, best rate by the test part", "ours, tuned"
SGD, SGD_TUNED = "SGD, log loss", "SGD, tuned"
CONVERGED = "LogisticRegression, C by CV"
SGD_REGRESSION, RIDGE = "SGDRegressor", "Ridge, alpha by CV"
# Each with its number of seeds.
CLASSIFIERS = {
    DEFAULT: (default_fit, 12),
    STREAM: (one_stream, 3),
    HINDSIGHT: (best_rate, 3),
    TUNED: (ours_tuned, 1),
    "SGD, hinge": (sgd_as_it_comes, 2),
    SGD: (partial(sgd_as_it_comes, loss="log_loss"), 2),
    SGD_TUNED: (sgd_tuned, 1),
    CONVERGED: (logistic_regression, 1),
}
REGRESSORS = {
    DEFAULT: (default_fit, 12),
    STREAM: (one_stream, 3),
    HINDSIGHT: (best_rate, 3),
    TUNED: (ours_tuned, 1),
    SGD_REGRESSION: (sgd_as_it_comes, 1),
    SGD_TUNED: (sgd_tuned, 1),
    RIDGE: (ridge, 1),
}


def main():
    arguments = _arguments()
    done = read(arguments.results)
    if not arguments.report:
        if not arguments.sets:
            print(why_missing())
        for name in arguments.sets:
            measure(name, arguments, done)
    report(read(arguments.results))


def measure(name, arguments, done):
    """Add what is missing for one set to the file of results."""
    dataset = load(name, "float32")
    for model_name, (learn, n_seeds) in _models(name).items():
        chosen = not arguments.models or model_name in arguments.models
        if not chosen or (name, model_name) in done or (name, model_name) in TOO_LONG:
            continue
        runs = []
        for seed in range(n_seeds):
            start = time.process_time()
            model = learn(dataset, seed)
            seconds = time.process_time() - start
            if dataset.is_regression or hasattr(model, "predict_proba"):
                loss, error = score(model, dataset)
            else:
                loss = np.nan
                error = np.mean(model.predict(dataset.X_test) != dataset.y_test)
            runs.append((loss, error, seconds))
        loss, error, seconds = np.mean(runs, axis=0)
        result = {"set": name, "model": model_name, "loss": loss, "error": error}
        line = json.dumps({**result, "seconds": seconds})
        print(line, flush=True)
        with arguments.results.open("a") as results:
            results.write(line + "\n")


def read(path):
    """Return the results by set and model."""
    if not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {(line["set"], line["model"]): line for line in lines}


def report(done):
    """Print the tables of losses, errors and seconds, and the ratios."""
    print(header())
    names = list(dict.fromkeys(name for name, _ in done))
    for title, key, models, names_of_table in (
        ("Test log loss", "loss", CLASSIFIERS, set(names) - REGRESSION),
        ("Test error", "error", CLASSIFIERS, set(names) - REGRESSION),
        ("Seconds of CPU", "seconds", CLASSIFIERS, set(names) - REGRESSION),
        ("Test mean squared error", "loss", REGRESSORS, set(names) & REGRESSION),
        ("Seconds of CPU", "seconds", REGRESSORS, set(names) & REGRESSION),
    ):
        print(f"\n### {title}")
        table = Table("set", *models)
        for name in present():
            if name in names_of_table:
                cells = (done.get((name, model), {}).get(key) for model in models)
                table.row(name, *(_cell(cell) for cell in cells))
    print("\n### Geometric means of ratios")
    table = Table("ratio", "of", "sets", "measured", "target", "")
    for ours_name, theirs, key, kind, target in (
        (STREAM, HINDSIGHT, "loss", CLASSIFIERS, 1.04),
        (DEFAULT, SGD, "loss", CLASSIFIERS, 0.70),
        (DEFAULT, SGD, "error", CLASSIFIERS, 0.75),
        (DEFAULT, SGD_TUNED, "loss", CLASSIFIERS, None),
        (DEFAULT, SGD_TUNED, "error", CLASSIFIERS, None),
        (DEFAULT, CONVERGED, "loss", CLASSIFIERS, 0.97),
        (DEFAULT, CONVERGED, "error", CLASSIFIERS, 0.95),
        (DEFAULT, TUNED, "loss", CLASSIFIERS, None),
        (DEFAULT, STREAM, "loss", CLASSIFIERS, None),
        (DEFAULT, SGD_REGRESSION, "loss", REGRESSORS, 1.00),
        (DEFAULT, RIDGE, "loss", REGRESSORS, 1.02),
        (DEFAULT, SGD_TUNED, "loss", REGRESSORS, None),
        (DEFAULT, TUNED, "loss", REGRESSORS, None),
    ):
        sets = {name for name in names if _models(name) is kind}
        _ratio_row(table, done, sets, ours_name, theirs, key, target)
    several = set(names) - REGRESSION - TWO_CLASSES
    for sets, title, target in (
        (TWO_CLASSES, "two classes", 1 / 4),
        (several, "more classes", 1 / 15),
    ):
        _ratio_row(table, done, sets, DEFAULT, SGD, "seconds", target, title)


def _ratio_row(table, done, sets, ours_name, theirs, key, target, title=""):
    pairs = [
        (done[name, ours_name][key], done[name, theirs][key])
        for name in sets - APART
        if {(name, ours_name), (name, theirs)} <= done.keys()
    ]
    if not pairs:
        return
    ratio = geometric_mean([ours / other for ours, other in pairs])
    met = "" if target is None else ("met" if ratio <= target else "missed")
    table.row(
        f"{ours_name} ÷ {theirs}",
        f"{key}, {title}" if title else key,
        len(pairs),
        f"{ratio:.3f}",
        "" if target is None else f"{target:.3g}",
        met,
    )


def _cell(value):
    if value is None or np.isnan(value):
        return ""
    return f"{value:.4g}" if value < 1 else f"{value:.3f}"


def _models(name):
    return REGRESSORS if name in REGRESSION else CLASSIFIERS


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=present(), metavar="NAME")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="as in the tables")
    parser.add_argument(
        "--results", type=Path, default=Path("defaults.jsonl"), help="added to"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing")
    return parser.parse_args()


if __name__ == "__main__":
    # scikit-learn warns of passes that did not suffice and of future parameters.
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        main()
