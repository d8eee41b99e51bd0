"""Publishing a model: all changes at once, each array when it is first read.

What is read of a state is cached until it learns, and never written to.
"""

from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp


@contextmanager
def published_together(estimator):
    """Yield a copy of the estimator and take over its changes, unless an error occurs.

    So an error changes no attribute, and other threads that predict see all changes at
    once.
    """
    model = shallow_copy(estimator)
    before = vars(model).copy()
    yield model
    after = vars(model).items()
    vars(estimator).update(
        {n: v for n, v in after if n not in before or v is not before[n]}
    )
    for name in before.keys() - vars(model).keys():
        vars(estimator).pop(name, None)


def shallow_copy(model):
    """Return a copy of an estimator or a state as it is now.

    Its attributes may be replaced meanwhile. `copy` would take four times as long, and
    3 of the 24 us of predicting a row.
    """
    kind: Any = type(model)
    copy = kind.__new__(kind)
    vars(copy).update(vars(model))
    return copy


def learned(estimator, attribute, *, by="_state"):
    """Return the source of a fitted attribute, or say why it does not exist yet."""
    try:
        return vars(estimator)[by]
    except KeyError:
        why = "before it is fitted."
        if "cv_results_" in vars(estimator):  # a search with scores but no model
            why = "after a search with refit=False: set refit=True and fit again."
        raise AttributeError(
            f"{type(estimator).__name__!r} object has no attribute {attribute!r} {why}"
        ) from None


def read_only(array):
    """Return an array or CSR matrix that cannot be written to.

    Otherwise writes to it would be silently lost.
    """
    if sp.issparse(array):
        for part in (array.data, array.indices, array.indptr):
            part.flags.writeable = False
        return array
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
