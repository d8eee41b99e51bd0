"""Time a search of 8 rates, 4 penalties and 5 folds, beside grid searches.

The grid search over our own estimator has the same cells and must find the same scores;
the one over SGDClassifier has as many, 32 values of alpha.
"""

import argparse

import numpy as np
from datasets import load, present, why_missing
from measuring import Table, alternate, header
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, AdagradClassifierCV

ALPHAS = (0.0, 1e-7, 1e-6, 1e-5)
N_RATES = 8
TARGETS = {"GridSearchCV, AdagradClassifier": 8, "GridSearchCV, SGDClassifier": 20}


def searches(X, y, scoring, update):
    """Return what to time, and the results of what has run."""
    results = {}
    rates = _rates(X, y)
    ours = AdagradClassifierCV(
        eta0s=rates, alphas=ALPHAS, cv=5, scoring=scoring, update=update
    )
    grids = {
        "GridSearchCV, AdagradClassifier": (
            AdagradClassifier(update=update),
            {"eta0": rates, "alpha": ALPHAS, "l1_ratio": (0.0,)},
        ),
        "GridSearchCV, SGDClassifier": (
            SGDClassifier(loss="log_loss"),
            {"alpha": np.geomspace(1e-7, 1e-3, N_RATES * len(ALPHAS))},
        ),
    }

    def run_ours(seed):
        results["ours"] = ours.set_params(random_state=seed).fit(X, y)

    def run_grid(name):
        def run(seed):
            estimator, grid = grids[name]
            estimator.set_params(random_state=seed)
            search = GridSearchCV(estimator, grid, cv=5, scoring=scoring)
            results[name] = search.fit(X, y)

        return run

    return {"ours": run_ours, **{name: run_grid(name) for name in grids}}, results


def _rates(X, y):
    """Return the rates of `eta0s=8`."""
    search = AdagradClassifierCV(eta0s=N_RATES, refit=False).fit(X, y)
    return [cell["eta0"] for cell in search.cv_results_["params"]]


def main():
    arguments = _arguments()
    print(header())
    name = "imdb"
    if not present([name]):
        print(why_missing())
        return
    dataset = load(name, "float32", arguments.max_rows)
    for scoring in arguments.scoring:
        candidates, results = searches(
            dataset.X_train,
            dataset.y_train,
            None if scoring == "none" else scoring,
            arguments.update,
        )
        timings = alternate(candidates, arguments.rounds)
        table = Table(
            f"{name}, {arguments.update}, scoring={scoring}",
            *("CPU s", "times ours", "target", "best score", "test accuracy"),
        )
        for each, timing in timings.items():
            ratio = timing.cpu / timings["ours"].cpu
            accuracy = results[each].predict(dataset.X_test) == dataset.y_test
            table.row(
                *(each, f"{timing.cpu:.2f}", f"{ratio:.1f}", TARGETS.get(each, "")),
                *(f"{results[each].best_score_:.4f}", f"{accuracy.mean():.4f}"),
            )
        difference = _largest_difference(results)
        print(f"\nScores of the first two differ by {difference:.1e} at most.")


def _largest_difference(results):
    ours, same_cells = (
        results[name].cv_results_["mean_test_score"]
        for name in ("ours", "GridSearchCV, AdagradClassifier")
    )
    return np.abs(ours - same_cells).max()


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-rows", type=int, help="training rows, for a trial")
    parser.add_argument("--scoring", nargs="+", default=["none", "neg_log_loss"])
    parser.add_argument("--update", default="mirror_descent")
    return parser.parse_args()


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
