"""Turn samples into a trained state: passes, order of visits, stopping.

Knows nothing of estimators, and is the only caller of the kernel's learning.
"""

import threading
import time
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from ._dispatch import KERNELS
from ._rows import NO_ROWS, visits

# Reads of a weight between two chances for Ctrl-C: some 50 ms of work.
_BLOCK_READS = 2**23


@dataclass(frozen=True)
class Rule:
    """One step: w <- w - eta0 g / sqrt(G + eps), g the gradient of the loss.

    Parameters
    ----------
    loss : str
        The kernel's name for it.
    loss_parameter : float
        What the loss reads: epsilon, quantile; 0 if nothing.
    eta0 : ndarray of shape (n_banks, width)
        Base learning rate of each lane, 0 in unused ones.
    eps : float
    fit_intercept : bool
    """

    loss: str
    loss_parameter: float
    eta0: np.ndarray
    eps: float
    fit_intercept: bool


@dataclass(frozen=True)
class Targets:
    """What the outputs are to learn, in the data's floating type.

    Parameters
    ----------
    values : ndarray of shape (n_samples, 1) or (n_samples, n_outputs)
        One class code for all outputs, or each output's value.
    codes : ndarray of shape (n_outputs,)
        The class that each output tells from the rest; empty if `values` are values.
    """

    values: np.ndarray
    codes: np.ndarray


def solve(
    state,
    rows,
    targets,
    weight,
    rule,
    *,
    max_iter=1,
    tol=None,
    n_iter_no_change=1,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Run Adagrad until the loss stops falling.

    Parameters
    ----------
    state : ModelState
        Updated in place.
    rows : Rows
    targets : Targets
    weight : ndarray of shape (n_samples,)
        Empty if all samples weigh 1.
    rule : Rule
    max_iter : int
        Most passes over the rows.
    tol : float or None
        A pass is without change when its loss is not below the best one by this share
        of it. None makes all `max_iter` passes.
    n_iter_no_change : int
        Passes without change in a row that end it.
    random_state : RandomState or None
        Draws the order of visits; None visits the rows as they came.
    n_jobs : int or None
        Threads that share the banks. The result does not depend on it.
    verbose : int
        Above 0, a line is printed for each pass.

    Returns
    -------
    loss_curve : list of float
        Mean loss per pass, each sample scored before it is learned from; NaN if all
        weigh 0.
    """
    order = NO_ROWS
    if random_state is not None:
        seed = int(random_state.randint(2**63 - 1, dtype=np.int64))
        order, weight = visits(rows, targets.values, weight, seed)
    loss_curve = []
    best, without_change = np.inf, 0
    for n_passes in range(1, max_iter + 1):
        start = time.perf_counter()
        first_visit = n_passes == 1
        if random_state is not None and not first_visit:
            order = random_state.permutation(order)
        loss = _one_pass(state, rows, targets, order, weight, rule, first_visit, n_jobs)
        loss_curve.append(loss)
        if verbose:
            seconds = time.perf_counter() - start
            print(f"pass {n_passes}: mean loss {loss:.6g}, {seconds:.2f} s")
        if tol is not None:
            improved = first_visit or loss < best - tol * abs(best)
            without_change = 0 if improved else without_change + 1
            best = min(best, loss)
            if without_change >= n_iter_no_change:
                break
    return loss_curve


def _one_pass(state, rows, targets, order, weight, rule, first_visit, n_jobs):
    """Visit the rows once, bank by bank; return the mean loss."""
    state.changed()
    before = state.loss_sum.copy()
    loss_sum = state.loss_sum if first_visit else before.copy()
    _learn_banks(state, rows, targets, order, weight, rule, loss_sum, n_jobs)

    n_visits = len(order) or rows.n_rows
    start = state.weight_sum if first_visit else 0.0
    stop = start + n_visits
    if len(weight):
        seen = weight[order] if len(order) else weight
        n_visits = int(np.count_nonzero(seen))
        # One sample after the other, so that it does not depend on the chunks.
        stop = float(np.cumsum(np.append(start, seen), dtype=np.float64)[-1])
    state.t += n_visits
    if first_visit:
        state.weight_sum = stop
    if stop == start:
        return np.nan
    with np.errstate(invalid="ignore"):  # of what has overflowed, the caller tells
        return float((loss_sum - before).sum() / ((stop - start) * state.n_outputs))


def _learn_banks(state, rows, targets, order, weight, rule, loss_sum, n_jobs):
    kernel = KERNELS[state.dtype]
    n_banks, _, _, width = state.table.shape
    n_visits = len(order) or rows.n_rows
    reads_per_row = max(1, rows.nnz // max(1, rows.n_rows)) * width
    block = max(1, _BLOCK_READS // reads_per_row)
    interrupted = threading.Event()

    def learn(bank):
        first, n_lanes = state.lanes(bank)
        for start in range(0, n_visits, block):
            if interrupted.is_set():
                return
            kernel.train(
                indptr=rows.indptr,
                indices=rows.indices,
                data=rows.data,
                n_features=rows.n_features,
                order=order,
                start=start,
                stop=min(start + block, n_visits),
                targets=targets.values,
                codes=targets.codes,
                sample_weight=weight,
                first=first,
                n_lanes=n_lanes,
                table=state.table[bank],
                intercept=state.intercept[bank],
                eta=rule.eta0[bank],
                eps=rule.eps,
                fit_intercept=rule.fit_intercept,
                loss=kernel.LOSSES[rule.loss],
                loss_parameter=rule.loss_parameter,
                loss_sum=loss_sum[bank],
            )

    if n_banks == 1 or effective_n_jobs(n_jobs) == 1:
        for bank in range(n_banks):
            learn(bank)
        return
    try:
        Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(learn)(bank) for bank in range(n_banks)
        )
    finally:
        interrupted.set()


def raw_prediction(state, rows):
    """Return w . x + b of each row and output, of shape (n_samples, n_outputs)."""
    kernel = KERNELS[state.dtype]
    out = np.empty((rows.n_rows, state.n_outputs), dtype=state.dtype)
    for bank in range(len(state.table)):
        first, n_lanes = state.lanes(bank)
        kernel.raw_prediction(
            indptr=rows.indptr,
            indices=rows.indices,
            data=rows.data,
            n_features=rows.n_features,
            table=state.table[bank],
            intercept=state.intercept[bank],
            first=first,
            n_lanes=n_lanes,
            out=out,
        )
    return out
