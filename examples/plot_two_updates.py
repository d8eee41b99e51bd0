"""
Dual averaging and mirror descent
=================================

Without a penalty the two updates agree in special cases only.

They weight past gradients differently: mirror descent divides each by the root of G at
its time, dual averaging divides all of them by the current root::

    mirror descent:  w_t = -η Σ_s g_s / √(G_s + ε)
    dual averaging:  w_t = -η (Σ_s g_s) / √(G_t + ε)

The weights are equal if G did not grow after the first gradient, since then no past
step is rescaled: at the first update of each feature, and in the limit of a large
``initial_accumulator`` G₀ with η = c √G₀, where both are gradient descent at rate c.
The difference vanishes there as 1/G₀. FTRL-proximal, which has the penalties of dual
averaging, always takes the steps of mirror descent.

The plot shows how the paths of one weight separate after the first step, and how the
difference of the two updates falls as 1/G₀.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradRegressor

RATE = 0.05  # c, of the limit


def draw_data(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    return X, X @ [1.0, -2.0, 0.5] + rng.normal(size=n_rows)


def path(update, X, y, **options):
    """Return the weights after each row of a stream."""
    model = AdagradRegressor(update=update, fit_intercept=False, **options)
    rows = range(len(X))
    return np.array([model.partial_fit(X[i : i + 1], y[i : i + 1]).coef_ for i in rows])


def difference(X, y, initial_accumulator):
    """Return how far apart the last weights are where steps start at rate c."""
    options = {
        "initial_accumulator": initial_accumulator,
        "eta0": RATE * np.sqrt(initial_accumulator),
        "fit_intercept": False,
    }
    averaged, descended = (
        AdagradRegressor(update=update, **options).partial_fit(X, y).coef_
        for update in ("dual_averaging", "mirror_descent")
    )
    return np.abs(averaged - descended).max()


# %%

X, y = draw_data()
updates = ["mirror_descent", "dual_averaging", "ftrl_proximal"]
paths = {update: path(update, X, y, eta0=0.5) for update in updates}
for update in updates[1:]:
    apart = np.abs(paths[update] - paths["mirror_descent"]).max(axis=1)
    print(f"{update} and mirror_descent: {apart[0]:.1e} apart after the first row,")
    print(f"    {apart.max():.1e} at most later")

starts = np.geomspace(1, 1e8, 9)
differences = np.array([difference(X, y, start) for start in starts])
print(f"dual averaging at G_0 = 1e8: {differences[-1]:.1e} apart")

# %%

_, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for update, style in zip(updates, ["-", "-", ":"], strict=True):
    left.plot(paths[update][:, 1], style, linewidth=2, label=update)
left.set(xlabel="rows", ylabel="weight", title="One weight, no penalty")
left.legend()
right.loglog(starts, differences, "o-", label="largest difference")
right.loglog(starts, differences[-1] * starts[-1] / starts, "k--", label="1 / $G_0$")
right.set(xlabel="initial_accumulator $G_0$", title="They agree where G hardly grows")
right.legend()
plt.show()
