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
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/*.ipynb"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Building needs no network, so what docstrings say of scikit-learn's objects is not
# resolved, and is no link.
suppress_warnings = ["ref.ref", "config.cache"]
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say more of parameters than their types
numpydoc_show_class_members = False

# Pages of the examples whose names begin with plot_, with their plots and what they
# print. The others are for the command line.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "ignore_pattern": r"(^|[/\\])(?!plot_)[^/\\]+\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 60,
}

html_theme = "furo"
html_title = f"sk_adagrad {version}"
