"""Timing in alternation, and tables of what was measured."""

import argparse
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
import sklearn

import sk_adagrad
from sk_adagrad._dispatch import INSTRUCTION_SET


@dataclass(frozen=True)
class Timing:
    """Medians over the rounds, in seconds."""

    cpu: float
    wall: float


def alternate(candidates, rounds) -> dict[str, Timing]:
    """Run all candidates once a round, so that what disturbs one disturbs all.

    Parameters
    ----------
    candidates : dict of str to callable
        Each is called with the number of the round, as a seed.
    rounds : int
        Every other round goes through the candidates backwards.
    """
    seconds = {name: [] for name in candidates}
    for seed in range(rounds):
        names = list(candidates) if seed % 2 == 0 else list(reversed(candidates))
        for name in names:
            cpu, wall = time.process_time(), time.perf_counter()
            candidates[name](seed)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            seconds[name].append((cpu, wall))
    return {name: Timing(*np.median(each, axis=0)) for name, each in seconds.items()}


def begin(description):
    """Print the header of a script without options, or with ``--help`` what it is."""
    argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(header())


def header() -> str:
    """Name versions, processor and instruction set, in one line."""
    return (
        f"sk_adagrad {sk_adagrad.__version__} ({INSTRUCTION_SET}), "
        f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, Python {platform.python_version()}, "
        f"{_processor()}, {platform.system()}"
    )


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


class Table:
    """A Markdown table that appears row by row, as soon as each is measured."""

    def __init__(self, *columns):
        print("\n| " + " | ".join(columns) + " |")
        print("|---" * len(columns) + "|", flush=True)

    def row(self, *cells):
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def geometric_mean(ratios) -> float:
    return float(np.exp(np.mean(np.log(ratios))))
