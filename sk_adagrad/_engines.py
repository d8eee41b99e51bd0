"""Each preconditioner's state, and the module that learns and predicts with it."""

from typing import Any

from . import _banks, _full_matrix
from ._full_matrix import FullMatrixState
from ._state import ModelState

PRECONDITIONERS: dict[str, Any] = {"diagonal": ModelState, "full": FullMatrixState}
ENGINES: dict[Any, Any] = {ModelState: _banks, FullMatrixState: _full_matrix}
