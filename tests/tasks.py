"""Tasks: an estimator, a loss and a number of outputs, and samples that teach them."""

from functools import cache

import numpy as np

from sk_adagrad import AdagradRegressor
from sk_adagrad._losses import REGRESSION_LOSSES

N_ROWS, N_FEATURES = 60, 30
NON_ZEROS = 0, 1, 7, 8, 9, 17  # of the rows, in turn
LOSS_PARAMETERS = {"epsilon": 0.3, "quantile": 0.3, "power": 1.3}
LOG_LINK = [name for name, loss in REGRESSION_LOSSES.items() if loss.log_link]
IDENTITY_LINK = [name for name, loss in REGRESSION_LOSSES.items() if not loss.log_link]


def ids(value):
    """Name a task; leave other values to pytest."""
    return "-".join(map(str, value[1:])) if isinstance(value, tuple) else None


@cache
def samples_of(task, dtype="float64", weighted=True):
    """Return rows, labels or values, the targets that these mean, and weights."""
    estimator, loss, n_outputs = task
    rng = np.random.default_rng(n_outputs)
    X = np.zeros((N_ROWS, N_FEATURES))
    for i, x in enumerate(X):
        touched = rng.choice(N_FEATURES, NON_ZEROS[i % len(NON_ZEROS)], replace=False)
        x[touched] = rng.normal(size=len(touched))
    weight = np.where(np.arange(N_ROWS) % 7 == 3, 0, rng.uniform(0.1, 3, N_ROWS))
    if estimator is AdagradRegressor:
        y = Y = rng.normal(size=(N_ROWS, n_outputs)).astype(dtype)
        if loss in LOG_LINK:
            y = Y = np.abs(y)
    else:
        y = np.arange(N_ROWS) % n_outputs
        positive = [1] if n_outputs == 2 else np.arange(n_outputs)
        Y = np.where(y[:, None] == positive, 1.0, -1.0)
    return X.astype(dtype), y, Y, weight if weighted else np.ones(N_ROWS)


def loss_parameters(task):
    """Return the parameter of the estimator that the loss reads, if it reads one."""
    name = task[0]._losses[task[1]].parameter
    return {name: LOSS_PARAMETERS[name]} if name else {}


def loss_parameter(task):
    """Return its value, or 0 if there is none."""
    return next(iter(loss_parameters(task).values()), 0.0)
