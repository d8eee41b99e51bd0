"""Shows samples to `partial_fit`, at once or in chunks."""

from itertools import pairwise

import numpy as np
from sklearn.base import is_classifier


def in_chunks(
    model, X, y, weight=None, cuts=(), form=lambda X: X, between=lambda model: model
):
    """Learn the rows between the cuts in this form, with an interlude after each."""
    one_class_each = is_classifier(model) and np.ndim(y) == 1
    known = {"classes": np.unique(y)} if one_class_each else {}
    for start, stop in pairwise([0, *cuts, X.shape[0]]):
        part = slice(start, stop)
        sample_weight = None if weight is None else weight[part]
        model.partial_fit(form(X[part]), y[part], sample_weight=sample_weight, **known)
        model = between(model)
    return model
