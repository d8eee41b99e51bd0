"""The valid values of parameters, each by itself and in combination."""

from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils._param_validation import Interval, StrOptions

from ._dispatch import UPDATES
from ._engines import PRECONDITIONERS

# Those of both estimators.
CONSTRAINTS: dict[str, list] = {
    "eta0": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "update": [StrOptions(set(UPDATES))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "eps": [Interval(Real, 0, None, closed="neither")],
    "initial_accumulator": [
        StrOptions({"auto"}),
        Interval(Real, 0, None, closed="left"),
    ],
    "importance_aware": ["boolean"],
    "scale_invariant": [StrOptions({"auto"}), "boolean"],
    "half_life": [Interval(Real, 0, None, closed="neither"), None],
    "epsilon": [Interval(Real, 0, None, closed="left")],
    "preconditioner": [StrOptions(set(PRECONDITIONERS))],
    "refresh_every": [Interval(Integral, 1, None, closed="left")],
    "fit_intercept": ["boolean"],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left"), None],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
}

# The value of each of these that a full matrix needs, and why.
_NEEDED_BY_FULL = {
    "update": (
        "mirror_descent",
        "the others differ from it by their regularisation, and it has none",
    ),
    "alpha": (
        0,
        "a step's prox in the metric of a full matrix has no closed form",
    ),
    "importance_aware": (
        False,
        "the closed forms of that step are those of a diagonal matrix",
    ),
    "scale_invariant": (
        False,
        "scales are kept by feature, and a full matrix mixes features",
    ),
    "half_life": (
        None,
        "a feature's past fades with its own updates, and pairs of features have none",
    ),
    "multi_class": (
        "ovr",
        "each output has a matrix by itself, and a softmax couples the outputs",
    ),
}


def check_combination(estimator):
    """Refuse combinations of parameters that make no sense, before anything changes."""
    if estimator.n_jobs == 0:
        effective_n_jobs(0)  # raises joblib's error
    if estimator.preconditioner == "full":
        _check_full(estimator)
    if estimator.update != "mirror_descent" and estimator.half_life is not None:
        raise ValueError(
            f"half_life={estimator.half_life} forgets old gradients in the "
            f"accumulators only, but update={estimator.update!r} also keeps their sum: "
            "use update='mirror_descent'."
        )
    if estimator.update == "dual_averaging" and estimator.importance_aware:
        raise ValueError(
            "importance_aware=True follows the step that one gradient makes, but "
            "under update='dual_averaging' each gradient also moves all earlier "
            "steps: use update='mirror_descent' or 'ftrl_proximal'."
        )
    if getattr(estimator, "multi_class", "ovr") == "multinomial":
        _check_softmax(estimator)


def _check_full(estimator):
    for name, (needed, why) in _NEEDED_BY_FULL.items():
        value = getattr(estimator, name, needed)
        if value not in (needed, "auto"):
            raise ValueError(
                f"{name}={value!r} does not go with preconditioner='full': {why}. "
                f"Use {name}={needed!r} or preconditioner='diagonal'."
            )


def _check_softmax(estimator):
    if estimator.loss != "log_loss":
        raise ValueError(
            f"multi_class='multinomial' is the log loss of a softmax, but loss is "
            f"{estimator.loss!r}: use loss='log_loss' or multi_class='ovr'."
        )
    if estimator.importance_aware:
        raise ValueError(
            "importance_aware=True needs the way of one raw prediction, but under "
            "multi_class='multinomial' all classes move together: use "
            "multi_class='ovr'."
        )


def check_range(estimator, dtype):
    """Refuse numbers that the model's type cannot hold, or tell from limits."""
    largest = float(np.finfo(dtype).max)
    for name in ("eta0", "eps", "initial_accumulator", "alpha"):
        value = getattr(estimator, name)
        # As floats: a comparison with a float32 would warn of overflow.
        if value != "auto" and float(value) > largest:
            raise ValueError(
                f"{name}={value} is too large for {dtype}, the type of the model."
            )
    if estimator.loss == "tweedie" and dtype.type(estimator.power) in (1, 2):
        limit = {1: "poisson", 2: "gamma"}[int(dtype.type(estimator.power))]
        raise ValueError(
            f"power={estimator.power} is {dtype.type(estimator.power):g} in {dtype}, "
            f"the type of the model: use loss={limit!r}."
        )
