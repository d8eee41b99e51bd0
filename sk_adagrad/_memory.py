"""The memory of a state's arrays: alignment, order, and whether there is enough."""

import math
import os

import numpy as np

_CACHE_LINE = 64


def check_memory(
    n_bytes, n_features, n_outputs=1, n_candidates=1, *, full_matrices=False
):
    """Refuse a state that exceeds the machine's memory, before making it."""
    try:
        limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on this system
        limit = 2**63 - 1
    if n_bytes <= limit:
        return
    contents = "a weight and an accumulator for each"
    ways_out = ["X of float32", "fewer features (such as FeatureHasher makes)"]
    if full_matrices:
        contents = "two matrices of all pairs"
        ways_out = ["preconditioner='diagonal'", "fewer features"]
    if n_candidates > 1:
        ways_out.insert(
            0, f"a float eta0 (one model for each output, not {n_candidates})"
        )
    if n_outputs > 1:
        ways_out.append("fewer outputs")
    n_models = n_outputs * n_candidates
    raise MemoryError(
        f"{n_models:,} {'model' if n_models == 1 else 'models'} of {n_features:,} "
        f"features, with {contents}, would take "
        f"{n_bytes / 2**30:,.1f} GiB of memory, but this machine has "
        f"{limit / 2**30:,.1f} GiB. What makes it less: {', '.join(ways_out)}."
    )


def aligned_zeros(shape, dtype=np.float64):
    """Return zeros that start at a cache line; pages are not touched before use.

    Arrays that two threads write to must not share a cache line (false sharing).
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape)
    block = np.zeros(size + _CACHE_LINE // dtype.itemsize, dtype=dtype)
    skip = -block.ctypes.data % _CACHE_LINE // dtype.itemsize
    return block[skip : skip + size].reshape(shape)


def aligned_copy(array):
    """Return a contiguous copy that starts at a cache line."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def zero_table(shape, dtype):
    """Return the table of a new state.

    Banks that are learned together lie side by side for each feature, as a row reads
    them all; other banks lie one after the other.
    """
    n_groups, n_banks, n_features, *rest = shape
    table = aligned_zeros((n_groups, n_features, n_banks, *rest), dtype)
    return table.swapaxes(1, 2)
