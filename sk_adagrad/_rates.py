"""The data-dependent start of a new model: rates, accumulators and intercepts."""

import math
from dataclasses import dataclass

import numpy as np

from ._columns import AS_THEY_ARE, Columns

# From 1/32 to 4 times the scale of `candidate_rates`, a factor of 2 apart: a factor of
# √2 gains nothing, one of 2.8 or 4 costs 1 to 2 % of test loss. On 16 development sets
# the best rates of nearly all outputs lay between 1/8 and 4; the candidate below the
# best one is needed too.
N_CANDIDATES = 8

# Under eta0="auto" every G starts at the squared gradient of the mean |x| and one of
# these slopes; for targets it is this multiple of the slopes' root mean square at the
# first intercept. Four times their mean size, about the same for normal targets, is far
# below the slopes that count where most targets are 0, as of claims: compared with it,
# squared errors on 12 such sets are 0.96 times as large, Poisson losses 0.96 (0.95 in a
# stream) and Tweedie losses 0.97 (0.85), and on 17 others 1.00. (Tweedie losses are
# mostly 0.84 of it, but some fits to fewer than 200 events among 50,000 samples choose
# rates with which they are many times as large.) Sample weights below 1 shrink
# gradients and so G₀: with weights of 1e-4 whats_cooking has an accuracy of 0.787, but
# 0.34 with the G₀ for weights of 1. If G started at 0, the first step of a weight would
# have length η however small its gradient, and the output of a rare class sees mostly
# small ones, of samples that are not its own. docs/choosing.md, "Rare features",
# measures the gain.
FIRST_SLOPE_OF_RARE, FIRST_SLOPES_OF_TARGETS = 2.0, 3.0

# The slope that sets G₀ of quantile losses: the mean of their two slopes. The root mean
# square is lower where few samples have the steep one: on 17 sets it would make losses
# of the quantiles 0.99 and 0.01 1.02 and 1.01 times as large, and 1.08 and 1.05 times
# in a stream.
SLOPE_OF_QUANTILES = 0.5

# Share of a normal distribution within one standard deviation of its mean.
_MOST = 0.68

# Rows longer than this need an intercept value above 1, see `intercept_value`.
_LONG = 4

