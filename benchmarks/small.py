"""Compare defaults on the small sets that come with scikit-learn.

Each is learned in its own units and standardised, on random halves, by our estimator,
by SGD and by LogisticRegression or Ridge, all with their defaults.
"""

import warnings

import numpy as np
from measuring import Table, begin, options
from scoring import of_classes
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, AdagradRegressor

SPLITS = 10


def classes_of_iris():
    """Return the two classes of iris that no plane separates."""
    X, y = load_iris(return_X_y=True)
    return X[y > 0], y[y > 0]


def tasks():
    yield "iris", load_iris(return_X_y=True)
    yield "iris, two classes", classes_of_iris()
    yield "wine", load_wine(return_X_y=True)
    yield "breast cancer", load_breast_cancer(return_X_y=True)
    yield "digits", load_digits(return_X_y=True)
    yield "diabetes", load_diabetes(return_X_y=True, scaled=False)


def models(is_regression, seed):
    if is_regression:
        return AdagradRegressor(random_state=seed), SGDRegressor(), Ridge()
    sgd = SGDClassifier(loss="log_loss", random_state=seed)
    return AdagradClassifier(random_state=seed), sgd, LogisticRegression(max_iter=2_000)


def score(model, X, y):
    """Return accuracy and log loss, or R² and the mean squared error."""
    if hasattr(model, "classes_"):
        loss, error = of_classes(model, X, y)
        return 1 - error, loss
    return model.score(X, y), mean_squared_error(y, model.predict(X))


def compare(X, y, is_regression, standardise):
    """Return mean scores of shape (n_models, 2)."""
    scores = []
    for seed in range(SPLITS):
        parts = train_test_split(X, y, test_size=0.5, random_state=seed)
        X_train, X_test, y_train, y_test = parts
        scores.append([])
        for model in models(is_regression, seed):
            if standardise:
                scaled = make_pipeline(StandardScaler(), model).fit(X_train, y_train)
                scores[-1].append(score(scaled, X_test, y_test))
            else:
                scores[-1].append(score(model.fit(X_train, y_train), X_test, y_test))
    return np.mean(scores, axis=0)


def main():
    begin(options(__doc__))
    of_models = [
        f"{name}: {what}"
        for name in ("ours", "SGD", "converged")
        for what in ("accuracy or R²", "loss")
    ]
    table = Table("set", "columns", *of_models)
    for name, (X, y) in tasks():
        is_regression = name == "diabetes"
        for standardise in (False, True):
            scores = compare(X, y, is_regression, standardise)
            units = "standardised" if standardise else "as they are"
            table.row(name, units, *(f"{value:.3g}" for value in scores.ravel()))


if __name__ == "__main__":
    # scikit-learn warns of steps that did not suffice and of sums that overflow.
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        main()
