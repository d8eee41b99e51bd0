"""Measure the costs of learning besides the pass itself, as sections of speed.py."""

import pickle
from functools import partial

import numpy as np
from datasets import all_present
from measuring import Table, alternate
from memory import peak_memory, state_size
from scipy import sparse as sp
from scoring import score
from sklearn.linear_model import SGDClassifier

from sk_adagrad import AdagradClassifier
from sk_adagrad._rows import read_rows
from sk_adagrad._visits import visits

# One pass each.
Adagrad = partial(AdagradClassifier, eta0=0.5, max_iter=1, tol=None)
SGD = partial(SGDClassifier, loss="log_loss", max_iter=1, tol=None)


def stream(arguments):
    """Learn with `partial_fit`, row by row and in chunks."""
    table = Table("partial_fit", "target", "measured", "Adagrad", "SGD or other")
    seconds = {
        exponent: _one_row_calls(2**exponent, arguments.rounds) for exponent in (20, 10)
    }
    for exponent, (ours, theirs) in seconds.items():
        table.row(
            f"one row of 50 non-zeros, 2^{exponent} features: times faster than SGD",
            "2 or more" if exponent == 20 else "",
            f"{theirs / ours:.2f}",
            f"{ours * 1e6:.1f} us",
            f"{theirs * 1e6:.1f} us",
        )
    table.row(
        "the same: time with 2^20 over time with 2^10 features",
        "1",
        f"{seconds[20][0] / seconds[10][0]:.2f}",
        f"{seconds[20][0] * 1e6:.1f} us",
        f"{seconds[10][0] * 1e6:.1f} us",
    )
    for dataset in all_present(("imdb", "clickbait"), "float32", arguments.max_rows):
        _chunks(table, dataset, arguments)


def threads(arguments):
    """Share banks between two threads."""
    table = Table("n_jobs=2", "target", "measured", "wall s, n_jobs=1", "n_jobs=2", "")
    for dataset in all_present(("debian_packages",), "float32", arguments.max_rows):
        models = {jobs: Adagrad(n_jobs=jobs, random_state=0) for jobs in (1, 2)}
        timings = alternate(
            {
                jobs: lambda _, model=model, data=dataset: model.fit(
                    data.X_train, data.y_train
                )
                for jobs, model in models.items()
            },
            arguments.rounds,
        )
        one, two = timings[1].wall, timings[2].wall
        same = all(
            np.array_equal(getattr(models[1], name), getattr(models[2], name))
            for name in ("coef_", "accumulators_", "intercept_")
        )
        table.row(
            f"{dataset.name}, {dataset.n_classes} classes: times faster",
            "1.8",
            f"{one / two:.2f}",
            f"{one:.3f}",
            f"{two:.3f}",
            "bit-identical" if same else "NOT IDENTICAL",
        )


def memory(arguments):
    """Compare what `fit` takes beyond X with the state and 4 bytes per row."""
    table = Table(
        "memory of fit beyond X", "target MB", "measured MB", "SGD MB", "X MB"
    )
    cases = [("float32", np.int32), ("float32", np.int64), ("float64", np.int32)]
    for name in ("imdb_bigrams", "kddcup99", "debian_packages"):
        for dtype, index_dtype in cases:
            for dataset in all_present((name,), dtype, arguments.max_rows):
                X, y = dataset.X_train, dataset.y_train
                theirs = peak_memory(SGD(), X, y)
                X.indices = X.indices.astype(index_dtype)
                X.indptr = X.indptr.astype(index_dtype)
                state = state_size(dataset.n_classes, X.shape[1], X.dtype.itemsize)
                arrays = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
                table.row(
                    f"{name}, {dtype}, {np.dtype(index_dtype).name} indices",
                    f"{state + 4 * X.shape[0] / 2**20:.1f}",
                    f"{peak_memory(Adagrad(), X, y):.1f}",
                    f"{theirs:.1f} (int32)",
                    f"{arrays / 2**20:.1f}",
                )


def order(arguments):
    """Measure what ordering rows by content costs, and the effect of merging rows."""
    table = Table(
        "order of visits", "target", "measured", "CPU s", "CPU s of the other"
    )
    for dataset in all_present(("imdb",), "float32", arguments.max_rows):
        _ordering(table, dataset, arguments)
    table = Table("set", "one pass", "CPU s", "test log loss", "test error")
    for dataset in all_present(("a9a", "kddcup99"), "float32", arguments.max_rows):
        _merging(table, dataset, arguments)


