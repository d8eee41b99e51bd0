"""The grid of a search: its values, its cells and the table of their scores."""

from dataclasses import dataclass
from functools import partial
from itertools import product
from numbers import Integral

import numpy as np
from scipy.stats import rankdata
from sklearn.model_selection import ParameterGrid

# The valid values on each axis.
_RANGES = {
    "eta0s": ("positive", lambda values: values > 0),
    "alphas": ("zero or positive", lambda values: values >= 0),
    "l1_ratios": ("from 0 to 1", lambda values: (values >= 0) & (values <= 1)),
}

# How a number of values is spaced; rates depend on the data, see `candidate_rates`.
_SPACED = {
    "alphas": partial(np.geomspace, 1e-7, 1e-3),
    "l1_ratios": partial(np.linspace, 0, 1),
}


@dataclass(frozen=True)
class Grid:
    """Values on each axis; each combination is a cell."""

    alphas: list[float]
    eta0s: list[float]
    l1_ratios: list[float]

    @property
    def penalties(self):
        return list(product(self.alphas, self.l1_ratios))

    @property
    def cells(self):
        axes = {
            "alpha": self.alphas,
            "eta0": self.eta0s,
            "l1_ratio": self.l1_ratios,
        }
        return list(ParameterGrid(axes))

    def by_cell(self, scores):
        """Arrange (n_penalties, n_eta0s, n_splits) as (n_cells, n_splits)."""
        scores = np.asarray(scores)
        n_alphas, n_l1_ratios = len(self.alphas), len(self.l1_ratios)
        by_axis = scores.reshape(n_alphas, n_l1_ratios, *scores.shape[1:])
        return by_axis.swapaxes(1, 2).reshape(-1, scores.shape[2])


def values_of(name, given):
    """Return the values on one axis as a list of floats.

    Parameters
    ----------
    name : str
        "eta0s", "alphas" or "l1_ratios".
    given : int or array-like
        The values, or their number.
    """
    if isinstance(given, Integral):
        return _SPACED[name](given).tolist()
    what, allowed = _RANGES[name]
    values = np.asarray(given)
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "buif":
        raise ValueError(
            f"{name}={given!r} is no list of numbers: give some that are {what}, or "
            "how many to try."
        )
    bad = ~(np.isfinite(values) & allowed(values))
    if bad.any():
        raise ValueError(
            f"{name} contains {values[bad][0]}, but its values must be finite and "
            f"{what}."
        )
    return values.astype(np.float64).tolist()


def results_of(cells, scores):
    """Return a table of scores of shape (n_cells, n_splits), like `GridSearchCV`'s.

    NaN ranks last.
    """
    table = {
        f"param_{name}": np.ma.array([cell[name] for cell in cells], mask=False)
        for name in cells[0]
    }
    table["params"] = cells
    for split, of_split in enumerate(scores.T):
        table[f"split{split}_test_score"] = of_split
    mean = scores.mean(axis=1)
    table["mean_test_score"] = mean
    with np.errstate(invalid="ignore"):  # an infinite score has no deviation
        table["std_test_score"] = scores.std(axis=1)
    order = np.where(np.isnan(mean), np.inf, -mean)
    table["rank_test_score"] = rankdata(order, method="min").astype(np.int32)
    return table
