"""Set a pass of the kernel beside what memory allows: the same reads and writes alone.

A few lines of C, compiled for this processor, go over the rows of each set with ever
more of what learning has to do, and without its arithmetic. float32, one output.
"""

import argparse
import ctypes
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import Table, header
from speed import single_output_sets
from threadpoolctl import threadpool_limits

from sk_adagrad import AdagradClassifier, _banks

SOURCE = """
#include <stdint.h>
static inline void fetch(const void *at, long bytes) {
    for (long i = 0; i < bytes && i < 2048; i += 64)
        __builtin_prefetch((const char *)at + i);
}
/* Of each row 0: its entries; 1: and the weights; 2: and w and G, which it writes. */
float go_over(long n_rows, const int32_t *starts, const int32_t *columns,
              const float *values, const uint32_t *order, float *table, int what) {
    float sum = 0;
    for (long i = 0; i < n_rows; i++) {
        long row = order[i], begin = starts[row], end = starts[row + 1];
        if (i + 32 < n_rows) {
            __builtin_prefetch(starts + order[i + 32]);
            long next = starts[order[i + 16]], n = starts[order[i + 16] + 1] - next;
            fetch(columns + next, 4 * n);
            fetch(values + next, 4 * n);
        }
        float p = 0;
        int32_t all = 0;
        if (what == 0)
            for (long k = begin; k < end; k++) p += values[k], all ^= columns[k];
        else
            for (long k = begin; k < end; k++)
                p += values[k] * table[2 * (long)columns[k]];
        sum += p + all;
        if (what == 2)
            for (long k = begin; k < end; k++) {
                float *pair = table + 2 * (long)columns[k];
                pair[0] += p, pair[1] += values[k];
            }
    }
    return sum;
}
"""
FLAGS = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]


def compiled(folder):
    """Return the function of `SOURCE`."""
    source, library = Path(folder, "limits.c"), Path(folder, "limits.so")
    source.write_text(SOURCE)
    subprocess.run(["cc", *FLAGS, "-o", library, source], check=True)
    go_over = ctypes.CDLL(str(library)).go_over
    go_over.restype = ctypes.c_float
    go_over.argtypes = [ctypes.c_long, *5 * [ctypes.c_void_p], ctypes.c_int]
    return go_over


def least(call, rounds):
    """Return the least wall time of several calls, which noise disturbs least."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def learning(X, y, rounds):
    """Return the least times of one pass: of the kernel in it, and of all of `fit`."""
    model = AdagradClassifier(eta0=0.5, max_iter=1, tol=None, random_state=0)
    engine, kernel = _banks.learn, []

    def timed(*args, **kwargs):
        start = time.perf_counter()
        learned = engine(*args, **kwargs)
        kernel.append(time.perf_counter() - start)
        return learned

    _banks.learn = timed
    try:
        whole = least(lambda: model.fit(X, y), rounds)
    finally:
        _banks.learn = engine
    return min(kernel), whole


def main():
    arguments = _arguments()
    print(header())
    print("float32, one output, ns per non-zero, least of several passes, wall time")
    table = Table(
        *("set", "rows in order", "shuffled, fetched ahead", "and w · x"),
        *("and w, G written", "kernel", "whole fit"),
    )
    with tempfile.TemporaryDirectory() as folder:
        go_over = compiled(folder)
        for dataset in single_output_sets("float32", arguments):
            X, y = dataset.X_train, dataset.y_train
            n_rows, n_features = X.shape
            in_order = np.arange(n_rows, dtype=np.uint32)
            shuffled = np.random.default_rng(0).permutation(in_order)
            weights = np.zeros(2 * n_features, np.float32)

            def alone(order, what, X=X, weights=weights):
                pointers = (X.indptr, X.indices, X.data, order, weights)
                pointers = [array.ctypes.data for array in pointers]
                call = lambda: go_over(len(order), *pointers, what)  # noqa: E731
                return least(call, arguments.rounds)

            seconds = [alone(in_order, 0), *(alone(shuffled, k) for k in range(3))]
            seconds += learning(X, y, arguments.rounds)
            table.row(dataset.name, *(f"{s / X.nnz * 1e9:.2f}" for s in seconds))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--max-rows", type=int, help="training rows, for a trial")
    return parser.parse_args()


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
