"""Configuration of the documentation: ``sphinx-build -W -b html docs docs/_build``."""

from importlib.metadata import version as version_of

project = "sk_adagrad"
author = copyright = "the sk_adagrad developers"
version = release = version_of("sk-adagrad")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Building needs no network, so what docstrings say of scikit-learn's objects is not
# resolved, and is no link.
suppress_warnings = ["ref.ref"]
default_role = "code"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"sk_adagrad {version}"
