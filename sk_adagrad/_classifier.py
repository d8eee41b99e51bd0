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
    # Of a model the loss that it has learned, which `predict_proba` goes by.
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

    which is the diagonal rule of Duchi, Hazan and Singer [1]_ (2011, figure 1). A float
    `eta0`, with all other parameters at their defaults, computes exactly this. By
    default η is chosen while learning, so there is no rate to tune.

    Several classes are told apart one against the rest, or by a softmax. Several labels
    of a sample are learned side by side. Rates only ever shrink, so a stream whose
    target drifts is followed ever more slowly, unless `half_life` is set.

    Parameters
    ----------
    loss : str, default="log_loss"
        One of ``"log_loss"``, ``"hinge"``, ``"squared_hinge"``, ``"modified_huber"``,
        ``"perceptron"``, ``"squared_error"``, ``"huber"``,
        ``"epsilon_insensitive"`` and ``"squared_epsilon_insensitive"``, defined as in
        :class:`~sklearn.linear_model.SGDClassifier`; the last four take -1 and 1 for
        the target. ``"log_loss"`` and ``"modified_huber"`` have probabilities.
    eta0 : "auto" or float, default="auto"
        Base learning rate η. Each step of weight j is ``eta0 / sqrt(G_j + eps)`` times
        its gradient, so its unit is that of the weights (of those of scaled columns
        where scales are tracked): the first step of each weight has this length at
        most. ``"auto"`` learns with eight rates side by side, from 1/16 to 8 times the
        inverse norm of a typical row. Each is scored on every sample before it learns
        from it, and the best one of each output is kept (see Notes). A float is the
        published rule at this rate. Set later, it ends the choice; weights stay what
        they are, except under dual averaging.
    update : str, default="mirror_descent"
        How steps and penalty combine: ``"mirror_descent"``, ``"dual_averaging"`` or
        ``"ftrl_proximal"``, see Notes. Leave it unless weights are to be 0: with L1,
        ``"dual_averaging"`` has the fewest non-zero ones. Without a penalty
        ``"ftrl_proximal"`` is the same model as ``"mirror_descent"``.
    alpha : float, default=0.0
        Strength of the penalty ``l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|²`` beside
        the loss of one sample, as in :class:`~sklearn.linear_model.SGDClassifier`.
        Intercepts are not penalised. It is applied when a feature next occurs or the
        model is read, and has exactly the effect of applying it at every sample.
    l1_ratio : float in [0, 1], default=0.0
        The part of `alpha` that is L1, which makes weights exactly 0.
    eps : float, default=1e-8
        ε of the rule, inside the root; in units of a squared gradient. Under
        ``eta0="auto"``, if the mean sample weight is below 1, it is multiplied by the
        square of that.
    initial_accumulator : float or "auto", default="auto"
        Where every G starts; in units of a squared gradient. A larger one shortens the
        first steps of features whose gradients are small. It is neither forgotten under
        `half_life` nor rescaled under `scale_invariant`. ``"auto"`` is the published 0
        where `eta0` is a float, and under ``eta0="auto"`` depends on the sizes of the
        values in X, and of sample weights if their mean is below 1 (see Notes).
    importance_aware : bool, default=False
        Whether a sample's step follows the slope of its loss along the way [3]_, so
        that its prediction may reach the label but never overshoots it, however large
        `eta0` or its weight. Not with ``update="dual_averaging"`` or
        ``multi_class="multinomial"``.
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
    multi_class : {"ovr", "multinomial"}, default="ovr"
        How three or more classes are learned: each against the rest, by any loss, or
        together by the log loss of their softmax.
    epsilon : float, default=0.1
        Where ``"huber"`` becomes linear, and the half-width within which
        ``"epsilon_insensitive"`` and ``"squared_epsilon_insensitive"`` see no error;
        in units of the raw prediction. Other losses ignore it.
    preconditioner : {"diagonal", "full"}, default="diagonal"
        ``"full"`` takes the whole matrix G = Σ g gᵀ of gradients, not its diagonal
        alone, so it does not matter whether features are correlated::

            G <- G + g gᵀ        w <- w - η (G + εI)^(-1/2) g

        It is for up to 4,000 features: with m of them each output takes 16 m² bytes, 64
        MB for 2,000, and each computation of G^(-1/2) some 10 m³ operations, three
        seconds of one core for 2,000. Everything else that changes the rule is refused:
        `update`, `alpha`, `half_life`, `importance_aware`, `scale_invariant` and
        ``multi_class="multinomial"``. `accumulators_` and `learning_rates_` are the
        diagonals of G and η (G + εI)^(-1/2).
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
    class_weight : dict, "balanced" or None, default=None
        Factors of the samples' weights by class. ``"balanced"`` is
        ``n_samples / (n_classes * n_samples_of_class)``, sample weights counted. In
        `partial_fit` both are the counts up to and including the sample itself, so
        early samples are weighted by what was known then. Not for several labels.
    max_iter : int or "auto", default="auto"
        Most passes over the data that `fit` makes; `partial_fit` makes one. ``"auto"``
        is three or, with up to 5,000 samples, 20,000 divided by their number, but at
        most 20; with 20 times as many samples as features 100,000 take the place of
        20,000. Equal rows count as often as they are visited, see `shuffle`. With two
        classes or several labels it is one if the rarer class, or case of a label, has
        less than an eighth of the weight, class weights counted, and the features that
        occur in a single row are at least half as many as the rows: more passes would
        learn such rows by heart. Under ``eta0="auto"`` three or more passes go on with
        half of the best rate.
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
    coef_ : ndarray of shape (1, n_features), (n_classes, ...) or (n_labels, ...)
        Weights w; a single row if there are two classes. Read-only, as are the rates
        and accumulators.
    intercept_ : ndarray of shape (1,), (n_classes,) or (n_labels,)
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
    initial_accumulator_ : float
        Where every G started.
    eps_ : float
        ε in use.
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
        Mean loss on `X_val` after each pass, if `fit` was given one, weighted by
        `sample_weight_val` alone and not by `class_weight`.
    n_iter_ : int
        Passes that the last call of `fit` or `partial_fit` made.
    t_ : int
        Visits to samples of weight above 0, in all passes; after `fit` with a
        validation set, in those up to the best one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had string names.
    classes_ : ndarray of shape (n_classes,)
        The class labels; for an indicator of several labels, its columns' numbers.

    See Also
    --------
    sklearn.linear_model.SGDClassifier : One learning rate for all features.
    sklearn.linear_model.LogisticRegression : The converged optimum, from batches.

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

    **eta0="auto".** The candidates are 2⁻⁴, 2⁻³, ..., 2³ times 1 / (a √n), and every G
    starts at 4 a² where there are several outputs or one of two classes has up to an
    eighth of the weight of samples, and at 4 a² / (8 s)⁵ if the rarer of them has more,
    the share s of it: at a² / 256 for a half. All are rounded to powers of two; a is
    the mean ``|x|`` of the non-zeros of X and n how many a row has. The share is that
    before class weights; if these multiply it by c, G starts at c times as much. Where
    the weights of samples have a mean below 1, G starts at its square times as much.
    `fit` counts all rows, `partial_fit` its first 32 samples, and 64, 128, ... 1,024
    once it has had as many (or up to 4,096, with two classes and a `class_weight`, as
    it takes until eight are not of the class of the first). Until then it keeps the
    samples, and if more of them make a difference it starts anew with all; a full
    matrix goes by 32. Each output chooses for itself; a softmax has one rate. After
    32,768 samples (4,096 with several outputs), or at the end of the first pass of
    `fit`, the candidate with the least loss so far stays and the others are dropped;
    one-vs-rest classes and labels keep three from the 256th sample on, the one that is
    best then and its neighbours, and in `fit` with ``max_iter`` of three or more one
    further above. Then the one of half that rate stays, which has learned beside it
    from the start: P passes make G about P times as large, so that η / √P moves a
    weight as far as η does in one. There one output settles after 8,192 samples, and
    only losses of the second half of those samples decide, since large rates overshoot
    at first; so they do for several outputs that together have fewer weights than
    samples to choose by.

    Until then each output learns as eight models, or fewer, each of which is what its
    rate as a float would have given with the same `initial_accumulator`, if columns are
    neither scaled nor centred. `fit` tries eight outputs, or one rate of a softmax, at
    a time for each thread, and so does `partial_fit` if its first call has the samples
    that the choice needs. If not, all are in memory at once, as they are with a full
    matrix. The choice depends on the samples, not on how a stream is cut into chunks.

    **scale_invariant="auto".** It goes by the non-zeros of 64 rows (the first that
    `fit` visits; if it does not shuffle them, every so many-th; in `partial_fit` every
    so many-th of those it starts by, or all of these if they are fewer) and the mean
    ``|x|`` of columns that have at least four there. The smallest of these columns that
    together hold a tenth of the non-zeros have means up to s. It is True if the mean of
    all is more than 4 s, if the root mean square of columns' means is more than 8 s or
    32 times the least, where the mean ``|x|`` of the non-zeros of all rows is more than
    four times that of these, where the mean of all is below ``10 * sqrt(eps)`` or above
    the fourth root of the largest number, and where columns are centred. If a typical
    column is not as much larger than the smallest ones, no column is divided by less
    than the largest value of those up to eight times as large as it. Then a is the mean
    of what is read of these rows.

    **Columns far from 0.** Under ``eta0="auto"`` columns that have no zero in these
    rows are read as their distance from their mean there, if the squares of their means
    over their standard deviations sum to more than 36: a year, say, or temperatures in
    kelvin. If there are up to 64 columns, a quarter of the rows may have a zero, and a
    sum of 9 will do. The intercept is then learned at that centre, and has no part in
    every step of their weights. `coef_` and `intercept_` are those of X itself; G and
    the rates are those of the distances.

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
        """Learn from all samples in some passes, starting over unless `warm_start`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read where they
            are; anything else is converted.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or, for several labels of a sample, an indicator with 1 for
            each label that it has and 0 for the others, dense or sparse.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the samples' gradients, zero or positive; None means 1.
            A class whose samples all weigh 0 is still one of `classes_`.
        X_val, y_val, sample_weight_val : like X, y, sample_weight, default=None
            Held-out samples. If given, their mean loss decides when `fit` stops before
            `max_iter` passes, and the model after the best pass is kept.

        Returns
        -------
        self : AdagradClassifier

        Raises
        ------
        ValueError
            If X, y or sample_weight cannot be used; the model stays as it was.
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
        """Learn from each sample once, in the given order, going on from before.

        Any division of a stream into calls gives the same model. float32 or float64 is
        settled by the first call; later chunks of the other type are converted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read where they
            are; anything else is converted.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or, for several labels of a sample, an indicator with 1 for
            each label that it has and 0 for the others, dense or sparse.
        classes : array-like of shape (n_classes,), default=None
            All class labels of the stream; needed in the first call only, and not for
            an indicator, whose labels are numbered.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the samples' gradients, zero or positive; None means 1. A sample
            of weight 0 changes nothing.

        Returns
        -------
        self : AdagradClassifier

        Raises
        ------
        ValueError
            If X, y or sample_weight cannot be used; the model stays as it was. Only an
            overflow while learning, from values near the largest of the floating type,
            is noticed too late for that.
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
            Of ``classes_[1]`` if there are two classes, else of each class or label.
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
            The class of the largest raw prediction; of several labels an indicator
            with 1 where it is positive, which is sparse if y was in the first call.
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

        For ``"log_loss"`` that is the logistic function of the raw prediction, for
        ``"modified_huber"`` a line cut off at 0 and 1. Several classes are scaled to
        the sum 1, or have their softmax under ``multi_class="multinomial"``; several
        labels have each its own probability. Models of other losses do not have this
        method.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`.
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

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray, shaped as the probabilities
            In the order of `classes_`.
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
        # Two classes have one output, whose logistic function is their softmax.
        return self.multi_class == "multinomial" and n_outputs > 1

    def _that_must_differ(self, targets):
        if self.class_weight is None or targets.n_outputs > 1 or targets.are_sets:
            return None
        # Accumulators start by what weights make of the rarer class, of which the first
        # 32 samples may have none: streams of 27 tasks with a rare class then had a
        # mean balanced accuracy of 0.717, and have 0.745.
        return targets.labels[:, None]

    def _target_sizes(self, samples, biases):
        return np.full(samples.targets.n_outputs, 2.0)  # from the label -1 to 1

    def _first_slopes(self, samples):
        n_outputs = samples.targets.n_outputs
        if n_outputs > 1:
            return np.full(n_outputs, FIRST_SLOPE_OF_RARE)
        share, weighed = samples.rarer_class()
        # A class weight does not make a rare class frequent, but its slopes larger.
        weight = math.sqrt(weighed / share if weighed and share else 1.0)
        return np.array([weight * first_slope_of_two(share)])

    def _y_checks(self, y):
        refuse_lists_of_labels(y)
        return {"multi_output": True} if is_indicator(y) else {}

    def _encode(self, y, dtype, *, go_on, stream, classes=None):
        if sp.issparse(y) and y.shape[1] == 1:
            y = y.toarray().ravel()  # class labels, as those of a dense column
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
        """Return the class of each row, with one output for two of them."""
        y = y if y.ndim == 1 else column_or_1d(y, warn=True)
        if stream and not (go_on and np.array_equal(classes, self.classes_)):
            # This check takes as long as learning a thousand short rows.
            _check_partial_fit_first_call(self, classes)
            _check_number_of(self.classes_)
        elif not go_on:
            # Also those of rows of weight 0: ensembles that draw by weights expect all.
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
        y = sp.csr_matrix(y)  # changed in place; the user's own was copied before
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
        if n_labels != known or (classes is not None and len(classes) != n_labels):
            raise ValueError(
                f"y has {n_labels} columns of labels, but "
                f"{known if n_labels != known else len(classes)} are known; call fit "
                "(without warm_start) to start over."
            )
        if not go_on:
            self.classes_ = np.arange(n_labels)
        return Targets.of_labels(y.indices, np.arange(n_labels), dtype, y.indptr)

    def _weigh(self, samples, class_counts, stream):
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
