"""
The accumulators and the Fisher information
===========================================

For logistic regression, G/t approaches the diagonal of the Fisher information.

With y drawn from the model, P(y = 1) = σ(w*·x), the gradient at w* is (σ(w*·x) − y) x.
Its second moment is the Fisher information, so on the diagonal::

    G_j / t  →  F_jj = E[σ(w*·x) (1 − σ(w*·x)) x_j²]    as w → w*

Adagrad's step is thus η G^(-1/2) g ≈ (η/√t) diag(F)^(-1/2) g: gradient descent with a
preconditioner that is learned on the way. It differs from natural gradient descent in
two ways: it uses only the diagonal of the Fisher matrix, and the root of it. Because of
the root, first steps have the length η whatever the scale, and later ones shrink as
1/√t.

The plot shows G/t compared with the exact diagonal, for features of very different
scales and frequencies: it starts too large, while the model is still wrong, and settles
on the line.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradClassifier

N_FEATURES, N_ROWS, ETA0 = 20, 200_000, 0.5


def draw_data(n_rows=N_ROWS, seed=0):
    """Make rows of unlike features, labels from a logistic model, and its weights."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(0.1, 3, N_FEATURES)
    frequency = rng.permutation(np.geomspace(0.02, 1, N_FEATURES))
    active = rng.random((n_rows, N_FEATURES)) < frequency
    X = rng.normal(size=(n_rows, N_FEATURES)) * scale * active
    weights = rng.normal(size=N_FEATURES) / (2 * scale)
    return X, rng.random(n_rows) < sigmoid(X @ weights), weights


def sigmoid(p):
    return 1 / (1 + np.exp(-p))


def fisher_diagonal(X, weights):
    """Return the mean of σ(1 − σ) x_j² over the rows, at the true weights."""
    probability = sigmoid(X @ weights)
    return (probability * (1 - probability)) @ X**2 / len(X)


# %%

X, y, true_weights = draw_data()
fisher = fisher_diagonal(X, true_weights)
model = AdagradClassifier(eta0=ETA0, fit_intercept=False)
times = [1_000, 10_000, N_ROWS]
means = []
for start, end in zip([0, *times[:-1]], times, strict=True):
    model.partial_fit(X[start:end], y[start:end], classes=[False, True])
    means.append(model.accumulators_[0] / end)
    error = np.abs(means[-1] / fisher - 1)
    print(f"t = {end:>7,}: G/t is off by {np.median(error):.1%} (median of features)")

# %%
# The learning rates are then η diag(F)^(-1/2) / √t.

predicted_rates = ETA0 / np.sqrt(N_ROWS * fisher)
print(f"rates predicted from F, largest: {predicted_rates.max():.4f}")
print(f"learning_rates_ of the same feature: {model.learning_rates_.max():.4f}")

# %%

_, ax = plt.subplots(layout="constrained")
for end, mean in zip(times, means, strict=True):
    ax.loglog(fisher, mean, "o", alpha=0.7, label=f"t = {end:,}")
ax.axline((1e-3, 1e-3), (1, 1), color="black", linestyle="--", label="equal")
ax.set(xlabel=r"Fisher information $F_{jj}$", ylabel="$G_j / t$")
ax.set_title("Accumulators estimate the Fisher information")
ax.legend()
plt.show()
