"""AdagradClassifier and AdagradRegressor: validation, encoding, publishing."""

from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import check_random_state, column_or_1d, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
)
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from ._losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES
from ._rows import checked_sparse, rows_of
from ._solver import Rule, Targets, raw_prediction, solve
from ._state import ModelState


class _BaseAdagrad(BaseEstimator):
    """The way from samples to a published model, which both estimators share."""

    _parameter_constraints: dict = {
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
            values, codes = self._encode(y, weight, classes, go_on, stream)
            state = (
                self._state
                if go_on
                else ModelState.zeros(
                    len(codes) or values.shape[1],
                    rows.n_features,
                    rows.data.dtype,
                    self.initial_accumulator,
                )
            )
            weight, class_counts = self._weigh(
                weight, values, state.class_counts, stream
            )
            weight = _cast(weight, state.dtype, "sample_weight")
            targets = Targets(_cast(values, state.dtype, "y"), codes.astype(state.dtype))
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
            self._state = state
            self.loss_curve_ = loss_curve
            self.n_iter_ = len(loss_curve)
            self.eta0_ = float(self.eta0)
        return self

    def _validate(self, X, y, sample_weight, dtype, go_on, stream):
        X, y = validate_data(
            self,
            checked_sparse(X),
            y,
            reset=not go_on,
            accept_sparse="csr",
            dtype=dtype,
            order="C",
            **self._y_checks,
        )
        weight = np.empty(0)  # stands for all 1
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
            if (weight < 0).any():
                raise ValueError(
                    f"Negative values in sample_weight: the smallest is {weight.min()}, "
                    "but weights must be zero or positive."
                )
            if not stream and not weight.any():
                raise ValueError(
                    "All samples have weight zero, so there is nothing to fit; give at "
                    "least one a positive sample_weight."
                )
        return rows_of(X), y, weight

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
        X = validate_data(
            self,
            checked_sparse(X),
            reset=False,
            accept_sparse="csr",
            dtype=self._state.dtype,
            order="C",
        )
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
        return self.eta0_ / np.sqrt(self.accumulators_ + self.eps)

    @property
    def intercept_learning_rates_(self):
        """Rates that the next gradients of the intercepts will meet."""
        _state_of(self, "intercept_learning_rates_")
        return self.eta0_ / np.sqrt(self.intercept_accumulators_ + self.eps)

    @property
    def progressive_loss_(self):
        """Mean loss of all samples, each scored when first seen and not yet learned."""
        return _state_of(self, "progressive_loss_").progressive_loss

    @property
    def t_(self):
        """Samples learned from, those of weight 0 not counted."""
        return _state_of(self, "t_").t

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_state")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _has_probabilities(classifier):
    loss = CLASSIFICATION_LOSSES.get(classifier.loss)
    if loss is None or loss.probability is None:
        having = [loss.name for loss in CLASSIFICATION_LOSSES.values() if loss.probability]
        raise AttributeError(
            f"loss={classifier.loss!r} has no probabilities: choose one of {having}, or "
            "wrap the classifier in sklearn.calibration.CalibratedClassifierCV."
        )
    return True


class AdagradClassifier(ClassifierMixin, _BaseAdagrad):
    """Linear classifier for sparse data, trained online by Adagrad."""

    _losses = CLASSIFICATION_LOSSES
    _y_checks: dict = {}
    _parameter_constraints: dict = {
        **_BaseAdagrad._parameter_constraints,
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES))],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        loss="log_loss",
        *,
        eta0=0.5,
        eps=1e-8,
        initial_accumulator=0.0,
        epsilon=0.1,
        fit_intercept=True,
        class_weight=None,
        max_iter=10,
        tol=1e-2,
        n_iter_no_change=1,
        shuffle=True,
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
    ):
        self.loss = loss
        self.eta0 = eta0
        self.eps = eps
        self.initial_accumulator = initial_accumulator
        self.epsilon = epsilon
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        return self._learn(X, y, sample_weight, stream=False)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        return self._learn(X, y, sample_weight, stream=True, classes=classes)

    def decision_function(self, X):
        raw = self._raw_prediction(X)
        return raw[:, 0] if len(self.classes_) == 2 else raw

    def predict(self, X):
        raw = self._raw_prediction(X)
        if len(self.classes_) == 2:
            return self.classes_[(raw[:, 0] > 0).astype(np.intp)]
        return self.classes_[raw.argmax(axis=1)]

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        positive = self._losses[self.loss].probability(self._raw_prediction(X))
        if len(self.classes_) == 2:
            return np.hstack((1 - positive, positive))
        total = positive.sum(axis=1, keepdims=True)
        uniform = np.full_like(positive, 1 / len(self.classes_))
        return np.divide(positive, total, out=uniform, where=total > 0)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X):
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _encode(self, y, weight, classes, go_on, stream):
        """Return class codes of shape (n_samples, 1) and the code of each output."""
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if stream:
            _check_partial_fit_first_call(self, classes)
        elif not go_on:
            # A sample of weight 0 is no sample, so it brings no class either.
            self.classes_ = np.unique(y[weight > 0] if len(weight) else y)
            if len(self.classes_) < 2:
                raise ValueError(
                    "The number of classes has to be greater than one; got "
                    f"{len(self.classes_)} class"
                )
        n_classes = len(self.classes_)
        codes = np.minimum(np.searchsorted(self.classes_, y), n_classes - 1)
        unknown = self.classes_[codes] != y
        if not stream and not go_on:
            unknown = unknown & (weight > 0) if len(weight) else unknown
        if unknown.any():
            raise ValueError(
                f"y contains the new class {y[unknown][0]!r}; the model knows "
                f"{self.classes_.tolist()}. Name all classes in the first call of "
                "partial_fit, or call fit (without warm_start) to start over."
            )
        outputs = np.arange(n_classes) if n_classes > 2 else np.ones(1)
        return codes[:, None], outputs

    def _weigh(self, weight, codes, class_counts, stream):
        """Multiply sample weights by class weights; count the classes of a stream."""
        if self.class_weight is None:
            return weight, class_counts
        codes = codes[:, 0]
        n_classes = len(self.classes_)
        each = weight if len(weight) else np.ones(len(codes))
        if self.class_weight != "balanced":
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_
            )
            return each * by_class[codes], class_counts
        if stream:
            return _balanced_so_far(codes, each, n_classes, class_counts)
        counts = np.bincount(codes, weights=each, minlength=n_classes)
        by_class = counts.sum() / (n_classes * np.where(counts > 0, counts, np.inf))
        return each * by_class[codes], class_counts


