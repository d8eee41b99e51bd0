"""
Are the probabilities right?
============================

Of the samples that a model gives 80 %, eight in ten should be of the class.

With ``loss="log_loss"`` they nearly are, since the log loss is least where the
probabilities are the true ones. A hinge loss has no probabilities, so it has no
``predict_proba``; ``CalibratedClassifierCV`` fits a curve from its scores to
probabilities.

One sees the reliability curves of both on two sets that scikit-learn ships, breast
cancer and digits (the digits above 4 against the others), each sample predicted by a
model that was not trained on it. Training stops after few passes, which keeps the
probabilities from becoming too sure. Columns are standardised and, as pairs of columns
matter for the digits, multiplied with one another.
"""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sk_adagrad import AdagradClassifier


def sets():
    """Yield the name, samples and classes of each set."""
    X, y = load_breast_cancer(return_X_y=True)
    yield "breast cancer", StandardScaler().fit_transform(X), y
    X, y = load_digits(return_X_y=True)
    products = make_pipeline(PolynomialFeatures(2), StandardScaler())
    yield "digits above 4", products.fit_transform(X), (y > 4).astype(int)


MODELS = {
    "log_loss": AdagradClassifier(random_state=0),
    "hinge, calibrated": CalibratedClassifierCV(
        AdagradClassifier("hinge", random_state=0), cv=5
    ),
}

if __name__ == "__main__":
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    fig, panels = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
    for axes, (data, X, y) in zip(panels, sets(), strict=True):
        axes.plot([0, 1], [0, 1], "k:", linewidth=1)
        for name, model in MODELS.items():
            predicted = cross_val_predict(
                model, X, y, cv=folds, method="predict_proba"
            )[:, 1]
            share, mean = calibration_curve(y, predicted, n_bins=8, strategy="quantile")
            print(
                f"{data:16}{name:20} log loss {log_loss(y, predicted):.3f}   "
                f"Brier score {brier_score_loss(y, predicted):.3f}   "
                f"furthest from the diagonal {abs(share - mean).max():.3f}"
            )
            axes.plot(mean, share, "o-", label=name)
        axes.set(title=data, xlabel="predicted probability")
    panels[0].set_ylabel("share of the class")
    panels[0].legend()
    plt.show()
