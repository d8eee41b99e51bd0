"""Compare the passes of max_iter="auto" with more passes where classes are rare.

From sets of several classes and Reuters-21578, each class or label is learned as one of
several labels, and five of them as one of two classes. On random training rows, for
several numbers of them, and on the features that at least one, two or five of these
have, the default is compared with as many passes as it would make if classes were not
rare; means are over the sets where these differ.
"""

from itertools import product

import numpy as np
from datasets import MULTICLASS, all_present, load_reuters, present, say_if_missing
from measuring import Table, begin, options
from scoring import of_indicator
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier

ROWS = (300, 1_000, 3_000, 60_000)
MIN_DF = (1, 2, 5)
N_TEST, N_CLASSES, LEAST = 4_000, 5, 5


def tasks():
    """Yield X and an indicator of its labels, then both for the test part."""
    for dataset in all_present(MULTICLASS, "float32"):
        Y, Y_test = (
            y[:, None] == np.unique(dataset.y_train)
            for y in (dataset.y_train, dataset.y_test)
        )
        yield dataset.X_train, Y, dataset.X_test, Y_test
    if present(["reuters21578"]):
        X, Y, X_test, Y_test = load_reuters("float32")
        yield X, Y.toarray() > 0, X_test, Y_test.toarray() > 0


def columns(Y):
    """Return the labels from the most frequent to the thirtieth."""
    order = np.argsort(-Y.sum(axis=0), kind="stable")[:30]
    return order[np.linspace(0, len(order) - 1, N_CLASSES).astype(int)]


def scores(model, X, y):
    """Return log loss and F1, with several labels their means."""
    p = model.predict_proba(X)
    p = p if y.ndim == 2 else p[:, 1]
    average = "macro" if y.ndim == 2 else "binary"
    f1 = f1_score(y, p > 0.5, average=average, zero_division=0)
    return of_indicator(p, y), f1


def compare(X, y, X_test, y_test):
    """Return scores by default and with more passes; None if there are not more."""
    more = max(3, min(20, 20_000 // len(y)))
    ours = AdagradClassifier(random_state=0, tol=None).fit(X, y)
    if ours.n_iter_ == more:
        return None
    longer = AdagradClassifier(random_state=0, tol=None, max_iter=more).fit(X, y)
    return scores(ours, X_test, y_test), scores(longer, X_test, y_test)


def main():
    begin(options(__doc__))
    say_if_missing()
    table = Table(
        *("kind", "rows", "min_df", "sets", "log loss, times", "F1 before", "F1")
    )
    found = {}
    for X, Y, X_test, Y_test in tasks():
        X_test, Y_test = X_test[:N_TEST], Y_test[:N_TEST]
        for n_rows in ROWS:
            some = np.random.default_rng(0).permutation(len(Y))[:n_rows]
            X_some, Y_some = X[some], Y[some] * 1
            kinds = {"labels": [slice(None)], "two classes": columns(Y)}
            for min_df, (kind, of_kind) in product(MIN_DF, kinds.items()):
                kept = np.flatnonzero(X_some.getnnz(axis=0) >= min_df)
                rows, test_rows = X_some[:, kept], X_test[:, kept]
                pairs = [
                    compare(rows, Y_some[:, column], test_rows, Y_test[:, column])
                    for column in of_kind
                    if Y_some[:, column].sum() >= LEAST and Y_test[:, column].any()
                ]
                pairs = [pair for pair in pairs if pair is not None]
                if pairs:
                    losses, f1s = np.array(pairs).transpose(2, 1, 0)
                    ratio = np.log(losses[0] / losses[1]).mean()
                    mean = ratio, *f1s.mean(axis=1)
                    found.setdefault((kind, n_rows, min_df), []).append(mean)
    for (kind, n_rows, min_df), of_sets in sorted(found.items()):
        ratio, f1, before = np.mean(of_sets, axis=0)
        table.row(
            *(kind, f"{n_rows:,}", min_df, len(of_sets)),
            *(f"{np.exp(ratio):.2f}", f"{before:.2f}", f"{f1:.2f}"),
        )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
