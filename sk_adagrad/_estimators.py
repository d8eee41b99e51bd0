"""The common part of both estimators: from samples to a published model."""

import math
from copy import deepcopy
from dataclasses import replace
from operator import is_
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import (
    check_is_fitted,
    validate_data,
)

from ._attributes import AttributesMixin
from ._callbacks import CallbackSupportMixin, fit_task
from ._engines import ENGINES, PRECONDITIONERS
from ._full_matrix import FullMatrixState
from ._losses import Loss, mean_loss
from ._memory import check_memory
from ._parameters import CONSTRAINTS, check_combination, check_range
from ._passes import ONE_OF_A_STREAM, Stopping
from ._publishing import published_together, shallow_copy
from ._rows import read_rows, rows_within_bounds
from ._rule import Reading, Rule
from ._samples import Samples, cast_to, checked_weight
from ._solver import Learner, ordered, solve
from ._sparse import as_csr, check_pointers, checked_csr
from ._starting import Call, Opening, StartMixin
from ._state import ModelState
from ._trial import Trial


class BaseAdagrad(CallbackSupportMixin, AttributesMixin, StartMixin):
    """The common part of both estimators: from samples to a published model.

    A subclass provides `_losses`, `_y_checks`, `_encode` and what `StartMixin` needs;
    it may override `_total_weights`, `_is_coupled` and `_published`.
    """

    n_features_in_: int
    feature_names_in_: np.ndarray
    _losses: ClassVar[dict[str, Loss]]
    _state: ModelState | FullMatrixState
    _learned_loss: str
    _opening: Opening | None
    _shares_state = False  # with a search, whose model must not learn on

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS

    def _learn(
        self,
        X,
        y,
        sample_weight,
        *,
        stream,
        classes=None,
        validation=(None, None, None),
    ):
        """Validate, encode, take the state, solve, publish."""
        with published_together(self) as model:
            task = None if stream else fit_task(self, model, X, y, sample_weight)
            model._learn_from(X, y, sample_weight, stream, classes, validation, task)
            if task:
                task.end()
        return self

    def _learn_from(self, X, y, sample_weight, stream, classes, validation, task):
        if stream:
            self._validate_changed_params()
        check_combination(self)
        go_on = hasattr(self, "_state") and (stream or self.warm_start)
        if go_on:
            self._check_that_it_can_go_on()
        dtype = self._state.dtype if go_on else [np.float64, np.float32]
        how = {"go_on": go_on, "stream": stream}
        rows, y, weight = self._validate(X, y, sample_weight, dtype, **how)
        dtype = rows.data.dtype
        check_range(self, dtype)
        targets = self._encode(y, dtype, classes=classes, **how)
        samples = Samples(rows, targets, weight)
        class_counts = self._state.class_counts if go_on else None
        weighed, class_counts = self._with_class_weights(samples, class_counts, stream)
        if go_on and stream and not weighed.n_counted:
            return  # no sample at all: not even a counter changes
        held_out = self._held_out(validation, dtype)
        call = self._opened(Call(weighed, class_counts, go_on, stream), samples)
        state, loss_curve, validation_curve = self._solve(call, held_out, task)
        self._publish(state, loss_curve, validation_curve)
        self._opening = call.kept

    def _validate_changed_params(self):
        """Validate parameters as `fit` does, if any was set since the last call.

        scikit-learn validates them in only the first call of `partial_fit`, as that
        takes as long as learning thousands of short rows.
        """
        values, known = self._parameter_values(), vars(self).get("_validated")
        if known and all(map(is_, values, known)):
            return
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
            self._validated = values

    def _solve(self, call, held_out, task):
        samples, stream = call.samples, call.is_stream
        rule, candidate_rates = self._rule(samples.rows.data.dtype), None
        random_state = None if stream else self._random_state()
        order, visited = ordered(samples, random_state, self._scale_free)
        if call.goes_on:
            state = self._state_to_go_on(rule, stream)
        else:
            start = (
                call.opening.start
                if call.opening
                else self._start_for(samples, visited, order)
            )
            state, candidate_rates = self._new_state(start, samples, rule, stream)
        state.class_counts = call.class_counts

        def validate(state):
            raw = ENGINES[type(state)].raw_prediction(state, held_out.rows)
            loss = mean_loss(raw, held_out, rule, state.coupled)
            if not np.isfinite(loss):
                raise ValueError(
                    "The loss of the validation set is no finite number: values of "
                    "X_val, y_val or X are too large."
                )
            return loss

        return solve(
            Learner(visited, order, rule, self.n_jobs, is_stream=stream),
            state,
            candidate_rates=candidate_rates,
            stopping=ONE_OF_A_STREAM if stream else self._stopping(),
            random_state=random_state,
            validate=validate if held_out else None,
            task=task,
            verbose=self.verbose,
        )

    def _with_class_weights(self, samples, class_counts=None, stream=False):
        """Multiply weights by class weights; return the samples and class counts."""
        weight, class_counts = self._total_weights(samples, class_counts, stream)
        before = None if weight is samples.weight else samples.full_weight
        dtype = samples.rows.data.dtype
        name = "sample_weight" if before is None else "sample_weight by class_weight"
        weight = cast_to(weight, dtype, name)
        if len(weight):  # to the kernel subnormal numbers are 0
            weight = weight * (weight >= np.finfo(dtype).tiny)
        if len(weight) and not (stream or weight.any()):
            raise ValueError(
                f"The weights of all samples are 0 in {weight.dtype}, the type of the "
                "model, so there is nothing to fit: use larger ones or a float64 X."
            )
        samples = replace(samples, weight=weight, without_class_weight=before)
        return samples, class_counts

    def _total_weights(self, samples, class_counts, stream):
        """Return weights times class weights, if there are any, and class counts."""
        return samples.weight, class_counts

    def _held_out(self, validation, dtype):
        """Return the validation samples, or None."""
        X, y, sample_weight = validation
        if X is None and y is None:
            if sample_weight is not None:
                raise ValueError(
                    "sample_weight_val is given without X_val and y_val, whose samples "
                    "it would weigh."
                )
            return None
        if X is None or y is None:
            raise ValueError(
                "X_val and y_val belong together, but "
                + ("X_val" if X is None else "y_val")
                + " is missing."
            )
        try:
            rows, y, weight = self._validate(
                X, y, sample_weight, dtype, go_on=True, stream=True
            )
            targets = self._encode(y, dtype, go_on=True, stream=False)
        except ValueError as error:
            message = f"In X_val, y_val or sample_weight_val: {error}"
            raise ValueError(message) from error
        if len(weight) and not weight.any():
            raise ValueError(
                "sample_weight_val must contain at least one non-zero number, or there "
                "is nothing to validate on."
            )
        return Samples(rows, targets, weight)

    def _validate(self, X, y, sample_weight, dtype, *, go_on, stream):
        if sp.issparse(y):
            y = checked_csr(y)
        rows, y = self._read(
            X,
            keyed=self.shuffle and not (stream or self._scale_free),
            y=y,
            reset=not go_on,
            dtype=dtype,
            **self._y_checks(y),
        )
        weight = checked_weight(sample_weight, rows.n_rows)
        if not stream and len(weight) and not weight.any():
            raise ValueError(
                "Sample weights must contain at least one non-zero number, or there is "
                "nothing to fit."
            )
        return rows, y, weight

    def _read(self, X, *, keyed, **checks):
        """Return the rows of X, and y."""
        X, y = self._converted(X, **checks)
        if checks["reset"]:  # before reading, which may take memory per feature
            check_memory(2 * X.dtype.itemsize * X.shape[1], X.shape[1])
        return self._finite_rows(X, keyed), y

    def _converted(self, X, **checks):
        """Return X in a form and type that are read, and y if given, else None."""
        X, y = as_csr(X), checks.get("y")
        if not self._needs_no_conversion(X, **checks):
            if sp.issparse(X):
                check_pointers(X)
            with np.errstate(over="ignore"):  # infinity is refused below
                checked = validate_data(
                    self,
                    X,
                    accept_sparse="csr",
                    order="C",
                    ensure_all_finite=False,
                    **checks,
                )
            X, y = checked if "y" in checks else (checked, None)
        return X, y

    def _finite_rows(self, X, keyed=False):
        # scikit-learn's check for NaN takes three times as long; it only words the
        # error.
        rows, all_finite = read_rows(X, keyed=keyed)
        if not all_finite:
            read = rows.data[: rows.nnz]  # with entries of the same place added up
            assert_all_finite(read, estimator_name=type(self).__name__, input_name="X")
        return rows

    def _needs_no_conversion(self, X, *, reset, dtype, **others):
        """Whether `validate_data` would find nothing to do for X and y.

        It takes half the time of `partial_fit` with one row, mostly to find out that X
        and y are not data frames.
        """
        return (
            not reset
            and (type(X) in (sp.csr_matrix, sp.csr_array) or _is_c_contiguous(X))
            and X.dtype == dtype
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and ("y" not in others or _is_numeric_column(others["y"], X.shape[:1]))
        )

    def _new_state(self, start, samples, rule, stream):
        """Return a new state, and the rates for `solve` to try, or None."""
        candidate_rates, n_outputs = None, len(start.rates)
        # The first chunk of a stream may have too few samples to choose a rate.
        at_once = not stream or samples.n_counted >= Trial.of_stream(n_outputs).end
        if self.preconditioner == "diagonal" and at_once and self.eta0 == "auto":
            candidate_rates = start.rates
            start = replace(start, rates=start.rates[:, :1])
        return self._state_from(start, samples, rule), candidate_rates

    def _state_from(self, start, samples, rule):
        """Return the state of models with these rates before the first sample."""
        return PRECONDITIONERS[self.preconditioner].zeros(
            start,
            samples.rows.n_features,
            samples.rows.data.dtype,
            rule.reading,
            coupled=self._is_coupled(samples.targets.n_outputs),
        )

    def _check_that_it_can_go_on(self):
        """Refuse new parameters that would change the meaning of what was learned."""
        state = self._state
        scaled = state.scaled if self.scale_invariant == "auto" else self._scale_free
        fixed = {
            "loss": (self._learned_loss, self.loss),
            "preconditioner": (type(state), PRECONDITIONERS[self.preconditioner]),
            "update": (state.reading.update, self.update),
            "scale_invariant": (state.scaled, scaled),
            "multi_class": (state.coupled, self._is_coupled(state.n_outputs)),
        }
        for name, (before, now) in fixed.items():
            if before != now:
                raise ValueError(
                    f"{name} has changed since the model was first fitted, and what it "
                    "has learned means something else under the new value: set it back "
                    "or call fit (without warm_start) to start over."
                )

    def _state_to_go_on(self, rule, stream):
        """Return the present state, prepared for parameters that may have changed.

        It is a copy in `fit`, so that an error leaves the model as it was, and if a
        search shares it.
        """
        in_place = stream and not self._shares_state
        state = (self._state if in_place else deepcopy(self._state)).unpacked()
        before = state.reading
        state.change_reading(rule.reading)
        if self.eta0 != "auto":
            try:
                state = state.with_rate(self.eta0)
            except ValueError:  # the rate is refused, so the penalty stays too
                state.change_reading(before)
                raise
        return state

    def _is_coupled(self, n_outputs):
        return False

    def _publish(self, state, loss_curve, validation_curve):
        if state.weight_sum and not all(map(math.isfinite, loss_curve)):
            rate = getattr(self, "eta0", "auto")  # a search has none
            given = "" if rate == "auto" else f"eta0={rate:g} or "
            raise ValueError(
                f"The loss is no longer a finite number: {given}values of X, y or "
                f"sample_weight are too large for {state.dtype}. "
                f"{'Lower eta0 or scale' if given else 'Scale'} them, X for example "
                "with MaxAbsScaler, and fit again."
            )
        self._state, self._learned_loss, self._opening = state, self.loss, None
        self._shares_state = False
        self.loss_curve_ = loss_curve
        self.n_iter_ = len(loss_curve)
        self.validation_loss_curve_ = validation_curve

    def _stopping(self):
        return Stopping(self.max_iter, self.tol, self.n_iter_no_change)

    def _random_state(self):
        """Return the generator of orders of visits; None keeps that of the rows."""
        return check_random_state(self.random_state) if self.shuffle else None

    def _loss_parameter(self):
        name = self._losses[self.loss].parameter
        return getattr(self, name) if name else 0.0

    def _rule(self, dtype):
        alpha, l1_ratio = float(self.alpha), float(self.l1_ratio)
        return Rule(
            loss=self.loss,
            loss_parameter=self._loss_parameter(),
            reading=Reading(
                update=self.update,
                eps=float(self.eps),
                least_eps=float(np.finfo(dtype).tiny),
                l1=(_or_zero(alpha * l1_ratio, dtype),),
                l2=(_or_zero(alpha * (1 - l1_ratio), dtype),),
            ),
            fade=-math.expm1(-math.log(2) / float(self.half_life or math.inf)),
            fit_intercept=self.fit_intercept,
            importance_aware=self.importance_aware,
            refresh_every=self.refresh_every,
        )

    def _check_has_model(self):
        check_is_fitted(self)

    def _raw_prediction(self, X):
        """Return w . x + b of each row and output, and the copy of the model used.

        Callers read classes and all else from this copy, as another thread may publish
        a new model with other features and classes meanwhile.
        """
        model = shallow_copy(self)
        model._check_has_model()
        state = shallow_copy(model._state)  # another thread may go on learning, too
        X, _ = model._converted(X, reset=False, dtype=state.dtype)
        if not (state.is_packed or len(state.columns.centring)):
            # NaN and infinity make predictions NaN or infinite, whatever the weights,
            # and their sum too, so that X need not be searched for them: that takes
            # 0.82 to 0.9 of the time.
            with np.errstate(over="ignore", invalid="ignore"):
                raw = _predicted(state, rows_within_bounds(X))
                is_finite = math.isfinite(raw.sum())
            if is_finite:
                return raw, model
        return _predicted(state, model._finite_rows(X)), model

    def sparsify(self) -> Self:
        """Turn `coef_` into a CSR matrix, which predictions then use.

        This saves time if most weights are 0, as under L1. The matrix has a row for
        each output, even if there is only one. If scikit-learn is configured with
        ``sparse_interface="sparray"``, it is a sparse array. No other attribute
        changes.

        The model drops the state of features that never occurred. It keeps everything
        that learning needs of the others, and their column numbers, so a model that has
        seen most features becomes larger. `partial_fit` continues as if nothing had
        happened, and makes `coef_` an array again. To deploy only the weights, save
        `coef_` and `intercept_`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        """
        self._check_has_model()
        self._hold(self._state.packed())
        return self

    def densify(self) -> Self:
        """Turn `coef_` back into an array, as it is after `fit`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        """
        self._check_has_model()
        self._hold(self._state.unpacked())
        return self

    def _hold(self, state):
        """Replace the state by another form of it."""
        self._state = state

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_state")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _predicted(state, rows):
    """Return w . x + b of each row and output."""
    if state.is_packed and not len(state.columns.centring):
        w, b = state.weights()
        return safe_sparse_dot(rows.matrix(), w.T, dense_output=True) + b
    # For columns far from 0 the sum x w + b would lose digits.
    return ENGINES[type(state)].raw_prediction(state.unpacked(), rows)


def _or_zero(value, dtype):
    """Return the value, or 0 if it is so small that it is 0 to the kernel."""
    return float(value) if value >= np.finfo(dtype).tiny else 0.0


def _is_c_contiguous(X):
    return type(X) is np.ndarray and X.ndim == 2 and X.flags.c_contiguous


def _is_numeric_column(y, shape):
    """Whether y is an array of this shape, of numbers without NaN."""
    is_column = type(y) is np.ndarray and y.shape == shape
    return is_column and y.dtype.kind in "biuf" and bool(np.isfinite(y).all())
