"""What the compiled kernels offer.

There is one for each floating type and instruction set; see _dispatch.
"""

from typing import final

import numpy as np
from numpy.typing import NDArray

_Real = NDArray[np.float32] | NDArray[np.float64]
_Index = NDArray[np.int32] | NDArray[np.int64]

@final
class Loss:
    def evaluate(
        self, p: _Real, y: _Real, parameter: float, value: _Real, slope: _Real
    ) -> None: ...

LOSSES: dict[str, Loss]

def train(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_features: int,
    order: NDArray[np.uint32],
    start: int,
    stop: int,
    targets: _Real,
    codes: _Real,
    sample_weight: _Real,
    first: int,
    n_lanes: int,
    table: _Real,
    intercept: _Real,
    eta: _Real,
    eps: float,
    fit_intercept: bool,
    loss: Loss,
    loss_parameter: float,
    loss_sum: NDArray[np.float64],
) -> None: ...
def raw_prediction(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_features: int,
    table: _Real,
    intercept: _Real,
    first: int,
    n_lanes: int,
    out: _Real,
) -> None: ...
def inspect(indptr: _Index, indices: _Index) -> tuple[int, int, int, bool]: ...
def all_finite(data: _Real) -> bool: ...
def row_keys(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_features: int,
    targets: _Real,
    order: NDArray[np.uint32],
    exact: bool,
    seed: int,
    keys: NDArray[np.uint64],
) -> None: ...
def supports(instruction_set: str) -> bool: ...
