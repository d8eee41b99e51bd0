"""
Steep and flat directions
=========================

On a quadratic, Adagrad takes the same path along steep and flat directions.

The loss is f(w) = ½ Σ L_i (w_i - w*_i)². Along coordinate i all gradients carry the
factor L_i, and so does the root of their sum of squares; it cancels::

    w_i <- w_i - η L_i e_i / √(Σ L_i² e_i²) = w_i - η e_i / √(Σ e_i²)

with e_i = w_i - w*_i.

So the learning rate along i is η / (L_i √Σ e_i²): short where it is steep, long where
it is flat. A single rate for all must stay below 2 / max L_i, and then crawls where it
is flat.

The plot shows SGD and SGD with momentum, each at the best of many constant rates, and
Adagrad, whose rate is chosen in the same way. There is one row √L_i e_i for each
coordinate, so a pass is one step on f. The axes of this quadratic are those of the
weights; where it is rotated, a diagonal of rates cannot follow.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradRegressor

CURVATURES = np.geomspace(1, 1e-4, 9)
OPTIMUM = np.array([1.0, -0.5, 0.8, -1.2, 0.6, 1.0, -0.9, 0.7, -1.1])
STEPS = 300
RATES = np.geomspace(0.1, 10, 41)
MOMENTA = [0.5, 0.8, 0.9, 0.95, 0.96, 0.98, 0.99]
ETAS = [0.2, 0.5, 1.0, 2.0, 5.0]


def loss(path):
    """Return f along a path of shape (n_steps, n_coordinates)."""
    with np.errstate(over="ignore"):
        return (CURVATURES * (path - OPTIMUM) ** 2).sum(axis=-1) / 2


def sgd(rate, momentum=0.0):
    """Descend at a constant rate: v <- momentum v + g, w <- w - rate v."""
    w, v, path = np.zeros_like(OPTIMUM), np.zeros_like(OPTIMUM), []
    with np.errstate(over="ignore", invalid="ignore"):  # where the rate is too large
        for _ in range(STEPS):
            v = momentum * v + CURVATURES * (w - OPTIMUM)
            w = w - rate * v
            path.append(w)
    return np.array(path)


def adagrad(rate, curvatures=CURVATURES):
    """Return Adagrad's path and its learning rates after each step."""
    X = np.diag(np.sqrt(curvatures))
    model = AdagradRegressor(eta0=rate, eps=1e-30, fit_intercept=False)
    path, rates = [], []
    for _ in range(STEPS):
        model.partial_fit(X, X @ OPTIMUM)
        path.append(model.coef_)
        rates.append(model.learning_rates_)
    return np.array(path), np.array(rates)


def best(paths):
    """Return the path that ends lowest; one that diverged is no candidate."""
    return min(paths, key=lambda path: np.nan_to_num(loss(path)[-1], nan=np.inf))


# %%
# The best of 41 rates for SGD, of these with seven momenta each for SGD with momentum,
# and of five for Adagrad.

best_sgd = best(sgd(rate) for rate in RATES)
best_momentum = best(sgd(rate, m) for rate in RATES for m in MOMENTA)
best_adagrad = best(adagrad(eta)[0] for eta in ETAS)
paths = {
    "SGD": best_sgd,
    "SGD with momentum": best_momentum,
    "Adagrad": best_adagrad,
    "Adagrad, eta0=0.5 untuned": adagrad(0.5)[0],
}
for name, path in paths.items():
    print(f"{name:<26} f after {STEPS} steps: {loss(path)[-1]:.1e}")

# %%

_, rates = adagrad(0.5)
_, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, path in paths.items():
    left.semilogy(np.maximum(loss(path), 1e-30), label=name)
left.set(xlabel="step", ylabel="f", title="Progress at the best rate of each")
left.legend()
for i in range(0, len(CURVATURES), 2):
    right.semilogy(rates[:, i], label=f"L = {CURVATURES[i]:.0e}")
right.set(xlabel="step", ylabel="learning rate", title="Adagrad's rates, eta0=0.5")
right.set_xlim(-3, 100)
right.legend(title="curvature", loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
