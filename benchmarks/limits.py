"""Compare a pass of the kernel with what memory allows: its reads and writes alone.

A few lines of C, compiled for this processor, go over the rows of each set with more
and more of the memory accesses of learning, but without its arithmetic. Of that only
the intercept is learned, separately: each prediction waits for the step of the row
before.
"""

import ctypes
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from datasets import MULTICLASS, all_present, say_if_missing
from measuring import Table, begin, least, options
from speed import single_output_sets
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, _banks
from sk_adagrad._layout import LANES, Layout
from sk_adagrad._memory import aligned_zeros

SOURCE = """
#include <stdint.h>
#include <tgmath.h>
typedef real lanes __attribute__((vector_size(8 * sizeof(real))));
static inline void fetch(const void *at, long bytes) {
    for (long i = 0; i < bytes && i < 2048; i += 64)
        __builtin_prefetch((const char *)at + i);
}
static inline void fetch_ahead(long i, long n_rows, const int32_t *starts,
                               const int32_t *columns, const real *values,
                               const uint32_t *order) {
    if (i + 16 >= n_rows) return;
    __builtin_prefetch(starts + order[i + 16]);
    long next = starts[order[i + 4]], n = starts[order[i + 4] + 1] - next;
    fetch(columns + next, 4 * n);
    fetch(values + next, sizeof(real) * n);
}
static inline long next_row(long i, long n_rows, const int32_t *starts,
                            const int32_t *columns, const uint32_t *order,
                            const int32_t **next) {
    if (i + 1 >= n_rows) return 0;
    *next = columns + starts[order[i + 1]];
    return starts[order[i + 1] + 1] - starts[order[i + 1]];
}
/* Of each row 0: its entries; 1: and the weights; 2: and w and G, which it writes. The
 * weights of the next row are fetched if the table is beyond the near caches. */
double go_over(long n_rows, const int32_t *starts, const int32_t *columns,
               const real *values, const uint32_t *order, real *table, long far,
               int what) {
    real sum = 0;
    for (long i = 0; i < n_rows; i++) {
        long begin = starts[order[i]], end = starts[order[i] + 1];
        const int32_t *next;
        long n_next = far ? next_row(i, n_rows, starts, columns, order, &next) : 0;
        fetch_ahead(i, n_rows, starts, columns, values, order);
        real p = 0;
        int32_t all = 0;
        if (what == 0)
            for (long k = begin; k < end; k++) p += values[k], all ^= columns[k];
        else
            for (long k = begin; k < end; k++) {
                p += values[k] * table[2 * (long)columns[k]];
                if (k - begin < n_next)
                    __builtin_prefetch(table + 2 * (long)next[k - begin]);
            }
        sum += p + all;
        if (what == 2)
            for (long k = begin; k < end; k++) {
                real *pair = table + 2 * (long)columns[k];
                pair[0] += p, pair[1] += values[k];
            }
    }
    return sum;
}
/* Adagrad for the log loss and nothing but an intercept. */
double chain(long n_rows, const real *labels) {
    real b = 0, G = 0;
    for (long i = 0; i < n_rows; i++) {
        real slope = -labels[i] / (1 + exp(labels[i] * b));
        G += slope * slope;
        b -= slope / (2 * sqrt(G));
    }
    return b;
}
/* The same as above for a group of n banks of eight outputs, with w and G. */
static inline __attribute__((always_inline)) void banks(
    long n_rows, const int32_t *starts, const int32_t *columns, const real *values,
    const uint32_t *order, lanes *table, long far, int n) {
    for (long i = 0; i < n_rows; i++) {
        long begin = starts[order[i]], end = starts[order[i] + 1];
        const int32_t *next;
        long n_next = far ? next_row(i, n_rows, starts, columns, order, &next) : 0;
        fetch_ahead(i, n_rows, starts, columns, values, order);
        lanes p[4] = {};
        for (long k = begin; k < end; k++) {
            for (int b = 0; b < n; b++)
                p[b] += values[k] * table[2 * (n * (long)columns[k] + b)];
            if (k - begin < n_next)
                fetch(table + 2 * n * (long)next[k - begin], 2 * n * sizeof(lanes));
        }
        for (long k = begin; k < end; k++) {
            lanes *line = table + 2 * n * (long)columns[k];
            for (int b = 0; b < 2 * n; b += 2)
                line[b] += p[b / 2], line[b + 1] += values[k];
        }
    }
}
void go_over_banks(long n_rows, const int32_t *starts, const int32_t *columns,
                   const real *values, const uint32_t *order, lanes *table, long far,
                   int n) {
    if (n == 1) banks(n_rows, starts, columns, values, order, table, far, 1);
    if (n == 2) banks(n_rows, starts, columns, values, order, table, far, 2);
    if (n == 3) banks(n_rows, starts, columns, values, order, table, far, 3);
    if (n == 4) banks(n_rows, starts, columns, values, order, table, far, 4);
}
"""
FLAGS = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", "-Wno-psabi"]


