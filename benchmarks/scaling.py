"""Measure how time and memory of one pass grow with rows, features and classes.

Synthetic power laws in float32; prints a Markdown table and draws a plot on demand.
"""

from datasets import power_law
from matplotlib.figure import Figure
from measuring import Table, alternate, begin, options
from memory import peak_memory, state_size
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier

# Steps of what grows: (rows, features, non-zeros per row, classes).
STEPS = {
    "rows": [(10**k, 100_000, 20, 2) for k in range(4, 8)],
    "features": [(200_000, 10**k, 60, 2) for k in range(3, 8)],
    "classes": [(50_000, 50_000, 60, n) for n in (2, 3, 8, 10, 30, 100, 300, 1000)],
}
GROWING = {"rows": 0, "features": 1, "classes": 3}


def main():
    parser = options(__doc__, sections=STEPS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="leave larger steps out, for a trial")
    parser.add_argument("--plot", metavar="FILE.png", help="draw a plot into this file")
    arguments = begin(parser)
    print(
        f"One pass of fit with shuffled rows, one thread, float32, medians of "
        f"{arguments.rounds} rounds, CPU time. Two classes are one lane, more classes "
        "one each. Memory is the fit's beyond X."
    )
    measured = {}
    for what in arguments.sections:
        table = Table(
            *("growing", "rows", "features", "nnz/row", "classes", "CPU s"),
            *("ns/nnz/lane", "memory MB", "state MB"),
        )
        measured[what] = []
        for step in STEPS[what]:
            if step[GROWING[what]] > (arguments.limit or step[GROWING[what]]):
                continue
            seconds, ns, megabytes, state = measure(*step, arguments.rounds)
            cells = (f"{seconds:.3g}", f"{ns:.2f}", f"{megabytes:.1f}", f"{state:.1f}")
            table.row(what, *(f"{number:,}" for number in step), *cells)
            measured[what].append((step[GROWING[what]], ns, megabytes))
    measured = {what: points for what, points in measured.items() if points}
    if arguments.plot and measured:
        plot(measured, arguments.plot)


def measure(n_rows, n_features, nnz_per_row, n_classes, rounds):
    """Return CPU seconds, ns per non-zero and lane, MB beyond X and MB of state."""
    dataset = power_law(n_rows, n_features, nnz_per_row, "float32", n_classes=n_classes)
    X, y = dataset.X_train, dataset.y_train
    model = AdagradClassifier(eta0=0.5, max_iter=1, tol=None, random_state=0)
    seconds = alternate({"fit": lambda _: model.fit(X, y)}, rounds)["fit"].cpu
    lanes = 1 if n_classes == 2 else n_classes
    megabytes = peak_memory(AdagradClassifier(**model.get_params()), X, y)
    state = state_size(n_classes, n_features, X.dtype.itemsize)
    return seconds, seconds / (X.nnz * lanes) * 1e9, megabytes, state


def plot(measured, path):
    """Draw nanoseconds and memory against what grows."""
    figure = Figure(figsize=(4 * len(measured), 6), layout="constrained")
    axes = figure.subplots(2, len(measured), sharex="col", squeeze=False)
    for (time_axes, memory_axes), (what, points) in zip(
        axes.T, measured.items(), strict=True
    ):
        growing, ns, megabytes = zip(*points, strict=True)
        time_axes.semilogx(growing, ns, marker="o")
        time_axes.set(ylabel="ns per non-zero and lane", ylim=(0, None))
        memory_axes.loglog(growing, megabytes, marker="o")
        memory_axes.set(xlabel=what, ylabel="MB beyond X")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
