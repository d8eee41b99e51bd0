"""Measure every speed target: one table of cases, targets and ratios.

Sections: single, multiclass, dense, stream, prediction, threads, memory, order, peers.
"""

import costs
import numpy as np
from costs import SGD, Adagrad
from datasets import MULTICLASS, Dataset, all_present, power_law, say_if_missing
from measuring import Table, alternate, begin, geometric_mean, options
from peers import PEERS, cpu_seconds_per_row
from threadpoolctl import threadpool_limits

SINGLE_OUTPUT = ("imdb", "imdb_bigrams", "conll2000", "kddcup99", "clickbait")
PEER_SETS = ("imdb", "imdb_bigrams", "clickbait")


def single(arguments):
    """One output: geometric mean and least ratio of each floating type."""
    for dtype, mean, least in (("float32", 3, 2), ("float64", 2, 1.4)):
        table = _pass_table(f"one output, {dtype}")
        ratios = []
        for dataset in single_output_sets(dtype, arguments):
            ratios.append(_one_pass(table, dataset, least, arguments))
        _summary(table, ratios, mean)


def multiclass(arguments):
    """Measure one-vs-rest in banks; the float32 target depends on the classes."""
    table = _pass_table("20 to 58 classes, float32")
    ratios = [
        _one_pass(table, dataset, 6, arguments)
        for dataset in all_present(MULTICLASS[:-1], "float32", arguments.max_rows)
    ]
    _summary(table, ratios, 12)
    table = _pass_table("151 classes, float32")
    for dataset in all_present(MULTICLASS[-1:], "float32", arguments.max_rows):
        _one_pass(table, dataset, 14, arguments)
    table = _pass_table("20 to 151 classes, float64")
    ratios = [
        _one_pass(table, dataset, "", arguments)
        for dataset in all_present(MULTICLASS, "float64", arguments.max_rows)
    ]
    _summary(table, ratios, 7)


def dense(arguments):
    """Learn from a dense matrix."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(arguments.max_rows or 200_000, 100)).astype(np.float32)
    y = (X @ rng.normal(size=100) + rng.normal(size=len(X)) > 0).astype(int)
    dataset = Dataset(f"{len(X):,} x 100", X, y, X[:0], y[:0])
    _one_pass(_pass_table("dense, float32"), dataset, 2, arguments)


def peers(arguments):
    """Compare one pass with other packages, one output, float32."""
    table = Table("set", "package", "ns/nnz", "times SGD's time")
    missing = set()
    for dataset in all_present(PEER_SETS, "float32", arguments.max_rows):
        X, y = dataset.X_train, dataset.y_train
        ours, theirs = _cpu_of_one_pass(X, y, arguments.rounds)
        seconds = {"sk_adagrad": ours, "SGDClassifier": theirs}
        for peer in PEERS:
            try:
                per_row = cpu_seconds_per_row(peer, X, y, min(arguments.rounds, 3))
            except ImportError:
                missing.add(peer.__name__)
            else:
                seconds[peer.__name__] = per_row * X.shape[0]
        for name, cpu in seconds.items():
            ratio = cpu / seconds["SGDClassifier"]
            table.row(dataset.name, name, f"{cpu / X.nnz * 1e9:.2f}", f"{ratio:.2f}")
    for name in sorted(missing):
        print(f"\n{name} skipped: not installed")


def single_output_sets(dtype, arguments):
    for dataset in all_present(SINGLE_OUTPUT, dtype, arguments.max_rows):
        if dataset.n_classes == 2:
            yield dataset
        else:
            y = dataset.y_train
            y = (y == np.bincount(y).argmax()).astype(int)
            yield Dataset(
                f"{dataset.name}, one class",
                *(dataset.X_train, y, dataset.X_test, dataset.y_test),
            )
    for n_features in (47_000, 1_048_576):
        yield power_law(arguments.max_rows or 200_000, n_features, 60, dtype)


def _pass_table(title):
    return Table(title, "target", "times faster", "Adagrad ns/nnz", "SGD ns/nnz")


def _one_pass(table, dataset, target, arguments):
    """Add a row that compares one pass of both; return the ratio of their times."""
    X, y = dataset.X_train, dataset.y_train
    ours, theirs = _cpu_of_one_pass(X, y, arguments.rounds)
    nnz = X.size if isinstance(X, np.ndarray) else X.nnz
    cells = (f"{seconds / nnz * 1e9:.2f}" for seconds in (ours, theirs))
    table.row(dataset.name, target, f"{theirs / ours:.2f}", *cells)
    return theirs / ours


def _cpu_of_one_pass(X, y, rounds):
    timings = alternate(
        {
            "ours": lambda seed: Adagrad(random_state=seed).fit(X, y),
            "theirs": lambda seed: SGD(random_state=seed).fit(X, y),
        },
        rounds,
    )
    return timings["ours"].cpu, timings["theirs"].cpu


def _summary(table, ratios, target):
    if ratios:
        mean = f"**{geometric_mean(ratios):.2f}**"
        table.row("**geometric mean**", target, mean, f"least {min(ratios):.2f}", "")


SECTIONS = {
    section.__name__: section
    for section in (single, multiclass, dense, *costs.SECTIONS, peers)
}


def main():
    arguments = begin(options(__doc__, sections=SECTIONS, rounds=7))
    print(
        f"One thread, rows shuffled by both, whole calls of fit, medians of "
        f"{arguments.rounds} alternating rounds, CPU time."
    )
    say_if_missing()
    for name in arguments.sections:
        SECTIONS[name](arguments)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
