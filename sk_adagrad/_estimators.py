"""What both estimators share: the way from samples to a published model."""

from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, check_array, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import (
    check_is_fitted,
    validate_data,
)

from ._losses import Loss
from ._rows import all_finite, checked_sparse, rows_of
from ._solver import Rule, Targets, raw_prediction, solve
from ._state import ModelState


class BaseAdagrad(BaseEstimator):
    """The way from samples to a published model, which both estimators share."""

    _losses: ClassVar[dict[str, Loss]]
    _y_checks: ClassVar[dict[str, Any]]
    _state: ModelState

    _parameter_constraints: ClassVar[dict] = {
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "initial_accumulator": [Interval(Real, 0, None, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def _learn(self, X, y, sample_weight, *, stream, classes=None):
        """Validate, encode, take the state, solve, publish."""
        go_on = hasattr(self, "_state") and (stream or self.warm_start)
        with _unchanged_on_error(self):
            dtype = self._state.dtype if go_on else [np.float64, np.float32]
            rows, y, weight = self._validate(X, y, sample_weight, dtype, go_on, stream)
            self._check_range(rows.data.dtype)
            values, codes = self._encode(y, weight, classes, go_on, stream)
            if go_on and stream and len(weight) and not weight.any():
                return self  # no sample at all: not even a counter moves
            state = self._state if go_on else self._new_state(rows, values, codes)
            weight, class_counts = self._weigh(
                weight, values, state.class_counts, stream
            )
            weight = _cast(weight, state.dtype, "sample_weight")
            targets = Targets(
                _cast(values, state.dtype, "y"), codes.astype(state.dtype)
            )
            passes = {} if stream else self._passes()
            state.class_counts = class_counts
            loss_curve = solve(
                state,
                rows,
                targets,
                weight,
                self._rule(state),
                n_jobs=self.n_jobs,
                verbose=self.verbose,
                **passes,
            )
            self._publish(state, loss_curve)
        return self

    def _validate(self, X, y, sample_weight, dtype, go_on, stream):
        X, y = self._read(X, y=y, reset=not go_on, dtype=dtype, **self._y_checks)
        weight = _checked_weight(sample_weight, X)
        if not stream and len(weight) and not weight.any():
            raise ValueError(
                "Sample weights must contain at least one non-zero number, or there is "
                "nothing to fit."
            )
        return rows_of(X), y, weight

    def _read(self, X, **checks):
        """Return X, and y if it is among the checks, as `validate_data` does."""
        checked = validate_data(
            self,
            checked_sparse(X),
            accept_sparse="csr",
            order="C",
            ensure_all_finite=False,
            **checks,
        )
        X = checked[0] if "y" in checks else checked
        # scikit-learn's check takes three times as long; it words the error.
        if not all_finite(X):
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        return checked

    def _new_state(self, rows, values, codes):
        return ModelState.zeros(
            len(codes) or values.shape[1],
            rows.n_features,
            rows.data.dtype,
            self.initial_accumulator,
        )

    def _publish(self, state, loss_curve):
        if state.weight_sum and not np.isfinite(loss_curve).all():
            raise ValueError(
                "The loss is no longer a finite number: values of X or y are too large "
                f"for {state.dtype}. Scale them, for example with MaxAbsScaler, and "
                "fit again."
            )
        self._state = state
        self.loss_curve_ = loss_curve
        self.n_iter_ = len(loss_curve)
        self.eta0_ = float(self.eta0)
        self._eps = self.eps

    def _check_range(self, dtype):
        for name in ("eta0", "eps", "initial_accumulator"):
            value = getattr(self, name)
            if value > np.finfo(dtype).max:
                raise ValueError(
                    f"{name}={value} is too large for {dtype}, the type of the model."
                )

    def _passes(self):
        return {
            "max_iter": self.max_iter,
            "tol": self.tol,
            "n_iter_no_change": self.n_iter_no_change,
            "random_state": (
                check_random_state(self.random_state) if self.shuffle else None
            ),
        }

    def _rule(self, state):
        loss = self._losses[self.loss]
        return Rule(
            loss=loss.name,
            loss_parameter=getattr(self, loss.parameter) if loss.parameter else 0.0,
            eta0=state.by_lane(self.eta0),
            eps=max(self.eps, np.finfo(state.dtype).tiny),
            fit_intercept=self.fit_intercept,
        )

    def _raw_prediction(self, X):
        check_is_fitted(self)
        X = self._read(X, reset=False, dtype=self._state.dtype)
        return raw_prediction(self._state, rows_of(X))

    def _published(self, coef):
        return coef

    @property
    def coef_(self):
        """Weights w."""
        return self._published(_state_of(self, "coef_").weights()[0])

    @property
    def intercept_(self):
        """Intercepts b."""
        return _state_of(self, "intercept_").weights()[1]

    @property
    def accumulators_(self):
        """Running sums G of squared gradients."""
        return self._published(_state_of(self, "accumulators_").accumulators()[0])

    @property
    def intercept_accumulators_(self):
        """Running sums of the intercepts' squared gradients."""
        return _state_of(self, "intercept_accumulators_").accumulators()[1]

    @property
    def learning_rates_(self):
        """Rates eta0 / sqrt(G + eps) that the next gradients will meet."""
        _state_of(self, "learning_rates_")
        return self._rates(self.accumulators_)

    @property
    def intercept_learning_rates_(self):
        """Rates that the next gradients of the intercepts will meet."""
        _state_of(self, "intercept_learning_rates_")
        return self._rates(self.intercept_accumulators_)

    def _rates(self, accumulators):
        rates = self.eta0_ / np.sqrt(accumulators + self._eps)
        rates.flags.writeable = False
        return rates

    @property
    def progressive_loss_(self):
        """Mean loss of all samples, each scored when first seen and not yet learned."""
        return _state_of(self, "progressive_loss_").progressive_loss

    @property
    def t_(self):
        """Visits to samples of weight above 0, in all passes."""
        return _state_of(self, "t_").t

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_state")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@contextmanager
def _unchanged_on_error(estimator):
    """Take back every attribute that was set, if anything goes wrong."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _state_of(estimator, attribute):
    """Return the trained state; before there is one, the attribute is missing."""
    try:
        return vars(estimator)["_state"]
    except KeyError:
        raise AttributeError(
            f"{type(estimator).__name__!r} object has no attribute {attribute!r} "
            "before fit or partial_fit."
        ) from None


def _checked_weight(sample_weight, X):
    """Return the weights as float64; an empty array stands for all 1."""
    if sample_weight is None:
        return np.empty(0)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (X.shape[0],):
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(X.shape[0],)}: one "
            "weight for each sample."
        )
    if (weight < 0).any():
        raise ValueError(
            f"Negative values in sample_weight; the smallest is {weight.min()}, but "
            "weights must be zero or positive."
        )
    return weight


def _cast(values, dtype, name):
    """Return values in the model's type; refuse what has become infinite by it."""
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(values, dtype=dtype)
    if (
        dtype == np.float32
        and values.dtype == np.float64
        and not np.isfinite(cast).all()
    ):
        raise ValueError(
            f"{name} has values too large for float32, the type of the model: the "
            f"largest is {np.abs(values).max():.3g}. Scale {name} or use a float64 X."
        )
    return cast
