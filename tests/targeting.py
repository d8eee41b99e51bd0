"""Rows, and targets of each kind."""

import numpy as np

N_ROWS, N_FEATURES = 120, 15


def rows(seed=0, n_rows=N_ROWS, dtype="float64"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, N_FEATURES)) * (rng.random((n_rows, N_FEATURES)) < 0.4)
    weight = rng.uniform(0.1, 2, n_rows) * (rng.random(n_rows) < 0.9)
    return X.astype(dtype), weight


def classes(n_classes, n_rows=N_ROWS):
    return np.random.default_rng(n_classes).permutation(np.arange(n_rows) % n_classes)


def labels(n_labels=11, n_rows=N_ROWS):
    return (np.random.default_rng(3).random((n_rows, n_labels)) < 0.3).astype(int)
