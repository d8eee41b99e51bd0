"""Models with the whole matrix G of accumulators: their steps, refreshes and roots.

Knows nothing of losses, rows or outputs.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.linalg import eigh
from scipy.special import ellipj, ellipkm1

from ._publishing import as_it_is


@dataclass
class FullModels:
    """Models of the same rows: G = G₀I + S + Σ g gᵀ of what is pending, and w.

    A step is taken with S and its own gradient, but without those that are pending, so
    it is too long rather than too short; with S refreshed after each sample, it is the
    exact rule. Between two refreshes all happens in the coordinates Vᵀw and Vᵀx, where
    S is diagonal, V being its eigenvectors.

    float64 whatever X is: eigenvalues below the rounding error of the largest are lost.
    In float32 these would be of all directions whose rate is some thousand times the
    smallest, and it is for those that one takes a full matrix.

    All models take each step together: of a few features most of the time is that of
    calling NumPy, whether for one model or for eight.

    Parameters
    ----------
    S : ndarray of shape (n_models, m, m)
    pending : ndarray of shape (n_models, refresh_every, m)
        Gradients since the last refresh, then zeros.
    n_pending : int
    seen : ndarray of int of shape (k,)
        Features with gradients in any S. The others are coordinates by themselves.
    V : ndarray of shape (n_models, k, k)
        Eigenvectors of their part of S.
    eigenvalues : ndarray of shape (n_models, m)
        0 for features not seen.
    u : ndarray of shape (n_models, m)
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
    def zeros(cls, n_models, m):
        return cls(
            S=np.zeros((n_models, m, m)),
            pending=np.zeros((n_models, 0, m)),
            n_pending=0,
            seen=np.empty(0, dtype=np.intp),
            V=np.empty((n_models, 0, 0)),
            eigenvalues=np.zeros((n_models, m)),
            u=np.zeros((n_models, m)),
        )

    def take(self, which):
        """Return copies of some models; the same one may come several times."""
        return FullModels(
            self.S[which],
            self.pending[which],
            self.n_pending,
            self.seen.copy(),
            self.V[which],
            self.eigenvalues[which],
            self.u[which],
        )

    def coordinates(self, x):
        """Return Vᵀx of each model."""
        z, x_seen = np.tile(x, (len(self.u), 1)), x[self.seen]
        active = np.flatnonzero(x_seen)
        sparse = 8 * len(active) < len(x_seen)
        z[:, self.seen] = (
            x_seen[active] @ self.V[:, active] if sparse else x_seen @ self.V
        )
        return z

    def weights(self, which):
        """Return w of one model."""
        models = as_it_is(self)  # another thread may refresh them
        w = models.u[which].copy()
        w[models.seen] = models.V[which] @ w[models.seen]
        return w

    def last_weights(self):
        """Return the last feature's weight in each model, and find no other."""
        if len(self.seen) and self.seen[-1] == self.u.shape[1] - 1:
            return (self.V[:, -1] * self.u[:, self.seen]).sum(axis=1)
        return self.u[:, -1]

    def diagonal(self, which):
        """Return the diagonal of G - G₀I of one model."""
        return self.S[which].diagonal() + (self.pending[which] ** 2).sum(axis=0)

    def root_diagonal(self, which, shift):
        """Return the diagonal of (G + εI)^(-1/2) of one model, `shift` being G₀ + ε."""
        pending = self.pending[which]
        S = self.S[which] + pending.T @ pending
        seen = np.flatnonzero(S.diagonal())
        eigenvalues, V = _eigen(S[np.ix_(seen, seen)])
        diagonal = np.full(len(S), shift**-0.5)
        diagonal[seen] = V**2 @ (eigenvalues + shift) ** -0.5
        return diagonal

    def refresh(self, refresh_every):
        """Take the pending gradients into S and find its eigenvectors."""
        w = np.array([self.weights(which) for which in range(len(self.u))])
        for S, pending in zip(self.S, self.pending, strict=True):
            # The buffer is always full here, so the order of this sum does not depend
            # on the chunks in which the samples came.
            S += pending.T @ pending
        has_gradient = self.S.diagonal(axis1=1, axis2=2) > 0
        seen = np.flatnonzero(has_gradient.any(axis=0))
        V = np.tile(np.eye(len(seen)), (len(w), 1, 1))
        for which, has in enumerate(has_gradient[:, seen]):
            own = np.flatnonzero(has)  # of the features seen
            features = seen[own]
            eigenvalues, vectors = _eigen(self.S[which][np.ix_(features, features)])
            self.eigenvalues[which, features] = eigenvalues
            V[which][np.ix_(own, own)] = vectors
        w[:, seen] = (w[:, None, seen] @ V)[:, 0]
        pending = np.zeros((len(w), refresh_every, w.shape[1]))
        # At once, for other threads that predict.
        vars(self).update(seen=seen, V=V, u=w, pending=pending, n_pending=0)

    def step(self, x, z, slopes, etas, shifts):
        """Learn from the sample x, z its coordinates, where the losses have slopes."""
        self.pending[:, self.n_pending] = slopes[:, None] * x
        self.n_pending += 1
        roots = root_with(slopes[:, None] * z, self.eigenvalues + shifts[:, None])
        self.u -= etas[:, None] * roots

    def __setstate__(self, contents):
        set_copies(self, contents)


def _eigen(S):
    """Return the eigenvalues, none below 0, and eigenvectors of S."""
    if not len(S):
        return np.empty(0), S
    # scipy 1.9 gives "evd" too little room for a single number.
    driver = "evd" if len(S) > 1 else "evr"
    eigenvalues, V = eigh(S, driver=driver, overwrite_a=True)
    return eigenvalues.clip(min=0), V


def root_with(c, d):
    """Return (D + c cᵀ)^(-1/2) c for D = diag(d), without finding eigenvalues.

    The root is a sum of inverses, t^(-1/2) ≈ Σ a / (t + s²), for all t between the
    least d and the most that an eigenvalue can be. And
    (D + s²I + c cᵀ)^(-1) c = q / (1 + c·q), where q = (D + s²I)^(-1) c.

    Parameters
    ----------
    c, d : ndarray of shape (..., m)
    """
    squares = c * c
    low = d.min(axis=-1, keepdims=True)
    high = d.max(axis=-1) + squares.sum(axis=-1)
    _, octaves = np.frexp(np.max(high / low[..., 0]))
    s_squared, a = _inverses_in_a_root(int(octaves))
    inverse = 1 / (d[..., None, :] + (low * s_squared)[..., None])
    shares = np.sqrt(low) * a / (1 + (inverse @ squares[..., None])[..., 0])
    return c * (shares[..., None, :] @ inverse)[..., 0, :]


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
