"""What a new model starts with by the data: rates, accumulators and intercepts."""

import math
from dataclasses import dataclass

import numpy as np

from ._columns import AS_THEY_ARE, Columns

# From 1/32 to 4 times the scale below, each twice the one before: a ratio of sqrt(2)
# gains nothing over it, and one of 2.8 or 4 costs 1 to 2 % of test loss. On 16
# development sets the best rates of nearly all outputs lay from 1/8 to 4; the candidate
# below the best one is needed too.
N_CANDIDATES = 8

# Under eta0="auto" every G starts at g² of the mean |x| and one of these slopes; of
# targets it is so many times the root mean square of slopes at the first intercept. By
# four times their mean size, as much if they are normal, it would be far below the
# slopes that count where most targets are 0, as of claims: on 12 such sets squared
# errors are 0.96 of what they were with that, Poisson losses 0.96 (0.95 in a stream)
# and Tweedie losses 0.97 (0.85), and on 17 others 1.00. (Tweedie losses are mostly 0.84
# of it, but some fits to fewer than 200 events among 50,000 samples choose rates with
# which they are many times as large.) Sample weights below 1 make gradients smaller,
# and G₀ with them: whats_cooking, with weights of 1e-4, had an accuracy of 0.34 with
# the G₀ for weights of 1, and has 0.787. If G started at 0, the first step of a weight
# would have the length η, however small its gradient, and the output of a rare class
# sees mostly small ones, of samples that are not its own. What this gains is measured
# in docs/choosing.md, "Rare features".
FIRST_SLOPE_OF_RARE, FIRST_SLOPES_OF_TARGETS = 2.0, 3.0

# The slope by which G₀ of quantile losses starts, the mean of the two that there are.
# Few samples have the steep one if the quantile is near 0 or 1: on 17 sets, losses of
# the quantiles 0.99 and 0.01 would be 1.02 and 1.01 times as large by the root mean
# square, and in a stream 1.08 and 1.05 times.
SLOPE_OF_QUANTILES = 0.5

# So much of a normal distribution lies within one standard deviation of its mean.
_MOST = 0.68

# The intercept's value is not 1 if rows are more than so many times as long.
_LONG = 4

# A stream starts by its first 32 samples, and anew by twice as many until 1,024. While
# fewer targets than 8 differ from the first it may start anew with any of 4,096.
FIRST_SAMPLES, ENOUGH_SAMPLES, MOST_SAMPLES, _UNLIKE = 32, 1 << 10, 1 << 12, 8


@dataclass(frozen=True)
class Start:
    """What a new state starts with.

    Parameters
    ----------
    rates : ndarray of shape (n_outputs, n_candidates)
    accumulators : ndarray of shape (n_outputs,)
        G₀ of each output.
    eps_units : ndarray of shape (n_outputs,)
        What ε of each output is measured in.
    biases : ndarray of shape (n_outputs,)
        The first intercepts.
    intercept_value : float
    columns : Columns
    """

    rates: np.ndarray
    accumulators: np.ndarray
    eps_units: np.ndarray
    biases: np.ndarray
    intercept_value: float = 1.0
    columns: Columns = AS_THEY_ARE

    def equals(self, other: "Start") -> bool:
        """Whether a model would start in the same way."""
        return all(map(np.array_equal, self._numbers(), other._numbers()))

    def _numbers(self):
        yield from (self.rates, self.accumulators, self.eps_units, self.biases)
        columns, centring = self.columns, self.columns.centring
        yield from (self.intercept_value, columns.scaled, columns.least_scale)
        yield from (centring.columns, centring.centres)


def candidates(target_sizes, row_size, n_candidates):
    """Return rates of shape (n_outputs, n_candidates) for the scales of the data.

    Multiplying all targets of a regression by c asks for c times the rate, and
    multiplying X by c for 1/c times. The scale is rounded to a power of two, lest it
    depend on the order in which it was summed up.

    Parameters
    ----------
    target_sizes : ndarray of shape (n_outputs,)
        Root mean square of each output's targets; under a log link of what they differ
        by as shares, at most 1; for labels 2.
    row_size : float
        The Euclidean norm of a typical row.
    n_candidates : int
        More than eight go on at both ends, fewer leave them out.
    """
    with np.errstate(over="ignore"):
        scales = _rounded(np.divide(target_sizes, row_size or 1.0), other=1.0)
    powers = np.arange(n_candidates) - (n_candidates + 2) // 2
    return np.outer(scales, 2.0**powers)


def intercept_value(row_size):
    """Return the value that the intercept has as a feature under eta0="auto".

    It is 1 unless rows are shorter or more than four times as long. Rates go by the
    length of rows, so that beside long ones an intercept of value 1 would hardly learn,
    and beside short ones jump. Log losses of five folds, X standardised, times 256, 1
    and 1/256: iris 0.26, 0.24 and 0.23, and with the value 1 0.48, 0.24 and 0.46; wine
    0.07, 0.06 and 0.06, and with the value 1 0.16, 0.06 and 0.14. If it were as long as
    long rows, counts of words would have more test loss: 1.06 on news20, 1.03 on
    clinc150, 1.02 on conll2000, with rows of 32, 4 and 4. And if it were four times as
    long as rows, as of words times a tenth, it would be 1.03, 1.29 and 1.11 on news20,
    clinc150 and whats_cooking.
    """
    size = float(_rounded(np.float64(row_size), other=1.0))
    return float(np.clip(1.0, size / _LONG, size))


