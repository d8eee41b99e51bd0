"""Test losses and errors, computed alike in all benchmarks.

Probabilities below 1e-7 count as 1e-7, so that float32 and float64 models are judged
alike; so does that of a class missing in training, whose rows also count as errors.
"""

import numpy as np

LEAST = 1e-7


def log_loss(probability) -> float:
    """Return the mean loss, given the predicted probability of each true class."""
    probability = np.asarray(probability, dtype=np.float64)
    return -np.log(np.maximum(probability, LEAST)).mean()


def of_classes(model, X, y):
    """Return the log loss and the error of a classifier."""
    code = np.minimum(np.searchsorted(model.classes_, y), len(model.classes_) - 1)
    probability = model.predict_proba(X)[np.arange(len(y)), code]
    loss = log_loss(np.where(model.classes_[code] == y, probability, 0))
    return loss, np.mean(model.predict(X) != y)


def of_indicator(probability, Y) -> float:
    """Return the mean log loss of labels, one or several, each present or absent."""
    probability = np.asarray(probability, dtype=np.float64)
    return log_loss(np.where(Y, probability, 1 - probability))


def score(model, dataset):
    """Return the test part's log loss and error, or its squared error and NaN."""
    X, y = dataset.X_test, dataset.y_test
    if dataset.is_regression:
        return np.mean((model.predict(X).astype(np.float64) - y) ** 2), np.nan
    return of_classes(model, X, y)