# A stream's start is derived from its first 32 samples, and anew at each doubling up to
# 1,024. While fewer than 8 targets differ from the first, any of the first 4,096
# samples may cause a new start.
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
        The unit of ε for each output.
    intercepts : ndarray of shape (n_outputs,)
        The first intercepts.
    intercept_value : float
    columns : Columns
    """

    rates: np.ndarray
    accumulators: np.ndarray
    eps_units: np.ndarray
    intercepts: np.ndarray
    intercept_value: float = 1.0
    columns: Columns = AS_THEY_ARE

    def equals(self, other: "Start") -> bool:
        """Whether a model would start in the same way."""
        return all(map(np.array_equal, self._numbers(), other._numbers()))

    def _numbers(self):
        yield from (self.rates, self.accumulators, self.eps_units, self.intercepts)
        columns, centring = self.columns, self.columns.centring
        yield from (self.intercept_value, columns.scaled, columns.least_scale)
        yield from (centring.columns, centring.centres)


def candidate_rates(target_sizes, row_size, n_candidates):
    """Return rates of shape (n_outputs, n_candidates) for the scales of the data.

    Multiplying all targets of a regression by c calls for c times the rate, and
    multiplying X by c for 1/c times. The scale is rounded to a power of two, so that it
    does not depend on the order of summation.

    Parameters
    ----------
    target_sizes : ndarray of shape (n_outputs,)
        Root mean square of each output's targets; under a log link of their relative
        deviations, at most 1; for labels 2.
    row_size : float
        The Euclidean norm of a typical row.
    n_candidates : int
        More than eight extend both ends, fewer leave them out.
    """
    with np.errstate(over="ignore"):
        scales = _rounded(np.divide(target_sizes, row_size or 1.0), other=1.0)
    powers = np.arange(n_candidates) - (n_candidates + 2) // 2
    return np.outer(scales, 2.0**powers)


def intercept_value(row_size):
    """Return the value of the intercept's feature under eta0="auto".

    It is 1 unless rows are shorter or more than four times as long. Rates depend on the
    length of rows, so that with a value of 1 the intercept would hardly learn beside
    long rows and jump beside short ones. Log losses of five folds, X standardised,
    times 256, 1 and 1/256: iris 0.26, 0.24 and 0.23 (with a value of 1: 0.48, 0.24 and
    0.46), wine 0.07, 0.06 and 0.06 (0.16, 0.06 and 0.14). With a value as large as the
    length of long rows, counts of words would have 1.06 (news20), 1.03 (clinc150) and
    1.02 (conll2000) times the test loss, at lengths of 32, 4 and 4. With four times the
    length of short rows, such as words times a tenth, it would be 1.03, 1.29 and 1.11
    times on news20, clinc150 and whats_cooking.
    """
    size = float(_rounded(np.float64(row_size), other=1.0))
    return float(np.clip(1.0, size / _LONG, size))


def first_slope_of_two(share):
    """Return the slope that sets G₀ for two classes, the rarer having this share.

    It falls from 2 at a share of 1/8 to 1/16 at 1/2. With 1/16 from 1/8 on, 273 tasks
    of text and one-hot columns with a share of 1/8 to 0.3 had 1.01 times the log loss
    and 1.02 times the error, and 1.08 and 1.11 times with class_weight="balanced". With
    2 up to a fifth, some had 1.3 times the loss.
    """
    return FIRST_SLOPE_OF_RARE * max(1.0, 8 * share) ** -2.5


def first_accumulators(gradient_sizes):
    """Return G₀ of each output: the size of its gradients, squared."""
    with np.errstate(over="ignore"):
        squares = np.square(gradient_sizes)
    return np.where(np.isinf(squares), squares, _rounded(squares, other=0.0))


def eps_units(slope_sizes):
    """Return the unit of ε for each output: the square of the size of its slopes.

    ε is then added to squares of values of X, like G₀, and neither the unit of weights
    nor that of targets decides whether it outweighs squared gradients. With ε at 1e-8
    and weights of 1e-6 the log loss of clickbait is 0.060, without the unit 0.236; with
    y in units of 1e-9 R² of diabetes is 0.34, without 0.21.
    """
    with np.errstate(over="ignore"):
        return _rounded(np.square(slope_sizes), other=1.0)


def intercepts_near(means, spreads):
    """Return where intercepts start, given the means and spreads of the targets.

    From 0, all weights would move to cover a distance that is long beside the spread,
    and spend their rates on it: with 3,000 sparse samples and y some 44 spreads from 0,
    R² on others was -2.1, and 0.98 from here, as for y around 0. The nearest multiple
    of the spread serves as well as the mean, and does not depend on the order of
    summation.
    """
    steps = _rounded(np.maximum(spreads, np.abs(means) * 2.0**-40), other=1.0)
    return steps * _nearest(means / steps)


def weighted_quantile(values, weight, level):
    """Return the least value that this share of the total weight does not exceed.

    It is one of the values, or 0 if there are none.
    """
    if not len(values):
        return 0.0
    order = np.argsort(values)
    sums = np.cumsum(weight[order])
    # Slightly below the level: a share of exactly that must not be rounded by chance.
    enough = level * (1 - 2.0**-20) * sums[-1]
    return values[order[np.searchsorted(sums, enough)]]


def size_of_most(distances, weight):
    """Return a size of distances that is robust against a few very large ones.

    It is the 68 % quantile of the non-zero distances, times the root of their share of
    the weight: the standard deviation for normal numbers around their mean, and the
    root mean square for zeros and ones.
    """
    away = np.where(distances > 0, weight, 0.0)
    part = away.sum() / (weight.sum() or 1.0)
    return weighted_quantile(distances, away, _MOST) * math.sqrt(part)


def n_to_start_by(n_samples, targets=None):
    """Return how many of a stream's first samples its start is derived from.

    The first 32 may all be of one class, or have nearly equal targets, so twice as many
    decide once they have come. Where most targets are 0, as of claims, so may all of
    these be; then the first samples whose targets differ decide at once.

    Parameters
    ----------
    n_samples : int
        How many have come.
    targets : ndarray of shape (n_samples, n_outputs), optional
        Of these, or of the first 4,096, if they tell nothing while all are equal.

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
    """Round to powers of two; return `other` for 0 and infinity."""
    usable = (scales > 0) & np.isfinite(scales)
    powers = _nearest(np.log2(np.where(usable, scales, 1.0)))
    return np.where(usable, 2.0**powers, other)


def _nearest(numbers):
    """Round to integers, and what is halfway between two always down.

    By adding 0.5 it would be rounded by chance: the mean of two targets is halfway, and
    so is log2(√2), of rows with two ones.
    """
    return np.floor(numbers + 0.499)
