"""AdagradClassifier: classes as targets, class weights, probabilities."""

import math
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call

from ._callbacks import with_callbacks
from ._estimators import BaseAdagrad
from ._labels import (
    balanced,
    balanced_so_far,
    codes_of,
    distinct_labels,
    is_indicator,
    refuse_lists_of_labels,
    refuse_tags,
)
from ._losses import CLASSIFICATION_LOSSES
from ._rates import FIRST_SLOPE_OF_RARE, first_slope_of_two
from ._sparse import as_configured
from ._targets import Targets


def _has_probabilities(classifier):
    # For a fitted model the loss it was trained with counts, as in `predict_proba`.
    name = vars(classifier).get("_learned_loss", classifier.loss)
    loss = CLASSIFICATION_LOSSES.get(name)
    if loss is None or loss.probability is None:
        having = [
            loss.name for loss in CLASSIFICATION_LOSSES.values() if loss.probability
        ]
        raise AttributeError(
            f"loss={name!r} has no probabilities: choose one of {having} or "
            "wrap the classifier in sklearn.calibration.CalibratedClassifierCV."
        )
    return True


class AdagradClassifier(ClassifierMixin, BaseAdagrad):
    """Linear classifier for sparse data, trained online by Adagrad.

    For each sample x with raw prediction p = w·x + b and slope d = ∂loss/∂p, and for
    each of its features j with gradient g_j = d x_j::

        G_j <- G_j + g_j²        w_j <- w_j - η g_j / √(G_j + ε)

    This is the diagonal rule of Duchi, Hazan and Singer [1]_ (2011, figure 1). With a
    float `eta0` and all other parameters at their defaults, the model follows exactly
    this rule. By default, η is chosen during learning, so there is no rate to tune.

    Several classes are learned one-vs-rest or by a softmax; several labels per sample
    are learned side by side. Rates only ever shrink, so a drifting target is followed
    ever more slowly, unless `half_life` is set.

    Parameters
    ----------
    loss : str, default="log_loss"
        One of ``"log_loss"``, ``"hinge"``, ``"squared_hinge"``, ``"modified_huber"``,
        ``"perceptron"``, ``"squared_error"``, ``"huber"``,
        ``"epsilon_insensitive"`` and ``"squared_epsilon_insensitive"``, defined as in
        :class:`~sklearn.linear_model.SGDClassifier`. The last four are regression
        losses with the targets -1 and 1. Only ``"log_loss"`` and ``"modified_huber"``
        give probabilities.
    eta0 : "auto" or float, default="auto"
        Base learning rate η. Each step of weight j is its gradient multiplied by
        ``eta0 / sqrt(G_j + eps)``, so `eta0` has the unit of the weights and is the
        longest first step that a weight can take. (Where scales are tracked, these are
        the weights of the scaled columns.) ``"auto"`` chooses from eight rates during
        learning, from 1/16 to 8 times the inverse norm of a typical row (see Notes). A
        float gives the published rule at this rate. Setting a float on a fitted model
        ends the choice; the weights stay as they are, except under
        ``update="dual_averaging"``.
    update : str, default="mirror_descent"
        How steps and penalty combine: ``"mirror_descent"``, ``"dual_averaging"`` or
        ``"ftrl_proximal"`` (see Notes). Without a penalty, ``"ftrl_proximal"`` gives
        the same model as ``"mirror_descent"``. With an L1 penalty,
        ``"dual_averaging"`` gives the fewest non-zero weights. Keep the default unless
        weights should be exactly 0.
    alpha : float, default=0.0
        Strength of the penalty ``l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|²``, which
        is added to the loss of each sample as in
        :class:`~sklearn.linear_model.SGDClassifier`. Intercepts are not penalised. The
        penalty is computed when a feature next occurs or the model is read, but has
        exactly the effect of applying it at every sample.
    l1_ratio : float in [0, 1], default=0.0
        Share of the penalty that is L1, which makes weights exactly 0. The rest is L2.
    eps : float, default=1e-8
        ε of the rule, added inside the root, in the unit of a squared gradient. Under
        ``eta0="auto"``, it is multiplied by the square of the mean sample weight if
        that mean is below 1.
    initial_accumulator : float or "auto", default="auto"
        Initial value of every G, in the unit of a squared gradient. A larger value
        shortens the first steps of features with small gradients. It neither decays
        under `half_life` nor is rescaled under `scale_invariant`. With a float `eta0`,
        ``"auto"`` is 0, as published. Under ``eta0="auto"``, it depends on the size of
        the values in X, on how unequal two classes are, and on the sample weights if
        their mean is below 1 (see Notes).
    importance_aware : bool, default=False
        Whether the step for a sample follows the slope of its loss along the way [3]_.
        The prediction may then reach the label but never overshoots it, however large
        `eta0` or the sample weight. Not available with ``update="dual_averaging"`` or
        ``multi_class="multinomial"``.
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
    multi_class : {"ovr", "multinomial"}, default="ovr"
        How three or more classes are learned: ``"ovr"`` learns each against the rest,
        with any loss; ``"multinomial"`` learns them together, with the log loss of
        their softmax.
    epsilon : float, default=0.1
        Distance from the target beyond which ``"huber"`` is linear, and within which
        ``"epsilon_insensitive"`` and ``"squared_epsilon_insensitive"`` are 0, in the
        unit of the raw prediction. Other losses ignore it.
    preconditioner : {"diagonal", "full"}, default="diagonal"
        ``"full"`` uses the full matrix G = Σ g gᵀ instead of its diagonal, which helps
        if features are correlated::

            G <- G + g gᵀ        w <- w - η (G + εI)^(-1/2) g

        It accepts up to 4,000 features. For m features, each output takes 16 m² bytes
        (64 MB for 2,000), and each computation of G^(-1/2) takes about 10 m³ operations
        (three seconds on one core for 2,000). `accumulators_` and `learning_rates_` are
        the diagonals of G and of η (G + εI)^(-1/2). It cannot be combined with another
        `update`, with `alpha`, `half_life`, `importance_aware`,
        ``scale_invariant=True`` or ``multi_class="multinomial"``.
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
    class_weight : dict, "balanced" or None, default=None
        Factors that multiply the sample weights of each class. ``"balanced"`` means
        ``n_samples / (n_classes * n_samples_of_class)``, counted with sample weights.
        `partial_fit` counts up to and including the current sample, so the factors of
        early samples rest on few samples. Not available with several labels.
    max_iter : int or "auto", default="auto"
        Maximum number of passes that `fit` makes over the data; `partial_fit` makes
        one. ``"auto"`` is 20,000 // the number of samples, but at least three and at
        most 20; if there are at least 20 times as many samples as features,
        100,000 takes the place of 20,000. (Identical rows count as often as they are
        visited, see `shuffle`.) With two classes or several labels, ``"auto"`` is one
        pass if more would overfit rare classes (see the guide). Under ``eta0="auto"``,
        three or more passes use half of the best rate.
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
    coef_ : ndarray of shape (n_outputs, n_features)
        Weights w. There is one output for two classes, and otherwise one for each class
        or label. Read-only, as are the intercepts, rates and accumulators. A CSR matrix
        after `sparsify`.
    intercept_ : ndarray of shape (n_outputs,)
        Intercept b of each output.
    learning_rates_ : ndarray, shaped as `coef_` after `fit`
        η / √(G + ε), the rate that applies to the next gradient of each weight. Where
        scales are tracked, it is in the units of X, and 0 for features that never
        occurred. `sparsify` does not change type or shape.
    accumulators_ : ndarray, shaped as `coef_` after `fit`
        G, the running sum of the squared gradients of each weight; with `half_life`,
        the decayed sum. `sparsify` does not change type or shape.
    intercept_learning_rates_, intercept_accumulators_ : ndarray, shaped as `intercept_`
        The same for the intercepts, which adapt like any weight.
    eta0_ : float or ndarray of shape (n_outputs,)
        Base learning rate in use: the given one or, under ``eta0="auto"``, the best one
        so far or the one that was kept. An array if outputs have different rates.
    initial_accumulator_ : float
        Initial value of every G.
    eps_ : float
        ε in use.
    scale_invariant_ : bool
        Whether scales are tracked: whether each feature is divided by the largest
        absolute value that it has shown or, under ``"auto"``, by a larger number.
    progressive_loss_ : float
        Mean loss over all samples and outputs so far, each sample scored when it was
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
        Mean loss on the validation set after each pass, weighted by
        `sample_weight_val` and not by `class_weight`. None if there was no such set.
    n_iter_ : int
        Number of passes that the last call of `fit` or `partial_fit` made.
    t_ : int
        Number of visits to samples of weight above 0, over all passes and calls; after
        `fit` with a validation set, up to the best pass.
    n_features_in_ : int
        Number of features seen during `fit` or `partial_fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Defined only if X has feature names that are all strings.
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
        The class labels; for an indicator of several labels, the numbers of its
        columns.

    See Also
    --------
    sklearn.linear_model.SGDClassifier : One learning rate for all features.
    sklearn.linear_model.LogisticRegression : The converged optimum, from batches.

    Notes
    -----
    **Updates.** Let λ₁ = ``alpha * l1_ratio``, λ₂ = ``alpha * (1 - l1_ratio)``, and t
    the number of samples so far. ``"mirror_descent"`` takes the step above. Then every
    weight, whether or not its feature occurred, becomes::

        w <- soft(w, h λ₁) / (1 + h λ₂)        h = η / √(G + ε)
        soft(w, c) = sign(w) max(|w| - c, 0)

    ``"dual_averaging"`` [1]_ keeps the sum z of all gradients::

        w = -η soft(z, t λ₁) / (√(G + ε) + t η λ₂)        z <- z + g

    ``"ftrl_proximal"`` [2]_ keeps a sum that also remembers where each step began::

        w = -soft(z, t λ₁) / (√(G + ε) / η + t λ₂)
        z <- z + g - (√(G + g² + ε) - √(G + ε)) / η w

    The penalty is never part of G. Sample weights multiply the gradients and not the
    penalty. Features that never occurred have weight 0.

    **eta0="auto".** Eight rates, each twice the one before, learn side by side, and
    each is scored on every sample before it learns from it. The best one of each output
    is kept; in `fit` with `max_iter` of three or more, the one at half that rate. A
    softmax has one rate for all classes. The choice is made after at most 32,768
    samples (4,096 with several outputs), and in `fit` no later than at the end of the
    first pass. Until then, learning takes more time and memory. The choice depends on
    the samples and their order, not on how a stream is cut into chunks. The guide
    explains it under "No learning rate to tune", together with what is measured for
    `initial_accumulator`, `eps` and the intercepts.

    **scale_invariant="auto" and columns far from 0.** Under ``eta0="auto"``, the first
    rows decide how columns are read. Scales are tracked if columns seem to have
    different units, or if values are so small or large that their squares would be
    lost. Columns that are far from 0 and never 0 (or seldom, in X of up to 64
    columns), such as years, are read as distances from their mean, and their scales are
    tracked too. `coef_` and `intercept_` still refer to X itself, whereas G and the
    rates of such columns refer to the distances. "Choosing the options" in the
    documentation gives the conditions.

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
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_adagrad import AdagradClassifier
    >>> texts = ["sparse rows", "dense rows", "sparse columns", "dense columns"]
    >>> model = make_pipeline(TfidfVectorizer(), AdagradClassifier(random_state=0))
    >>> model = model.fit(texts, ["sparse", "dense", "sparse", "dense"])
    >>> model.predict(["sparse and new", "dense and new"]).tolist()
    ['sparse', 'dense']
    """

    _losses = CLASSIFICATION_LOSSES
    _indicator: str | None
    classes_: np.ndarray

    _parameter_constraints: ClassVar[dict] = {
        **BaseAdagrad._parameter_constraints,
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES))],
        "multi_class": [StrOptions({"ovr", "multinomial"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        loss: str = "log_loss",
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
        multi_class: str = "ovr",
        epsilon: float = 0.1,
        preconditioner: str = "diagonal",
        refresh_every: int = 1000,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
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
        self.multi_class = multi_class
        self.epsilon = epsilon
        self.preconditioner = preconditioner
        self.refresh_every = refresh_every
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
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or, for several labels per sample, an indicator with 1 for
            each label that the sample has and 0 for the others, dense or sparse.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors that multiply the gradients of the samples, zero or positive. None
            means 1. A class whose samples all have weight 0 is still in `classes_`.
        X_val, y_val, sample_weight_val : like X, y, sample_weight, default=None
            Validation set. If given, its mean loss decides when to stop before
            `max_iter` passes, and the model after the best pass is kept.

        Returns
        -------
        self : AdagradClassifier

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
        self,
        X: Any,
        y: Any,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from each sample once, in the given order, from the current model on.

        The model does not depend on how a stream is divided into calls. The first call
        decides whether it is float32 or float64; later chunks are converted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read without a
            copy; anything else is converted.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or, for several labels per sample, an indicator with 1 for
            each label that the sample has and 0 for the others, dense or sparse.
        classes : array-like of shape (n_classes,), default=None
            All class labels of the stream. Required in the first call and optional in
            later ones. Not needed for an indicator, whose labels are numbered.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors that multiply the gradients of the samples, zero or positive. None
            means 1. A sample of weight 0 changes nothing.

        Returns
        -------
        self : AdagradClassifier

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
        return self._learn(X, y, sample_weight, stream=True, classes=classes)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the raw predictions w·x + b.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            That of ``classes_[1]`` if there are two classes, otherwise that of each
            class or label.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If X cannot be used.
        """
        raw, model = self._raw_prediction(X)
        return raw[:, 0] if model._binary else raw

    def predict(self, X: Any) -> Any:
        """Predict the class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,), or indicator of shape (n_samples, n_labels)
            The class with the largest raw prediction. For several labels, an indicator
            with 1 where the raw prediction is positive: an array, or a CSR matrix if y
            was sparse in the first call.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If X cannot be used.
        """
        raw, model = self._raw_prediction(X)
        if model._indicator == "dense":
            return (raw > 0).astype(np.int64)
        if model._indicator == "sparse":
            return as_configured(sp.csr_matrix(raw > 0, dtype=np.int64))
        if model._binary:
            return model.classes_[(raw[:, 0] > 0).astype(np.intp)]
        return model.classes_[raw.argmax(axis=1)]

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Estimate the probabilities of the classes.

        For ``"log_loss"`` it is the logistic function of the raw prediction, for
        ``"modified_huber"`` a line clipped to 0 and 1. With several classes, the
        probabilities are divided by their sum; under ``multi_class="multinomial"`` they
        are the softmax. Each of several labels has a probability of its own. Models
        with other losses do not have this method.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If X cannot be used.
        """
        raw, model = self._raw_prediction(X)
        probability = model._losses[model._learned_loss].probability
        assert probability is not None  # _has_probabilities
        if model._state.coupled:
            return softmax(raw, axis=1)
        positive = probability(raw)
        if model._indicator:
            # Never quite 0 or 1, lest the logarithms of p and 1 - p be infinite.
            eps = np.finfo(positive.dtype).eps
            return positive.clip(eps, 1 - eps)
        if model._binary:
            return np.hstack((probability(-raw), positive))  # 1 - p would be rounded
        total = positive.sum(axis=1, keepdims=True)
        uniform = np.full_like(positive, 1 / len(model.classes_))
        return np.divide(positive, total, out=uniform, where=total > 0)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Estimate the logarithms of the probabilities of the classes.

        Models of losses without probabilities do not have this method.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray, shaped as the probabilities
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If X cannot be used.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = (
            self.multi_class == "ovr" and self.class_weight is None
        )
        return tags

    @property
    def _binary(self):
        return self._indicator is None and len(self.classes_) == 2

    def _is_coupled(self, n_outputs):
        # Two classes have one output: its logistic function is their softmax.
        return self.multi_class == "multinomial" and n_outputs > 1

    def _that_must_differ(self, targets):
        if self.class_weight is None or targets.n_outputs > 1 or targets.are_sets:
            return None
        # G₀ depends on the weighted share of the rarer class, which the first 32
        # samples may lack: streams of 27 tasks with a rare class then had a mean
        # balanced accuracy of 0.717 instead of 0.745.
        return targets.labels[:, None]

    def _target_sizes(self, samples, intercepts):
        return np.full(samples.targets.n_outputs, 2.0)  # from label -1 to 1

    def _first_slopes(self, samples):
        n_outputs = samples.targets.n_outputs
        if n_outputs > 1:
            return np.full(n_outputs, FIRST_SLOPE_OF_RARE)
        share, weighed = samples.rarer_class()
        # A class weight makes a rare class no more frequent, but its slopes larger.
        weight = math.sqrt(weighed / share if weighed and share else 1.0)
        return np.array([weight * first_slope_of_two(share)])

    def _y_checks(self, y):
        refuse_lists_of_labels(y)
        return {"multi_output": True} if is_indicator(y) else {}

    def _encode(self, y, dtype, *, go_on, stream, classes=None):
        if sp.issparse(y) and y.shape[1] == 1:
            y = y.toarray().ravel()  # class labels, like a dense column
        kind = None
        if is_indicator(y):
            kind = "sparse" if sp.issparse(y) else "dense"
        if go_on and (kind is None) != (self._indicator is None):
            raise ValueError(
                "y is "
                + ("one column of class labels" if kind is None else "an indicator")
                + ", but the model was first fitted with "
                + ("an indicator of labels" if kind is None else "one column")
                + "; call fit (without warm_start) to start over."
            )
        if not go_on:
            self._indicator = kind
        if kind is None:
            return self._encode_labels(y, classes, go_on, stream, dtype)
        return self._encode_indicator(y, classes, go_on, dtype)

    def _encode_labels(self, y, classes, go_on, stream, dtype):
        """Return the class of each row; two classes have one output."""
        y = y if y.ndim == 1 else column_or_1d(y, warn=True)
        if stream and not (go_on and np.array_equal(classes, self.classes_)):
            # This check takes as long as learning a thousand short rows.
            _check_partial_fit_first_call(self, classes)
            _check_number_of(self.classes_)
        elif not go_on:
            # Including those of rows of weight 0: ensembles that draw weights need all.
            self.classes_ = distinct_labels(y)
            _check_number_of(self.classes_)
        codes, new = codes_of(y, self.classes_)
        if len(new):
            raise ValueError(
                f"y contains the new class {new.tolist()[0]!r}; the model knows "
                f"{self.classes_.tolist()}. Name all classes in the first call of "
                "partial_fit, or give fit (without warm_start) a y that has them all."
            )
        n_classes = len(self.classes_)
        outputs = np.arange(n_classes) if n_classes > 2 else np.ones(1)
        return Targets.of_labels(codes, outputs, dtype)

    def _encode_indicator(self, y, classes, go_on, dtype):
        """Return the labels of each row of a 0/1 indicator."""
        if self.class_weight is not None:
            raise ValueError(
                f"class_weight={self.class_weight!r} weighs classes that exclude each "
                "other, but y is an indicator of labels: use sample_weight."
            )
        if self.multi_class == "multinomial":
            raise ValueError(
                "multi_class='multinomial' needs classes that exclude each other, but "
                "y is an indicator of labels: use multi_class='ovr'."
            )
        if y.dtype.kind not in "biuf":
            try:
                y = y.astype(np.float64)
            except ValueError:
                refuse_tags()
        y = sp.csr_matrix(y)  # changed in place, but the user's own was copied before
        y.sum_duplicates()
        y.eliminate_zeros()
        if (y.data != 1).any():
            raise ValueError(
                f"y has the value {y.data[y.data != 1][0]:g}; as an indicator of "
                "labels it must contain 0 and 1 only. If labels are -1 and 1, give "
                "(y > 0); if each column has classes of its own, use "
                "sklearn.multioutput.MultiOutputClassifier."
            )
        n_labels = y.shape[1]
        known = len(self.classes_) if go_on else n_labels
        if n_labels != known:
            raise ValueError(
                f"y has {n_labels} columns of labels, but {known} are known; call fit "
                "(without warm_start) to start over."
            )
        if classes is not None and len(classes) != n_labels:
            raise ValueError(
                f"classes has {len(classes)} entries, but y has {n_labels} columns of "
                "labels: leave classes out, as an indicator names its labels itself."
            )
        if not go_on:
            self.classes_ = np.arange(n_labels)
        return Targets.of_labels(y.indices, np.arange(n_labels), dtype, y.indptr)

    def _total_weights(self, samples, class_counts, stream):
        """Multiply sample weights by class weights; count classes to balance them."""
        if self.class_weight is None:
            return samples.weight, class_counts
        codes, each = samples.targets.labels.astype(np.intp), samples.full_weight
        with np.errstate(all="ignore"):  # what overflows is refused below
            if self.class_weight != "balanced":
                weight = each * self._weights_by_class()[codes]
            elif stream:
                weight, class_counts = balanced_so_far(
                    codes, each, len(self.classes_), class_counts
                )
            else:
                weight, class_counts = balanced(codes, each, len(self.classes_))
        bad = ~(weight >= 0) | np.isinf(weight)
        if bad.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} gives samples the weight "
                f"{weight[bad][0]}, but weights must be finite and zero or positive."
            )
        with np.errstate(over="ignore"):
            total = weight.sum()
        if np.isinf(total):
            raise ValueError(
                f"class_weight={self.class_weight!r} gives samples weights whose sum "
                f"overflows; the largest is {weight.max():.3g}. Divide them by it: "
                "only their proportions matter."
            )
        if not (stream or weight.any()):
            raise ValueError(
                f"class_weight={self.class_weight} gives all samples weight zero, "
                "so there is nothing to fit."
            )
        return weight, class_counts

    def _weights_by_class(self):
        try:
            return compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_
            )
        except (TypeError, ValueError) as error:
            message = f"class_weight={self.class_weight} cannot be used: {error}"
            raise ValueError(message) from error


def _check_number_of(classes):
    if len(classes) < 2:
        raise ValueError(
            "The number of classes has to be greater than one; got "
            f"{len(classes)} class"
        )
