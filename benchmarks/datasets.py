"""Data for the benchmarks: the real sets that are present, and a synthetic power law.

The sets are not part of the project. Each is a folder NAME with X_train.npz, X_test.npz
(scipy CSR), y_train.npy and y_test.npy, or with raw texts and labels in
messages.jsonl.gz, in the folder named by the environment variable SK_ADAGRAD_DATA, or
else in ../shared/data beside the clone.
"""

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.model_selection import train_test_split

# How the stored values become features.
COUNTS_TO_TFIDF = "tf-idf"
COUNTS_TO_BINARY = "binary"
AS_STORED = "as stored"
TEXTS_TO_TFIDF = "texts"

SETS = {
    "imdb": COUNTS_TO_TFIDF,
    "imdb_bigrams": COUNTS_TO_BINARY,
    "clickbait": COUNTS_TO_TFIDF,
    "sms_spam": TEXTS_TO_TFIDF,
    "a9a": AS_STORED,
    "kddcup99": AS_STORED,
    "news20": COUNTS_TO_TFIDF,
    "whats_cooking": COUNTS_TO_TFIDF,
    "debian_packages": COUNTS_TO_TFIDF,
    "conll2000": AS_STORED,
    "clinc150": COUNTS_TO_TFIDF,
    "hflights": AS_STORED,
    "insteval": AS_STORED,
}
REGRESSION = {"hflights", "insteval"}
MULTICLASS = ("news20", "whats_cooking", "debian_packages", "conll2000", "clinc150")


@dataclass(frozen=True)
class Dataset:
    """One task, split into training and test rows."""

    name: str
    X_train: sp.csr_matrix
    y_train: np.ndarray
    X_test: sp.csr_matrix
    y_test: np.ndarray

    @property
    def is_regression(self) -> bool:
        return self.name in REGRESSION

    @property
    def n_classes(self) -> int:
        """Number of classes in the training part; 0 in a regression."""
        return 0 if self.is_regression else len(np.unique(self.y_train))


def data_folder() -> Path | None:
    """Return the folder of real sets, or None if there is none."""
    named = os.environ.get("SK_ADAGRAD_DATA")
    if named is not None:
        return Path(named) if Path(named).is_dir() else None
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return beside if beside.is_dir() else None


def why_missing() -> str:
    """Say in one sentence why no real set was found, and the remedy."""
    named = os.environ.get("SK_ADAGRAD_DATA")
    if named is not None:
        return f"SK_ADAGRAD_DATA names {named!r}, which is no folder or holds no set."
    return (
        "No real data: SK_ADAGRAD_DATA is not set, and ../shared/data beside the clone "
        "does not hold any; set SK_ADAGRAD_DATA to the folder of sets to measure them."
    )


def say_if_missing():
    """Print why there are no real sets, if there are none."""
    if not present():
        print(why_missing())


def present(names=SETS) -> list[str]:
    """Return the names whose files are present, in the given order."""
    folder = data_folder()
    if folder is None:
        return []
    return [name for name in names if (folder / name / _main_file(name)).is_file()]


def _main_file(name):
    texts = SETS.get(name) == TEXTS_TO_TFIDF
    return "messages.jsonl.gz" if texts else "X_train.npz"


def load(name, dtype, max_rows=None) -> Dataset:
    """Read one real set and make its features.

    Parameters
    ----------
    name : str
        One of `SETS`.
    dtype : str or dtype
        Floating type of the values.
    max_rows : int, optional
        Keep this many random training rows, for trial runs.

    Raises
    ------
    FileNotFoundError
        If the set is not present.
    """
    if name not in SETS or name not in present([name]):
        raise FileNotFoundError(
            f"There is no set {name!r}. "
            + (
                f"Those present: {', '.join(present())}."
                if present()
                else why_missing()
            )
        )
    folder = data_folder() / name
    if SETS[name] == TEXTS_TO_TFIDF:
        return _from_texts(name, folder / _main_file(name), dtype, max_rows)
    X_train = sp.load_npz(folder / "X_train.npz").astype(dtype, copy=False)
    X_test = sp.load_npz(folder / "X_test.npz").astype(dtype, copy=False)
    y_train, y_test = np.load(folder / "y_train.npy"), np.load(folder / "y_test.npy")
    if max_rows is not None and max_rows < len(y_train):
        kept = np.random.default_rng(0).permutation(len(y_train))[:max_rows]
        X_train, y_train = X_train[kept], y_train[kept]
    if SETS[name] == COUNTS_TO_TFIDF:
        tfidf = TfidfTransformer(sublinear_tf=True).fit(X_train)
        X_train, X_test = tfidf.transform(X_train), tfidf.transform(X_test)
    elif SETS[name] == COUNTS_TO_BINARY:
        X_train.data[:] = 1
        X_test.data[:] = 1
    return Dataset(name, X_train, y_train, X_test, y_test)


