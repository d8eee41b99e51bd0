"""Print the updates and penalties side by side: loss, error, non-zeros, seconds.

``python benchmarks/updates.py`` reads the sets that `datasets` finds. Rates are fixed,
so that only the penalties differ; seconds are CPU time of one thread, the least of
three.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from datasets import all_present, data_folder, say_if_missing
from measuring import Table, begin, least, options
from scoring import score
from sklearn.preprocessing import MaxAbsScaler
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier
from sk_adagrad._dispatch import UPDATES

SETS = {"imdb": 0.5, "clickbait": 0.5, "a9a": 0.125, "whats_cooking": 0.5}
ALPHAS = 1e-7, 1e-6, 1e-5
SCALES = "set", "columns", "scale_invariant", "log loss", "error"


def measured(data, **params):
    """Return test log loss, test error, share of non-zeros and seconds."""
    model = AdagradClassifier(max_iter=3, tol=None, random_state=0, **params)
    seconds = least(lambda: model.fit(data.X_train, data.y_train), rounds=3).cpu
    loss, error = score(model, data)
    non_zeros = np.count_nonzero(model.coef_) / model.coef_.size
    return loss, error, non_zeros, seconds


def compare_updates():
    """Print a line for each set, update, kind of penalty and alpha."""
    table = Table(
        *("set", "update", "penalty", "log loss", "error"),
        *("non-zeros", "seconds", "× plain"),
    )
    for data in all_present(SETS, "float32"):
        plain = None
        for update in UPDATES:
            penalties = [(0.0, 0.0)]
            penalties += [
                (alpha, l1_ratio) for l1_ratio in (1.0, 0.0) for alpha in ALPHAS
            ]
            for alpha, l1_ratio in penalties:
                loss, error, non_zeros, seconds = measured(
                    data,
                    eta0=SETS[data.name],
                    update=update,
                    alpha=alpha,
                    l1_ratio=l1_ratio,
                )
                plain = plain or seconds
                penalty = f"{'L1' if l1_ratio else 'L2'} {alpha:g}" if alpha else "none"
                table.row(
                    *(data.name, update, penalty, f"{loss:.4f}", f"{error:.4f}"),
                    *(f"{x:.3f}" for x in (non_zeros, seconds)),
                    f"{seconds / plain:.2f}",
                )


def compare_scales():
    """Print how columns in other units affect the plain and the invariant rule."""
    table = Table(*SCALES)
    for data in all_present(["kddcup99", "a9a"], "float32", max_rows=100_000):
        factors = 10 ** np.random.default_rng(0).uniform(-3, 3, data.X_train.shape[1])
        for columns in ("as stored", "times 10^-3 to 10^3"):
            if columns != "as stored":
                data.X_train.data *= factors[data.X_train.indices].astype("f4")
                data.X_test.data *= factors[data.X_test.indices].astype("f4")
            for invariant in (False, True):
                loss, error, _, _ = measured(data, scale_invariant=invariant)
                table.row(data.name, columns, invariant, f"{loss:.4f}", f"{error:.4f}")


def compare_counts():
    """Print what stored counts give without a scaler, with one and with tf-idf."""
    table = Table(*SCALES)
    names = ("imdb", "clickbait", "whats_cooking", "news20")
    for tfidf in all_present(names, "float32"):
        folder = data_folder() / tfidf.name
        counts = replace(
            tfidf,
            **{
                part: sp.load_npz(folder / f"{part}.npz").astype("f4")
                for part in ("X_train", "X_test")
            },
        )
        scaler = MaxAbsScaler().fit(counts.X_train)
        scaled = replace(
            counts,
            X_train=scaler.transform(counts.X_train),
            X_test=scaler.transform(counts.X_test),
        )
        for columns, data, invariant in (
            ("counts", counts, False),
            ("counts", counts, True),
            ("counts, MaxAbsScaler", scaled, False),
            ("tf-idf", tfidf, False),
            ("tf-idf", tfidf, True),
        ):
            loss, error, _, _ = measured(data, scale_invariant=invariant)
            table.row(data.name, columns, invariant, f"{loss:.4f}", f"{error:.4f}")


def main():
    begin(options(__doc__))
    say_if_missing()
    compare_updates()
    compare_scales()
    compare_counts()


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
