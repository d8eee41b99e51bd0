"""Linear models for sparse data, trained online by Adagrad, for scikit-learn."""

from ._classifier import AdagradClassifier
from ._regressor import AdagradRegressor

__all__ = ["AdagradClassifier", "AdagradRegressor"]
__version__ = "0.1.0"
