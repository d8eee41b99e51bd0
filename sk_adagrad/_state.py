"""All that learning changes, as plain arrays."""

from dataclasses import dataclass, field

import numpy as np

LANES = 8
_CACHE_LINE = 64


@dataclass
class ModelState:
    """Weights, accumulators and counters of all outputs, grouped in banks.

    A bank is what the kernel trains in one pass over the rows: eight outputs side by
    side, or a single one. Up to two outputs are banks of one; three or more are banks
    of eight, whose last lanes may be unused.

    Parameters
    ----------
    table : ndarray of shape (n_banks, n_features, 2, width)
        For each feature the weights w and the accumulators G of the bank's lanes. With
        eight float32 lanes they are one cache line.
    intercept : ndarray of shape (n_banks, 2, width)
    n_outputs : int
    loss_sum : ndarray of float64 of shape (n_banks, width)
        Weighted loss of each lane, every sample scored when first seen and before it
        was learned from.
    weight_sum : float
        Sum of these samples' weights.
    t : int
        Visits to samples of weight above 0, in all passes.
    class_counts : ndarray of float64 of shape (n_classes + 1,), or None
        Running weights of the classes and of all of them, for
        ``class_weight="balanced"`` in ``partial_fit``.
    """

    table: np.ndarray
    intercept: np.ndarray
    n_outputs: int
    loss_sum: np.ndarray
    weight_sum: float = 0.0
    t: int = 0
    class_counts: np.ndarray | None = None
    _read: dict = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def zeros(cls, n_outputs, n_features, dtype, initial_accumulator):
        """Make the state before the first sample."""
        width = LANES if n_outputs > 2 else 1
        n_banks = -(-n_outputs // width)
        state = cls(
            table=_aligned_zeros((n_banks, n_features, 2, width), dtype),
            intercept=np.zeros((n_banks, 2, width), dtype),
            n_outputs=n_outputs,
            loss_sum=np.zeros((n_banks, width)),
        )
        if initial_accumulator:
            state.table[:, :, 1] = initial_accumulator
            state.intercept[:, 1] = initial_accumulator
        return state

    @property
    def n_features(self):
        return self.table.shape[1]

    @property
    def dtype(self):
        return self.table.dtype

    def lanes(self, bank):
        """Return the first output of a bank and how many outputs it has."""
        first = bank * self.table.shape[3]
        return first, min(self.table.shape[3], self.n_outputs - first)

    def by_lane(self, values):
        """Lay one value per output out as (n_banks, width), 0 in unused lanes."""
        laid_out = np.zeros(self.loss_sum.shape, dtype=self.dtype)
        laid_out.reshape(-1)[: self.n_outputs] = values
        return laid_out

    @property
    def progressive_loss(self):
        """Mean loss over samples and outputs, each sample scored when first seen."""
        if not self.weight_sum:
            return np.nan
        return float(self.loss_sum.sum() / (self.weight_sum * self.n_outputs))

    def weights(self):
        """Return w as (n_outputs, n_features) and (n_outputs,), read-only."""
        return self._published(0)

    def accumulators(self):
        """Return G as (n_outputs, n_features) and (n_outputs,), read-only."""
        return self._published(1)

    def changed(self):
        """Forget what was published: the state has learned since."""
        self._read.clear()

    def _published(self, part):
        if part not in self._read:
            by_feature = np.moveaxis(self.table[:, :, part], 1, 2)
            coef = by_feature.reshape(-1, self.n_features)[: self.n_outputs]
            intercept = self.intercept[:, part].reshape(-1)[: self.n_outputs]
            # Copies, or else they would change as learning goes on; not writable, as
            # writing to them would change nothing.
            published = np.array(coef, order="C"), intercept.copy()
            for array in published:
                array.flags.writeable = False
            self._read[part] = published
        return self._read[part]

    def __getstate__(self):
        return {**vars(self), "_read": {}}

    def __setstate__(self, contents):
        # Copies: a pickle aligns to 16 bytes only, joblib can load read-only arrays.
        table = contents["table"]
        copies = {name: contents[name].copy() for name in ("intercept", "loss_sum")}
        copies["table"] = _aligned_zeros(table.shape, table.dtype)
        copies["table"][...] = table
        vars(self).update(contents, **copies)


def _aligned_zeros(shape, dtype):
    """Return zeros that start at a cache line; pages are not touched before use."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64))
    block = np.zeros(size + _CACHE_LINE // dtype.itemsize, dtype=dtype)
    skip = -block.ctypes.data % _CACHE_LINE // dtype.itemsize
    return block[skip : skip + size].reshape(shape)
