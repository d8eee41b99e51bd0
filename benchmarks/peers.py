"""One pass of other packages, where they are installed.

Each function takes X and y (0 or 1). It returns a callable that learns them once, after
conversion to the package's own format, and the number of rows that it reads. It raises
ImportError if the package is not installed.
"""

import tempfile
from pathlib import Path

import numpy as np
from measuring import timed


def lightning(X, y):
    from lightning.classification import AdaGradClassifier

    # Its coordinate descent reads only float64 and int32, and has no intercept.
    X = X.astype(np.float64)
    model = AdaGradClassifier(loss="log", alpha=0, eta=0.5, n_iter=1, shuffle=True)
    return lambda: model.fit(X, y), X.shape[0]


def vowpalwabbit(X, y):
    from vowpalwabbit import pyvw

    model = pyvw.Workspace("--adaptive --loss_function logistic -b 20 --quiet")
    examples = []
    for row, label in zip(_rows(X), np.where(y > 0, 1, -1), strict=True):
        text = " ".join(f"{column}:{value:.6g}" for column, value in row.items())
        examples.append(model.parse(f"{label} | {text}"))

    def learn():
        for example in examples:
            model.learn(example)

    return learn, len(examples)


def river(X, y):
    from river import linear_model, optim

    # It takes some 100 times as long as the others, so a few rows suffice.
    rows, labels = list(_rows(X[:500])), y[:500] > 0

    def learn():
        model = linear_model.LogisticRegression(optimizer=optim.AdaGrad(lr=0.5))
        for row, label in zip(rows, labels, strict=True):
            model.learn_one(row, bool(label))

    return learn, len(rows)


def xlearn(X, y):
    import xlearn as package

    temporary = tempfile.TemporaryDirectory()

    def learn(epochs):
        model = package.create_linear()
        model.setTrain(f"{temporary.name}/train.txt")
        model.setQuiet()
        parameters = {"task": "binary", "lr": 0.2, "lambda": 0, "opt": "adagrad"}
        parameters |= {"epoch": epochs, "nthread": 1}
        model.fit(parameters, f"{temporary.name}/model")

    with Path(temporary.name, "train.txt").open("w") as lines:
        for row, label in zip(_rows(X), y, strict=True):
            text = " ".join(f"{column}:{value:.6g}" for column, value in row.items())
            lines.write(f"{int(label > 0)} {text}\n")

    return learn, X.shape[0]


def cpu_seconds_per_row(peer, X, y, rounds) -> float:
    """Return the median CPU time of a peer's pass over the rows that it reads."""
    learn, n_rows = peer(X, y)
    if peer is xlearn:
        # Its `fit` reads the file too: the cost of ten more passes is learning alone.
        seconds = [
            (timed(lambda: learn(11)).cpu - timed(lambda: learn(1)).cpu) / 10
            for _ in range(rounds)
        ]
    else:
        seconds = [timed(learn).cpu for _ in range(rounds)]
    return float(np.median(seconds)) / n_rows


PEERS = (lightning, vowpalwabbit, river, xlearn)


def _rows(X):
    """Yield each row of a CSR matrix as a dict from column to value."""
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        columns, values = X.indices[start:stop].tolist(), X.data[start:stop].tolist()
        yield dict(zip(columns, values, strict=True))
