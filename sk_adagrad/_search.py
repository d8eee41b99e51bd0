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

    A cell of the grid is a rate η, a penalty `alpha` and an `l1_ratio`. Each is the
    model that :class:`AdagradClassifier` would learn with these, from the same rows in
    the same order. Those that differ in η alone learn side by side in one pass, all
    cells share what is done with X and y before, and no fold is a copy of the rows.

    ``cv=None``, the default, needs no fold: the loss of samples that have not been
    learned from yet is an estimate of the loss on new ones. It compares models after
    one pass. Folds compare them after all passes, by any score, and take longer, as
    each of k folds learns from k - 1 parts of the rows. ``scoring="neg_log_loss"`` is
    then the better choice where probabilities count, and often where they do not, as it
    sees differences that the accuracy does not.

    Parameters
    ----------
    loss : str, default="log_loss"
        As in :class:`AdagradClassifier`.
    eta0s : int or array-like of shape (n_eta0s,), default=8
        Base learning rates to try. An integer is that many, each twice the one before,
        at the scale of the data: 8 are those that ``eta0="auto"`` of
        :class:`AdagradClassifier` tries, from 1/16 to 8 times the inverse norm of a
        typical row; other numbers, up to 100, go further at both ends, or less far.
    alphas : int or array-like of shape (n_alphas,), default=(0.0,)
        Strengths of the penalty to try. An integer is that many from 1e-7 to 1e-3, each
        as many times the one before.
    l1_ratios : int or array-like of shape (n_l1_ratios,), default=(0.0,)
        Parts of the penalty that are L1 to try. An integer is that many, evenly spaced
        from 0 to 1.
    cv : int, cross-validation generator, iterable of splits or None, default=None
        None scores each cell by its progressive loss: in one pass over all samples,
        each is scored before it is learned from. An integer is a number of stratified
        folds. Then each cell is scored on the rows that its fold holds out.
    scoring : str, callable or None, default=None
        How a model is scored on held-out rows, as in
        :class:`~sklearn.model_selection.GridSearchCV`. None is the method `score`,
        the accuracy. Only with folds.
    refit : bool, default=True
        Whether there is to be a model. With folds, it is learned from all samples with
        the best cell's parameters; without, the best cell's model makes its remaining
        passes. False leaves only the attributes of the search.
    initial_accumulator : float or "auto", default="auto"
        As in :class:`AdagradClassifier`; ``"auto"`` is 0 where `eta0s` are values, and
        depends on the data where it is an integer.
    update, eps, importance_aware : optional
        As in :class:`AdagradClassifier`.
    scale_invariant, half_life, multi_class, epsilon : optional
        As in :class:`AdagradClassifier`; ``scale_invariant="auto"`` is False where
        `eta0s` are values, and no column is centred then.
    preconditioner, refresh_every, fit_intercept : optional
        As in :class:`AdagradClassifier`. ``preconditioner="full"`` goes with
        ``alphas=(0.0,)`` only, and takes the memory of `eta0s` models at a time.
    class_weight : dict, "balanced" or None, default=None
        As in :class:`AdagradClassifier`. ``"balanced"`` counts the training rows of
        each fold by themselves. Scores have no class weights, other than the
        progressive one.
    max_iter, tol, n_iter_no_change, shuffle, random_state : optional
        As in :class:`AdagradClassifier`. Each cell stops by its own loss.
    n_jobs : int or None, default=None
        Threads that share the penalties and folds. The result does not depend on it.
        Each has up to 32 models in memory, or `eta0s` for each output if that is more.
    verbose : int, default=0
        Above 0, the best score is printed, then the loss of each pass that follows.

    Attributes
    ----------
    eta0_ : float
        Base learning rate of the model, the same for all outputs. With ``cv=None``, an
        integer `eta0s` and ``max_iter`` of three or more it is not that in
        `best_params_`, but what ``eta0="auto"`` would have chosen, see Notes.
    initial_accumulator_, eps_, scale_invariant_ : float, float, bool
        Those of the model and of all cells.
    alpha_, l1_ratio_ : float
        Penalty of the model.
    best_params_ : dict
        The best cell's ``"eta0"``, ``"alpha"`` and ``"l1_ratio"``.
    best_score_ : float
        Its mean score. With ``cv=None`` that is minus the cell's progressive loss.
    best_index_ : int
        Its place in `cv_results_`.
    best_estimator_ : AdagradClassifier
        The model as a plain estimator with the parameters found. Its `partial_fit` goes
        on from the model, in a copy, so that the search stays as it is; its `fit`
        starts anew, at the rate `eta0_`. Until it learns, `sparsify` and `densify` of
        the search act on it too.
    cv_results_ : dict of ndarray
        Scores of all cells, as in :class:`~sklearn.model_selection.GridSearchCV`:
        ``params``, ``param_eta0``, ``param_alpha``, ``param_l1_ratio``,
        ``split0_test_score`` and so on, ``mean_test_score``, ``std_test_score`` and
        ``rank_test_score``. NaN is the score of a model that has overflowed, or whose
        scorer failed.
    n_splits_ : int
        Folds; 1 with ``cv=None``.
    coef_, intercept_, learning_rates_, accumulators_, classes_ : ndarray
        As all other attributes of the model, those of :class:`AdagradClassifier`.

    See Also
    --------
    AdagradClassifier : Chooses the rate of each output by itself, in one pass.
    sklearn.model_selection.GridSearchCV : Searches any parameters, of a pipeline too.

    Notes
    -----
    All outputs have the rate that is best for them together, where ``eta0="auto"``
    chooses one for each class against the rest.

    **Half of the rate.** With ``cv=None`` the first pass decides, and more passes want
    a smaller rate than one. So with ``max_iter`` of three or more the model that goes
    on is that of the next lower rate, as in :class:`AdagradClassifier`. With a single
    output, or several with fewer weights than samples, the second half of the pass
    decides which rate is best, while scores are of all of it. With values for `eta0s`
    the best cell's own model goes on.

    **Folds.** A fold's models know all classes, also those that its training rows do
    not have, and their order of visits is that of `AdagradClassifier(random_state=...)`
    on these rows. `sample_weight` weighs the held-out rows too, if the scorer takes it;
    with metadata routing, if the scorer asks for it. Rows of weight 0 are held out from
    every scorer. `groups` go to the splitter.

    There is no `partial_fit`, as a stream has no folds: go on with `best_estimator_`.
    There is no `warm_start` either.

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
        n_iter_no_change: int = 1,
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

    A cell of the grid is a rate η, a penalty `alpha` and an `l1_ratio`. Each is the
    model that :class:`AdagradRegressor` would learn with these, from the same rows in
    the same order. Those that differ in η alone learn side by side in one pass, all
    cells share what is done with X and y before, and no fold is a copy of the rows.

    ``cv=None``, the default, needs no fold: the loss of samples that have not been
    learned from yet is an estimate of the loss on new ones. It compares models after
    one pass. Folds compare them after all passes, by any score, and take longer, as
    each of k folds learns from k - 1 parts of the rows.

    Parameters
    ----------
    loss : str, default="squared_error"
        As in :class:`AdagradRegressor`.
    eta0s : int or array-like of shape (n_eta0s,), default=8
        Base learning rates to try. An integer is that many, each twice the one before,
        at the scale of the data: 8 are those that ``eta0="auto"`` of
        :class:`AdagradRegressor` tries, from 1/32 to 4 times the spread of y (the root
        mean square of its distance from the first intercept) over the norm of a typical
        row; other numbers, up to 100, go further, or less far. Several targets have
        one scale, the root mean square of all.
    alphas : int or array-like of shape (n_alphas,), default=(0.0,)
        Strengths of the penalty to try. An integer is that many from 1e-7 to 1e-3, each
        as many times the one before.
    l1_ratios : int or array-like of shape (n_l1_ratios,), default=(0.0,)
        Parts of the penalty that are L1 to try. An integer is that many, evenly spaced
        from 0 to 1.
    cv : int, cross-validation generator, iterable of splits or None, default=None
        None scores each cell by its progressive loss: in one pass over all samples,
        each is scored before it is learned from. An integer is a number of folds. Then
        each cell is scored on the rows that its fold holds out.
    scoring : str, callable or None, default=None
        How a model is scored on held-out rows, as in
        :class:`~sklearn.model_selection.GridSearchCV`. None is the method `score`,
        R². Only with folds.
    refit : bool, default=True
        Whether there is to be a model. With folds, it is learned from all samples with
        the best cell's parameters; without, the best cell's model makes its remaining
        passes. False leaves only the attributes of the search.
    initial_accumulator : float or "auto", default="auto"
        As in :class:`AdagradRegressor`; ``"auto"`` is 0 where `eta0s` are values, and
        depends on the data where it is an integer. All outputs have the same.
    update, eps, importance_aware : optional
        As in :class:`AdagradRegressor`.
    scale_invariant, half_life, epsilon, quantile, power : optional
        As in :class:`AdagradRegressor`; ``scale_invariant="auto"`` is False where
        `eta0s` are values, and no column is centred then.
    preconditioner, refresh_every, fit_intercept : optional
        As in :class:`AdagradRegressor`. ``preconditioner="full"`` goes with
        ``alphas=(0.0,)`` only, and takes the memory of `eta0s` models at a time.
    max_iter, tol, n_iter_no_change, shuffle, random_state : optional
        As in :class:`AdagradRegressor`. Each cell stops by its own loss.
    n_jobs : int or None, default=None
        Threads that share the penalties and folds. The result does not depend on it.
        Each has up to 32 models in memory, or `eta0s` for each output if that is more.
    verbose : int, default=0
        Above 0, the best score is printed, then the loss of each pass that follows.

    Attributes
    ----------
    eta0_ : float
        Base learning rate of the model, the same for all outputs. With ``cv=None``, an
        integer `eta0s` and ``max_iter`` of three or more it is not that in
        `best_params_`, but what ``eta0="auto"`` would have chosen, see Notes.
    initial_accumulator_, eps_, scale_invariant_ : float, float, bool
        Those of the model and of all cells.
    alpha_, l1_ratio_ : float
        Penalty of the model.
    best_params_ : dict
        The best cell's ``"eta0"``, ``"alpha"`` and ``"l1_ratio"``.
    best_score_ : float
        Its mean score. With ``cv=None`` that is minus the cell's progressive loss.
    best_index_ : int
        Its place in `cv_results_`.
    best_estimator_ : AdagradRegressor
        The model as a plain estimator with the parameters found. Its `partial_fit` goes
        on from the model, in a copy, so that the search stays as it is; its `fit`
        starts anew, at the rate `eta0_`. Until it learns, `sparsify` and `densify` of
        the search act on it too.
    cv_results_ : dict of ndarray
        Scores of all cells, as in :class:`~sklearn.model_selection.GridSearchCV`:
        ``params``, ``param_eta0``, ``param_alpha``, ``param_l1_ratio``,
        ``split0_test_score`` and so on, ``mean_test_score``, ``std_test_score`` and
        ``rank_test_score``. NaN is the score of a model that has overflowed, or whose
        scorer failed.
    n_splits_ : int
        Folds; 1 with ``cv=None``.
    coef_, intercept_, learning_rates_, accumulators_ : ndarray
        As all other attributes of the model, those of :class:`AdagradRegressor`.

    See Also
    --------
    AdagradRegressor : Chooses the rate of each target by itself, in one pass.
    sklearn.model_selection.GridSearchCV : Searches any parameters, of a pipeline too.

    Notes
    -----
    All targets have the rate that is best for them together, where ``eta0="auto"``
    chooses one for each. Their losses are added up, so targets should have like units.

    **Half of the rate.** With ``cv=None`` the first pass decides, and more passes want
    a smaller rate than one. So with ``max_iter`` of three or more the model that goes
    on is that of the next lower rate, as in :class:`AdagradRegressor`. With a single
    output, or several with fewer weights than samples, the second half of the pass
    decides which rate is best, while scores are of all of it. With values for `eta0s`
    the best cell's own model goes on.

    **First intercepts.** With an integer `eta0s` they are those of ``eta0="auto"``,
    near the mean of y; with values they are 0, as in `AdagradRegressor(eta0=...)`, so
    that scores of targets far from 0 beside their spread are worse.

    **Folds.** The order of visits is that of `AdagradRegressor(random_state=...)` on
    the training rows. `sample_weight` weighs the held-out rows too, if the scorer takes
    it; with metadata routing, if the scorer asks for it. Rows of weight 0 are held out
    from every scorer. `groups` go to the splitter.

    There is no `partial_fit`, as a stream has no folds: go on with `best_estimator_`.
    There is no `warm_start` either.

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
        n_iter_no_change: int = 1,
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
