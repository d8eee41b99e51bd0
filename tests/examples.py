"""Runs examples once in a process, so that they share what they load."""

import runpy
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@cache
def shown(name, data=None):
    """Run an example without a display; return its variables, functions and output."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    printed, errors = StringIO(), StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        mpl.rc_context(),
        redirect_stdout(printed),
        redirect_stderr(errors),
    ):
        mpl.use("Agg")
        patch.setattr(plt, "show", lambda: None)
        patch.syspath_prepend(EXAMPLES)
        if data is not None:
            patch.setenv("SK_ADAGRAD_DATA", data)
        variables = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        plt.close("all")
    assert errors.getvalue() == ""
    return SimpleNamespace(**variables, printed=printed.getvalue())
