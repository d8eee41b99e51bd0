"""Interface of the compiled kernels, one per floating type and instruction set."""

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

@final
class Update: ...

WORKSPACE_SIZE: int
UPDATES: dict[str, Update]

def train(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_features: int,
    order: NDArray[np.uint32],
    start: int,
    stop: int,
    values: _Real,
    labels: _Real,
    label_indptr: NDArray[np.int64],
    codes: _Real,
    lane_columns: NDArray[np.int32],
    used: NDArray[np.uint8],
    sample_weight: _Real,
    table: _Real,
    intercept: _Real,
    touched: NDArray[np.int64],
    scales: _Real,
    least_scale: float,
    places: NDArray[np.int32],
    centres: NDArray[np.float64],
    symbols: _Real,
    fade: float,
    t: int,
    update: Update,
    fit_intercept: bool,
    intercept_value: float,
    importance_aware: bool,
    multinomial: bool,
    loss: Loss,
    loss_parameter: float,
    workspace: _Real,
    own_columns: _Index,
    own_values: _Real,
    loss_sum: NDArray[np.float64],
) -> int: ...
def raw_prediction(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_features: int,
    table: _Real,
    bias: _Real,
    touched: NDArray[np.int64],
    scales: _Real,
    places: NDArray[np.int32],
    centres: NDArray[np.float64],
    symbols: _Real,
    t: int,
    update: Update,
    first: int,
    n_lanes: int,
    workspace: _Real,
    own_columns: _Index,
    own_values: _Real,
    out: _Real,
) -> None: ...
def read_weights(
    table: _Real,
    touched: NDArray[np.int64],
    symbols: _Real,
    t: int,
    update: Update,
    out: _Real,
) -> None: ...
def copy_models(
    source: _Real,
    target: _Real,
    features: NDArray[np.int64],
    moves: NDArray[np.int32],
) -> None: ...
def bounds(
    indptr: _Index,
    indices: _Index,
    n_rows: int,
) -> tuple[int, int, int]: ...
def scan(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_rows: int,
    n_features: int,
    keys: NDArray[np.uint64],
) -> tuple[int, int, int, bool, bool, bool]: ...
def repeats(
    indptr: _Index,
    indices: _Index,
    last_rows: NDArray[np.uint32],
    marks: NDArray[np.uint8],
) -> bool: ...
def single_features(
    indptr: _Index,
    indices: _Index,
    data: _Real,
    n_features: int,
    order: NDArray[np.uint32],
    counts: NDArray[np.uint8],
) -> int: ...
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
def number_rows(
    content: NDArray[np.uint64],
    targets: _Real,
    seed: int,
    numbers: NDArray[np.uint64],
) -> None: ...
def sort_numbers(numbers: NDArray[np.uint64], in_order: NDArray[np.uint64]) -> None: ...
def find_ties(numbers: NDArray[np.uint64], same: NDArray[np.uint8]) -> bool: ...
def tell_apart(
    content: NDArray[np.uint64],
    targets: _Real,
    seed: int,
    shift: int,
    numbers: NDArray[np.uint64],
    same: NDArray[np.uint8],
) -> bool: ...
def mean_weight(
    numbers: NDArray[np.uint64], same: NDArray[np.uint8], weight: _Real
) -> tuple[float, int]: ...
def share_out(
    numbers: NDArray[np.uint64],
    same: NDArray[np.uint8],
    weight: _Real,
    most_at_once: float,
    order: NDArray[np.uint32],
    shares: _Real,
) -> tuple[int, int, bool]: ...
def shuffle(order: NDArray[np.uint32], seed: int) -> None: ...
def supports(instruction_set: str) -> bool: ...
