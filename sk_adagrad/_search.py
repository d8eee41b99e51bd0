"""AdagradClassifierCV and AdagradRegressorCV: whole grids, trained side by side."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ._base_search import BaseSearch, search_constraints
from ._classifier import AdagradClassifier
from ._regressor import AdagradRegressor


class AdagradClassifierCV(BaseSearch, AdagradClassifier):
    """AdagradClassifier that chooses the base rate and the penalty by validation.

    A cell of the grid is a rate η, a penalty `alpha` and an `l1_ratio`. Its model is
    the one that :class:`AdagradClassifier` would learn with these, from the same rows
    in the same order. All rates of a penalty learn side by side in one pass. So do
    several penalties of the same kind (none, L1, L2 or both), as long as there are no
    more than 32 models. (With a softmax, each cell has passes of its own.) All cells
    share the checks of X and y and the order of the rows, and no fold copies its
    training rows.

    ``cv=None``, the default, needs no folds: the loss of samples that have not been
    learned from yet is an estimate of the loss on new ones. It compares models after
    one pass. Folds compare them after all passes, by any score, but take longer: each
    of k folds learns from k - 1 parts of the rows. ``scoring="neg_log_loss"`` is
    then the better choice if probabilities matter, and often if they do not, as it
    distinguishes models with the same accuracy.

    Parameters
    ----------
    loss : str, default="log_loss"
        The loss to minimise, one of those of :class:`AdagradClassifier`.
    eta0s : int or array-like of shape (n_eta0s,), default=8
        Base learning rates to try. An integer is their number, up to 100, each twice
        the one before, at the scale of the data. 8 gives the rates that ``eta0="auto"``
        of :class:`AdagradClassifier` tries, from 1/16 to 8 times the inverse norm of a
        typical row; other numbers give more or fewer at both ends.
    alphas : int or array-like of shape (n_alphas,), default=(0.0,)
        Strengths of the penalty to try. An integer is their number, in geometric
        progression from 1e-7 to 1e-3.
    l1_ratios : int or array-like of shape (n_l1_ratios,), default=(0.0,)
        Shares of the penalty that are L1 to try. An integer is their number, evenly
        spaced from 0 to 1.
    cv : int, cross-validation generator, iterable of splits or None, default=None
        None scores each cell by its progressive loss: in one pass over all samples,
        each is scored before it is learned from. An integer is a number of stratified
        folds. With folds, each cell is scored on the rows that are held out.
    scoring : str, callable or None, default=None
        How a model is scored on held-out rows, as in
        :class:`~sklearn.model_selection.GridSearchCV`. None is the method `score`,
        which returns the accuracy. Only with folds.
    refit : bool, default=True
        Whether to learn a model with the parameters of the best cell. With folds, it
        learns from all samples; with ``cv=None``, the model of the best cell makes its
        remaining passes. False leaves only the attributes of the search.
    update : str, default="mirror_descent"
        How steps and penalty combine: ``"mirror_descent"``, ``"dual_averaging"`` or
        ``"ftrl_proximal"``. See :class:`AdagradClassifier`.
    eps : float, default=1e-8
        ε of the rule, inside the root. See :class:`AdagradClassifier`.
    initial_accumulator : float or "auto", default="auto"
        Initial value of every G. ``"auto"`` is 0 if `eta0s` is a list of values, and
        depends on the data if it is an integer. See :class:`AdagradClassifier`.
    importance_aware : bool, default=False
        Whether steps follow the slope of the loss, so that large sample weights do not
        overshoot. See :class:`AdagradClassifier`.
    scale_invariant : bool or "auto", default="auto"
        Whether each feature is divided by the largest absolute value that it has shown
        so far. ``"auto"`` is False if `eta0s` is a list of values, and no column is
        centred then. See :class:`AdagradClassifier`.
    half_life : float or None, default=None
        Number of updates of a feature after which its past squared gradients count
        half. See :class:`AdagradClassifier`.
    multi_class : {"ovr", "multinomial"}, default="ovr"
        How three or more classes are learned: each against the rest, or by a softmax.
        See :class:`AdagradClassifier`.
    epsilon : float, default=0.1
        Distance from the target at which ``"huber"`` and the epsilon-insensitive
        losses change their form. See :class:`AdagradClassifier`.
    preconditioner : {"diagonal", "full"}, default="diagonal"
        ``"full"`` uses the full matrix of gradients. It requires ``alphas=(0.0,)`` and
        takes the memory of all `eta0s` at a time. See :class:`AdagradClassifier`.
    refresh_every : int, default=1000
        Maximum number of samples between two inverse roots of a full matrix. See
        :class:`AdagradClassifier`.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    class_weight : dict, "balanced" or None, default=None
        Factors that multiply the sample weights of each class in learning.
        ``"balanced"`` counts the training rows of each fold separately. Class weights
        enter the progressive loss, but no other score. See :class:`AdagradClassifier`.
    max_iter : int or "auto", default="auto"
        Maximum number of passes. See :class:`AdagradClassifier`.
    tol : float or None, default=1e-3
        Fraction by which a pass must improve on the best loss so far. Each cell stops
        by its own loss. See :class:`AdagradClassifier`.
    n_iter_no_change : int, default=2
        Number of consecutive passes without improvement after which a cell stops.
    shuffle : bool, default=True
        Whether rows are visited in random order. See :class:`AdagradClassifier`.
    random_state : int, RandomState instance or None, default=None
        Determines the order of visits. Pass an int for the same model in every run.
    n_jobs : int or None, default=None
        Number of threads that share the penalties and folds. The result does not depend
        on it. Each thread has up to 32 models in memory, or one for each output and
        each of `eta0s` if that is more. None means 1 unless in a
        :func:`joblib.parallel_config` context.
    verbose : int, default=0
        If positive, the best score is printed, and then the loss of each pass that
        follows.

    Attributes
    ----------
    eta0_ : float
        Base learning rate of the model, the same for all outputs. With ``cv=None``, an
        integer `eta0s` and `max_iter` of three or more, it may differ from that in
        `best_params_`, see Notes.
    initial_accumulator_ : float
        Initial value of every G, in the model and in all cells.
    eps_ : float
        ε of the model and of all cells.
    scale_invariant_ : bool
        Whether scales are tracked, in the model and in all cells.
    alpha_ : float
        Strength of the penalty of the model.
    l1_ratio_ : float
        Share of the penalty that is L1.
    best_params_ : dict
        ``"eta0"``, ``"alpha"`` and ``"l1_ratio"`` of the best cell.
    best_score_ : float
        Mean score of the best cell. With ``cv=None``, its negative progressive loss.
    best_index_ : int
        Index of the best cell in `cv_results_`.
    best_estimator_ : AdagradClassifier
        The model as a plain estimator with the parameters found. Its `partial_fit`
        continues from the model, in a copy, so the search stays as it is. Its `fit`
        starts anew, at the rate `eta0_`. Until it learns, `sparsify` and `densify` of
        the search act on it too.
    cv_results_ : dict of ndarray
        Scores of all cells, as in :class:`~sklearn.model_selection.GridSearchCV`:
        ``params`` (a list of dict), ``param_eta0``, ``param_alpha``,
        ``param_l1_ratio``, ``split0_test_score`` and so on, ``mean_test_score``,
        ``std_test_score`` and ``rank_test_score``. A model that overflowed,
        or whose scorer failed, has the score NaN.
    n_splits_ : int
        Number of folds; 1 with ``cv=None``.
    coef_, intercept_, learning_rates_, accumulators_, classes_ : ndarray
        As in :class:`AdagradClassifier`, like all other attributes of the model. After
        `sparsify`, `coef_` is a CSR matrix.

    See Also
    --------
    AdagradClassifier : Chooses a rate for each output while it learns.
    sklearn.model_selection.GridSearchCV : Searches any parameters, also of a pipeline.

    Notes
    -----
    All outputs have the rate that is best for them together, whereas ``eta0="auto"``
    chooses one for each one-vs-rest class or label.

    **Half of the rate.** With ``cv=None`` the first pass decides, but several passes
    need a smaller rate than one. With an integer `eta0s` and `max_iter` of three or
    more, the model with the next lower rate therefore makes the remaining passes, as in
    :class:`AdagradClassifier`. With a single output, or several that together have
    fewer weights than there are samples, the rate in use depends on the second half of
    the pass, while scores cover all of it. With a list of `eta0s`, the model of the
    best cell continues.

    **Folds.** The models of a fold know all classes, including those that its training
    rows lack. They visit these rows in the order of
    ``AdagradClassifier(random_state=...)``. `sample_weight` also weights the held-out
    rows if the scorer accepts it; with metadata routing, if the scorer requests it. No
    scorer sees a row of weight 0. `groups` are passed to the splitter.

    There is no `partial_fit`, as a stream has no folds: continue with
    `best_estimator_`. There is no `warm_start` either.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sk_adagrad import AdagradClassifierCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> search = AdagradClassifierCV(
    ...     alphas=[0.0, 1e-4, 1e-2], cv=5, scoring="neg_log_loss", random_state=0
    ... )
    >>> search = search.fit(X, y)
    >>> search.alpha_
    0.0
    >>> round(search.best_score_, 1)
    -0.1
    """

    _plain_type = AdagradClassifier
    _parameter_constraints: ClassVar[dict] = search_constraints(AdagradClassifier)

    def __init__(
        self,
        loss: str = "log_loss",
        *,
        eta0s: int | ArrayLike = 8,
        alphas: int | ArrayLike = (0.0,),
        l1_ratios: int | ArrayLike = (0.0,),
        cv: Any = None,
        scoring: str | Callable | None = None,
        refit: bool = True,
        update: str = "mirror_descent",
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
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.loss = loss
        self.eta0s = eta0s
        self.alphas = alphas
        self.l1_ratios = l1_ratios
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.update = update
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
        self.n_jobs = n_jobs
        self.verbose = verbose


class AdagradRegressorCV(BaseSearch, AdagradRegressor):
    """AdagradRegressor that chooses the base rate and the penalty by validation.

    A cell of the grid is a rate η, a penalty `alpha` and an `l1_ratio`. Its model is
    the one that :class:`AdagradRegressor` would learn with these, from the same rows in
    the same order. All rates of a penalty learn side by side in one pass. So do several
    penalties of the same kind (none, L1, L2 or both), as long as there are no more than
    32 models. All cells share the checks of X and y and the order of the rows, and no
    fold copies its training rows.

    ``cv=None``, the default, needs no folds: the loss of samples that have not been
    learned from yet is an estimate of the loss on new ones. It compares models after
    one pass. Folds compare them after all passes, by any score, but take longer: each
    of k folds learns from k - 1 parts of the rows.

    Parameters
    ----------
    loss : str, default="squared_error"
        The loss to minimise, one of those of :class:`AdagradRegressor`.
    eta0s : int or array-like of shape (n_eta0s,), default=8
        Base learning rates to try. An integer is their number, up to 100, each twice
        the one before, at the scale of the data. 8 gives the rates that ``eta0="auto"``
        of :class:`AdagradRegressor` tries, from 1/32 to 4 times the spread of y divided
        by the norm of a typical row; other numbers give more or fewer at both ends.
        Several targets share one scale, the root mean square of all of them.
    alphas : int or array-like of shape (n_alphas,), default=(0.0,)
        Strengths of the penalty to try. An integer is their number, in geometric
        progression from 1e-7 to 1e-3.
    l1_ratios : int or array-like of shape (n_l1_ratios,), default=(0.0,)
        Shares of the penalty that are L1 to try. An integer is their number, evenly
        spaced from 0 to 1.
    cv : int, cross-validation generator, iterable of splits or None, default=None
        None scores each cell by its progressive loss: in one pass over all samples,
        each is scored before it is learned from. An integer is a number of folds. With
        folds, each cell is scored on the rows that are held out.
    scoring : str, callable or None, default=None
        How a model is scored on held-out rows, as in
        :class:`~sklearn.model_selection.GridSearchCV`. None is the method `score`,
        which returns R². Only with folds.
    refit : bool, default=True
        Whether to learn a model with the parameters of the best cell. With folds, it
        learns from all samples; with ``cv=None``, the model of the best cell makes its
        remaining passes. False leaves only the attributes of the search.
    update : str, default="mirror_descent"
        How steps and penalty combine: ``"mirror_descent"``, ``"dual_averaging"`` or
        ``"ftrl_proximal"``. See :class:`AdagradRegressor`.
    eps : float, default=1e-8
        ε of the rule, inside the root. See :class:`AdagradRegressor`.
    initial_accumulator : float or "auto", default="auto"
        Initial value of every G. ``"auto"`` is 0 if `eta0s` is a list of values, and
        depends on the data if it is an integer. All targets share it. See
        :class:`AdagradRegressor`.
    importance_aware : bool, default=False
        Whether steps follow the slope of the loss, so that large sample weights do not
        overshoot. See :class:`AdagradRegressor`.
    scale_invariant : bool or "auto", default="auto"
        Whether each feature is divided by the largest absolute value that it has shown
        so far. ``"auto"`` is False if `eta0s` is a list of values, and no column is
        centred then. See :class:`AdagradRegressor`.
    half_life : float or None, default=None
        Number of updates of a feature after which its past squared gradients count
        half. See :class:`AdagradRegressor`.
    epsilon : float, default=0.1
        Distance from the target at which ``"huber"`` and the epsilon-insensitive
        losses change their form. See :class:`AdagradRegressor`.
    quantile : float in (0, 1), default=0.5
        The quantile that ``loss="quantile"`` estimates.
    power : float in (1, 2), default=1.5
        Exponent of ``loss="tweedie"``. See :class:`AdagradRegressor`.
    preconditioner : {"diagonal", "full"}, default="diagonal"
        ``"full"`` uses the full matrix of gradients. It requires ``alphas=(0.0,)`` and
        takes the memory of all `eta0s` at a time. See :class:`AdagradRegressor`.
    refresh_every : int, default=1000
        Maximum number of samples between two inverse roots of a full matrix. See
        :class:`AdagradRegressor`.
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    max_iter : int or "auto", default="auto"
        Maximum number of passes. See :class:`AdagradRegressor`.
    tol : float or None, default=1e-3
        Fraction by which a pass must improve on the best loss so far. Each cell stops
        by its own loss. See :class:`AdagradRegressor`.
    n_iter_no_change : int, default=2
        Number of consecutive passes without improvement after which a cell stops.
    shuffle : bool, default=True
        Whether rows are visited in random order. See :class:`AdagradRegressor`.
    random_state : int, RandomState instance or None, default=None
        Determines the order of visits. Pass an int for the same model in every run.
    n_jobs : int or None, default=None
        Number of threads that share the penalties and folds. The result does not depend
        on it. Each thread has up to 32 models in memory, or one for each output and
        each of `eta0s` if that is more. None means 1 unless in a
        :func:`joblib.parallel_config` context.
    verbose : int, default=0
        If positive, the best score is printed, and then the loss of each pass that
        follows.

    Attributes
    ----------
    eta0_ : float
        Base learning rate of the model, the same for all outputs. With ``cv=None``, an
        integer `eta0s` and `max_iter` of three or more, it may differ from that in
        `best_params_`, see Notes.
    initial_accumulator_ : float
        Initial value of every G, in the model and in all cells.
    eps_ : float
        ε of the model and of all cells.
    scale_invariant_ : bool
        Whether scales are tracked, in the model and in all cells.
    alpha_ : float
        Strength of the penalty of the model.
    l1_ratio_ : float
        Share of the penalty that is L1.
    best_params_ : dict
        ``"eta0"``, ``"alpha"`` and ``"l1_ratio"`` of the best cell.
    best_score_ : float
        Mean score of the best cell. With ``cv=None``, its negative progressive loss.
    best_index_ : int
        Index of the best cell in `cv_results_`.
    best_estimator_ : AdagradRegressor
        The model as a plain estimator with the parameters found. Its `partial_fit`
        continues from the model, in a copy, so the search stays as it is. Its `fit`
        starts anew, at the rate `eta0_`. Until it learns, `sparsify` and `densify` of
        the search act on it too.
    cv_results_ : dict of ndarray
        Scores of all cells, as in :class:`~sklearn.model_selection.GridSearchCV`:
        ``params`` (a list of dict), ``param_eta0``, ``param_alpha``,
        ``param_l1_ratio``, ``split0_test_score`` and so on, ``mean_test_score``,
        ``std_test_score`` and ``rank_test_score``. A model that overflowed,
        or whose scorer failed, has the score NaN.
    n_splits_ : int
        Number of folds; 1 with ``cv=None``.
    coef_, intercept_, learning_rates_, accumulators_ : ndarray
        As in :class:`AdagradRegressor`, like all other attributes of the model. After
        `sparsify`, `coef_` is a CSR matrix.

    See Also
    --------
    AdagradRegressor : Chooses a rate for each target while it learns.
    sklearn.model_selection.GridSearchCV : Searches any parameters, also of a pipeline.

    Notes
    -----
    All targets have the rate that is best for them together, whereas ``eta0="auto"``
    chooses one for each. Their losses are added up, so they should have similar units.

    **Half of the rate.** With ``cv=None`` the first pass decides, but several passes
    need a smaller rate than one. With an integer `eta0s` and `max_iter` of three or
    more, the model with the next lower rate therefore makes the remaining passes, as in
    :class:`AdagradRegressor`. With a single output, or several that together have fewer
    weights than there are samples, the rate in use depends on the second half of the
    pass, while scores cover all of it. With a list of `eta0s`, the model of the best
    cell continues.

    **Initial intercepts.** With an integer `eta0s` they are those of ``eta0="auto"``,
    near the mean of y. With a list they are 0, as in ``AdagradRegressor(eta0=...)``, so
    scores are worse if targets are far from 0 compared with their spread.

    **Folds.** Training rows are visited in the order of
    ``AdagradRegressor(random_state=...)``. `sample_weight` also weights the held-out
    rows if the scorer accepts it; with metadata routing, if the scorer requests it. No
    scorer sees a row of weight 0. `groups` are passed to the splitter.

    There is no `partial_fit`, as a stream has no folds: continue with
    `best_estimator_`. There is no `warm_start` either.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_adagrad import AdagradRegressorCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = AdagradRegressorCV(
    ...     alphas=[0.0, 1e-2, 1.0], cv=5, max_iter=20, random_state=0
    ... )
    >>> search = search.fit(X, y)
    >>> search.alpha_
    0.0
    >>> round(search.best_score_, 1)
    0.5
    """

    _plain_type = AdagradRegressor
    _parameter_constraints: ClassVar[dict] = search_constraints(AdagradRegressor)

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        eta0s: int | ArrayLike = 8,
        alphas: int | ArrayLike = (0.0,),
        l1_ratios: int | ArrayLike = (0.0,),
        cv: Any = None,
        scoring: str | Callable | None = None,
        refit: bool = True,
        update: str = "mirror_descent",
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
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.loss = loss
        self.eta0s = eta0s
        self.alphas = alphas
        self.l1_ratios = l1_ratios
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.update = update
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
        self.n_jobs = n_jobs
        self.verbose = verbose
