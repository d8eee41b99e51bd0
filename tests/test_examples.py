"""Examples run, and code in docs/ does what it says.

Those of the gallery, which plot, are in test_claims.py.
"""

import doctest
import re
from pathlib import Path

import pytest

from .examples import shown

ROOT = Path(__file__).parents[1]
GUIDES = sorted((ROOT / "docs").glob("*.md"), key=lambda path: path.name)


def number_after(pattern, text):
    return float(re.search(rf"{pattern}\s+(\d[\d,.]*)", text)[1].replace(",", ""))


@pytest.mark.slow
def test_docstrings_are_thousands_of_texts_in_some_twenty_classes():
    lines = shown("docstrings").printed.splitlines()
    counts = [int(line.split()[0].replace(",", "")) for line in lines]
    assert len(counts) >= 15
    assert sum(counts) >= 4_000


@pytest.mark.slow
def test_quickstart_learns_and_keeps_up_with_sgd():
    text = shown("quickstart").printed
    columns = r"\s+[\d.]+\s+\d+"  # seconds and passes
    accuracy = number_after("AdagradClassifier" + columns, text)
    sgd = number_after("SGDClassifier, loss='log_loss'" + columns, text)
    chance = number_after(r"most frequent class \(\S+\)", text)
    assert accuracy > 3 * chance
    assert accuracy > sgd - 0.02


@pytest.mark.slow
def test_stream_lowers_its_progressive_loss_and_ends_where_it_would_have():
    text = shown("stream").printed
    losses = [float(x) for x in re.findall(r"^ +[\d,]+ +([\d.]+) +[\d.]+$", text, re.M)]
    assert len(losses) > 5
    assert losses[-1] < 0.7 * losses[0]
    assert number_after("texts held out:", text) > 0.5
    assert "equals that of an uninterrupted run" in text


# On a busy machine joblib warns that caching takes it half a second.
@pytest.mark.filterwarnings("ignore:Persisting input arguments")
@pytest.mark.slow
def test_grid_search_shows_the_best_first():
    text = shown("grid_search").printed
    losses = [float(x) for x in re.findall(r"(?:True|False).* ([\d.]+)$", text, re.M)]
    assert len(losses) > 1
    assert losses == sorted(losses)
    assert number_after("texts held out:", text) > 0.5


@pytest.mark.slow
def test_tuning_on_a_stream_and_by_a_search_both_tell_the_texts_apart():
    text = shown("tune_stream").printed
    losses = re.findall(r"^alpha=.* progressive loss ([\d.]+)$", text, re.M)
    assert len(losses) > 2
    for best in ("the best of them", "the best pipeline"):
        assert number_after(f"{best}: test accuracy", text) > 0.9  # always "no": 0.74


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_code_in_the_documentation_prints_what_it_shows(path):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=flags)
    assert failed == 0
