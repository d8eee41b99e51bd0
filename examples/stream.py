"""
Learning from a stream
======================

Learn from texts as they arrive, look at the loss, stop, save, load and continue.

HashingVectorizer needs no vocabulary, and partial_fit sees each text once, so neither
has to know what comes later. A model that was saved and loaded in between equals, to
the last bit, one that was never interrupted.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
from docstrings import load_docstrings
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import shuffle

from sk_adagrad import AdagradClassifier

CHUNK = 500

texts, subpackages = shuffle(*load_docstrings(), random_state=0)
classes = sorted(set(subpackages))
# The last texts are held out.
stream, test_texts = texts[:-CHUNK], texts[-CHUNK:]
y_stream, y_test = subpackages[:-CHUNK], subpackages[-CHUNK:]

vectorizer = HashingVectorizer(n_features=2**18, alternate_sign=False, dtype=np.float32)
chunk_starts = range(0, len(stream), CHUNK)
half = len(chunk_starts) // 2


def learn(classifier, starts):
    """Show the classifier one chunk of texts after the other."""
    for start in starts:
        chunk = slice(start, start + CHUNK)
        X = vectorizer.transform(stream[chunk])
        classifier.partial_fit(X, y_stream[chunk], classes=classes)
        print(
            f"{classifier.t_:>10,}{classifier.progressive_loss_:>20.4f}"
            f"{classifier.loss_curve_[-1]:>14.4f}"
        )


# %%
# Each text is scored before it is learned from, so these losses are those of texts that
# the model had not seen yet: no test set is needed to follow the learning.

print(f"{'texts':>10}{'progressive loss':>20}{'this chunk':>14}")
classifier = AdagradClassifier()
learn(classifier, chunk_starts[:half])

with TemporaryDirectory() as folder:
    path = Path(folder) / "classifier.joblib"
    joblib.dump(classifier, path)
    print(f"saved to {path.name}, {path.stat().st_size / 2**20:.0f} MiB, loaded again")
    resumed = joblib.load(path)
learn(resumed, chunk_starts[half:])
accuracy = resumed.score(vectorizer.transform(test_texts), y_test)
print(f"accuracy on {len(test_texts)} texts held out: {accuracy:.3f}")

# %%
# The same stream without interruption, and in one chunk.

uninterrupted = AdagradClassifier()
uninterrupted.partial_fit(vectorizer.transform(stream), y_stream, classes=classes)

for name in ("coef_", "intercept_", "accumulators_", "progressive_loss_", "t_"):
    np.testing.assert_array_equal(getattr(resumed, name), getattr(uninterrupted, name))
print("The model equals that of an uninterrupted run, to the last bit.")
