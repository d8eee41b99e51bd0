"""What is read of a state: worked out once, kept until it learns, never written to."""

import numpy as np
import scipy.sparse as sp


class Publishing:
    """A state that keeps what has been read of it in a dict `_known`."""

    _known: dict

    def _once(self, name, read):
        """Return what `read` returns, read-only; what it returned before, if it did."""
        known = self._known  # not the dict of after, if the state learns meanwhile
        if name not in known:
            known[name] = tuple(map(read_only, read()))
        return known[name]

    def changed(self):
        """Forget what was published: the state has learned since.

        A new dict, as another thread may be about to put what it has read into this.
        """
        self._known = {}

    def __getstate__(self):
        return {**vars(self), "_known": {}}


def read_only(array):
    """Return an array, or CSR matrix, that cannot be written to.

    Writing to it would change nothing, and the user would not know.
    """
    if sp.issparse(array):
        array.data.flags.writeable = False
        return array
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
