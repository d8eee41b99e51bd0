"""What each preconditioner keeps of a model, and what learns and predicts with it."""

from typing import Any

from . import _banks, _full_matrix
from ._full_matrix import FullMatrixState
from ._state import ModelState

# The type of its state, and the module.
PRECONDITIONERS: dict[str, tuple[Any, Any]] = {
    "diagonal": (ModelState, _banks),
    "full": (FullMatrixState, _full_matrix),
}
ENGINES = dict(PRECONDITIONERS.values())
