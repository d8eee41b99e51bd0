"""
Intervals from quantiles
========================

A line for the mean says nothing about how far off it may be; two quantiles do.

``loss="quantile"`` is the pinball loss, which is smallest at the quantile. A model for
5 % and one for 95 % have nine out of ten targets between them, in an interval that is
narrow where targets are certain and wide where they are not. Here the spread grows
along x. Splines as features let the linear models learn curves.

The intervals are checked on held-out samples, overall and for each fifth of x. They are
compared with the constant interval around the mean that ``loss="squared_error"`` gives:
it covers as many targets overall, but not where they spread most.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from sk_adagrad import AdagradRegressor

LOW, HIGH = 0.05, 0.95


def draw(n_samples, seed):
    """Return x and targets around a sine that spread further the larger x is."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, n_samples)
    y = np.sin(x) + (0.1 + 0.08 * x) * rng.standard_t(5, n_samples)
    return x[:, None], y


def fitted(X, y, **params):
    """Learn a curve from splines."""
    splines = SplineTransformer(n_knots=12, sparse_output=True)
    model = AdagradRegressor(max_iter=20, random_state=0, **params)
    return make_pipeline(splines, model).fit(X, y)


def coverage(y, low, high):
    """Return the share of targets in the interval."""
    return np.mean((low <= y) & (y <= high))


if __name__ == "__main__":
    X, y = draw(20_000, seed=0)
    X_test, y_test = draw(10_000, seed=1)
    low, high = (
        fitted(X, y, loss="quantile", quantile=q).predict(X_test) for q in (LOW, HIGH)
    )
    mean = fitted(X, y)
    offsets = np.quantile(y - mean.predict(X), [LOW, HIGH])
    constant = mean.predict(X_test) + offsets[:, None]

    fifths = np.digitize(X_test[:, 0], [2, 4, 6, 8])
    print(
        f"{'':14}{'all':>8}"
        + "".join(f"{f'x {2 * k}-{2 * k + 2}':>8}" for k in range(5))
    )
    for name, (a, b) in {"quantiles": (low, high), "mean": constant}.items():
        shares = [coverage(y_test, a, b)]
        for k in range(5):
            of_k = fifths == k
            shares.append(coverage(y_test[of_k], a[of_k], b[of_k]))
        print(f"{name:14}" + "".join(f"{share:8.3f}" for share in shares))

    order = np.argsort(X_test[:, 0])
    x = X_test[order, 0]
    _, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(X_test[:1000, 0], y_test[:1000], ".", color="0.7", markersize=3)
    axes.fill_between(x, low[order], high[order], alpha=0.3, label="5 % to 95 %")
    for edge in constant:
        axes.plot(x, edge[order], "k--", linewidth=1)
    axes.plot([], [], "k--", label="mean and constant offsets")
    axes.set(xlabel="x", ylabel="y", ylim=(-4, 5))
    axes.legend(loc="upper left")
    plt.show()
