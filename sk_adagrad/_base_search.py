"""The common part of both searches: from samples to scores and the best model."""

import threading
import time
from copy import deepcopy
from dataclasses import replace
from itertools import product
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.base import _fit_context, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils._param_validation import Interval
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed

from ._callbacks import fit_task, with_callbacks
from ._cells import final_scores, first_losses, joint, together
from ._engines import ENGINES
from ._estimators import BaseAdagrad
from ._folds import folds_of
from ._grid import Grid, results_of, values_of
from ._parameters import check_combination, check_range
from ._publishing import learned, published_together
from ._rates import Start
from ._samples import Samples
from ._scoring import (
    knowing_classes,
    numbers_and_errors,
    reads_probabilities,
    takes_weights,
    tell_of_errors,
)
from ._solver import Learner, ordered, solve
from ._trial import FEW_ENTRIES, Trial, places_below


def search_constraints(plain_type):
    """Return the constraints of the parameters of a search over this estimator."""
    constraints = dict(plain_type._parameter_constraints)
    for name in ("eta0", "alpha", "l1_ratio", "warm_start"):
        del constraints[name]
    axis = [Interval(Integral, 1, None, closed="left"), "array-like"]
    return {
        **constraints,
        "alphas": axis,
        "l1_ratios": axis,
        # Rates are a factor of two apart; many more would overflow.
        "eta0s": [Interval(Integral, 1, 100, closed="both"), "array-like"],
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "refit": ["boolean"],
    }


# What an earlier fit may have left and a search with refit=False does not set.
_OF_THE_MODEL = {
    "_state",
    "_learned_loss",
    "_best_estimator",
    "loss_curve_",
    "validation_loss_curve_",
    "n_iter_",
}
# What a plain estimator does not have, besides what scikit-learn's callbacks put there.
_OF_THE_SEARCH = {
    "_shared",
    "_eps",
    "_best_estimator",
    "alpha_",
    "l1_ratio_",
    "best_index_",
    "best_params_",
    "best_score_",
    "cv_results_",
    "n_splits_",
}


