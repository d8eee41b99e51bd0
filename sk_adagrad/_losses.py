"""What each loss means to Python; its arithmetic is in the kernel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp

from ._dispatch import KERNELS


@dataclass(frozen=True)
class Loss:
    """One loss.

    Parameters
    ----------
    name : str
        scikit-learn's name for it, and the kernel's.
    parameter : str, optional
        The estimator's parameter that it reads.
    probability : callable, optional
        Maps raw predictions to probabilities of the positive class, if there are any.
    bounded_slope : bool
        Whether slopes are no steeper for targets far away.
    log_link : bool
        Whether the prediction is the exponential of the raw prediction.
    least_y : float
        Lower bound of targets.
    with_least : bool
        Whether targets may equal it.
    """

    name: str
    parameter: str | None = None
    probability: Callable[[np.ndarray], np.ndarray] | None = None
    bounded_slope: bool = False
    log_link: bool = False
    least_y: float = -np.inf
    with_least: bool = True


def _truncated_line(raw_prediction: np.ndarray) -> np.ndarray:
    """Zhang's (2004) estimate for modified Huber: (1 + p) / 2 between 0 and 1."""
    return (np.clip(raw_prediction, -1, 1) + 1) / 2


_SQUARED_ERROR = Loss("squared_error")
_HUBER = Loss("huber", parameter="epsilon", bounded_slope=True)
_EPSILON_INSENSITIVE = Loss(
    "epsilon_insensitive", parameter="epsilon", bounded_slope=True
)
_SQUARED_EPSILON_INSENSITIVE = Loss("squared_epsilon_insensitive", parameter="epsilon")


def _by_name(*losses: Loss) -> dict[str, Loss]:
    return {loss.name: loss for loss in losses}


CLASSIFICATION_LOSSES = _by_name(
    Loss("log_loss", probability=expit),
    Loss("hinge"),
    Loss("squared_hinge"),
    Loss("modified_huber", probability=_truncated_line),
    Loss("perceptron"),
    _SQUARED_ERROR,
    _HUBER,
    _EPSILON_INSENSITIVE,
    _SQUARED_EPSILON_INSENSITIVE,
)

REGRESSION_LOSSES = _by_name(
    _SQUARED_ERROR,
    Loss("absolute_error", bounded_slope=True),
    _HUBER,
    _EPSILON_INSENSITIVE,
    _SQUARED_EPSILON_INSENSITIVE,
    Loss("quantile", parameter="quantile", bounded_slope=True),
    Loss("poisson", log_link=True, least_y=0),
    Loss("gamma", log_link=True, least_y=0, with_least=False),
    Loss("tweedie", parameter="power", log_link=True, least_y=0),
)


@np.errstate(over="ignore", invalid="ignore")  # the caller reports it
def mean_loss(raw, samples, rule, coupled):
    """Return the mean loss over samples and outputs, or that of a softmax.

    Parameters
    ----------
    raw : ndarray of shape (n_samples, n_outputs)
        Raw predictions.
    samples : Samples
    rule : Rule
    coupled : bool
        Whether the outputs are the classes of a softmax.
    """
    targets, weight = samples.targets, samples.weight
    if coupled:
        own = raw[np.arange(len(raw)), targets.labels.astype(np.intp)]
        losses = logsumexp(raw.astype(np.float64), axis=1) - own
    else:
        losses = np.zeros(len(raw))
        for p, y in zip(raw.T, targets.of_each_output(), strict=True):
            losses += evaluated(rule.loss, rule.loss_parameter, p, y)[0]
        losses /= raw.shape[1]
    return float(np.average(losses, weights=weight if len(weight) else None))


def evaluated(name, parameter, raw, y):
    """Return value and slope of a loss at some raw predictions."""
    raw, y = np.ascontiguousarray(raw), np.ascontiguousarray(y)
    value, slope = np.empty_like(raw), np.empty_like(raw)
    KERNELS[raw.dtype].LOSSES[name].evaluate(raw, y, parameter, value, slope)
    return value, slope
