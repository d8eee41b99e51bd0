"""Learn and predict with the kernel: group by group, in blocks, in threads.

The only caller of the kernel's `train`.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from joblib import effective_n_jobs

from ._dispatch import KERNELS
from ._memory import aligned_zeros

# Weights read between two checks for Ctrl-C: some 50 ms of work.
_BLOCK_READS = 2**23

# If the rows to predict have each feature more often than this on average, weights are
# read once and kept instead of once per row. Reading them all pays in the first call
# from 1.3 to 4 entries per feature where missed steps of a penalty are to be applied
# (imdb, in the near caches, 7), and from 4 to 12 where weights are kept as sums (eight
# sets). imdb_bigrams with an L2 penalty takes 42 ms instead of 80, then 27.
_OFTEN_LAZY, _OFTEN = 3, 8
_MOST_TO_KEEP = 2**28  # bytes


def learn(learner, state, loss_sum, begin, end):
    """Learn from some visits, bank by bank; return how many had a weight."""
    rows = learner.samples.rows.centred(state.columns.centring)
    n_groups, n_banks, _, _, width = state.table.shape
    reads_per_row = rows.nnz // rows.n_rows * width * n_banks
    block = max(1, _BLOCK_READS // max(1, reads_per_row))
    blocks = [(at, min(at + block, end)) for at in range(begin, end, block)]
    interrupted = False

    def learn_banks(group, banks):
        train = _trainer(learner, state, loss_sum, rows, group, banks)
        learned = 0
        for start, stop in blocks:
            if interrupted:
                break
            learned += train(start=start, stop=stop, t=state.t + learned)
        return learned

    # `effective_n_jobs` costs 4 of the 110 us of a call with one row.
    n_threads = effective_n_jobs(learner.n_jobs) if n_groups > 1 or n_banks > 1 else 1
    parts = list(_parts(state, n_threads))
    if len(parts) == 1 or n_threads == 1:
        learned = [learn_banks(*part) for part in parts]
    else:
        # joblib polls for results every 10 ms, as long as a pass over a small set.
        with ThreadPoolExecutor(n_threads) as pool:
            try:
                learned = list(pool.map(learn_banks, *zip(*parts, strict=True)))
            finally:
                interrupted = True
    return learned[0]  # the same for each part


def _trainer(learner, state, loss_sum, rows, group, banks):
    """Return the kernel's `train` for some banks of a group, without the visits."""
    kernel = KERNELS[state.dtype]
    samples, targets, rule = learner.samples, learner.samples.targets, learner.rule
    lane_columns, used = state.layout.lanes
    return partial(
        kernel.train,
        **rows.arrays,
        **_as_read(kernel, state, rows, group, banks),
        order=learner.order,
        values=targets.values,
        labels=targets.labels,
        label_indptr=targets.label_indptr,
        codes=targets.codes,
        workspace=aligned_zeros(
            (banks.stop - banks.start, kernel.WORKSPACE_SIZE), state.dtype
        ),
        lane_columns=lane_columns[group, banks],
        used=used[group, banks],
        sample_weight=samples.weight,
        intercept=state.intercept[group, banks],
        least_scale=state.columns.least_scale,
        fade=rule.fade,
        fit_intercept=rule.fit_intercept,
        intercept_value=state.intercept_value,
        importance_aware=rule.importance_aware,
        multinomial=state.coupled,
        loss=kernel.LOSSES[rule.loss],
        loss_parameter=rule.loss_parameter,
        loss_sum=loss_sum[group, banks],
    )


def _as_read(kernel, state, rows, group, banks):
    """Return arguments for reading the weights of some banks, and room for a row."""
    own_columns, own_values = _room_for_a_row(rows, state)
    return {
        "table": state.table[group, banks],
        "touched": state.touched[group],
        "scales": state.scales[group],
        "places": rows.centring.places,
        "centres": rows.centring.centres,
        "symbols": state.symbols[group, banks],
        "update": kernel.UPDATES[state.reading.update],
        "own_columns": own_columns,
        "own_values": own_values,
    }


def _room_for_a_row(rows, state):
    """Return arrays for the kernel to put a centred, scaled or dense row in."""
    n_centred = len(rows.centring)
    n_values = rows.longest if rows.is_dense or n_centred or state.scaled else 0
    n_columns = n_values if rows.is_dense or n_centred else 0
    own_columns = np.empty(n_centred + n_columns, rows.indices.dtype)
    if n_centred:
        own_columns[:n_centred] = rows.centring.columns
    return own_columns, np.empty(n_centred + n_values, state.dtype)


def _parts(state, n_threads):
    """Yield each group with the banks to learn at once.

    A group is divided if there are more threads than groups and its banks share
    nothing.
    """
    shared = state.coupled or state.reading.lazy or state.scaled
    n_groups = len(state.table)
    n_pieces = 1 if shared else -(-n_threads // n_groups)
    for group in range(n_groups):
        n_used = state.layout.n_used(group)
        at_once = -(-n_used // n_pieces)
        for first in range(0, n_used, at_once):
            yield group, slice(first, min(first + at_once, n_used))


def raw_prediction(state, rows):
    """Return w . x + b of each row and output, of shape (n_samples, n_outputs)."""
    leaders = state.leaders
    if state.coupled:
        return _of_groups(state, rows, leaders[:1].tolist(), state.n_outputs)
    every = raw_predictions(state, rows)
    if state.n_candidates == 1:
        return every[:, :, 0]
    return every[:, np.arange(state.n_outputs), leaders]


def raw_predictions(state, rows):
    """Return w . x + b of all models, of shape (n_samples, n_outputs, n_candidates)."""
    n_models = state.n_outputs * state.n_candidates
    every = _of_groups(state, rows, range(len(state.table)), n_models)
    if state.coupled:
        return every.reshape(rows.n_rows, -1, state.n_outputs).swapaxes(1, 2)
    return every.reshape(rows.n_rows, state.n_outputs, -1)


def _of_groups(state, rows, groups, n_columns):
    """Return w . x + b of the models of some groups, one group after another."""
    often = _OFTEN_LAZY if state.reading.lazy else _OFTEN
    has_each_often = rows.nnz > often * state.n_features
    if has_each_often and state.table.nbytes <= _MOST_TO_KEEP:
        state = state.for_prediction()
    kernel, rows = KERNELS[state.dtype], rows.centred(state.columns.centring)
    intercepts = state.intercepts()
    n_lanes = state.layout.width * state.layout.n_banks
    if state.coupled:  # unused lanes of the last bank have no columns
        n_lanes = state.n_outputs
    out = np.empty((rows.n_rows, n_columns), dtype=state.dtype)
    for nth, group in enumerate(groups):
        banks = slice(0, state.layout.n_used(group))
        kernel.raw_prediction(
            **rows.arrays,
            **_as_read(kernel, state, rows, group, banks),
            workspace=np.empty((banks.stop, kernel.WORKSPACE_SIZE), state.dtype),
            bias=intercepts[group, banks, None],
            t=state.t,
            first=nth * n_lanes,
            n_lanes=min(n_lanes, n_columns - nth * n_lanes),
            out=out,
        )
    return out
