"""Peak memory of one fit beyond its data, in a process of its own; size of a state.

Run as a script it is that process, and reads what `peak_memory` wrote to a folder.
"""

import os
import pickle
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from sk_adagrad._layout import Layout


def peak_memory(estimator, X, y) -> float:
    """Return by how many MB `estimator.fit(X, y)` raises the peak of resident memory.

    Parameters
    ----------
    estimator : estimator
        Not fitted.
    X : csr_matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "estimator.pkl").write_bytes(pickle.dumps((estimator, X.shape)))
        arrays = {"data": X.data, "indices": X.indices, "indptr": X.indptr, "y": y}
        for key, array in arrays.items():
            np.save(folder / f"{key}.npy", array)
        # glibc then gives arrays new pages instead of reusing resident ones.
        environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
        printed = subprocess.run(
            [sys.executable, __file__, name],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return float(printed.stdout)


def state_size(n_classes, n_features, itemsize) -> float:
    """Return how many MB the w and G of all lanes take, unused ones included."""
    layout = Layout.of(1 if n_classes == 2 else n_classes, 1, coupled=False)
    n_lanes = layout.n_groups * layout.n_banks * layout.width
    return 2 * n_lanes * n_features * itemsize / 2**20


def _measure(folder):
    estimator, shape = pickle.loads((folder / "estimator.pkl").read_bytes())
    # A first fit on next to nothing does the imports of the measured one.
    clone(estimator).fit(sp.eye(8, format="csr"), [0, 1] * 4)
    X = sp.csr_matrix(shape)
    # Set one by one, since the constructor would turn int64 indices into int32.
    X.data, X.indices, X.indptr, y = (
        np.load(folder / f"{key}.npy") for key in ("data", "indices", "indptr", "y")
    )
    X.has_canonical_format = True
    _forget_the_peak()
    before = _peak()
    estimator.fit(X, y)
    return _peak() - before


def _forget_the_peak():
    """Reset the peak to what is resident now, where the system can."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def _peak():
    """Return the peak of resident memory in MB.

    `ru_maxrss` in Linux includes what the parent had resident when this process
    started, which would hide what the fit takes; VmHWM is of this process alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) / 2**10
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb


if __name__ == "__main__":
    print(_measure(Path(sys.argv[1])))
