"""The hooks for scikit-learn's callbacks in `fit`, from scikit-learn 1.9 on."""

from copy import deepcopy

from ._publishing import shallow_copy

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """No callbacks: scikit-learn is older."""

    def with_callbacks(method):
        """Return the method as it is: scikit-learn is older."""
        return method


class FitTask:
    """A call of `fit` and its passes, as reported to the estimator's callbacks.

    Parameters
    ----------
    estimator : estimator
        The one that the user called and callbacks know.
    model : estimator
        The copy of it that learns.
    X, y, sample_weight
        The arguments of `fit`.
    """

    def __init__(self, estimator, model, X, y, sample_weight):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._common = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._model = model

    def begin(self, max_passes):
        """Report that learning begins; 0 passes if callbacks do not hear of them."""
        estimator = self._common["estimator"]
        self._context = estimator._init_callback_context(max_subtasks=max_passes)
        self._context.call_on_fit_task_begin(**self._common)

    def begin_pass(self):
        """Report that a pass begins."""
        self._pass = self._context.subcontext(task_name="pass")
        self._pass.call_on_fit_task_begin(**self._common)

    def end_pass(self, *solved):
        """Report that it has ended; return whether it is to be the last.

        `solved` is what `solve` would return now. It is copied only for callbacks that
        look at the model.
        """

        def fitted():
            model = shallow_copy(self._model)
            model._publish(*deepcopy(solved))
            return vars(model)

        return self._pass.call_on_fit_task_end(
            **self._common, reconstruction_attributes=fitted
        )

    def end(self):
        """Report that learning has ended; a search without refit has no model."""

        def fitted():  # a copy, as a callback may let the model learn on
            model = shallow_copy(self._model)
            model._state = deepcopy(model._state)
            return vars(model)

        has_model = "_state" in vars(self._model)
        self._context.call_on_fit_task_end(
            **self._common, reconstruction_attributes=fitted if has_model else None
        )


def fit_task(estimator, *of_fit):
    """Return the `FitTask`; None if no callback would hear of it."""
    has_callbacks = hasattr(estimator, "_skl_callbacks")
    return FitTask(estimator, *of_fit) if has_callbacks else None
