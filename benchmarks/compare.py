"""Compare one pass and a default fit with scikit-learn's SGD estimators.

Prints a Markdown table for all sets present, or for a synthetic one where none is.
"""

import warnings

import numpy as np
from datasets import load, power_law, present, why_missing
from measuring import Table, begin, fit_in_turn, options
from memory import peak_memory
from scoring import score
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier, SGDRegressor
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, AdagradRegressor


def main():
    parser = options(__doc__, rounds=5)
    parser.add_argument("--sets", nargs="+", default=present(), metavar="NAME")
    parser.add_argument("--dtype", nargs="+", default=["float32", "float64"])
    arguments = begin(parser)
    print(
        f"One thread, rows shuffled by both, medians of {arguments.rounds} alternating "
        "rounds. ns/nnz is CPU time over the non-zeros of X, all passes together; "
        "times faster is SGD's CPU time over ours; memory is the fit's beyond X."
    )
    if not arguments.sets:
        print(why_missing())
    table = Table(
        *("set", "dtype", "fit", "passes", "CPU s", "wall s", "ns/nnz"),
        *("times faster", "test log loss or MSE", "test error", "memory MB"),
    )
    for name in arguments.sets or [None]:
        for dtype in arguments.dtype:
            compare(_dataset(name, dtype, arguments.max_rows), arguments, table)


def compare(dataset, arguments, table):
    """Add four rows to the table: one pass and default fit, ours and scikit-learn's."""
    X, y = dataset.X_train, dataset.y_train
    candidates = estimators(dataset)
    fits = fit_in_turn(candidates, X, y, arguments.rounds)
    for name, (models, timing) in fits.items():
        _, sgd = fits[f"SGD, {name.partition(', ')[2]}"]
        loss, error = np.median([score(model, dataset) for model in models], axis=0)
        table.row(
            dataset.name,
            X.dtype,
            name,
            int(np.median([model.n_iter_ for model in models])),
            f"{timing.cpu:.3g}",
            f"{timing.wall:.3g}",
            f"{timing.cpu / X.nnz * 1e9:.3g}",
            f"{sgd.cpu / timing.cpu:.2f}",
            f"{loss:.4g}",
            "" if dataset.is_regression else f"{error:.4f}",
            f"{peak_memory(candidates[name], X, y):.1f}",
        )


def estimators(dataset):
    """Return the four estimators by name; all of them shuffle."""
    ours, theirs = AdagradClassifier(), SGDClassifier(loss="log_loss")
    if dataset.is_regression:
        ours, theirs = AdagradRegressor(), SGDRegressor()
    one_pass = {"max_iter": 1, "tol": None}
    return {
        "Adagrad, one pass": clone(ours).set_params(**one_pass),
        "SGD, one pass": clone(theirs).set_params(**one_pass),
        "Adagrad, default": ours,
        "SGD, default": theirs,
    }


def _dataset(name, dtype, max_rows):
    if name is not None:
        return load(name, dtype, max_rows)
    return power_law(max_rows or 200_000, 47_000, 60, dtype, n_test=20_000)


if __name__ == "__main__":
    # The column of passes shows where SGD did not converge in its 1,000 passes.
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):
        main()