class AdagradRegressor(RegressorMixin, _BaseAdagrad):
    """Linear regressor for sparse data, trained online by Adagrad."""

    _losses = REGRESSION_LOSSES
    _y_checks = {"y_numeric": True, "multi_output": True}  # noqa: RUF012
    _parameter_constraints: dict = {
        **_BaseAdagrad._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        loss="squared_error",
        *,
        eta0=0.5,
        eps=1e-8,
        initial_accumulator=0.0,
        epsilon=0.1,
        quantile=0.5,
        fit_intercept=True,
        max_iter=10,
        tol=1e-2,
        n_iter_no_change=1,
        shuffle=True,
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
    ):
        self.loss = loss
        self.eta0 = eta0
        self.eps = eps
        self.initial_accumulator = initial_accumulator
        self.epsilon = epsilon
        self.quantile = quantile
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        return self._learn(X, y, sample_weight, stream=False)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        return self._learn(X, y, sample_weight, stream=True)

    def predict(self, X):
        raw = self._raw_prediction(X)
        return raw[:, 0] if self._single_target else raw

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _encode(self, y, weight, classes, go_on, stream):
        """Return the targets of shape (n_samples, n_outputs); no output has a code."""
        values = y.reshape(len(y), -1)
        if go_on and values.shape[1] != self._state.n_outputs:
            raise ValueError(
                f"y has {values.shape[1]} targets, but {type(self).__name__} was fitted "
                f"with {self._state.n_outputs}; call fit (without warm_start) to start "
                "over."
            )
        if not go_on:
            self._single_target = y.ndim == 1
        return values, np.empty(0)

    def _weigh(self, weight, values, class_counts, stream):
        return weight, class_counts

    def _published(self, coef):
        return coef[0] if self._single_target else coef


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
    """Return the trained state, or say that there is none as for a missing attribute."""
    try:
        return vars(estimator)["_state"]
    except KeyError:
        raise AttributeError(
            f"{type(estimator).__name__!r} object has no attribute {attribute!r} before "
            "fit or partial_fit."
        ) from None


def _cast(values, dtype, name):
    """Return values in the model's type; refuse what has become infinite by it."""
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(values, dtype=dtype)
    if dtype == np.float32 and values.dtype == np.float64 and not np.isfinite(cast).all():
        raise ValueError(
            f"{name} has values too large for float32, the type of the model: the "
            f"largest is {np.abs(values).max():.3g}. Scale {name} or use a float64 X."
        )
    return cast


def _balanced_so_far(codes, weight, n_classes, class_counts):
    """Weigh each sample by what its class and all classes have weighed up to it."""
    if class_counts is None:
        class_counts = np.zeros(n_classes + 1)  # the last one is that of all classes
    counts = class_counts.copy()
    own = np.empty(len(codes))
    for code in np.unique(codes):
        of_class = codes == code
        running = np.cumsum(np.concatenate(([counts[code]], weight[of_class])))
        own[of_class] = running[1:]
        counts[code] = running[-1]
    running = np.cumsum(np.concatenate((counts[-1:], weight)))
    counts[-1] = running[-1]
    balance = running[1:] / (n_classes * np.where(own > 0, own, np.inf))
    return weight * balance, counts
