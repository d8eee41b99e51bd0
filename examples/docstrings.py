"""
Docstrings as data
==================

Every installation of sk_adagrad already has real texts with real classes: the
docstrings of the libraries that it needs. The class of a text is the subpackage that it
comes from, such as ``scipy.stats``, or the package if there is none, as in joblib.
The other examples import this module; run by itself, it counts the texts of each class.
"""

import ast
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("joblib", "numpy", "scipy", "sklearn")
DOCUMENTED = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
NOT_DOCUMENTATION = {"conftest", "externals", "test", "tests"}


@cache
def load_docstrings(min_texts: int = 100) -> tuple[list[str], list[str]]:
    """Read the docstrings of modules, classes and functions from the sources.

    Nothing is imported. A text that several subpackages have is kept where it comes
    first, in the order of the names.

    Parameters
    ----------
    min_texts : int
        Subpackages with fewer texts are left out.

    Returns
    -------
    texts : list of str
    subpackages : list of str
        Where each text comes from.
    """
    subpackage_of: dict[str, str] = {}
    for package in PACKAGES:
        for subpackage, source in _sources(package):
            for text in _docstrings(_parsed(source)):
                subpackage_of.setdefault(text, subpackage)
    n_texts = Counter(subpackage_of.values())
    kept = [pair for pair in subpackage_of.items() if n_texts[pair[1]] >= min_texts]
    texts, subpackages = zip(*kept, strict=True)
    return list(texts), list(subpackages)


def _sources(package: str) -> Iterator[tuple[str, bytes]]:
    """Yield the subpackage and the content of each source file, tests left out."""
    root = Path(find_spec(package).origin).parent
    paths = (path.relative_to(root) for path in root.rglob("*.py"))
    for path in sorted(paths, key=lambda path: path.parts):
        names = path.with_suffix("").parts
        if not NOT_DOCUMENTATION.intersection(names):
            yield ".".join((package, *names[:-1][:1])), (root / path).read_bytes()


def _parsed(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as odd escapes in others' strings
        return ast.parse(source)


def _docstrings(node: ast.AST) -> Iterator[str]:
    """Yield the docstrings of a module, class or function and of those within."""
    if text := ast.get_docstring(node):
        yield text
    for child in node.body:
        if isinstance(child, DOCUMENTED):
            yield from _docstrings(child)


if __name__ == "__main__":
    for subpackage, n_texts in Counter(load_docstrings()[1]).most_common():
        print(f"{n_texts:6,d}  {subpackage}")
