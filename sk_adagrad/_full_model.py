"""One model with the whole matrix G of accumulators: its steps, refreshes and roots.

Knows nothing of losses, rows or banks.
"""

from dataclasses import dataclass
from functools import cache
from math import frexp

import numpy as np
from scipy.linalg import eigh
from scipy.special import ellipj, ellipkm1


@dataclass
class FullModel:
    """One model: G = G₀I + S + the sum of pending g gᵀ; w by the eigenvectors of S.

    S has the gradients up to the last refresh. A step is taken with S and its own
    gradient, but without those that are pending, so it is too long rather than too
    short; with S refreshed after each sample, it is the exact rule. Between two
    refreshes all happens in the coordinates Vᵀw and Vᵀx, where S is diagonal.

    float64 whatever X is: eigenvalues below the rounding error of the largest are lost,
    and in float32 these would be all directions whose rate is to be some thousand times
    the smallest, for which one takes a full matrix.

    Parameters
    ----------
    S : ndarray of shape (m, m)
    pending : ndarray of shape (refresh_every, m)
        Gradients since the last refresh, then zeros.
    n_pending : int
    seen : ndarray of int of shape (k,)
        Features with gradients in S. The others are coordinates by themselves.
    V : ndarray of shape (k, k)
        Eigenvectors of their part of S.
    eigenvalues : ndarray of shape (m,)
        0 for features not seen.
    u : ndarray of shape (m,)
        Coordinates of the weights.
    """

    S: np.ndarray
    pending: np.ndarray
    n_pending: int
    seen: np.ndarray
    V: np.ndarray
    eigenvalues: np.ndarray
    u: np.ndarray

    @classmethod
    def zeros(cls, m):
        return cls(
            S=np.zeros((m, m)),
            pending=np.zeros((0, m)),
            n_pending=0,
            seen=np.empty(0, dtype=np.intp),
            V=np.empty((0, 0)),
            eigenvalues=np.zeros(m),
            u=np.zeros(m),
        )

    def coordinates(self, x):
        """Return Vᵀx."""
        z, x_seen = x.copy(), x[self.seen]
        active = np.flatnonzero(x_seen)
        sparse = 8 * len(active) < len(x_seen)
        z[self.seen] = x_seen[active] @ self.V[active] if sparse else x_seen @ self.V
        return z

    def weights(self):
        """Return w."""
        w = self.u.copy()
        w[self.seen] = self.V @ w[self.seen]
        return w

    def diagonal(self):
        """Return the diagonal of G - G₀I."""
        return self.S.diagonal() + (self.pending**2).sum(axis=0)

    def root_diagonal(self, shift):
        """Return the diagonal of (G + εI)^(-1/2), `shift` being G₀ + ε."""
        seen, eigenvalues, V = _eigen(self.S + self.pending.T @ self.pending)
        diagonal = np.full(len(self.u), shift**-0.5)
        diagonal[seen] = V**2 @ (eigenvalues + shift) ** -0.5
        return diagonal

    def refresh(self, refresh_every):
        """Take the pending gradients into S and find its eigenvectors."""
        w = self.weights()
        # The buffer is always full here, so the order of this sum does not depend on
        # the chunks in which the samples came.
        self.S += self.pending.T @ self.pending
        self.seen, eigenvalues, self.V = _eigen(self.S)
        self.eigenvalues[self.seen] = eigenvalues
        self.u = self.coordinates(w)
        self.pending = np.zeros((refresh_every, len(w)))
        self.n_pending = 0

    def step(self, x, z, slope, eta, shift):
        """Learn from the sample x, z its coordinates, where the loss has a slope."""
        self.pending[self.n_pending] = slope * x
        self.n_pending += 1
        if slope:
            self.u -= eta * root_with(slope * z, self.eigenvalues + shift)

    def __setstate__(self, contents):
        set_copies(self, contents)


def _eigen(S):
    """Return the features with gradients, and S = V diag(eigenvalues) Vᵀ of them."""
    seen = np.flatnonzero(S.diagonal())
    if not len(seen):
        return seen, np.empty(0), np.empty((0, 0))
    # scipy 1.9 gives "evd" too little room for a single number.
    driver = "evd" if len(seen) > 1 else "evr"
    eigenvalues, V = eigh(S[np.ix_(seen, seen)], driver=driver, overwrite_a=True)
    return seen, eigenvalues.clip(min=0), np.ascontiguousarray(V)


def root_with(c, d):
    """Return (D + c cᵀ)^(-1/2) c for D = diag(d), without finding eigenvalues.

    The root is a sum of inverses, t^(-1/2) ≈ Σ a / (t + s²), for all t between the
    least d and the most that an eigenvalue can be. And
    (D + s²I + c cᵀ)^(-1) c = q / (1 + c·q), where q = (D + s²I)^(-1) c.
    """
    squares = c * c
    low = d.min()
    s_squared, a = _inverses_in_a_root(frexp((d.max() + squares.sum()) / low)[1])
    inverse = 1 / (d + (low * s_squared)[:, None])
    return c * ((np.sqrt(low) * a / (1 + inverse @ squares)) @ inverse)


@cache
def _inverses_in_a_root(octaves):
    """Return s² and a such that t^(-1/2) ≈ Σ a / (t + s²) to some twelve digits.

    For t from 1 to 2^octaves (Hale, Higham and Trefethen 2008, method 3). Whole octaves
    so that they are found a few times in all: that takes as long as the rest of a step.
    """
    high = 2.0**octaves
    n_half = int(np.ceil(0.7 * (np.log(high) + 6)))
    K = ellipkm1(1 / high)
    # Those in the upper half mirror those in the lower.
    sn, cn, dn, _ = ellipj(K * (np.arange(n_half) + 0.5) / (2 * n_half), 1 - 1 / high)
    s = np.concatenate((sn / cn, np.sqrt(high) * cn / sn))
    a = np.concatenate((dn / cn**2, np.sqrt(high) * dn / sn**2))
    return s * s, a * (K / (np.pi * n_half))


def set_copies(state, contents):
    """Unpickle; joblib can load read-only arrays."""
    for name, value in contents.items():
        setattr(state, name, value.copy() if isinstance(value, np.ndarray) else value)
