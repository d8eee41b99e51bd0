"""Timing in alternation, and tables of measurements."""

import argparse
import platform
import time
from collections import deque
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sklearn.base import clone

import sk_adagrad
from sk_adagrad._dispatch import INSTRUCTION_SET


@dataclass(frozen=True)
class Timing:
    """Seconds of one call, or the medians or least of several."""

    cpu: float
    wall: float


def timed(call) -> Timing:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Timing(time.process_time() - cpu, time.perf_counter() - wall)


def least(call, rounds) -> Timing:
    """Return the least seconds of several calls, which noise affects least."""
    return Timing(*np.min([astuple(timed(call)) for _ in range(rounds)], axis=0))


def alternate(candidates, rounds) -> dict[str, Timing]:
    """Run all candidates once per round, so that disturbances affect all alike.

    Parameters
    ----------
    candidates : dict of str to callable
        Each is called with the number of the round as a seed.
    rounds : int
        Every other round runs the candidates in reverse.
    """
    seconds = {name: [] for name in candidates}
    for seed in range(rounds):
        names = list(candidates) if seed % 2 == 0 else list(reversed(candidates))
        for name in names:
            timing = timed(partial(candidates[name], seed))
            seconds[name].append(astuple(timing))
    return {name: Timing(*np.median(each, axis=0)) for name, each in seconds.items()}


def fit_in_turn(candidates, X, y, rounds, keep=None):
    """Fit clones of estimators with the number of the round as their random state.

    Parameters
    ----------
    candidates : dict of str to estimator
    X, y : array-like
    rounds : int
    keep : int, default=None
        How many of the last models to return; None is all. Keeping large models makes
        the next ones touch new memory, which takes time.

    Returns
    -------
    fits : dict of str to tuple
        The models, one per round, and the timing of each candidate.
    """
    models = {name: deque(maxlen=keep) for name in candidates}

    def fit(name):
        def run(seed):
            model = clone(candidates[name])
            seeds = [key for key in model.get_params() if key.endswith("random_state")]
            model.set_params(**dict.fromkeys(seeds, seed))
            models[name].append(model.fit(X, y))

        return run

    timings = alternate({name: fit(name) for name in candidates}, rounds)
    return {name: (models[name], timings[name]) for name in candidates}


def options(description, *, sections=None, rounds=None):
    """Return a parser of the options that several scripts share.

    Parameters
    ----------
    description : str
    sections : dict, default=None
        By name; None for scripts that always run everything.
    rounds : int, default=None
        Default number of rounds; None for scripts without rounds.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if sections is not None:
        parser.add_argument(
            "--sections", nargs="+", choices=sections, default=list(sections)
        )
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds)
        parser.add_argument("--max-rows", type=int, help="training rows, for a trial")
    return parser


def begin(parser):
    """Return the command line's options, and print the header."""
    arguments = parser.parse_args()
    print(header())
    return arguments


def header() -> str:
    """Name versions, processor and instruction set in one line."""
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
    """A Markdown table, printed row by row as soon as each is measured."""

    def __init__(self, *columns):
        print("\n| " + " | ".join(columns) + " |")
        print("|---" * len(columns) + "|", flush=True)

    def row(self, *cells):
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def geometric_mean(ratios) -> float:
    return float(np.exp(np.mean(np.log(ratios))))
