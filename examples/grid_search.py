"""
Grid search
===========

Tune a vectorizer and a classifier together, by cross-validation of the pipeline. The
learning rate is not in the grid: each fit chooses its own.
"""

from tempfile import TemporaryDirectory

import numpy as np
from docstrings import load_docstrings
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from sk_adagrad import AdagradClassifier

texts, subpackages = load_docstrings()
train_texts, test_texts, y_train, y_test = train_test_split(
    texts, subpackages, random_state=0, stratify=subpackages
)

# The memory keeps the vectorizer's work, which takes most of the time, for all
# classifiers that are tried with it.
with TemporaryDirectory() as memory:
    search = GridSearchCV(
        Pipeline(
            [
                ("vectorizer", TfidfVectorizer(dtype=np.float32)),
                ("classifier", AdagradClassifier(random_state=0)),
            ],
            memory=memory,
        ),
        {
            "vectorizer__sublinear_tf": [False, True],
            "classifier__alpha": [0.0, 1e-6, 1e-5],
        },
        scoring="neg_log_loss",
        cv=3,
    ).fit(train_texts, y_train)

results = search.cv_results_
print(f"{'sublinear_tf':>12}{'alpha':>8}{'log loss':>12}")
for i in np.argsort(results["rank_test_score"]):
    print(
        f"{results['param_vectorizer__sublinear_tf'][i]!s:>12}"
        f"{results['param_classifier__alpha'][i]:>8}"
        f"{-results['mean_test_score'][i]:>12.3f}"
    )

accuracy = search.best_estimator_.score(test_texts, y_test)
print(f"accuracy of the first on {len(y_test):,} texts held out: {accuracy:.3f}")
