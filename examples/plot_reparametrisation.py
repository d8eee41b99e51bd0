"""
The unit of a feature
=====================

Multiplying a column by a constant changes Adagrad's path; scale_invariant undoes it.

Learning z in θ_j = b_j z_j means multiplying column j by b_j. Gradients are then
multiplied by b_j, and so is the root of their sum of squares. The step of z_j is what
the step of θ_j was, and that of θ_j is b_j times as long::

    z_j <- z_j - η b_j g_j / (|b_j| √G_j),      θ_j <- θ_j - |b_j| η g_j / √G_j

Where plain gradient descent would multiply its rate by b_j², Adagrad's is multiplied by
``|b_j|``, which is less, but still matters. With ``scale_invariant=True`` the model
divides each column by the largest value seen so far, and so by b_j again. (The
equations leave out ε, which is tiny.)

The plot shows the path of θ for three units of the second feature, under both rules.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradRegressor

UNITS = [0.1, 1.0, 10.0]  # b of the second feature


def draw_data(n_rows=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2))
    return X, X @ [1.0, 2.0] + 0.1 * rng.normal(size=n_rows)


def path(X, y, b, **options):
    """Learn z from the columns b_j x_j row by row; return θ = b z after each row."""
    model = AdagradRegressor(fit_intercept=False, **options)
    points = []
    for i in range(len(X)):
        model.partial_fit(b * X[i : i + 1], y[i : i + 1])
        points.append(b * model.coef_)
    return np.array(points)


# %%

X, y = draw_data()
rules = {
    "Adagrad": {"eta0": 0.3, "eps": 1e-20},
    "scale_invariant=True": {"eta0": 0.3, "eps": 1e-20, "scale_invariant": True},
}
paths = {
    rule: [path(X, y, np.array([1.0, b]), **options) for b in UNITS]
    for rule, options in rules.items()
}
for rule, of_units in paths.items():
    apart = max(np.abs(points - of_units[1]).max() for points in of_units)
    print(f"{rule}: paths of θ differ by {apart:.1e} at most")

# %%

_, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, (rule, of_units) in zip(panels, paths.items(), strict=True):
    for b, points, width in zip(UNITS, of_units, [6, 4, 1.5], strict=True):
        ax.plot(*points.T, linewidth=width, alpha=0.7, label=f"unit {b}")
    ax.plot(1, 2, "k*", markersize=12)
    ax.set(xlabel=r"$\theta_1$", title=rule)
panels[0].set_ylabel(r"$\theta_2$")
panels[0].legend()
plt.show()
