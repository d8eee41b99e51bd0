"""
Rare features keep long steps
=============================

The learning rate of a rare feature stays high, as it shrinks only when the feature
occurs.

Feature j takes the value b_j with probability p_j and is 0 otherwise, and the slope d
of the loss does not depend on which features occur. Then each occurrence adds d² b_j²
to G_j, so that::

    G_j ≈ t p_j b_j² E[d²]        (η/√G_1) / (η/√G_2) -> (|b_2| / |b_1|) √(p_2 / p_1)

This holds if the slope consists of noise only: for the squared error once the weights
are learned, and for the log loss of labels that do not depend on the features. It does
not hold without noise, as slopes then vanish and G stops growing, nor if a feature
predicts its rows so well that their slopes are smaller than those of others.

In the plot, both ratios settle on the line that the equation gives: the feature that is
active 50 times less often keeps a rate that is √50 times as large for its size.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradClassifier, AdagradRegressor

P = np.array([0.5, 0.01])
B = np.array([2.0, 1.0])
LIMIT = B[1] / B[0] * np.sqrt(P[1] / P[0])


def draw_rows(n_rows, seed=0):
    """Make rows whose feature j is B[j] with probability P[j], and noise for each."""
    rng = np.random.default_rng(seed)
    return B * (rng.random((n_rows, 2)) < P), rng.normal(size=n_rows)


def ratios(model, X, y, times, **first):
    """Return the ratio of the two learning rates after so many rows of a stream."""
    seen = []
    for start, end in zip([0, *times[:-1]], times, strict=True):
        model.partial_fit(X[start:end], y[start:end], **first)
        rates = np.ravel(model.learning_rates_)
        seen.append(rates[0] / rates[1])
    return np.array(seen)


# %%
# A regression with noise of variance 1, and a classification of coin tosses.

X, noise = draw_rows(200_000)
times = np.unique(np.geomspace(300, len(X), 60).astype(int))
regression = ratios(AdagradRegressor(eta0=0.5), X, X @ [0.3, -0.5] + noise, times)
coins = ratios(AdagradClassifier(eta0=0.5), X, noise > 0, times, classes=[False, True])

print(f"predicted {LIMIT:.4f}")
print(f"squared error, signal and noise: {regression[-1]:.4f}")
print(f"log loss, coin tosses: {coins[-1]:.4f}")

# %%

_, ax = plt.subplots(layout="constrained")
ax.semilogx(times, regression, label="squared error, signal and noise")
ax.semilogx(times, coins, label="log loss, coin tosses")
ax.axhline(LIMIT, color="black", linestyle="--", label=r"$|b_2/b_1|\sqrt{p_2/p_1}$")
ax.set(
    xlabel="samples t", ylabel="rate of feature 1 / rate of feature 2", ylim=(0, 0.2)
)
ax.set_title("The rare feature's rate stays long")
ax.legend()
plt.show()
