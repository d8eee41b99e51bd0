"""
Tuning on a stream, and tuning a pipeline
=========================================

On an endless stream there is no second look. Models with different parameters learn
side by side, each text is scored before it is learned from, and the model with the
lowest progressive loss is used. This needs neither a test set nor a pass over the past.
``eta0="auto"`` does it for the base learning rate; here it is done for the penalty
alpha as well.

A search with cross-validation is right if the data fit in memory and choices before the
model matter, such as how texts become features. Only such a search can try these, at
the price of a fit for each fold and candidate.
"""

import time

import numpy as np
from docstrings import load_docstrings
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.model_selection import HalvingRandomSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import shuffle

from sk_adagrad import AdagradClassifier

CHUNK = 250
N_TEST = 1000

texts, subpackages = shuffle(*load_docstrings(), random_state=0)
y = np.char.startswith(subpackages, "sklearn").astype(int)
stream, test_texts = texts[:-N_TEST], texts[-N_TEST:]
y_stream, y_test = y[:-N_TEST], y[-N_TEST:]

# %%
# The stream: one pass, any number of models.

vectorizer = HashingVectorizer(n_features=2**18, dtype=np.float32)
models = {alpha: AdagradClassifier(alpha=alpha) for alpha in (0, 1e-8, 1e-7, 1e-6)}
start = time.perf_counter()
for begin in range(0, len(stream), CHUNK):
    X = vectorizer.transform(stream[begin : begin + CHUNK])
    for model in models.values():
        model.partial_fit(X, y_stream[begin : begin + CHUNK], classes=[0, 1])
seconds = time.perf_counter() - start
for alpha, model in models.items():
    print(
        f"alpha={alpha:<8g} eta0_={model.eta0_:<8g} "
        f"progressive loss {model.progressive_loss_:.4f}"
    )
best = min(models.values(), key=lambda model: model.progressive_loss_)
accuracy = best.score(vectorizer.transform(test_texts), y_test)
print(f"the best of them: test accuracy {accuracy:.3f}; all took {seconds:.1f} s")

# %%
# The search: whole pipelines, fewer texts for those that look bad early.

search = HalvingRandomSearchCV(
    make_pipeline(
        TfidfVectorizer(sublinear_tf=True, dtype=np.float32),
        AdagradClassifier(random_state=0),
    ),
    {
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
        "tfidfvectorizer__min_df": [1, 2, 5],
        "adagradclassifier__alpha": loguniform(1e-9, 1e-6),
    },
    n_candidates=9,
    min_resources=200,
    cv=3,
    scoring="neg_log_loss",
    return_train_score=False,
    random_state=0,
)
start = time.perf_counter()
search.fit(stream, y_stream)
seconds = time.perf_counter() - start
for name, value in search.best_params_.items():
    print(f"{name}: {value}")
accuracy = search.best_estimator_.score(test_texts, y_test)
print(
    f"the best pipeline: test accuracy {accuracy:.3f}; the search took {seconds:.1f} s"
)