def first_slope_of_two(share):
    """Return the slope by which G₀ starts if the rarer of two classes has this share.

    It falls from 2 at an eighth to 1/16 at a half. With 1/16 from an eighth on, 273
    tasks of text and one-hot columns with a share of 1/8 to 0.3 had 1.01 times the log
    loss and 1.02 times the error, and with class_weight="balanced" 1.08 and 1.11 times.
    With 2 up to a fifth, some had 1.3 times the loss.
    """
    return FIRST_SLOPE_OF_RARE * max(1.0, 8 * share) ** -2.5


def first_accumulators(gradient_sizes):
    """Return G₀ of each output: the size of gradients, squared."""
    with np.errstate(over="ignore"):
        squares = np.square(gradient_sizes)
    return np.where(np.isinf(squares), squares, _rounded(squares, other=0.0))


def eps_units(slope_sizes):
    """Return the unit of ε for each output: the square of the size of its slopes.

    So ε is added to squares of values of X, of which G₀ is made too, and neither the
    unit of weights nor that of targets decides whether it outweighs squared gradients.
    Weights that sum to 1 are small: if those of clickbait were 1e-6, the log loss was
    0.236 at an ε of 1e-8, and is 0.060. Of diabetes, with y in units of 1e-9, R² was
    0.21 and is 0.34.
    """
    with np.errstate(over="ignore"):
        return _rounded(np.square(slope_sizes), other=1.0)


def first_intercepts(means, spreads):
    """Return where intercepts start if targets have these means and spreads.

    From 0, the way to targets that are far from it beside what they differ by would be
    made by all weights, and their rates be spent: of 3,000 sparse samples with y some
    44 spreads from 0, R² on others was -2.1, and so it is 0.98, as with y about 0. The
    nearest multiple of the spread serves as well as the mean, and does not depend on
    the order in which that was summed up.
    """
    steps = _rounded(np.maximum(spreads, np.abs(means) * 2.0**-40), other=1.0)
    # Not 0.5: a mean halfway between two multiples must not be rounded by chance.
    return steps * np.floor(means / steps + 0.499)


def weighted_quantile(values, weight, level):
    """Return the least of some values that this part of their weight does not exceed.

    It is one of them, or 0 if there are none.
    """
    if not len(values):
        return 0.0
    order = np.argsort(values)
    sums = np.cumsum(weight[order])
    # A little less than the level: a part of just that must not be rounded by chance.
    enough = level * (1 - 2.0**-20) * sums[-1]
    return values[order[np.searchsorted(sums, enough)]]


def size_of_most(distances, weight):
    """Return a size of distances that a few of them, however large, do not change.

    Of those that are not 0 it is what 68 % do not exceed, times the root of the part of
    the weight that they are: the standard deviation of normal numbers about their mean,
    and the root mean square of zeros and ones.
    """
    away = np.where(distances > 0, weight, 0.0)
    part = away.sum() / (weight.sum() or 1.0)
    return weighted_quantile(distances, away, _MOST) * math.sqrt(part)


def n_to_start_by(n_samples, targets=None):
    """Return by how many of the first samples of a stream a model of them starts.

    The first 32 may have one class only, or targets that hardly differ, so twice as
    many decide when they have come. Where most targets are 0, as of claims, so may all
    of these be: their size is known when some differ, and then they decide at once.

    Parameters
    ----------
    n_samples : int
        How many have come.
    targets : ndarray of shape (n_samples, n_outputs), optional
        Of these, or of the first 4,096, if they say nothing while all are the same.

    Returns
    -------
    n_first : int
    is_settled : bool
        Whether enough of the targets differ, or are no longer waited for.
    """
    n_first = n_samples
    if n_samples >= FIRST_SAMPLES:
        n_first = 1 << int(n_samples).bit_length() - 1
    if targets is not None:
        are_few = np.cumsum(targets != targets[:1], axis=0) < _UNLIKE
        n_needed = min(1 + int(are_few.sum(axis=0).max()), MOST_SAMPLES)
        if n_needed > n_samples:
            return n_first, False
        if n_needed > min(n_first, ENOUGH_SAMPLES):
            return n_needed, True
    return min(n_first, ENOUGH_SAMPLES), True


def _rounded(scales, other):
    """Round to powers of two; return `other` for what is 0 or infinite."""
    usable = (scales > 0) & np.isfinite(scales)
    # Not 0.5: √2, as of two ones in each row, must not be rounded by chance.
    powers = np.floor(np.log2(np.where(usable, scales, 1.0)) + 0.499)
    return np.where(usable, 2.0**powers, other)
