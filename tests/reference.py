"""The rule as a slow, obvious NumPy loop, and the losses by their definitions."""

from types import SimpleNamespace

import numpy as np


def _sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def _excess(p, y, epsilon):
    return np.maximum(np.abs(p - y) - epsilon, 0)


# Value and slope of each loss at raw prediction p, target y and parameter c. At a kink
# the slope is the one of scikit-learn's SGD where it has the loss.
LOSSES = {
    "log_loss": (
        lambda p, y, c: np.logaddexp(0, -y * p),
        lambda p, y, c: -y * _sigmoid(-y * p),
    ),
    "hinge": (
        lambda p, y, c: np.maximum(0, 1 - y * p),
        lambda p, y, c: np.where(y * p <= 1, -y, 0),
    ),
    "perceptron": (
        lambda p, y, c: np.maximum(0, -y * p),
        lambda p, y, c: np.where(y * p <= 0, -y, 0),
    ),
    "squared_hinge": (
        lambda p, y, c: np.maximum(0, 1 - y * p) ** 2,
        lambda p, y, c: -2 * y * np.maximum(0, 1 - y * p),
    ),
    "modified_huber": (
        lambda p, y, c: np.where(
            y * p >= -1, np.maximum(0, 1 - y * p) ** 2, -4 * y * p
        ),
        lambda p, y, c: np.where(
            y * p >= -1, -2 * y * np.maximum(0, 1 - y * p), -4 * y
        ),
    ),
    "squared_error": (
        lambda p, y, c: (p - y) ** 2 / 2,
        lambda p, y, c: p - y,
    ),
    "absolute_error": (
        lambda p, y, c: np.abs(p - y),
        lambda p, y, c: np.sign(p - y),
    ),
    "huber": (
        lambda p, y, c: np.where(
            np.abs(p - y) <= c, (p - y) ** 2 / 2, c * np.abs(p - y) - c**2 / 2
        ),
        lambda p, y, c: np.clip(p - y, -c, c),
    ),
    "epsilon_insensitive": (
        lambda p, y, c: _excess(p, y, c),
        lambda p, y, c: np.where(np.abs(p - y) > c, np.sign(p - y), 0),
    ),
    "squared_epsilon_insensitive": (
        lambda p, y, c: _excess(p, y, c) ** 2,
        lambda p, y, c: 2 * np.sign(p - y) * _excess(p, y, c),
    ),
    "quantile": (
        lambda p, y, c: np.where(y >= p, c * (y - p), (1 - c) * (p - y)),
        lambda p, y, c: np.where(y >= p, -c, 1 - c),
    ),
}


def adagrad(
    X,
    Y,
    weight,
    *,
    loss,
    parameter=0.0,
    passes=1,
    eta0=0.5,
    eps=1e-8,
    initial_accumulator=0.0,
    fit_intercept=True,
):
    """Learn each column of Y (-1 and 1 for a class and the rest) row by row.

    The intercept is the weight of a last feature that is always 1.
    """
    value, slope = LOSSES[loss]
    X = np.column_stack((X, np.full(len(X), 1.0 if fit_intercept else 0.0)))
    w = np.zeros((Y.shape[1], X.shape[1]))
    G = np.full_like(w, initial_accumulator)
    losses = np.zeros((passes, *Y.shape))
    for n_pass in range(passes):
        for i, x in enumerate(X):
            if weight[i] == 0:
                continue
            touched = np.flatnonzero(x)
            for k in range(Y.shape[1]):
                p = w[k] @ x
                losses[n_pass, i, k] = value(p, Y[i, k], parameter)
                g = weight[i] * slope(p, Y[i, k], parameter) * x[touched]
                G[k, touched] += g**2
                w[k, touched] -= eta0 * g / np.sqrt(G[k, touched] + eps)
    return SimpleNamespace(
        coef=w[:, :-1],
        intercept=w[:, -1],
        accumulators=G[:, :-1],
        intercept_accumulators=G[:, -1],
        loss_curve=np.average(losses.mean(axis=2), axis=1, weights=weight),
        t=passes * np.count_nonzero(weight),
    )