def compiled(folder, dtype):
    """Compile `SOURCE` and return its functions."""
    source, library = Path(folder, "limits.c"), Path(folder, f"{dtype}.so")
    source.write_text(SOURCE)
    real = {"float32": "float", "float64": "double"}[dtype]
    command = ["cc", *FLAGS, f"-Dreal={real}", "-o", library, source, "-lm"]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(library))
    functions.go_over.restype = ctypes.c_double
    arguments = [ctypes.c_long, *5 * [ctypes.c_void_p], ctypes.c_long, ctypes.c_int]
    functions.go_over.argtypes = functions.go_over_banks.argtypes = arguments
    functions.chain.restype = ctypes.c_double
    functions.chain.argtypes = [ctypes.c_long, ctypes.c_void_p]
    return functions


def learning(X, y, rounds):
    """Return the least times of one pass: in the kernel alone, and of all of `fit`."""
    model = AdagradClassifier(eta0=0.5, max_iter=1, tol=None, random_state=0)
    engine, kernel = _banks.learn, []

    def timed(*args, **kwargs):
        start = time.perf_counter()
        learned = engine(*args, **kwargs)
        kernel.append(time.perf_counter() - start)
        return learned

    _banks.learn = timed
    try:
        whole = least(lambda: model.fit(X, y), rounds).wall
    finally:
        _banks.learn = engine
    return min(kernel), whole


def one_output(functions, dtype, arguments):
    print(f"\n{dtype}, one output, ns per non-zero")
    table = Table(
        *("set", "rows in order", "shuffled, fetched ahead", "and w · x"),
        *("and w, G written", "intercept alone", "kernel", "whole fit"),
    )
    for dataset in single_output_sets(dtype, arguments):
        X, y = dataset.X_train, dataset.y_train
        n_rows, n_features = X.shape
        in_order = np.arange(n_rows, dtype=np.uint32)
        shuffled = np.random.default_rng(0).permutation(in_order)
        weights = np.zeros(2 * n_features, dtype)

        def alone(order, what, X=X, weights=weights):
            arrays = _as_c_has_them(X, order, weights)
            call = partial(functions.go_over, len(order), *arrays, what)
            return least(call, arguments.rounds).wall

        labels = np.where(y[shuffled] == y[0], 1, -1).astype(dtype)
        chain = partial(functions.chain, n_rows, labels.ctypes.data)
        seconds = [alone(in_order, 0), *(alone(shuffled, k) for k in range(3))]
        seconds += [least(chain, arguments.rounds).wall]
        seconds += learning(X, y, arguments.rounds)
        table.row(dataset.name, *(f"{s / X.nnz * 1e9:.2f}" for s in seconds))


def several_outputs(functions, dtype, arguments):
    print(f"\n{dtype}, one class against the rest, ns per non-zero and class")
    table = Table(
        *("set", "classes", "MB of w and G"),
        *("w · x, and w, G written", "kernel", "whole fit"),
    )
    for dataset in all_present(MULTICLASS, dtype, arguments.max_rows):
        X, y = dataset.X_train, dataset.y_train
        n_rows, n_features = X.shape
        order = np.random.default_rng(0).permutation(n_rows).astype(np.uint32)
        layout = Layout.of(dataset.n_classes, 1, coupled=False)
        n_banks = layout.n_banks
        shape = layout.n_groups, n_features * n_banks * 2 * LANES

        def alone(X=X, order=order, shape=shape, n_banks=n_banks):
            for group in aligned_zeros(shape, dtype):
                arrays = _as_c_has_them(X, order, group)
                functions.go_over_banks(len(order), *arrays, n_banks)

        seconds = [
            least(alone, arguments.rounds).wall,
            *learning(X, y, arguments.rounds),
        ]
        table.row(
            *(dataset.name, dataset.n_classes),
            f"{np.prod(shape) * np.dtype(dtype).itemsize / 1e6:.0f}",
            *(f"{s / X.nnz / dataset.n_classes * 1e9:.2f}" for s in seconds),
        )


def _as_c_has_them(X, order, table):
    """Return addresses, and whether the table is far by the kernel's criterion."""
    arrays = X.indptr, X.indices, X.data, order, table
    return *(array.ctypes.data for array in arrays), table.nbytes > 1 << 21


def main():
    arguments = begin(options(__doc__, rounds=9))
    print("Least of several passes, wall time")
    say_if_missing()
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float32", "float64"):
            functions = compiled(folder, dtype)
            one_output(functions, dtype, arguments)
            several_outputs(functions, dtype, arguments)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
