"""The examples run as a user runs them, and code in docs/ does what it says."""

import doctest
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"), key=lambda path: path.name)
GUIDES = sorted((ROOT / "docs").glob("*.md"), key=lambda path: path.name)


@cache
def output_of(name):
    """Run an example once, by itself, warnings being errors; return what it prints.

    With a display, matplotlib would warn that this backend cannot show the plots. On a
    busy machine joblib warns that it takes half a second to cache what it is given.
    """
    env = {**os.environ, "MPLBACKEND": "Agg"}
    env.pop("DISPLAY", None)
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-W", "ignore:Persisting input arguments"),
            ROOT / "examples" / name,
        ],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def number_after(pattern, text):
    return float(re.search(rf"{pattern}\s+(\d[\d,.]*)", text)[1].replace(",", ""))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs_without_a_warning_and_prints_something(path):
    assert output_of(path.name).strip()


def test_docstrings_are_thousands_of_texts_in_some_twenty_classes():
    lines = output_of("docstrings.py").splitlines()
    counts = [int(line.split()[0].replace(",", "")) for line in lines]
    assert len(counts) >= 15
    assert sum(counts) >= 4_000


def test_quickstart_learns_and_keeps_up_with_sgd():
    shown = output_of("quickstart.py")
    columns = r"\s+[\d.]+\s+\d+"  # seconds and passes
    accuracy = number_after("AdagradClassifier" + columns, shown)
    sgd = number_after("SGDClassifier, loss='log_loss'" + columns, shown)
    chance = number_after(r"always \S+", shown)
    assert accuracy > 3 * chance
    assert accuracy > sgd - 0.02


def test_stream_lowers_its_progressive_loss_and_ends_where_it_would_have():
    shown = output_of("stream.py")
    losses = [
        float(x) for x in re.findall(r"^ +[\d,]+ +([\d.]+) +[\d.]+$", shown, re.M)
    ]
    assert len(losses) > 5
    assert losses[-1] < 0.7 * losses[0]
    assert number_after("texts held out:", shown) > 0.5
    assert "equals that of an uninterrupted run" in shown


def test_grid_search_shows_the_best_first():
    shown = output_of("grid_search.py")
    losses = [float(x) for x in re.findall(r"(?:True|False).* ([\d.]+)$", shown, re.M)]
    assert len(losses) > 1
    assert losses == sorted(losses)
    assert number_after("texts held out:", shown) > 0.5


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_code_in_the_documentation_prints_what_it_shows(path):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=flags)
    assert failed == 0