def load_reuters(dtype):
    """Read Reuters-21578: X and an indicator of 120 topics, then both for testing."""
    folder = data_folder() / "reuters21578"
    X, Y, X_test, Y_test = (
        sp.load_npz(folder / f"{part}.npz").tocsr()
        for part in ("X_train", "Y_train", "X_test", "Y_test")
    )
    tfidf = TfidfTransformer(sublinear_tf=True).fit(X)
    return (
        tfidf.transform(X).astype(dtype),
        Y,
        tfidf.transform(X_test).astype(dtype),
        Y_test,
    )


def _from_texts(name, path, dtype, max_rows):
    """Hold out 30 % of the texts at random; the others make the vocabulary."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        messages = [json.loads(line) for line in lines]
    train, test = train_test_split(messages, test_size=0.3, random_state=0)
    vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.dtype(dtype))
    parts = []
    for part, read in (
        (train[:max_rows], vectorizer.fit_transform),
        (test, vectorizer.transform),
    ):
        parts += (
            read([message["text"] for message in part]).tocsr(),
            np.array([message["label"] for message in part]),
        )
    return Dataset(name, *parts)


def all_present(names, dtype, max_rows=None):
    """Yield the named sets that are present, holding one in memory at a time."""
    for name in present(names):
        yield load(name, dtype, max_rows)


def power_law(
    n_rows, n_features, nnz_per_row, dtype, *, n_classes=2, n_test=0, seed=0
) -> Dataset:
    """Make rows whose features are as unevenly frequent as words.

    The k-th most frequent feature occurs with a probability near 1/k (Zipf's law); its
    column is random. Values are like tf-idf of single words: rows of unit norm. Labels
    are those of a random linear model, a tenth of them replaced.

    Parameters
    ----------
    n_rows, n_features, nnz_per_row : int
        A column that a row already has is drawn again, at most five times, so that
        nearly all rows hold `nnz_per_row` non-zeros.
    dtype : str or dtype
    n_classes, n_test, seed : int
        `n_test` rows are made in addition to `n_rows`.
    """
    rng = np.random.default_rng(seed)
    column_of_rank = rng.permutation(n_features).astype(np.int32)
    total = n_rows + n_test
    X = sp.vstack(
        [
            _block(rng, min(100_000, total - start), column_of_rank, nnz_per_row, dtype)
            for start in range(0, total, 100_000)
        ],
        format="csr",
    )
    y = _labels(rng, X, n_classes)
    name = f"power law {n_rows:,} x {n_features:,}"
    return Dataset(name, X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:])


def _block(rng, n_rows, column_of_rank, nnz_per_row, dtype):
    n_features = len(column_of_rank)
    columns = _draw(rng, (n_rows, nnz_per_row), column_of_rank)
    columns.sort(axis=1)
    for _ in range(5):
        rows, at = np.nonzero(columns[:, 1:] == columns[:, :-1])
        columns[rows, at] = _draw(rng, len(rows), column_of_rank)
        again = np.unique(rows)
        columns[again] = np.sort(columns[again], axis=1)
    first = np.ones(columns.shape, dtype=bool)
    first[:, 1:] = columns[:, 1:] != columns[:, :-1]
    nnz = first.sum(axis=1)
    # Rarer features weigh more, as with an inverse document frequency.
    rarity = np.empty(n_features, dtype=dtype)
    rarity[column_of_rank] = np.log(np.arange(n_features) + 2.0)
    indices = columns[first]
    indptr = np.concatenate(([0], np.cumsum(nnz))).astype(np.int32)
    values = rarity[indices]
    norms = np.sqrt(np.add.reduceat(values**2, indptr[:-1]))
    values /= np.repeat(norms, nnz)
    return sp.csr_matrix((values, indices, indptr), shape=(n_rows, n_features))


def _draw(rng, shape, column_of_rank):
    n_features = len(column_of_rank)
    rank = np.float32(n_features) ** rng.random(shape, dtype=np.float32)
    return column_of_rank[np.minimum(rank.astype(np.int32), n_features) - 1]


def _labels(rng, X, n_classes):
    n_rows, n_features = X.shape
    if n_classes == 2:
        weights = rng.normal(size=n_features).astype(X.dtype)
        y = (X @ weights > 0).astype(np.int64)
    else:
        # A hidden direction per class would take long; the nearest of random points in
        # ten dimensions is as linear, and gives every class its share.
        hidden = X @ rng.normal(size=(n_features, 10)).astype(X.dtype)
        hidden /= np.linalg.norm(hidden, axis=1, keepdims=True) + 1e-12
        y = np.empty(n_rows, dtype=np.int64)
        points = rng.normal(size=(10, n_classes)).astype(X.dtype)
        points /= np.linalg.norm(points, axis=0)
        for start in range(0, n_rows, 10_000):
            part = slice(start, start + 10_000)
            y[part] = (hidden[part] @ points).argmax(axis=1)
    replaced = rng.random(n_rows) < 0.1
    y[replaced] = rng.integers(n_classes, size=replaced.sum())
    y[:n_classes] = np.arange(n_classes)[:n_rows]
    return y
