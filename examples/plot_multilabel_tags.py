"""
Tagging texts with several labels
=================================

Each text may have any number of tags, all learned in one call.

The texts are openings of docstrings, up to the first section. The tags of a text are
the sections that follow, such as ``Parameters`` or ``See Also``, and the subpackage
that it comes from. ``y`` is an indicator: a sparse matrix with a row for each text, a
column for each tag, and a 1 where the text has the tag. It is never made dense, and
``predict`` returns the same kind of matrix.

The comparison is with ``OneVsRestClassifier(SGDClassifier())``, which goes over the
texts again for each tag. The plot shows the F1 score of each tag: rare tags are
harder.
"""

import re
import time

import matplotlib.pyplot as plt
import numpy as np
from docstrings import load_docstrings
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from sk_adagrad import AdagradClassifier

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
SECTIONS = {
    *("Attributes", "Examples", "Methods", "Notes", "Parameters", "Raises"),
    *("References", "Returns", "See Also", "Warnings", "Yields"),
}


def openings_and_tags():
    """Return what stands before the first section of each docstring, and its tags."""
    openings, tags = [], []
    for text, subpackage in zip(*load_docstrings(), strict=True):
        openings.append(SECTION.split(text, maxsplit=1)[0])
        tags.append({subpackage} | (SECTIONS & set(SECTION.findall(text))))
    return openings, tags


if __name__ == "__main__":
    openings, tags = openings_and_tags()
    binarizer = MultiLabelBinarizer(sparse_output=True)
    Y = binarizer.fit_transform(tags)
    X = TfidfVectorizer(ngram_range=(1, 2), dtype=np.float32).fit_transform(openings)
    X, X_test, Y, Y_test = train_test_split(X, Y, random_state=0)
    print(f"{X.shape[0]:,} texts, {X.shape[1]:,} words and pairs, {Y.shape[1]} tags")
    print(f"{Y.nnz / Y.shape[0]:.1f} tags a text, of type {type(Y).__name__}")

    scores = {}
    for name, model in {
        "AdagradClassifier": AdagradClassifier(random_state=0),
        "one SGDClassifier a tag": OneVsRestClassifier(
            SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0)
        ),
    }.items():
        start = time.perf_counter()
        model.fit(X, Y)
        seconds = time.perf_counter() - start
        predicted = model.predict(X_test)
        micro = f1_score(Y_test, predicted, average="micro")
        scores[name] = f1_score(Y_test, predicted, average=None, zero_division=0.0)
        print(f"{name:24} {seconds:6.2f} s   F1 {micro:.3f}")

    share = np.asarray(Y.mean(axis=0)).ravel()
    _, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, of_tags), marker in zip(scores.items(), "ox", strict=True):
        axes.semilogx(share, of_tags, marker, label=name)
    for nth, k in enumerate(np.argsort(share)[-6:]):
        # Above and below in turn, so that names of neighbours do not meet.
        axes.annotate(
            binarizer.classes_[k],
            (share[k], scores["AdagradClassifier"][k]),
            xytext=(0, -15 if nth % 2 else 7),
            textcoords="offset points",
            ha="center",
            fontsize="small",
        )
    axes.margins(x=0.12)
    axes.set_xlabel("share of the texts that have the tag")
    axes.set_ylabel("F1 on texts held out")
    axes.legend()
    plt.show()
