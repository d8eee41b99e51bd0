"""The targets of the outputs, as the kernel reads them."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ._dispatch import KERNELS
from ._rows import AS_THEY_COME

_NO_INDPTR = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Targets:
    """Values for each output, or the label that an output tells from the rest.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_outputs)
        Empty if there are labels.
    labels : ndarray of shape (n_labels_in_all,)
        Class codes, row after row. Floating, as the kernel compares them with lanes.
    label_indptr : ndarray of int64 of shape (n_samples + 1,)
        Where the labels of each row begin; empty if each row has one.
    codes : ndarray of shape (n_outputs,)
        The label that each output tells from the rest; empty if there are values.
    """

    values: np.ndarray
    labels: np.ndarray
    label_indptr: np.ndarray
    codes: np.ndarray

    @classmethod
    def of_labels(cls, labels, codes, dtype, label_indptr=_NO_INDPTR):
        """Take class codes, one per row or as many as `label_indptr` says."""
        return cls(
            np.empty((0, 0), dtype),
            labels.astype(dtype),
            label_indptr.astype(np.int64),
            codes.astype(dtype),
        )

    @classmethod
    def of_values(cls, values):
        """Take what each output is to predict, of shape (n_samples, n_outputs)."""
        none = np.empty(0, values.dtype)
        return cls(values, none, _NO_INDPTR, none)

    @property
    def n_outputs(self):
        return len(self.codes) or self.values.shape[1]

    @property
    def are_labels(self):
        """Whether each output tells a label from the rest."""
        return len(self.codes) > 0

    @property
    def are_sets(self):
        """Whether a row may have any number of labels."""
        return len(self.label_indptr) > 0

    @property
    def independent(self):
        """Whether each output decides by itself: with two classes, or with labels."""
        return len(self.codes) == 1 or self.are_sets

    def shares(self, weight):
        """Return each output's label's share of the samples' weight."""
        of_labels = weight
        if self.are_sets:
            of_labels = np.repeat(weight, np.diff(self.label_indptr))
        numbers, codes = (x.astype(np.intp) for x in (self.labels, self.codes))
        has = np.bincount(numbers, of_labels, minlength=codes.max() + 1)
        # The two sums are rounded differently.
        return np.minimum(has[codes] / (weight.sum() or 1.0), 1.0)

    def which_have(self):
        """Yield for each output which samples have its label, as booleans."""
        if not self.are_sets:
            for code in self.codes:
                yield self.labels == code
            return
        numbers, codes = (x.astype(np.intp) for x in (self.labels, self.codes))
        shape = len(self.label_indptr) - 1, codes.max() + 1
        ones = np.ones(len(numbers), dtype=bool)
        by_label = sp.csr_array((ones, numbers, self.label_indptr), shape).tocsc()
        for code in codes:
            has = np.zeros(shape[0], dtype=bool)
            has[by_label.indices[slice(*by_label.indptr[code : code + 2])]] = True
            yield has

    def of_each_output(self):
        """Yield the targets of each output: values, or 1 and -1."""
        if not self.are_labels:
            yield from self.values.T
            return
        for has in self.which_have():
            yield np.where(has, 1, -1).astype(self.labels.dtype)

    def of_outputs(self, which):
        """Return the targets of some outputs."""
        values = np.ascontiguousarray(self.values[:, which])
        return replace(self, values=values, codes=self.codes[which])

    def take(self, which):
        """Return the targets of some rows."""
        if not self.are_labels:
            return replace(self, values=self.values[which])
        if not self.are_sets:
            return replace(self, labels=self.labels[which])
        places = np.arange(len(self.labels))
        shape = len(self.label_indptr) - 1, max(1, len(places))
        kept = sp.csr_array((self.labels, places, self.label_indptr), shape)[which]
        return replace(
            self, labels=kept.data, label_indptr=kept.indptr.astype(np.int64)
        )

    def copy(self):
        """Return a copy that shares nothing with y."""
        values, labels = self.values.copy(), self.labels.copy()
        return replace(
            self, values=values, labels=labels, label_indptr=self.label_indptr.copy()
        )

    def followed_by(self, *others):
        """Return these targets and then those of other rows."""
        parts = self, *others
        indptr = self.label_indptr
        if self.are_sets:
            lengths = [np.diff(part.label_indptr) for part in parts]
            indptr = np.append(0, np.cumsum(np.concatenate(lengths)))
        return replace(
            self,
            values=np.concatenate([part.values for part in parts]),
            labels=np.concatenate([part.labels for part in parts]),
            label_indptr=indptr,
        )

    def content(self):
        """Return numbers of shape (n_samples, ...) that tell rows' targets apart."""
        if not self.are_labels:
            return self.values
        if not self.are_sets:
            return self.labels[:, None]
        n_rows = len(self.label_indptr) - 1
        keys = np.empty(n_rows, dtype=np.uint64)
        dtype = self.labels.dtype
        KERNELS[dtype].row_keys(
            indptr=self.label_indptr,
            indices=self.labels.astype(np.int64),
            data=np.ones(len(self.labels), dtype),
            n_features=len(self.codes),
            targets=np.empty((n_rows, 0), dtype),
            order=AS_THEY_COME,
            exact=False,
            seed=2**31,  # arbitrary: `visits` mixes in that of the order
            keys=keys,
        )
        # Pieces of 22 bits are exact in float32.
        pieces = [(keys >> shift) & 0x3FFFFF for shift in (0, 22, 44)]
        return np.column_stack(pieces).astype(dtype)
