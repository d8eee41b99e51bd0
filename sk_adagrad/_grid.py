"""The grid of a search: its values, its cells and the table of their scores."""

from dataclasses import dataclass
from itertools import product
from numbers import Integral

import numpy as np
from scipy.stats import rankdata

# What the values on each axis have to be.
_RANGES = {
    "eta0s": ("positive", lambda values: values > 0),
    "alphas": ("zero or positive", lambda values: values >= 0),
    "l1_ratios": ("from 0 to 1", lambda values: (values >= 0) & (values <= 1)),
}
AXES = tuple(_RANGES)


@dataclass(frozen=True)
class Grid:
    """Values on each axis; each combination is a cell.

    Cells are in the order of :class:`~sklearn.model_selection.ParameterGrid`.
    """

    alphas: list[float]
    eta0s: list[float]
    l1_ratios: list[float]

    @property
    def penalties(self):
        return list(product(self.alphas, self.l1_ratios))

    @property
    def cells(self):
        names = "alpha", "eta0", "l1_ratio"
        return [
            dict(zip(names, values, strict=True))
            for values in product(self.alphas, self.eta0s, self.l1_ratios)
        ]

    def penalty_of(self, cell):
        """Return the number of a cell's penalty."""
        alpha, of_alpha = divmod(cell, len(self.eta0s) * len(self.l1_ratios))
        return alpha * len(self.l1_ratios) + of_alpha % len(self.l1_ratios)

    def by_cell(self, scores):
        """Arrange (n_penalties, n_eta0s, n_splits) as (n_cells, n_splits)."""
        scores = np.asarray(scores)
        n_alphas, n_l1_ratios = len(self.alphas), len(self.l1_ratios)
        by_axis = scores.reshape(n_alphas, n_l1_ratios, *scores.shape[1:])
        return by_axis.swapaxes(1, 2).reshape(-1, scores.shape[2])


def spaced_alphas(n):
    """Return n strengths of the penalty, each as many times the one before."""
    return np.geomspace(1e-7, 1e-3, n)


def spaced_l1_ratios(n):
    """Return n parts of the penalty that are L1."""
    return np.linspace(0, 1, n)


def values_of(name, given, spaced=None):
    """Return the values on one axis as a list of floats.

    Parameters
    ----------
    name : str
        One of `AXES`.
    given : int or array-like
    spaced : callable, default=None
        Returns as many values as its argument says; needed if `given` is an integer.
    """
    if isinstance(given, Integral):
        return spaced(given).tolist()
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
    """Return a table of scores of shape (n_cells, n_splits), as `GridSearchCV` does.

    A score that is not a number ranks last.
    """
    table = {
        f"param_{name}": np.ma.array([cell[name] for cell in cells])
        for name in cells[0]
    }
    table["params"] = cells
    for split, of_split in enumerate(scores.T):
        table[f"split{split}_test_score"] = of_split
    mean = scores.mean(axis=1)
    table["mean_test_score"] = mean
    table["std_test_score"] = scores.std(axis=1)
    order = np.where(np.isnan(mean), np.inf, -mean)
    table["rank_test_score"] = rankdata(order, method="min").astype(np.int32)
    return table
