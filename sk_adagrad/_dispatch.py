"""Choose the compiled kernel that runs fastest on this processor.

`setup.py` compiles one source per floating type and instruction set. The environment
variable ``SK_ADAGRAD_ISA`` forces a choice; `INSTRUCTION_SET` is the one in use.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from . import _kernel as _generic
else:
    try:
        from . import _kernel_float32_generic as _generic
    except ImportError as error:
        if find_spec(f"{__package__}._kernel_float32_generic"):
            raise
        raise ImportError(
            f"{Path(__file__).parent} has no compiled kernels: it is a source tree, "
            "and Python takes what is in the current folder before what is installed. "
            "Start Python in another folder, or compile here by `pip install -e .`."
        ) from error


def available_instruction_sets() -> list[str]:
    """List the instruction sets compiled and supported here, best first."""
    available = [
        isa
        for isa in ("avx512", "avx2")
        if _generic.supports(isa) and find_spec(_kernel_of("float32", isa))
    ]
    return [*available, "generic"]


def _kernel_of(real: str, instruction_set: str) -> str:
    return f"{__package__}._kernel_{real}_{instruction_set}"


def _choose() -> str:
    available = available_instruction_sets()
    chosen = os.environ.get("SK_ADAGRAD_ISA") or available[0]
    if chosen not in available:
        raise ImportError(
            f"SK_ADAGRAD_ISA is {chosen!r}, but this processor and build have only "
            f"{', '.join(available)}; unset it to get the best of them."
        )
    return chosen


def load(instruction_set: str) -> dict[np.dtype, ModuleType]:
    """Import the kernels of one instruction set, keyed by floating type."""
    return {
        np.dtype(real): import_module(_kernel_of(real, instruction_set))
        for real in ("float32", "float64")
    }


INSTRUCTION_SET = _choose()
KERNELS = load(INSTRUCTION_SET)
UPDATES = list(KERNELS[np.dtype(np.float64)].UPDATES)
