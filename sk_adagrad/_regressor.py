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
    first_intercepts,
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

    which is the diagonal rule of Duchi, Hazan and Singer [1]_ (2011, figure 1). A float
    `eta0`, with all other parameters at their defaults, computes exactly this. By
    default η is chosen while learning, so there is no rate to tune.

    Several targets are learned side by side. Rates only ever shrink, so a stream whose
    target drifts is followed ever more slowly, unless `half_life` is set.

    Parameters
    ----------
    loss : str, default="squared_error"
        One of ``"squared_error"`` (half of it), ``"absolute_error"``, ``"huber"``,
        ``"epsilon_insensitive"``, ``"squared_epsilon_insensitive"``, ``"quantile"``,
        ``"poisson"``, ``"gamma"`` and ``"tweedie"``. They are defined as in
        :class:`~sklearn.linear_model.SGDRegressor`;
        :class:`~sklearn.linear_model.QuantileRegressor`, for the pinball loss of
        ``"quantile"``; and :class:`~sklearn.linear_model.TweedieRegressor`, for the
        last three, which are half the deviance. These have a log link: they predict e
        to the power of the raw prediction, which goes on as a straight line beyond
        e^±30 in float32 (e^±100 in float64) while learning, lest weights overflow.
        Their targets have to be zero or positive; for ``"gamma"``, positive.
    eta0 : "auto" or float, default="auto"
        Base learning rate η. Each step of weight j is ``eta0 / sqrt(G_j + eps)`` times
        its gradient, so its unit is that of the weights (of those of scaled columns
        where scales are tracked): the first step of each weight has this length at
        most. ``"auto"`` learns with eight rates side by side, from 1/32 to 4 times the
        spread of y over the norm of a typical row; for losses with a log link, of the
        spread as a share of the mean, at most 1. Each is scored on every sample before
        it learns from it, and the best one of each output is kept (see Notes).
        Intercepts start near the mean of y, or its logarithm, or at the median or
        quantile. A float is the published rule at this rate. Set later, it ends the
        choice; weights stay what they are, except under dual averaging.
    update : str, default="mirror_descent"
        How steps and penalty combine: ``"mirror_descent"``, ``"dual_averaging"`` or
        ``"ftrl_proximal"``, see Notes. Leave it unless weights are to be 0: with L1,
        ``"dual_averaging"`` has the fewest non-zero ones. Without a penalty
        ``"ftrl_proximal"`` is the same model as ``"mirror_descent"``.
    alpha : float, default=0.0
        Strength of the penalty ``l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|²`` beside
        the loss of one sample, as in :class:`~sklearn.linear_model.SGDRegressor`.
        Intercepts are not penalised. It is applied when a feature next occurs or the
        model is read, and has exactly the effect of applying it at every sample.
    l1_ratio : float in [0, 1], default=0.0
        The part of `alpha` that is L1, which makes weights exactly 0.
    eps : float, default=1e-8
        ε of the rule, inside the root; in units of a squared gradient. Under
        ``eta0="auto"`` it is multiplied by the mean square of the slopes of the loss at
        first, so that targets may have any unit, and by the square of the mean sample
        weight if that is below 1.
    initial_accumulator : float or "auto", default="auto"
        Where every G starts; in units of a squared gradient. A larger one shortens the
        first steps of features whose gradients are small. It is neither forgotten under
        `half_life` nor rescaled under `scale_invariant`. ``"auto"`` is the published 0
        where `eta0` is a float, and under ``eta0="auto"`` depends on the gradients that
        samples have at first (see Notes).
    importance_aware : bool, default=False
        Whether a sample's step follows the slope of its loss along the way [3]_, so
        that its prediction may reach the label but never overshoots it, however large
        `eta0` or its weight. Not with ``update="dual_averaging"``.
    scale_invariant : bool or "auto", default="auto"
        Whether each feature is divided by the largest absolute value that it has shown
        so far, so that the units of columns do not matter and no scaler is needed. That
        is the normalised rule of [4]_ without its factor √(t/N), which is the same for
        all features. ``"auto"`` is False where `eta0` is a float. Under ``eta0="auto"``
        it is True if the first rows have columns of very different sizes, as a price
        beside words, or far from 0 (see Notes). With True, units do not matter to the
        order in which `fit` visits rows either, which takes it longer.
    half_life : float or None, default=None
        Updates of a feature after which its past squared gradients count half: G
        becomes a decayed sum, rates can grow again, and a target that drifts is
        followed. None never forgets. Only with ``update="mirror_descent"``.
    epsilon : float, default=0.1
        Where ``"huber"`` becomes linear, and the half-width within which
        ``"epsilon_insensitive"`` and ``"squared_epsilon_insensitive"`` see no error;
        in units of the raw prediction. Other losses ignore it.
    quantile : float in (0, 1), default=0.5
        The quantile that ``loss="quantile"`` estimates; other losses ignore it.
    power : float in (1, 2), default=1.5
        Exponent of ``loss="tweedie"``, whose variance is proportional to the mean to
        this power; near 1 it is Poisson's, near 2 gamma's. Other losses ignore it.
    preconditioner : {"diagonal", "full"}, default="diagonal"
        ``"full"`` takes the whole matrix G = Σ g gᵀ of gradients, not its diagonal
        alone, so it does not matter whether features are correlated::

            G <- G + g gᵀ        w <- w - η (G + εI)^(-1/2) g

        It is for up to 4,000 features: with m of them each output takes 16 m² bytes, 64
        MB for 2,000, and each computation of G^(-1/2) some 10 m³ operations, three
        seconds of one core for 2,000. Everything else that changes the rule is refused:
        `update`, `alpha`, `half_life`, `importance_aware` and `scale_invariant`.
        `accumulators_` and `learning_rates_` are the diagonals of G and η (G +
        εI)^(-1/2).
    refresh_every : int, default=1000
        Most samples between two computations of G^(-1/2) with
        ``preconditioner="full"``. At first there is one after each sample, then one
        whenever their number has grown by an eighth. In between, a step takes account
        of its own gradient but not of others since the last computation, so it is
        slightly too long. 1 is the exact rule.
    fit_intercept : bool, default=True
        Whether to learn an intercept, a feature that is always 1; under
        ``eta0="auto"`` another constant where rows have norms above 4 or below 1, see
        the guide, and learned at the centre of columns that are far from 0 (see Notes).
    max_iter : int or "auto", default="auto"
        Most passes over the data that `fit` makes; `partial_fit` makes one. ``"auto"``
        is three or, with up to 5,000 samples, 20,000 divided by their number, but at
        most 20; with 20 times as many samples as features 100,000 take the place of
        20,000. Equal rows count as often as they are visited, see `shuffle`. Under
        ``eta0="auto"`` three or more passes go on with half of the best rate.
    tol : float or None, default=1e-3
        From the second pass on, a pass brings no change if its mean loss is not at
        least this share of the best one so far below that. Such a loss is of samples
        seen before: it shows whether learning stands still, not whether the model
        overfits. None makes `fit` use all `max_iter` passes.
    n_iter_no_change : int, default=1
        Number of consecutive passes without change that ends `fit`.
    shuffle : bool, default=True
        Whether `fit` visits the rows in random order. The order then depends on what
        the rows contain and on `random_state`, not on their order in X, and rows that
        are identical, target included, are one row with the sum of their weights, so
        repeating a row is the same as giving it weight. A row of more than four times
        the mean weight is visited several times in a pass, each time with a share of
        its weight. False visits the rows in the order of X, each once with its weight.
        `partial_fit` never shuffles.
    random_state : int, RandomState instance or None, default=None
        Draws the orders of visits. Pass an int for the same model in every run.
    warm_start : bool, default=False
        Whether `fit` goes on from the present model instead of starting over.
    n_jobs : int or None, default=None
        Threads that share the models, eight at a time. The result does not depend on
        it. None means 1 unless in a :func:`joblib.parallel_config` context.
    verbose : int, default=0
        Above 0, each pass prints its mean loss and its seconds.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights w; one-dimensional if y was. Read-only, as are the rates and
        accumulators.
    intercept_ : ndarray of shape (n_targets,)
        Intercept b of each output.
    learning_rates_ : ndarray, shaped as `coef_`
        η / √(G + ε), the rate that the next gradient of each weight meets. Where scales
        are tracked, in the units of X, and 0 for features that never occurred.
    accumulators_ : ndarray, shaped as `coef_`
        G, the running sum of each weight's squared gradients, or the decayed one.
    intercept_learning_rates_, intercept_accumulators_ : ndarray, as `intercept_`
        The same for the intercepts, which adapt like any weight.
    eta0_ : float or ndarray of shape (n_outputs,)
        Base learning rate in use: the given one or, under ``eta0="auto"``, the best so
        far or the chosen one. An array where outputs have chosen different rates.
    initial_accumulator_ : float or ndarray of shape (n_outputs,)
        Where every G started; an array where that differs between outputs.
    eps_ : float or ndarray of shape (n_outputs,)
        ε in use; an array where that differs between outputs.
    scale_invariant_ : bool
        Whether features are divided by the largest absolute values that they have
        shown.
    progressive_loss_ : float
        Mean loss over all samples and outputs so far, each sample scored when it was
        first seen and before it was learned from: an estimate of the loss on new data.
        The penalty is not part of it. Under ``eta0="auto"`` it is the loss of the
        models at the rates in `eta0_`. With `warm_start`, all samples of a further
        `fit` count as new.
    loss_curve_ : list of float
        Mean loss of each pass of the last call of `fit`, each sample scored before it
        is learned from; after `partial_fit`, that of its one pass. In the first pass
        all samples are new. From the second pass on they have been seen before, so the
        loss falls below that of new data.
    validation_loss_curve_ : list of float or None
        Mean loss on `X_val` after each pass, if `fit` was given one.
    n_iter_ : int
        Passes that the last call of `fit` or `partial_fit` made.
    t_ : int
        Visits to samples of weight above 0, in all passes; after `fit` with a
        validation set, in those up to the best one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had string names.

    See Also
    --------
    sklearn.linear_model.SGDRegressor : One learning rate for all features.
    sklearn.linear_model.Ridge : The exact optimum of the squared error with L2.

    Notes
    -----
    **Updates.** With λ₁ = ``alpha * l1_ratio``, λ₂ = ``alpha * (1 - l1_ratio)``, t the
    number of samples and soft drawing a number towards 0, ``"mirror_descent"`` takes
    the step above; then every weight, whether or not its feature occurred, becomes::

        w <- soft(w, h λ₁) / (1 + h λ₂)        h = η / √(G + ε)
        soft(w, c) = sign(w) max(|w| - c, 0)

    ``"dual_averaging"`` [1]_ keeps the sum z of all gradients::

        w = -η soft(z, t λ₁) / (√(G + ε) + t η λ₂)        z <- z + g

    ``"ftrl_proximal"`` [2]_ keeps a sum that remembers where each step began::

        w = -soft(z, t λ₁) / (√(G + ε) / η + t λ₂)
        z <- z + g - (√(G + g² + ε) - √(G + ε)) / η w

    The penalty is never part of G. Weights of samples multiply their gradients and not
    the penalty. Features that never occurred have weight 0.

    **eta0="auto".** The candidates are 2⁻⁵, 2⁻⁴, ..., 2² times c / (a √n), rounded to a
    power of two; c is the root mean square of the target's distance from the intercept
    to start with (under a log link from the prediction, divided by that, and c is at
    most 1; for losses with bounded slopes, those that start at a quantile, what 68 % of
    the distances that are not 0 do not exceed, times the root of their share), a the
    mean ``|x|`` of the non-zeros of X and n how many a row has. `fit` counts all rows,
    `partial_fit` its first 32 samples, and 64, 128, ... 1,024 once it has had as many
    (or up to 4,096, as it takes until eight targets differ from the first). Until then
    it keeps the samples, and if more of them make a difference it starts anew with all;
    a full matrix goes by 32. Each output chooses for itself. After 32,768 samples
    (4,096 with several outputs), or at the end of the first pass of `fit`, the
    candidate with the least loss so far stays and the others are dropped. With
    ``max_iter`` of three or more the one of half that rate stays, which has learned
    beside it from the start: P passes make G about P times as large, so that η / √P
    moves a weight as far as η does in one. There one output settles after 8,192
    samples, and only losses of the second half of those samples decide, since large
    rates overshoot at first; so they do for several outputs that together have fewer
    weights than samples to choose by.

    G starts at the square of 3 a s, rounded to a power of two, s being the root mean
    square of the slopes of the loss over samples at the first intercept, and 0.5 for
    ``"quantile"``. Where the weights of samples have a mean below 1, s is multiplied by
    it. So features that have occurred fewer than about nine times take shorter steps,
    which on sparse data lowers the squared error by up to a half.

    The intercept starts at the mean of y, rounded to a multiple of the target's
    standard deviation, itself rounded to a power of two; under a log link its logarithm
    to base 2 is rounded so, with c for the deviation. For ``"absolute_error"``,
    ``"huber"`` and ``"epsilon_insensitive"`` it starts at the median, and for
    ``"quantile"`` at that quantile, so that a few targets that are far from the others
    hardly change what is learned. Under ``update="dual_averaging"`` and at a float rate
    it starts at 0, like all weights. If the mean of y is 10⁵, the first slopes are then
    10⁵, after which weights hardly move: in such cases centre y, as
    :class:`~sklearn.compose.TransformedTargetRegressor` does.

    Until the choice each output learns as eight models, each of which is what its rate
    as a float would have given from the same start, if columns are neither scaled nor
    centred. `fit` tries eight outputs at a time for each thread, and so does
    `partial_fit` if its first call has the samples that the choice needs. If not, all
    are in memory at once, as they are with a full matrix. The choice depends on the
    samples, not on how a stream is cut into chunks.

    **scale_invariant="auto"** and **columns far from 0** are as in
    :class:`AdagradClassifier`.

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
        n_iter_no_change: int = 1,
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
        """Learn from all samples in some passes, starting over unless `warm_start`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read where they
            are; anything else is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the samples' gradients, zero or positive; None means 1.
        X_val, y_val, sample_weight_val : like X, y, sample_weight, default=None
            Held-out samples. If given, their mean loss decides when `fit` stops before
            `max_iter` passes, and the model after the best pass is kept.

        Returns
        -------
        self : AdagradRegressor

        Raises
        ------
        ValueError
            If X, y or sample_weight cannot be used; the model stays as it was.
        """
        validation = X_val, y_val, sample_weight_val
        return self._learn(X, y, sample_weight, stream=False, validation=validation)

    def partial_fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from each sample once, in the given order, going on from before.

        Any division of a stream into calls gives the same model. float32 or float64 is
        settled by the first call; later chunks of the other type are converted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read where they
            are; anything else is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the samples' gradients, zero or positive; None means 1. A sample
            of weight 0 changes nothing.

        Returns
        -------
        self : AdagradRegressor

        Raises
        ------
        ValueError
            If X, y or sample_weight cannot be used; the model stays as it was. Only an
            overflow while learning, from values near the largest of the floating type,
            is noticed too late for that.
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
            In the floating type of the model; under a log link never below its smallest
            normal number nor infinite.
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
        # Tags are read before parameters are validated, so this may be no string.
        loss = self._losses.get(self.loss) if isinstance(self.loss, str) else None
        tags.target_tags.positive_only = loss is not None and loss.least_y == 0
        return tags

    def _y_checks(self, y):
        return {"y_numeric": True, "multi_output": True}

    def _encode(self, y, dtype, *, go_on, stream, classes=None):
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
        # In arrays of objects scikit-learn's check lets None and infinity pass.
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

    def _target_sizes(self, samples, biases):
        """Return each output's size of targets, in which its weights are measured."""
        if self._losses[self.loss].log_link:
            return _relative_spreads(samples, np.exp(biases))
        if self._losses[self.loss].bounded_slope:
            distances, weight = np.abs(_values(samples) - biases), samples.full_weight
            return np.array([size_of_most(each, weight) for each in distances.T])
        return _spreads(samples, biases)

    def _slope_sizes(self, samples, biases):
        if self.loss == "quantile":
            return np.full(samples.targets.n_outputs, SLOPE_OF_QUANTILES)
        values = _values(samples)
        raw = np.zeros_like(values) + biases
        parameter = self._loss_parameter()
        _, slopes = evaluated(self.loss, parameter, raw.ravel(), values.ravel())
        return _root_mean_square(slopes.reshape(values.shape), samples)

    def _first_slopes(self, samples):
        return FIRST_SLOPES_OF_TARGETS

    def _that_must_differ(self, targets):
        return targets.values

    def _first_biases(self, samples):
        """Return intercepts near the mean targets, or at their medians or quantiles.

        Those of dual averaging are sums of gradients, which start at 0.
        """
        if not self.fit_intercept or self.update == "dual_averaging":
            return super()._first_biases(samples)
        values, weight = _values(samples), samples.full_weight
        if self._losses[self.loss].bounded_slope:
            # A few targets count little, however far they are, and so they do here: by
            # mean and root mean square the mean absolute error was 207 after fit and
            # 378 after a stream if 0.5 % of targets were multiplied by 1e6, not
            # counting these, and is 0.80 and 0.81, as without them.
            level = self.quantile if self.loss == "quantile" else 0.5
            return np.array([weighted_quantile(y, weight, level) for y in values.T])
        means = _mean(values, samples)
        if self._losses[self.loss].log_link:  # in ln 2: y may have any unit 2^k
            means = np.where(means > 0, means, 1.0)
            spreads = _relative_spreads(samples, means)
            return np.log(2) * first_intercepts(np.log2(means), spreads)
        return first_intercepts(means, _spreads(samples, means))

    def _published(self, coef):
        single = self._single_target and not sp.issparse(coef)
        return coef[0] if single else super()._published(coef)


def _values(samples):
    """Return the targets in float64."""
    return samples.targets.values.astype(np.float64, copy=False)


def _spreads(samples, about):
    """Return the root mean square of each target's distance from a number."""
    return _root_mean_square(_values(samples) - about, samples)


def _relative_spreads(samples, about):
    """Return the spreads as shares of the positive numbers they are about, at most 1.

    By so much raw predictions of a log link are to differ. With 1 in all cases rates
    were too large for years, pressures and temperatures in kelvin, and first intercepts
    too far off: on 60 cases the loss of new data is 0.87 of what it was, of years as
    they are 0.17 to 0.41, of pressures 0.93, at most 1.02 and where spreads are as
    large as means the same.
    """
    shares = _values(samples) / about
    return np.minimum(1.0, _root_mean_square(shares - 1, samples))


@np.errstate(over="ignore")  # learning refuses what is too large
def _root_mean_square(values, samples):
    """Return the root mean square of each column, also where squares overflow.

    Of those, samples of weight 0 would make a mean that is no number.
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
