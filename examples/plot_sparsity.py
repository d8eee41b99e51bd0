"""
Sparse weights at equal error
=============================

With the same L1 penalty, dual averaging leaves fewer weights than mirror descent.

After t samples dual averaging compares the mean gradient of a feature with λ. Noise in
a weight is removed as soon as the mean is below λ::

    w_j = -η soft(Σ g_j, t λ) / √(G_j + ε)

Mirror descent shrinks the weight itself towards 0, by η λ / √(G_j + ε) for each sample.
A feature that has just occurred has just taken a step away from 0, so many weights
stay::

    w_j <- soft(w_j - η g_j / √(G_j + ε), η λ / √(G_j + ε))

The plot shows the pattern of table 1 of Duchi, Hazan and Singer (2011): with the hinge
loss and one pass, dual averaging has a third of the weights at the same error, once the
penalty is strong enough to leave few; with a weak one, both have as many.
``SGDClassifier`` has one rate for all features. Its penalty is cumulative: like dual
averaging, it remembers how much has been subtracted from a weight so far. On these
texts it is as sparse, and its error is as low or lower.

The texts are those of Reuters-21578, its four largest topics, each against the rest,
read from the folder that SK_ADAGRAD_DATA names or from ../shared/data. Without them a
synthetic problem takes their place, and the output says so.
"""

import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import SGDClassifier

from sk_adagrad import AdagradClassifier

ALPHAS = [1e-5, 3e-5, 1e-4, 3e-4]
N_TOPICS = 4


def find_reuters():
    """Return the folder of Reuters-21578, or None."""
    # In a gallery that is built by Sphinx a script has no __file__.
    beside = Path(sys.argv[0]).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("SK_ADAGRAD_DATA", beside)) / "reuters21578"
    return path if (path / "X_train.npz").is_file() else None


def read_reuters(path):
    """Return tf-idf rows and the largest topics as columns, to train and to test."""
    names = ("X_train", "Y_train", "X_test", "Y_test")
    X, Y, X_test, Y_test = (sp.load_npz(path / f"{name}.npz") for name in names)
    tfidf = TfidfTransformer(sublinear_tf=True).fit(X)
    largest = np.argsort(-np.ravel(Y.sum(axis=0)), kind="stable")[:N_TOPICS]
    Y, Y_test = Y[:, largest].toarray(), Y_test[:, largest].toarray()
    return tfidf.transform(X), Y, tfidf.transform(X_test), Y_test


def make_topics(n_rows=6_000, n_words=5_000, length=40, seed=0):
    """Make texts of words by Zipf's law; half of them have a topic with own words."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, n_words + 1)
    words = rng.choice(n_words, (n_rows, length), p=frequency / frequency.sum())
    topics = rng.integers(2 * N_TOPICS, size=n_rows)
    for topic in range(N_TOPICS):
        own = rng.choice(n_words, 50, replace=False)
        replaced = (rng.random(words.shape) < 0.2) & (topics == topic)[:, None]
        words[replaced] = rng.choice(own, replaced.sum())
    indptr = np.arange(0, words.size + 1, length)
    counts = (np.ones(words.size), words.ravel(), indptr)
    X = sp.csr_matrix(counts, (n_rows, n_words))
    X.sum_duplicates()
    X = TfidfTransformer(sublinear_tf=True).fit_transform(X)
    Y = (topics[:, None] == np.arange(N_TOPICS)).astype(int)
    n_train = 2 * n_rows // 3
    return X[:n_train], Y[:n_train], X[n_train:], Y[n_train:]


def models(alpha):
    """Return the three learners, one pass each, at the same penalty."""
    hinge = {"loss": "hinge", "alpha": alpha, "max_iter": 1, "random_state": 0}
    adagrad = {**hinge, "l1_ratio": 1.0, "eta0": 0.5}
    return {
        "dual_averaging": AdagradClassifier(update="dual_averaging", **adagrad),
        "mirror_descent": AdagradClassifier(update="mirror_descent", **adagrad),
        "SGDClassifier": SGDClassifier(penalty="l1", tol=None, **hinge),
    }


def measure(model, X, Y, X_test, Y_test):
    """Return test error and proportion of non-zero weights, one for each topic."""
    error, non_zero = [], []
    for y, y_test in zip(Y.T, Y_test.T, strict=True):
        model.fit(X, y)
        error.append(np.mean(model.predict(X_test) != y_test))
        non_zero.append(np.mean(model.coef_ != 0))
    return np.array([error, non_zero])


# %%

path = find_reuters()
if path is None:
    print(
        "Synthetic rows: Reuters-21578 was not found. SK_ADAGRAD_DATA names its folder."
    )
data = make_topics() if path is None else read_reuters(path)
results = {
    (name, alpha): measure(model, *data)
    for alpha in ALPHAS
    for name, model in models(alpha).items()
}
names = list(models(0.0))
print("error (proportion of non-zero weights) of each topic")
for (name, alpha), (error, non_zero) in results.items():
    pairs = zip(error, non_zero, strict=True)
    line = "  ".join(f"{e:.3f} ({share:.3f})" for e, share in pairs)
    print(f"{name:<15} alpha={alpha:.0e}  {line}")

# %%

_, ax = plt.subplots(layout="constrained")
for name in names:
    error, non_zero = np.mean([results[name, alpha] for alpha in ALPHAS], axis=2).T
    ax.semilogx(non_zero, error, "o-", label=name)
ax.set(xlabel="proportion of non-zero weights", ylabel="test error, mean of the topics")
ax.set_title(f"L1 from {ALPHAS[0]:.0e} (right) to {ALPHAS[-1]:.0e} (left)")
ax.legend()
plt.show()