class BaseSearch(BaseAdagrad):
    """A search for rate and penalty; the plain estimator is the other base class."""

    _plain_type: ClassVar[Any]
    _shared: Start
    _eps: float
    _best_estimator: Any

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Train and score all cells, and learn a model with the best one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            C-ordered arrays and CSR matrices of float32 or float64 are read without a
            copy; anything else is converted.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As in `fit` of the plain estimator.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, in learning and in scoring.
        **params : dict
            `groups` for the splitter; with metadata routing, also what the scorer and
            the splitter ask for.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter, X, y or a sample weight cannot be used, or if no cell has a
            finite score. The search stays as it was, as it does after the other errors.
        TypeError
            If a validation set is given, such as `X_val`. Use `cv` instead, for example
            with :class:`~sklearn.model_selection.PredefinedSplit`.
        MemoryError
            If the machine does not have the memory that the models need.
        """
        with published_together(self) as model:
            task = fit_task(self, model, X, y, sample_weight)
            if task:
                task.begin(max_passes=0)
            model._search_among(X, y, sample_weight, params)
            if task:
                task.end()
        return self

    def _search_among(self, X, y, sample_weight, params):
        began = time.perf_counter()
        for name in _OF_THE_MODEL & vars(self).keys():
            delattr(self, name)
        alphas = values_of("alphas", self.alphas)
        l1_ratios = values_of("l1_ratios", self.l1_ratios)
        self._check_search(alphas, l1_ratios, params)
        samples, y = self._samples(X, y, sample_weight)
        split_params, score_params = self._routed(samples.weight, params)
        weighed, class_counts = self._with_class_weights(samples)
        random_state = self._random_state()
        # Each fold draws its own order, as if it were the first to draw.
        first = random_state if self.cv is None else deepcopy(random_state)
        order, visited = ordered(weighed, first, self._scale_free)
        self._shared, self._eps = self._joint_start(weighed, visited, order)
        grid = Grid(alphas, self._shared.rates[0].tolist(), l1_ratios)
        rules, plains = self._rules(grid, samples.rows.data.dtype)
        rows = samples.rows.centred(self._shared.columns.centring)
        rows, features = self._compacted(rows)
        begun = {}
        if self.cv is None:
            visited = replace(visited, rows=rows)
            scores, begun = self._progressive(visited, order, plains)
        else:
            cv = check_cv(self.cv, y, classifier=is_classifier(self))
            folds = folds_of(
                cv.split(X, y, **split_params),
                X,
                y,
                samples,
                rows,
                self._with_class_weights,
                random_state=random_state,
                scale_free=self._scale_free,
                score_params=score_params,
            )
            scores = self._k_fold(folds, rows, plains)
        self._publish_scores(grid, [scores[rules[each]] for each in grid.penalties])
        if self.verbose:
            seconds = time.perf_counter() - began
            print(f"search: best score {self.best_score_:.6g}, {seconds:.2f} s")
        if self.refit:
            rule = rules[self.alpha_, self.l1_ratio_]
            self._refit(rule, weighed, class_counts, begun, features, random_state)

    # Before learning.

    def _check_search(self, alphas, l1_ratios, params):
        """Refuse combinations of parameters that make no sense."""
        held_out = sorted(params.keys() & {"X_val", "y_val", "sample_weight_val"})
        if held_out:
            raise TypeError(
                f"{type(self).__name__}.fit takes no {held_out[0]}: the search "
                "validates by cv. Set cv to a splitter such as PredefinedSplit, or "
                f"give the validation set to {self._plain_type.__name__}.fit."
            )
        need_routing = {name: params[name] for name in params.keys() - {"groups"}}
        _raise_for_params(need_routing, self, "fit")
        for alpha, l1_ratio in product(alphas, l1_ratios):
            check_combination(self._plain(alpha=alpha, l1_ratio=l1_ratio))
        if self.cv is None and self.scoring is not None:
            raise ValueError(
                f"scoring={self.scoring!r} needs held-out samples, but cv=None scores "
                "each by its loss before it is learned from: set cv to a number of "
                "folds, or scoring=None."
            )
        if (
            self.scoring is not None
            and reads_probabilities(check_scoring(self, self.scoring))
            and not hasattr(self, "predict_proba")  # of `loss`: no model is left here
        ):
            raise ValueError(
                f"scoring={self.scoring!r} needs probabilities, which "
                f"{type(self).__name__}(loss={self.loss!r}) does not predict: choose "
                "another score, or a loss with probabilities."
            )
        if self.cv is None and params.get("groups") is not None:
            raise ValueError(
                "groups are given, but cv=None makes no folds to keep them apart in: "
                "set cv to a splitter such as GroupKFold()."
            )

    def _samples(self, X, y, sample_weight):
        """Return all samples as the solver reads them, and y as scorers read it."""
        floating = [np.float64, np.float32]
        how = {"go_on": False, "stream": False}
        rows, y, weight = self._validate(X, y, sample_weight, floating, **how)
        targets = self._encode(y, rows.data.dtype, **how)
        if is_classifier(self) and self._indicator is None:
            y = (y.toarray() if sp.issparse(y) else y).ravel()
        elif y.dtype.kind not in "biuf":  # numbers as objects, which scorers refuse
            y = y.astype(np.float64)
        return Samples(rows, targets, weight), y

    def _joint_start(self, samples, visited, order):
        """Return the `Start` of the grid, which all outputs share, and its ε.

        As in the plain estimator, "auto" parameters depend on the data if rates do. The
        unit of ε is 1, as in plain estimators with given rates.
        """
        if isinstance(self.eta0s, Integral):
            n_rates, shared = self.eta0s, _shared_size
            start = self._measured_start(samples, visited, order, n_rates, shared)
        else:
            rates = values_of("eta0s", self.eta0s)
            start = self._given_start(rates, samples.targets.n_outputs)
        eps = float(self.eps * start.eps_units[0])
        return replace(start, eps_units=np.ones_like(start.eps_units)), eps

    def _plain(self, **cell):
        """Return the plain estimator of a cell, with what is known of X and y."""
        own = self.get_params(deep=False)
        names = self._plain_type._get_param_names()
        plain = self._plain_type(**{n: own[n] for n in names if n in own} | cell)
        known = vars(self).keys() - own.keys() - _OF_THE_SEARCH
        vars(plain).update(
            {name: vars(self)[name] for name in known if "callback" not in name}
        )
        return plain

    def _rules(self, grid, dtype):
        """Return the rule of each penalty, and a plain estimator of each rule.

        With ``alpha=0`` the rule is the same, whatever `l1_ratio`.
        """
        rules, plains = {}, {}
        shared = {"initial_accumulator": self.initial_accumulator_, "eps": self.eps_}
        for alpha, l1_ratio in grid.penalties:
            cell = {"eta0": max(grid.eta0s), "alpha": alpha, "l1_ratio": l1_ratio}
            plain = self._plain(**shared, **cell)
            check_range(plain, dtype)
            rule = rules[alpha, l1_ratio] = plain._rule(dtype)
            plains[rule] = plain
        return rules, plains

    def _compacted(self, rows):
        """Return rows with only the features they have, if these are few, and which.

        With hashed words most columns are empty, and their tables only cost time: with
        2^20 columns a search in five folds of sms_spam took four times as long. A
        callable scorer may read weights, so it gets models with all features.
        """
        few = rows.nnz < FEW_ENTRIES * rows.n_features
        if few and self.preconditioner == "diagonal" and not callable(self.scoring):
            return rows.compact()
        return rows, None

    # Learning: the cells of several penalties together, fold by fold.

    def _together(self, rules, rows, n_threads):
        """Divide rules into lists to be trained together."""
        rates = self._shared.rates
        if self._is_coupled(len(rates)):
            return [[rule] for rule in rules]  # not even its rates are trained together
        n_bytes = 2 * rates.size * rows.n_features * rows.data.itemsize
        return together(rules, rates.size, n_bytes, n_threads)

    def _joint_state(self, rules, samples):
        """Return the initial state of the rules' cells, and its rule."""
        rates = np.tile(self._shared.rates, (1, len(rules)))
        rule = joint(rules, self._shared.rates.shape[1])
        start = replace(self._shared, rates=rates)
        return self._state_from(start, samples, rule), rule

    def _in_threads(self, tasks):
        return Parallel(n_jobs=self.n_jobs, require="sharedmem")(tasks)

    def _progressive(self, samples, order, plains):
        """Make the first pass over all samples with all cells.

        Returns
        -------
        scores : dict of Rule to ndarray of shape (n_eta0s, 1)
        begun : dict of Rule to tuple
            The best of each rule, to go on with: learner, state, its loss.
        """
        n_rates, n_threads = self._shared.rates.shape[1], effective_n_jobs(self.n_jobs)
        divided = self._together(plains, samples.rows, n_threads)
        learner = Learner(samples, order, next(iter(plains)), self.n_jobs)
        below = 0
        if isinstance(self.eta0s, Integral):
            below = places_below(self._stopping().most_passes(learner))
        n_outputs, n_samples = samples.targets.n_outputs, learner.n_learned
        trial = Trial.of_search(samples.rows, n_outputs, n_samples, below)
        scores, best = {}, {}

        def begin(rules):
            state, rule = self._joint_state(rules, samples)
            n_jobs = self.n_jobs if len(divided) == 1 else 1
            begins = replace(learner, rule=rule, n_jobs=n_jobs)
            losses, deciding = first_losses(begins, state, trial.since())
            losses, deciding = (a.reshape(-1, n_rates) for a in (losses, deciding))
            places = trial.chosen(deciding)[:, 0]
            for nth, (rule, own, place) in enumerate(
                zip(rules, losses, places, strict=True)
            ):
                chosen = np.full((state.n_outputs, 1), nth * n_rates + place)
                model = state.take(chosen)
                scores[rule] = np.where(np.isfinite(own), -own, np.nan)[:, None]
                best[rule] = replace(learner, rule=rule), model, float(own[place])

        self._in_threads(delayed(begin)(rules) for rules in divided)
        return scores, best

    def _k_fold(self, folds, rows, plains):
        """Return each rule's scores, of shape (n_eta0s, n_splits)."""
        scorer, interrupted = self._scorer(), threading.Event()
        n_rates = self._shared.rates.shape[1]
        divided = self._together(plains, rows, n_threads=1)

        def scores_of(fold, rules):
            def score(state, ended, places, of_passes):
                raw = ENGINES[type(state)].raw_predictions(state, fold.rows)
                owns = [plains[rules[place // n_rates]] for place in places]
                return [
                    fold.score(scorer, plain, state, k, loss_curve, raw[:, :, k])
                    for k, plain, loss_curve in zip(ended, owns, of_passes, strict=True)
                ]

            state, rule = self._joint_state(rules, fold.samples)
            return final_scores(
                Learner(fold.samples, fold.order, rule, n_jobs=1),
                state,
                score,
                interrupted,
                stopping=self._stopping(),
                random_state=deepcopy(fold.random_state),
            )

        try:
            scores = self._in_threads(
                delayed(scores_of)(fold, rules) for fold in folds for rules in divided
            )
        finally:
            interrupted.set()
        if not scores:
            raise ValueError(
                f"cv={self.cv!r} has no splits, as an iterator that was used up: give "
                "a list of them, a splitter or a number of folds."
            )
        of_splits = np.reshape(np.concatenate(scores), (-1, len(plains), n_rates))
        rules = [rule for part in divided for rule in part]
        return dict(zip(rules, of_splits.transpose(1, 2, 0), strict=True))

    def _refit(self, rule, samples, class_counts, begun, features, random_state):
        """Learn from all samples with the best cell, or go on from its first pass."""
        if self.cv is None:
            learner, state, loss = begun[rule]
            loss_curve = [loss]
        else:
            rates = np.full_like(self._shared.rates[:, :1], self.best_params_["eta0"])
            state = self._state_from(replace(self._shared, rates=rates), samples, rule)
            order, samples = ordered(samples, random_state, self._scale_free)
            learner, loss_curve = Learner(samples, order, rule, self.n_jobs), []
        state, *curves = solve(
            learner,
            state,
            stopping=self._stopping(),
            random_state=random_state,
            loss_curve=loss_curve,
            verbose=self.verbose,
        )
        if self.cv is None and features is not None:
            state = state.on_features(features, samples.rows.n_features)
        state.class_counts = class_counts
        self._publish(state, *curves)
        self._best_estimator = self._as_plain()

    def _as_plain(self):
        """Return the model as a plain estimator, which learns in a copy of its own."""
        plain = self._plain(
            eta0=self.eta0_,
            alpha=self.alpha_,
            l1_ratio=self.l1_ratio_,
            initial_accumulator=self.initial_accumulator_,
            eps=self.eps_,
            scale_invariant=self.scale_invariant_,
        )
        plain._shares_state = True
        return plain

    # Scorers, and the metadata routed to them.

    def _scorer(self):
        """Return the scorer of a plain estimator."""
        if self.scoring is None:
            return self._plain_type.score
        scorer = get_scorer(self.scoring)
        if is_classifier(self) and self._indicator is None:
            return knowing_classes(scorer, self.classes_)
        return scorer

    def _routed(self, weight, params):
        """Return what the splitter and the scorer get besides X and y."""
        weights = {"sample_weight": weight} if len(weight) else {}
        if not _routing_enabled():
            scored = self.scoring is None or takes_weights(get_scorer(self.scoring))
            return params, weights if scored else {}
        routed = process_routing(self, "fit", **weights, **params)
        if self.scoring is None:  # our own `score` gets weights whenever `fit` does
            return routed.splitter.split, weights
        return routed.splitter.split, routed.scorer.score

    def get_metadata_routing(self):
        """Tell what goes to the splitter and to the scorer.

        Returns
        -------
        routing : MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        to_split = MethodMapping().add(caller="fit", callee="split")
        router.add(splitter=self.cv, method_mapping=to_split)
        if self.scoring is not None:
            to_score = MethodMapping().add(caller="fit", callee="score")
            to_score.add(caller="score", callee="score")
            router.add(scorer=get_scorer(self.scoring), method_mapping=to_score)
        return router

    def score(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> float:
        """Score the model by `scoring`, or as the plain estimator does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        **params : dict
            With metadata routing, what else the scorer asks for.

        Returns
        -------
        score : float
            If `scoring` is None, the accuracy or, in a regression, R².

        Raises
        ------
        NotFittedError
            If the search has not been fitted, or has no model because of
            ``refit=False``.
        """
        _raise_for_params(params, self, "score")
        self._check_has_model()
        if self.scoring is None:
            return super().score(X, y, sample_weight)
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        if _routing_enabled():
            params = process_routing(self, "score", **params).scorer.score
        # As in `fit`: a scorer may call `score`, or let the model learn.
        return get_scorer(self.scoring)(self._as_plain(), X, y, **params)

    # Fitted attributes.

    def _publish_scores(self, grid, scores):
        scores, errors = numbers_and_errors(grid.by_cell(scores))
        in_vain = not np.isfinite(scores.mean(axis=1)).any()
        tell_of_errors(errors, scores.size, in_vain=in_vain)
        if in_vain:
            raise ValueError(
                "No cell of the grid has a score that is a finite number. If models "
                "overflow, scale X or y, for example with MaxAbsScaler, or try eta0s "
                f"below {min(grid.eta0s):g}; if folds are too small for the score, as "
                "one sample is for R², take larger ones."
            )
        self.cv_results_ = results_of(grid.cells, scores)
        self.n_splits_ = scores.shape[1]
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        self.best_params_ = grid.cells[self.best_index_]
        self.alpha_ = self.best_params_["alpha"]
        self.l1_ratio_ = self.best_params_["l1_ratio"]

    @property
    def eta0_(self) -> float:
        """Base learning rate of the model, or the best one if there is no model."""
        if "_state" in vars(self):
            return float(super().eta0_)
        return learned(self, "eta0_", by="best_params_")["eta0"]

    @property
    def initial_accumulator_(self) -> float:
        """G₀ of all models."""
        shared = learned(self, "initial_accumulator_", by="_shared")
        return float(shared.accumulators[0])

    @property
    def eps_(self) -> float:
        """ε of all models."""
        return learned(self, "eps_", by="_eps")

    @property
    def scale_invariant_(self) -> bool:
        """Whether features are divided by the largest values that they have shown."""
        return learned(self, "scale_invariant_", by="_shared").columns.scaled

    @property
    def best_estimator_(self) -> Any:
        """The model as a plain estimator, which learns on in a copy of the state."""
        return learned(self, "best_estimator_", by="_best_estimator")

    def _hold(self, state):
        # The best estimator too, or both forms would be kept until it learns.
        if self._best_estimator._state is self._state:
            self._best_estimator._state = state
        super()._hold(state)

    @property
    def partial_fit(self):
        """Absent: a stream has no folds, and the search is over after `fit`."""
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit, as a stream has no folds: go "
            "on with search.best_estimator_, which has."
        )

    set_partial_fit_request = partial_fit

    def _check_has_model(self):
        if "_state" not in vars(self) and "cv_results_" in vars(self):
            raise NotFittedError(
                f"{type(self).__name__} has searched with refit=False, so it has no "
                "model: set refit=True and fit again."
            )
        super()._check_has_model()


@np.errstate(over="ignore")  # as in `_measured_start`
def _shared_size(sizes):
    """Return the root mean square of all outputs' sizes for each of them."""
    return np.full_like(sizes, np.sqrt(np.mean(np.square(sizes))))
