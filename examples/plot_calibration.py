"""
Are the probabilities right?
============================

Of the samples to which a model gives a probability of 80 %, eight in ten should be of
the class.

With ``loss="log_loss"`` this should hold, since the log loss

    -log p(y | x)    with    p(1 | x) = 1 / (1 + exp(-w·x - b))

is smallest on average where p is the true probability. A hinge loss is smallest at the
label, so it has no probabilities and no ``predict_proba``; ``CalibratedClassifierCV``
fits a curve from its scores to probabilities.

The plot shows the reliability curves of both on two real sets. Each sample is predicted
by a model that was not trained on it. The first set has first lines of docstrings, of
scikit-learn or of other packages. The second has tumours, benign or malignant,
described by four measures of a cell. It has so few samples that bins scatter (bars are
two standard errors of a bin). On the texts both methods are equally good, on the
tumours the log loss is better. Training stops after few passes, which keeps
probabilities from becoming too extreme.
"""

import matplotlib.pyplot as plt
import numpy as np
from docstrings import load_docstrings
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from sk_adagrad import AdagradClassifier


def sets():
    """Yield the name, samples, classes and number of bins of each set."""
    texts, subpackages = load_docstrings()
    lines, first = np.unique(
        [text.strip().partition("\n")[0] for text in texts], return_index=True
    )
    X = TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(lines)
    y = np.char.startswith(np.array(subpackages)[first], "sklearn").astype(int)
    yield "docstrings", X, y, 10
    X, y = load_breast_cancer(return_X_y=True)
    yield "tumours", StandardScaler().fit_transform(X[:, [0, 1, 4, 5]]), y, 5


def reliability(y, predicted, n_bins):
    """Return each bin's mean prediction, share of the class, and twice its error."""
    bins = np.minimum((predicted * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    mean, share = (np.bincount(bins, v, n_bins) / counts for v in (predicted, y))
    return mean, share, 2 * np.sqrt(mean * (1 - mean) / counts)


MODELS = {
    "log_loss": AdagradClassifier(random_state=0),
    "hinge, calibrated": CalibratedClassifierCV(
        AdagradClassifier("hinge", random_state=0), method="isotonic", cv=5
    ),
}

if __name__ == "__main__":
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    _, panels = plt.subplots(1, 2, figsize=(9, 4.5), sharey=True, layout="constrained")
    for axes, (data, X, y, n_bins) in zip(panels, sets(), strict=True):
        axes.plot([0, 1], [0, 1], "k:", linewidth=1)
        for (name, model), shift in zip(MODELS.items(), (-0.005, 0.005), strict=True):
            predicted = cross_val_predict(
                model, X, y, cv=folds, method="predict_proba"
            )[:, 1]
            mean, share, error = reliability(y, predicted, n_bins)
            print(
                f"{data:12}{name:20} log loss {log_loss(y, predicted):.3f}   "
                f"Brier score {brier_score_loss(y, predicted):.3f}   "
                f"furthest from the diagonal {abs(share - mean).max():.3f}"
            )
            axes.errorbar(mean + shift, share, error, fmt="o-", capsize=2, label=name)
        axes.set(title=f"{data}, {len(y):,}", xlabel="predicted probability")
    panels[0].set_ylabel("share of the class")
    panels[0].legend()
    plt.show()
