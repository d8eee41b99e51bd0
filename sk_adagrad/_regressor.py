"""AdagradRegressor: one or several numbers as targets."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import assert_all_finite
from sklearn.utils._param_validation import Interval, StrOptions

from ._callbacks import with_callbacks
from ._estimators import BaseAdagrad
from ._losses import REGRESSION_LOSSES, evaluated
from ._rates import (
    FIRST_SLOPES_OF_TARGETS,
    SLOPE_OF_QUANTILES,
    intercepts_near,
    size_of_most,
    weighted_quantile,
)
from ._samples import cast_to
from ._targets import Targets


class AdagradRegressor(RegressorMixin, BaseAdagrad):
    """Linear regressor for sparse data, trained online by Adagrad.

    For each sample x with raw prediction p = w·x + b and slope d = ∂loss/∂p, and for
    each of its features j with gradient g_j = d x_j::

        G_j <- G_j + g_j²        w_j <- w_j - η g_j / √(G_j + ε)

    This is the diagonal rule of Duchi, Hazan and Singer [1]_ (2011, figure 1). With a
    float `eta0` and all other parameters at their defaults, the model follows exactly
    this rule. By default, η is chosen during learning, so there is no rate to tune.

    Several targets are learned side by side. Rates only ever shrink, so a drifting
    target is followed ever more slowly, unless `half_life` is set.

    Parameters
    ----------
    loss : str, default="squared_error"
        One of ``"squared_error"`` (half of it), ``"absolute_error"``, ``"huber"``,
        ``"epsilon_insensitive"``, ``"squared_epsilon_insensitive"``, ``"quantile"``,
        ``"poisson"``, ``"gamma"`` and ``"tweedie"``. The first five are defined as in
        :class:`~sklearn.linear_model.SGDRegressor`, ``"quantile"`` is the pinball loss
        of :class:`~sklearn.linear_model.QuantileRegressor`, and the last three are half
        the deviances of :class:`~sklearn.linear_model.TweedieRegressor`. These three
        have a log link: the prediction is e to the power of the raw prediction. Their
        targets must be zero or positive; for ``"gamma"``, positive. During learning,
        the exponential is continued as a straight line where its exponent exceeds 30
        (100 in float64), so that weights do not overflow.
    eta0 : "auto" or float, default="auto"
        Base learning rate η. Each step of weight j is its gradient multiplied by
        ``eta0 / sqrt(G_j + eps)``, so `eta0` has the unit of the weights and is the
        longest first step that a weight can take. (Where scales are tracked, these are
        the weights of the scaled columns.) ``"auto"`` chooses from eight rates during
        learning, from 1/32 to 4 times the spread of y divided by the norm of a typical
        row (see Notes). For losses with a log link, the spread is taken relative to the
        mean, and is at most 1. ``"auto"`` also starts intercepts near the mean of y or
        its logarithm, or at its median or quantile. A float gives the published rule at
        this rate. Setting a float on a fitted model ends the choice; the weights stay
        as they are, except under ``update="dual_averaging"``.
    update : str, default="mirror_descent"
        How steps and penalty combine: ``"mirror_descent"``, ``"dual_averaging"`` or
        ``"ftrl_proximal"`` (see Notes). Without a penalty, ``"ftrl_proximal"`` gives
        the same model as ``"mirror_descent"``. With an L1 penalty,
        ``"dual_averaging"`` gives the fewest non-zero weights. Keep the default unless
        weights should be exactly 0.
    alpha : float, default=0.0
        Strength of the penalty ``l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|²``, which
        is added to the loss of each sample as in
        :class:`~sklearn.linear_model.SGDRegressor`. Intercepts are not penalised. The
        penalty is computed when a feature next occurs or the model is read, but has
        exactly the effect of applying it at every sample.
    l1_ratio : float in [0, 1], default=0.0
        Share of the penalty that is L1, which makes weights exactly 0. The rest is L2.
    eps : float, default=1e-8
        ε of the rule, added inside the root, in the unit of a squared gradient. Under
        ``eta0="auto"``, it is multiplied by a typical squared slope of the loss, so
        that targets may have any unit, and by the square of the mean sample weight if
        that mean is below 1.
    initial_accumulator : float or "auto", default="auto"
        Initial value of every G, in the unit of a squared gradient. A larger value
        shortens the first steps of features with small gradients. It neither decays
        under `half_life` nor is rescaled under `scale_invariant`. With a float `eta0`,
        ``"auto"`` is 0, as published. Under ``eta0="auto"``, it depends on the size of
        the first gradients (see Notes).
    importance_aware : bool, default=False
        Whether the step for a sample follows the slope of its loss along the way [3]_.
        The prediction may then reach the target but never overshoots it, however large
        `eta0` or the sample weight. Not available with ``update="dual_averaging"``.
    scale_invariant : bool or "auto", default="auto"
        Whether each feature is divided by the largest absolute value that it has shown
        so far, so that the units of columns do not matter and no scaler is needed. This
        is the normalised rule of [4]_ without its factor √(t/N), which is the same for
        all features. With a float `eta0`, ``"auto"`` is False. Under ``eta0="auto"``,
        it is True if the first rows suggest that columns have different units, such as
        prices beside words (see Notes). With True, the order in which `fit` visits the
        rows does not depend on units either, which takes longer to compute.
    half_life : float or None, default=None
        Number of updates of a feature after which its past squared gradients count
        half. G becomes a decayed sum, so rates can grow again and a drifting target is
        followed. None never forgets. Only with ``update="mirror_descent"``.
    epsilon : float, default=0.1
        Distance from the target beyond which ``"huber"`` is linear, and within which
        ``"epsilon_insensitive"`` and ``"squared_epsilon_insensitive"`` are 0, in the
        unit of the raw prediction. Other losses ignore it.
    quantile : float in (0, 1), default=0.5
        The quantile that ``loss="quantile"`` estimates. Other losses ignore it.
    power : float in (1, 2), default=1.5
        Exponent of ``loss="tweedie"``: the variance is proportional to the mean to this
        power. Near 1 the loss is close to ``"poisson"``, near 2 to ``"gamma"``. Other
        losses ignore it.
    preconditioner : {"diagonal", "full"}, default="diagonal"
        ``"full"`` uses the full matrix G = Σ g gᵀ instead of its diagonal, which helps
        if features are correlated::

            G <- G + g gᵀ        w <- w - η (G + εI)^(-1/2) g

        It accepts up to 4,000 features. For m features, each output takes 16 m² bytes
        (64 MB for 2,000), and each computation of G^(-1/2) takes about 10 m³ operations
        (three seconds on one core for 2,000). `accumulators_` and `learning_rates_` are
        the diagonals of G and of η (G + εI)^(-1/2). It cannot be combined with another
        `update`, with `alpha`, `half_life`, `importance_aware` or
        ``scale_invariant=True``.
    refresh_every : int, default=1000
        Maximum number of samples between two computations of G^(-1/2) with
        ``preconditioner="full"``. At first it is computed after each sample, then
        whenever the number of samples has grown by an eighth. In between, a step takes
        its own gradient into account but not the others since the last computation, so
        it is slightly too long. 1 gives the exact rule.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which is the weight of a feature that is always
        1. Under ``eta0="auto"``, that constant is smaller or larger than 1 if rows have
        norms below 1 or above 4 (see the guide), and the intercept is learned at the
        centre of columns that are far from 0 (see Notes).
    max_iter : int or "auto", default="auto"
        Maximum number of passes that `fit` makes over the data; `partial_fit` makes
        one. ``"auto"`` is 20,000 // the number of samples, but at least three and at
        most 20; if there are at least 20 times as many samples as features,
        100,000 takes the place of 20,000. (Identical rows count as often as they are
        visited, see `shuffle`.) Under ``eta0="auto"``, three or more passes use half of
        the best rate.
    tol : float or None, default=1e-3
        From the second pass on, a pass counts as without improvement if its mean loss
        is not below the best one so far by at least this fraction of it. The samples
        have been seen before, so this shows whether learning has stopped making
        progress, not whether the model overfits. With a validation set, its loss is
        compared instead. None makes all `max_iter` passes.
    n_iter_no_change : int, default=2
        Number of consecutive passes without improvement after which `fit` stops.
    shuffle : bool, default=True
        Whether `fit` visits the rows in random order. This order depends on the
        contents of the rows and on `random_state`, not on the order of the rows in X.
        Identical rows, target included, are treated as one row with the sum of their
        weights, so repeating a row is the same as giving it more weight. A row of more
        than four times the mean weight, or one of few kinds that come often, is
        visited several times in a pass, each time with a share of its weight. With
        False, rows are visited in the order of X, each once with its weight.
        `partial_fit` never shuffles.
    random_state : int, RandomState instance or None, default=None
        Determines the order of visits. Pass an int for the same model in every run.
    warm_start : bool, default=False
        Whether `fit` continues from the current model instead of starting over.
    n_jobs : int or None, default=None
        Number of threads that share the models, eight at a time. The result does not
        depend on it. None means 1 unless in a :func:`joblib.parallel_config` context.
    verbose : int, default=0
        If positive, the mean loss and the duration of each pass are printed.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights w; one-dimensional if y was. Read-only, as are the intercepts, rates and
        accumulators. After `sparsify`, a CSR matrix of shape (n_targets, n_features),
        with one row even if y was one-dimensional.
    intercept_ : ndarray of shape (n_targets,)
        Intercept b of each target.
    learning_rates_ : ndarray, shaped as `coef_` after `fit`
        η / √(G + ε), the rate that applies to the next gradient of each weight. Where
        scales are tracked, it is in the units of X, and 0 for features that never
        occurred. `sparsify` does not change type or shape.
    accumulators_ : ndarray, shaped as `coef_` after `fit`
        G, the running sum of the squared gradients of each weight; with `half_life`,
        the decayed sum. `sparsify` does not change type or shape.
    intercept_learning_rates_, intercept_accumulators_ : ndarray, shaped as `intercept_`
        The same for the intercepts, which adapt like any weight.
    eta0_ : float or ndarray of shape (n_targets,)
        Base learning rate in use: the given one or, under ``eta0="auto"``, the best one
        so far or the one that was kept. An array if targets have different rates.
    initial_accumulator_ : float or ndarray of shape (n_targets,)
        Initial value of G. An array if targets have different values.
    eps_ : float or ndarray of shape (n_targets,)
        ε in use. An array if targets have different values.
    scale_invariant_ : bool
        Whether scales are tracked: whether each feature is divided by the largest
        absolute value that it has shown or, under ``"auto"``, by a larger number.
    progressive_loss_ : float
        Mean loss over all samples and targets so far, each sample scored when it was
        first seen and before it was learned from: an estimate of the loss on new data.
        It does not include the penalty. Under ``eta0="auto"`` it is the loss of the
        models with the rates in `eta0_`. With `warm_start`, all samples of a further
        `fit` count as new, and so does each visit where `fit` visits a heavy row
        several times (see `shuffle`).
    loss_curve_ : list of float
        Mean loss of each pass of the last call of `fit`, each sample scored before it
        is learned from; after `partial_fit`, that of its one pass. In the first pass
        all samples are new. From the second pass on they have been seen before, so the
        loss falls below that on new data.
    validation_loss_curve_ : list of float or None
        Mean loss on the validation set after each pass. None if there was no such set.
    n_iter_ : int
        Number of passes that the last call of `fit` or `partial_fit` made.
    t_ : int
        Number of visits to samples of weight above 0, over all passes and calls; after
        `fit` with a validation set, up to the best pass.
    n_features_in_ : int
        Number of features seen during `fit` or `partial_fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Defined only if X has feature names that are all strings.

    See Also
    --------
    sklearn.linear_model.SGDRegressor : One learning rate for all features.
    sklearn.linear_model.Ridge : The exact optimum of the squared error with L2.

    Notes
    -----
    **Updates.** The equations of ``"mirror_descent"``, ``"dual_averaging"`` [1]_ and
    ``"ftrl_proximal"`` [2]_, with their penalties, are those of
    :class:`AdagradClassifier`.

    **eta0="auto".** Eight rates, each twice the one before, learn side by side, and
    each is scored on every sample before it learns from it. The best one of each output
    is kept; in `fit` with `max_iter` of three or more, the one at half that rate. The
    choice is made after at most 32,768 samples (4,096 with several outputs), and in
    `fit` no later than at the end of the first pass. Until then, learning takes more
    time and memory. The choice depends on the samples and their order, not on how a
    stream is cut into chunks. The guide explains it under "No learning rate to tune",
    together with what is measured for `initial_accumulator` and `eps`.

    **Initial intercepts.** Under ``eta0="auto"``, the intercept starts near the mean of
    y or, under a log link, near the logarithm of the mean; for ``"absolute_error"``,
    ``"huber"`` and ``"epsilon_insensitive"`` it starts at the median, and for
    ``"quantile"`` at that quantile. With a float `eta0`, and under
    ``update="dual_averaging"``, it starts at 0, like all weights. The first slopes are
    then as large as y, after which weights hardly move if y is far from 0 compared with
    its spread. In that case, centre y, for example with
    :class:`~sklearn.compose.TransformedTargetRegressor`.

    **scale_invariant="auto" and columns far from 0.** As in :class:`AdagradClassifier`.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer (2011). "Adaptive subgradient methods for
       online learning and stochastic optimization". Journal of Machine Learning
       Research 12, 2121-2159.
    .. [2] H. B. McMahan (2011). "Follow-the-regularized-leader and mirror descent:
       equivalence theorems and L1 regularization". AISTATS. Also H. B. McMahan et al.
       (2013). "Ad click prediction: a view from the trenches". KDD.
    .. [3] N. Karampatziakis and J. Langford (2011). "Online importance weight aware
       updates". Uncertainty in Artificial Intelligence.
    .. [4] S. Ross, P. Mineiro and J. Langford (2013). "Normalized online learning".
       Uncertainty in Artificial Intelligence.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_adagrad import AdagradRegressor
    >>> X = np.random.default_rng(0).normal(size=(1000, 3))
    >>> model = AdagradRegressor(random_state=0).fit(X, X @ [1.0, -2.0, 3.0])
    >>> model.coef_.round(2)
    array([ 1., -2.,  3.])
    """

    _losses = REGRESSION_LOSSES
    _parameter_constraints: ClassVar[dict] = {
        **BaseAdagrad._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "power": [Interval(Real, 1, 2, closed="neither")],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        eta0: float | str = "auto",
        update: str = "mirror_descent",
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        eps: float = 1e-8,
        initial_accumulator: float | str = "auto",
        importance_aware: bool = False,
        scale_invariant: bool | str = "auto",
        half_life: float | None = None,
        epsilon: float = 0.1,
        quantile: float = 0.5,
        power: float = 1.5,
        preconditioner: str = "diagonal",
        refresh_every: int = 1000,
        fit_intercept: bool = True,
        max_iter: int | str = "auto",
        tol: float | None = 1e-3,
        n_iter_no_change: int = 2,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.loss = loss
        self.eta0 = eta0
        self.update = update
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.initial_accumulator = initial_accumulator
        self.importance_aware = importance_aware
        self.scale_invariant = scale_invariant
        self.half_life = half_life
        self.epsilon = epsilon
        self.quantile = quantile
        self.power = power
        self.preconditioner = preconditioner
        self.refresh_every = refresh_every
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn from all samples in one or more passes.

        Any earlier model is discarded, unless `warm_start` is set.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read without a
            copy; anything else is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors that multiply the gradients of the samples, zero or positive. None
            means 1.
        X_val, y_val, sample_weight_val : like X, y, sample_weight, default=None
            Validation set. If given, its mean loss decides when to stop before
            `max_iter` passes, and the model after the best pass is kept.

        Returns
        -------
        self : AdagradRegressor

        Raises
        ------
        ValueError
            If a parameter, X, y or a sample weight cannot be used. The model stays as
            it was.
        MemoryError
            If the machine does not have the memory that the model needs. The model
            stays as it was.
        """
        validation = X_val, y_val, sample_weight_val
        return self._learn(X, y, sample_weight, stream=False, validation=validation)

    def partial_fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from each sample once, in the given order, from the current model on.

        The model does not depend on how a stream is divided into calls. The first call
        decides whether it is float32 or float64; later chunks are converted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read without a
            copy; anything else is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors that multiply the gradients of the samples, zero or positive. None
            means 1. A sample of weight 0 changes nothing.

        Returns
        -------
        self : AdagradRegressor

        Raises
        ------
        ValueError
            If a parameter, X, y or a sample weight cannot be used. The model stays as
            it was, except after an overflow during learning, from values near the
            largest of the floating type.
        MemoryError
            If the machine does not have the memory that the model needs. The model
            stays as it was.
        """
        return self._learn(X, y, sample_weight, stream=True)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets: w·x + b, or e to its power for losses with a log link.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            In the floating type of the model. Under a log link, predictions are finite
            and not below the smallest normal number of that type.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If X cannot be used.
        """
        raw, model = self._raw_prediction(X)
        if model._losses[model._learned_loss].log_link:
            # The logarithm of the largest number was rounded up: its exp is infinite.
            limits = np.finfo(raw.dtype)
            largest = np.nextafter(np.log(limits.max), 0, dtype=raw.dtype)
            # A mean is positive, and deviances are not defined at 0.
            raw = np.exp(raw.clip(max=largest)).clip(min=limits.tiny)
        return raw[:, 0] if model._single_target else raw

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        # Tags are read before parameters are validated, so `loss` may not be a string.
        loss = self._losses.get(self.loss) if isinstance(self.loss, str) else None
        tags.target_tags.positive_only = loss is not None and loss.least_y == 0
        return tags

    def _y_checks(self, y):
        return {"y_numeric": True, "multi_output": True}

    def _encode(self, y, dtype, *, go_on, **of_classes):
        if sp.issparse(y):
            raise ValueError("y is a sparse matrix; give targets as y.toarray().")
        if y.dtype.kind not in "biuf":
            raise ValueError(
                f"y has the type {y.dtype}, but targets of a regression are numbers."
            )
        values = y.reshape(len(y), -1)
        if not go_on:
            self._n_targets = values.shape[1]
        elif values.shape[1] != self._n_targets:
            raise ValueError(
                f"y has {values.shape[1]} targets, but {type(self).__name__} was "
                f"fitted with {self._n_targets}; call fit (without warm_start) "
                "to start over."
            )
        # For arrays of objects scikit-learn's check lets None and infinity pass.
        assert_all_finite(values, estimator_name=type(self).__name__, input_name="y")
        values = cast_to(values, dtype, "y")
        self._check_targets(values)
        if not go_on:
            self._single_target = y.ndim == 1
        return Targets.of_values(values)

    def _check_targets(self, values):
        """Refuse targets that the loss is not defined for."""
        loss = self._losses[self.loss]
        least = values.min()
        if least < loss.least_y or (least == loss.least_y and not loss.with_least):
            bound = "zero or positive" if loss.with_least else "positive"
            raise ValueError(
                f"Some value of y is {least:.6g}, but loss={loss.name!r} is "
                f"defined for {bound} targets only: leave such rows out or choose "
                "another loss."
            )

    def _target_sizes(self, samples, intercepts):
        """Return the size of each output's targets, the unit of its weights."""
        if self._losses[self.loss].log_link:
            return _relative_spreads(samples, np.exp(intercepts))
        if self._losses[self.loss].bounded_slope:
            distances = np.abs(_values(samples) - intercepts)
            weight = samples.full_weight
            return np.array([size_of_most(each, weight) for each in distances.T])
        return _spreads(samples, intercepts)

    def _slope_sizes(self, samples, intercepts):
        if self.loss == "quantile":
            return np.full(samples.targets.n_outputs, SLOPE_OF_QUANTILES)
        values = _values(samples)
        raw = np.zeros_like(values) + intercepts
        parameter = self._loss_parameter()
        _, slopes = evaluated(self.loss, parameter, raw.ravel(), values.ravel())
        return _root_mean_square(slopes.reshape(values.shape), samples)

    def _first_slopes(self, samples):
        return FIRST_SLOPES_OF_TARGETS

    def _that_must_differ(self, targets):
        return targets.values

    def _first_intercepts(self, samples):
        """Return intercepts near the means of targets, or their medians or quantiles.

        Under dual averaging they are sums of gradients, which start at 0.
        """
        if not self.fit_intercept or self.update == "dual_averaging":
            return super()._first_intercepts(samples)
        values, weight = _values(samples), samples.full_weight
        if self._losses[self.loss].bounded_slope:
            # Outliers have little influence under these losses, so they must not set
            # the start: with 0.5 % of targets multiplied by 1e6, the mean absolute
            # error on the others is 0.80 after fit and 0.81 after a stream, as without
            # outliers; with mean and root mean square it was 207 and 378.
            level = self.quantile if self.loss == "quantile" else 0.5
            return np.array([weighted_quantile(y, weight, level) for y in values.T])
        means = _mean(values, samples)
        if self._losses[self.loss].log_link:  # in ln 2: y may have any unit 2^k
            means = np.where(means > 0, means, 1.0)
            spreads = _relative_spreads(samples, means)
            return np.log(2) * intercepts_near(np.log2(means), spreads)
        return intercepts_near(means, _spreads(samples, means))

    def _published(self, coef):
        single = self._single_target and not sp.issparse(coef)
        return coef[0] if single else super()._published(coef)


def _values(samples):
    """Return the targets in float64."""
    return samples.targets.values.astype(np.float64, copy=False)


def _spreads(samples, about):
    """Return the root mean square distance of each output's targets from a number."""
    return _root_mean_square(_values(samples) - about, samples)


def _relative_spreads(samples, about):
    """Return spreads relative to the positive numbers they are about, at most 1.

    This is how much raw predictions under a log link are to vary. A constant 1 made
    rates too large for years, pressures and temperatures in kelvin, and put first
    intercepts too far off: compared with it, the loss on new data is 0.87 over 60
    cases, 0.17 to 0.41 for years as they are, 0.93 for pressures, at most 1.02, and the
    same where spreads are as large as means.
    """
    shares = _values(samples) / about
    return np.minimum(1.0, _root_mean_square(shares - 1, samples))


@np.errstate(over="ignore")  # learning refuses values too large
def _root_mean_square(values, samples):
    """Return the root mean square of each column, also where squares overflow.

    An infinite square of weight 0 would make the mean NaN.
    """
    least, most = np.finfo(np.float64).tiny, np.finfo(np.float64).max
    largest = np.abs(values).max(axis=0, initial=0.0).clip(least, most)
    return largest * np.sqrt(_mean(np.square(values / largest), samples))


@np.errstate(over="ignore")  # as above
def _mean(values, samples):
    """Return the mean of each column, or 0 if there are no samples."""
    if not len(values):
        return np.zeros(values.shape[1])
    weights = samples.weight if len(samples.weight) else None
    return np.average(values, axis=0, weights=weights)
