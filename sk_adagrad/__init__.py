"""Linear models for sparse data, trained online by Adagrad, as scikit-learn estimators."""

from ._estimators import AdagradClassifier, AdagradRegressor

__all__ = ["AdagradClassifier", "AdagradRegressor"]
__version__ = "0.1.0"