def prediction(arguments):
    """Compare `decision_function` with the equivalent matrix product."""
    table = Table(
        "ms to predict the test part", "product with coef_", "ours", "first call", "SGD"
    )
    penalised = {
        "no penalty": {},
        "L2": {"alpha": 1e-6},
        "elastic net": {"alpha": 1e-6, "l1_ratio": 0.5},
        "dual averaging": {"update": "dual_averaging"},
    }
    names = ("imdb", "clickbait", "whats_cooking", "news20")
    for dataset in all_present(names, "float32", arguments.max_rows):
        X, *learned = dataset.X_test, dataset.X_train, dataset.y_train
        theirs = SGD().fit(*learned)
        for name, options in penalised.items():
            ours = Adagrad(**options).fit(*learned)
            saved, coef = pickle.dumps(ours), ours.coef_.T
            first = [pickle.loads(saved) for _ in range(arguments.rounds)]
            timings = alternate(
                {
                    "product": lambda _, coef=coef, X=X: X @ coef,
                    "ours": lambda _, ours=ours, X=X: ours.decision_function(X),
                    "first": lambda _, first=first, X=X: first.pop().decision_function(
                        X
                    ),
                    "SGD": lambda _, theirs=theirs, X=X: theirs.decision_function(X),
                },
                arguments.rounds,
            )
            milliseconds = (f"{each.wall * 1e3:.2f}" for each in timings.values())
            table.row(f"{dataset.name}, {name}", *milliseconds)


SECTIONS = (stream, prediction, threads, memory, order)


def _one_row_calls(n_features, rounds):
    """Return each estimator's seconds for a call with one row."""
    rng = np.random.default_rng(0)
    n_calls, labels = 500, np.array([0, 1])
    rows = []
    for _ in range(n_calls):
        columns = np.sort(rng.choice(n_features, size=50, replace=False))
        values = rng.random(50, dtype=np.float32)
        indptr = np.array([0, 50], dtype=np.int32)
        row = (values, columns.astype(np.int32), indptr)
        rows.append((sp.csr_matrix(row, shape=(1, n_features)), labels[:1]))
    first = sp.csr_matrix((2, n_features), dtype=np.float32)
    models = [
        model.partial_fit(first, labels, classes=labels) for model in (Adagrad(), SGD())
    ]

    def learn(model):
        for X, y in rows:
            model.partial_fit(X, y)

    timings = alternate(
        {i: lambda _, model=model: learn(model) for i, model in enumerate(models)},
        rounds,
    )
    return [timings[i].cpu / n_calls for i in range(2)]


def _chunks(table, dataset, arguments):
    """Add a row that compares chunks of 1,000 rows with a single call."""
    X, y, labels = dataset.X_train, dataset.y_train, np.unique(dataset.y_train)
    starts = range(0, X.shape[0], 1000)
    chunks = [(X[start : start + 1000], y[start : start + 1000]) for start in starts]

    def in_chunks(_):
        model = Adagrad()
        for X_chunk, y_chunk in chunks:
            model.partial_fit(X_chunk, y_chunk, classes=labels)

    timings = alternate(
        {
            "chunks": in_chunks,
            "at once": lambda _: Adagrad().partial_fit(X, y, classes=labels),
        },
        arguments.rounds,
    )
    chunked, at_once = timings["chunks"].cpu, timings["at once"].cpu
    table.row(
        f"{dataset.name} in chunks of 1,000: time over that of one call",
        "1.1 or less",
        f"{chunked / at_once:.2f}",
        f"{chunked:.4f} s",
        f"{at_once:.4f} s",
    )


def _ordering(table, dataset, arguments):
    """Add two rows: a shuffled pass and the order alone, against rows as they came."""
    X, y = dataset.X_train, dataset.y_train
    codes = y.astype(X.dtype)[:, None]
    timings = alternate(
        {
            "shuffled": lambda seed: Adagrad(random_state=seed).fit(X, y),
            "as it came": lambda _: Adagrad(shuffle=False).fit(X, y),
            "read": lambda _: read_rows(X),
            "order": lambda seed: visits(
                read_rows(X, keyed=True)[0], codes, codes[:0, 0], seed
            ),
        },
        arguments.rounds,
    )
    plain = timings["as it came"].cpu
    for name, what, target in (
        ("shuffled", "shuffle=True over shuffle=False", ""),
        ("order", "ordering alone over a pass with shuffle=False", "0.25 or less"),
    ):
        cpu = timings[name].cpu
        if name == "order":  # hashing, beyond reading alone, and the order itself
            cpu -= timings["read"].cpu
        cells = (f"{cpu / plain:.2f}", f"{cpu:.4f}", f"{plain:.4f}")
        table.row(f"{dataset.name}: {what}", target, *cells)


def _merging(table, dataset, arguments):
    """Add two rows: `fit`, which merges equal rows, and a random order of all rows.

    The second learns rows that were permuted before the clock started.
    """
    X, y, labels = dataset.X_train, dataset.y_train, np.unique(dataset.y_train)
    permuted = []
    for seed in range(arguments.rounds):
        at = np.random.default_rng(seed).permutation(len(y))
        permuted.append((X[at], y[at]))
    models = {"fit(shuffle=True)": [], "partial_fit of permuted rows": []}
    merging, ordinary = models.values()
    timings = alternate(
        {
            "fit(shuffle=True)": lambda seed: merging.append(
                Adagrad(random_state=seed).fit(X, y)
            ),
            "partial_fit of permuted rows": lambda seed: ordinary.append(
                Adagrad().partial_fit(*permuted[seed], classes=labels)
            ),
        },
        arguments.rounds,
    )
    for name, timing in timings.items():
        scores = np.array([score(model, dataset) for model in models[name]])
        loss, error = np.median(scores, axis=0)
        table.row(
            dataset.name, name, f"{timing.cpu:.4f}", f"{loss:.4f}", f"{error:.4f}"
        )
