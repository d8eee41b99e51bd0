"""
Eight rates side by side
========================

``eta0="auto"`` trains a model at each of eight base learning rates η, each twice the
one before, and scores every sample before it is learned from. The loss up to sample t,

    L_t(η) = 1/t Σ_{s≤t} loss(w_{s-1}(η)·x_s, y_s),

is therefore a loss on texts that the model had not seen, and the rate with the lowest
loss is chosen. The plot shows the eight losses while docstrings come in, which are
classified as those of scikit-learn and others. Rates that are much too small or too
large fall behind early, the best ones hardly differ, and the dashed line of ``"auto"``
follows the lowest.
"""

import matplotlib.pyplot as plt
import numpy as np
from docstrings import load_docstrings
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import shuffle

from sk_adagrad import AdagradClassifier

CHUNK = 100

texts, subpackages = shuffle(*load_docstrings(), random_state=0)
X = HashingVectorizer(n_features=2**16, dtype=np.float32).transform(texts)
y = np.char.startswith(subpackages, "sklearn").astype(int)


def losses_on_the_way(classifier):
    """Show the texts chunk by chunk; return the progressive loss after each."""
    losses = []
    for start in range(0, len(y), CHUNK):
        chunk = slice(start, start + CHUNK)
        classifier.partial_fit(X[chunk], y[chunk], classes=[0, 1])
        losses.append(classifier.progressive_loss_)
    return np.array(losses)


automatic = AdagradClassifier()
chosen = losses_on_the_way(automatic)

# Rows have the length 1, so the candidates are these powers of two. Their accumulators
# start by the size of the values in X.
rates = 2.0 ** np.arange(-4, 4)
start = automatic.initial_accumulator_
curves = {
    rate: losses_on_the_way(AdagradClassifier(eta0=rate, initial_accumulator=start))
    for rate in rates
}

for rate, losses in curves.items():
    print(f"eta0={rate:<8g} progressive loss {losses[-1]:.4f}")
print(f'eta0="auto"   progressive loss {chosen[-1]:.4f}, eta0_ {automatic.eta0_:g}')

# %%

t = np.minimum(CHUNK * np.arange(1, len(chosen) + 1), len(y))
colors = plt.colormaps["viridis"](np.linspace(0, 0.9, len(rates)))
for (rate, losses), color in zip(curves.items(), colors, strict=True):
    plt.plot(t, losses, color=color, label=f"η = {rate:g}")
plt.plot(t, chosen, "k--", label='"auto"')
plt.xlabel("texts seen")
plt.ylabel("progressive log loss")
plt.legend(ncols=2)
plt.tight_layout()
plt.show()
