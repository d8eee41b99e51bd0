"""
Learning after a change
=======================

Adagrad stalls after large gradients; a half-life lets it recover.

G never forgets, so a stream that begins with large gradients leaves small rates for
good. With ``half_life`` H a feature's past counts half after H of its updates::

    G <- ρ G + g²    with    ρ = 2^(-1/H),    so that G -> mean(g²) / (1 - ρ)

The rate then depends only on the gradients of the last few half-lives. It does not fall
as 1/√t either: weights keep moving by about η √(1 - ρ), even if nothing changes any
more. So a model with a short half-life follows quickly and settles badly.

The plot shows the error of the weights on a stream in the middle of which the noise
falls to a hundredth and the weights change.

On real streams, read from the folder that SK_ADAGRAD_DATA names or from ../shared/data,
the script prints the log loss of samples not yet learned from. On elec2, prices of
electricity, forgetting helps a lot at a base rate of 0.5; ``eta0="auto"``, which also
tracks the scales of the columns, gets further, and forgetting helps there too. On
spam_stream, e-mails, it helps little.
"""

import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor

BEFORE = np.array([1.0, -1.0, 2.0, 0.5, -0.5])
AFTER = np.array([-1.0, 2.0, 0.5, -2.0, 1.0])
CHUNK = 20


def draw_stream(n_rows=4_000, seed=0):
    """Make rows with much noise, then as many of another model with little."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2 * n_rows, len(BEFORE)))
    noise = rng.normal(size=2 * n_rows) * np.repeat([30.0, 0.3], n_rows)
    weights = np.repeat([BEFORE, AFTER], n_rows, axis=0)
    return X, (X * weights).sum(axis=1) + noise, weights


def weight_error(model, X, y, weights):
    """Return how far the weights are from the true ones after each chunk."""
    errors = []
    for start in range(0, len(X), CHUNK):
        chunk = slice(start, start + CHUNK)
        model.partial_fit(X[chunk], y[chunk])
        errors.append(np.linalg.norm(model.coef_ - weights[chunk][-1]))
    return np.array(errors)


def read_streams():
    """Yield name, base rate, rows and labels of the real streams that are there."""
    # In a gallery that is built by Sphinx a script has no __file__.
    beside = Path(sys.argv[0]).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SK_ADAGRAD_DATA", beside))
    if (folder / "spam_stream" / "X.npz").is_file():
        path = folder / "spam_stream"
        yield "spam_stream", 0.1, sp.load_npz(path / "X.npz"), np.load(path / "y.npy")
    if (folder / "elec2" / "data.npz").is_file():
        data = np.load(folder / "elec2" / "data.npz")
        yield "elec2", 0.5, data["X"], data["y"]


# %%

half_lives = [None, 1_000, 100]
X, y, weights = draw_stream()
errors = {
    half_life: weight_error(
        AdagradRegressor(eta0=0.5, half_life=half_life), X, y, weights
    )
    for half_life in half_lives
}
for half_life, error in errors.items():
    print(f"half_life={half_life}: weights off by {error[-1]:.3f} at the end")

# %%
# The real streams.

losses = {}
for name, eta0, X, y in read_streams():
    for rate in [eta0, "auto"]:
        losses[name, rate] = {}
        for half_life in [None, 10_000, 1_000, 100]:
            model = AdagradClassifier(eta0=rate, half_life=half_life)
            loss = model.partial_fit(X, y, classes=[0, 1]).progressive_loss_
            losses[name, rate][half_life] = loss
            print(f"{name}, eta0={rate}, half_life={half_life}: log loss {loss:.4f}")

# %%

_, ax = plt.subplots(layout="constrained")
for half_life, error in errors.items():
    ax.semilogy(CHUNK * np.arange(1, len(error) + 1), error, label=f"{half_life=}")
ax.axvline(len(errors[None]) * CHUNK / 2, color="black", linestyle="--")
ax.set(xlabel="samples", ylabel="distance to the true weights")
ax.set_title("After the change, less noise (dashed)")
ax.legend()
plt.show()
