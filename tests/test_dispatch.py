"""The environment variable SK_ADAGRAD_ISA forces one of the compiled kernels."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sk_adagrad import _dispatch

REPORT = "from sk_adagrad import _dispatch; print(_dispatch.INSTRUCTION_SET)"


def run(folder, script=REPORT, **environment):
    """Import the installed package in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("instruction_set", _dispatch.available_instruction_sets())
def test_each_available_instruction_set_can_be_forced(instruction_set, tmp_path):
    process = run(tmp_path, SK_ADAGRAD_ISA=instruction_set)
    assert process.stdout.strip() == instruction_set, process.stderr


def test_a_source_tree_says_what_is_missing(tmp_path):
    """As when Python is started in the folder of a clone after `pip install .`."""
    (tmp_path / "sk_adagrad").mkdir()
    for module in Path(_dispatch.__file__).parent.glob("*.py"):
        shutil.copy(module, tmp_path / "sk_adagrad")
    # What finds the kernels of an editable install from anywhere.
    hooks = "[hook for hook in sys.meta_path if 'editable' in repr(hook)]"
    no_hooks = f"import sys; [sys.meta_path.remove(hook) for hook in {hooks}]; "
    process = run(tmp_path, no_hooks + REPORT)
    assert process.returncode != 0
    assert "no compiled kernels: it is a source tree" in process.stderr
    assert "circular" not in process.stderr.splitlines()[-1]


def test_an_unknown_instruction_set_is_an_import_error(tmp_path):
    process = run(tmp_path, SK_ADAGRAD_ISA="mmx")
    assert process.returncode != 0
    assert "ImportError: SK_ADAGRAD_ISA is 'mmx'" in process.stderr
    assert "generic" in process.stderr


def test_the_best_instruction_set_is_chosen_by_itself(monkeypatch):
    monkeypatch.delenv("SK_ADAGRAD_ISA", raising=False)
    assert _dispatch._choose() == _dispatch.available_instruction_sets()[0]


def test_an_empty_instruction_set_is_none_that_is_forced(monkeypatch):
    monkeypatch.setenv("SK_ADAGRAD_ISA", "")
    assert _dispatch._choose() == _dispatch.available_instruction_sets()[0]


def test_every_processor_has_the_generic_one(monkeypatch):
    monkeypatch.setattr(_dispatch._generic, "supports", lambda instruction_set: False)
    assert _dispatch.available_instruction_sets() == ["generic"]


def test_what_was_not_compiled_is_not_chosen(monkeypatch):
    """As in a build for two kinds of processors at once."""
    monkeypatch.setattr(_dispatch, "find_spec", lambda name: None)
    assert _dispatch.available_instruction_sets() == ["generic"]
