"""
Quickstart
==========

Train on real texts, look at what was learned, compare with SGDClassifier.

Which subpackage does this docstring come from? The texts are those of the libraries
that sk_adagrad needs, so there is nothing to download. This takes about ten seconds,
nearly all of them to read the texts.
"""

from time import perf_counter

import numpy as np
from docstrings import load_docstrings
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sk_adagrad import AdagradClassifier

# %%
# The data: tf-idf of the words, one sparse row for each text.

texts, subpackages = load_docstrings()
train_texts, test_texts, y_train, y_test = train_test_split(
    texts, subpackages, random_state=0, stratify=subpackages
)
vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.float32)
X_train = vectorizer.fit_transform(train_texts)
X_test = vectorizer.transform(test_texts)

print("Which subpackage does this docstring come from?")
print(
    f"{X_train.shape[0]:,} docstrings to learn from, {X_test.shape[0]:,} held out, "
    f"{len(set(subpackages))} subpackages,\n{X_train.shape[1]:,} features, "
    f"on average {X_train.nnz / X_train.shape[0]:.0f} of them non-zero in a row\n"
)

# %%
# Train, and compare on the held-out texts. Parameters that are not named have their
# defaults. The last row is a model that always predicts the most frequent class.

print(f"{'':<32}{'seconds':>8}{'passes':>8}{'accuracy':>10}{'log loss':>10}")
models = {
    "AdagradClassifier": AdagradClassifier(random_state=0),
    "SGDClassifier, loss='log_loss'": SGDClassifier(loss="log_loss", random_state=0),
    "SGDClassifier, loss='hinge'": SGDClassifier(loss="hinge", random_state=0),
}
for name, model in models.items():
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    accuracy = accuracy_score(y_test, model.predict(X_test))
    line = f"{name:<32}{seconds:>8.3f}{model.n_iter_:>8}{accuracy:>10.3f}"
    if hasattr(model, "predict_proba"):
        line += f"{log_loss(y_test, model.predict_proba(X_test)):>10.3f}"
    print(line)

most_frequent = max(set(subpackages), key=subpackages.count)
chance = y_test.count(most_frequent) / len(y_test)
label = f"most frequent class ({most_frequent})"
print(f"{label:<48}{chance:>10.3f}")

# %%
# Each feature has its own learning rate, eta0 / sqrt(G + eps), where G starts at
# initial_accumulator and adds up squared gradients. A gradient is large if a text with
# the word was predicted badly.

classifier = models["AdagradClassifier"]
output = list(classifier.classes_).index(most_frequent)
rates, weights = classifier.learning_rates_[output], classifier.coef_[output]
words = vectorizer.get_feature_names_out()
n_texts = np.bincount(X_train.indices, minlength=len(words))
by_rate = [j for j in np.argsort(rates, kind="stable") if n_texts[j] >= 20]


def show(features):
    print(f"  {'word':<20}{'learning rate':>15}{'weight':>9}{'in texts':>10}")
    for j in features:
        print(f"  {words[j]:<20}{rates[j]:>15,.2f}{weights[j]:>9.3f}{n_texts[j]:>10,}")


print(
    f"""
Each word has its own learning rate. Here are those of {most_frequent} against the rest,
for words in at least 20 texts.
Smallest: words of texts that were hard to classify. Their gradients were large, so one
more text changes their weights only a little:"""
)
show(by_rate[:6])
print(
    """Largest: words of texts that were easy to classify. Their gradients were tiny, so
they still have the rate that all words began with, eta0 / sqrt(initial_accumulator):"""
)
show(by_rate[-6:])
