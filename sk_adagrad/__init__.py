"""Linear models for sparse data, trained online by Adagrad, for scikit-learn."""

from ._classifier import AdagradClassifier
from ._regressor import AdagradRegressor
from ._search import AdagradClassifierCV, AdagradRegressorCV

__all__ = [
    "AdagradClassifier",
    "AdagradClassifierCV",
    "AdagradRegressor",
    "AdagradRegressorCV",
]
__version__ = "0.1.0"
