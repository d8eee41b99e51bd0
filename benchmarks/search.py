"""Time a search of 8 rates, 4 penalties and 5 folds against grid searches.

The grid search over our own estimator has the same cells and must find the same scores;
the one over SGDClassifier has as many, 32 values of alpha.
"""

import numpy as np
from datasets import load, present, why_missing
from measuring import Table, begin, fit_in_turn, options
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, AdagradClassifierCV

ALPHAS = (0.0, 1e-7, 1e-6, 1e-5)
N_RATES = 8
SAME_CELLS = "GridSearchCV, AdagradClassifier"
TARGETS = {SAME_CELLS: 8, "GridSearchCV, SGDClassifier": 20}


def searches(X, y, scoring, update):
    """Return our search and the two grid searches by name."""
    rates = _rates(X, y)
    scored = {"cv": 5, "scoring": scoring}
    cells = {"eta0": rates, "alpha": ALPHAS, "l1_ratio": (0.0,)}
    alphas = {"alpha": np.geomspace(1e-7, 1e-3, N_RATES * len(ALPHAS))}
    return {
        "ours": AdagradClassifierCV(
            eta0s=rates, alphas=ALPHAS, update=update, **scored
        ),
        SAME_CELLS: GridSearchCV(AdagradClassifier(update=update), cells, **scored),
        "GridSearchCV, SGDClassifier": GridSearchCV(
            SGDClassifier(loss="log_loss"), alphas, **scored
        ),
    }


def _rates(X, y):
    """Return the rates of `eta0s=8`."""
    search = AdagradClassifierCV(eta0s=N_RATES, refit=False).fit(X, y)
    return [cell["eta0"] for cell in search.cv_results_["params"]]


def main():
    parser = options(__doc__, rounds=3)
    parser.add_argument("--scoring", nargs="+", default=["none", "neg_log_loss"])
    parser.add_argument("--update", default="mirror_descent")
    arguments = begin(parser)
    if not present(["imdb"]):
        print(why_missing())
        return
    dataset = load("imdb", "float32", arguments.max_rows)
    X, y = dataset.X_train, dataset.y_train
    for name in arguments.scoring:
        scoring = None if name == "none" else name
        candidates = searches(X, y, scoring, arguments.update)
        fits = fit_in_turn(candidates, X, y, arguments.rounds, keep=1)
        _, ours = fits["ours"]
        table = Table(
            f"{dataset.name}, {arguments.update}, scoring={name}",
            *("CPU s", "times ours", "target", "best score", "test accuracy"),
        )
        for each, ((search,), timing) in fits.items():
            accuracy = np.mean(search.predict(dataset.X_test) == dataset.y_test)
            table.row(
                *(each, f"{timing.cpu:.2f}", f"{timing.cpu / ours.cpu:.1f}"),
                *(TARGETS.get(each, ""), f"{search.best_score_:.4f}"),
                f"{accuracy:.4f}",
            )
        (one,), (other,) = (fits[name][0] for name in ("ours", SAME_CELLS))
        difference = np.abs(mean_scores(one) - mean_scores(other)).max()
        print(f"\nScores of the first two differ by {difference:.1e} at most.")


def mean_scores(search):
    return search.cv_results_["mean_test_score"]


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
