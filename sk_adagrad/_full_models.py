"""Models with the whole matrix G of accumulators: steps, refreshes and roots.

Knows nothing of losses, rows or outputs.
"""

import pickle
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.linalg import eigh
from scipy.special import ellipj, ellipkm1

from ._publishing import shallow_copy


@dataclass
class FullModels:
    """Models of the same rows: w, and G = G₀I + S + Σ g gᵀ over pending gradients.

    A step uses S and its own gradient but not the pending ones, so it is too long
    rather than too short; if S is refreshed after each sample, it is the exact rule.
    Between refreshes all work is done in the coordinates Vᵀw and Vᵀx, with V the
    eigenvectors of S, where S is diagonal.

    float64 whatever X is: eigenvalues below the rounding error of the largest are lost.
    In float32 that would be all directions with rates over some thousand times the
    smallest, the very ones for which one uses a full matrix.

    All models take each step together: with few features most of the time is NumPy's
    call overhead, whether for one model or for eight.

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
        0 for unseen features.
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

    def __getstate__(self):
        """Return arrays laid out as pickles have them, as `joblib.hash` sees that."""
        return pickle.loads(pickle.dumps(vars(self)))

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
        models = shallow_copy(self)  # another thread may refresh them
        w = models.u[which].copy()
        w[models.seen] = models.V[which] @ w[models.seen]
        return w

    def last_weights(self):
        """Return the last feature's weight in each model, without the others."""
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
        """Add the pending gradients to S and find its eigenvectors."""
        w = np.array([self.weights(which) for which in range(len(self.u))])
        for S, pending in zip(self.S, self.pending, strict=True):
            # The buffer is full here, or 0 at its end if `refresh_every` was lowered,
            # so the order of this sum does not depend on how the samples were divided
            # into chunks.
            S += pending.T @ pending
        has_gradient = self.S.diagonal(axis1=1, axis2=2) > 0
        seen = np.flatnonzero(has_gradient.any(axis=0))
        V = np.tile(np.eye(len(seen)), (len(w), 1, 1))
        for which, has in enumerate(has_gradient[:, seen]):
            own = np.flatnonzero(has)  # among the features seen
            features = seen[own]
            eigenvalues, vectors = _eigen(self.S[which][np.ix_(features, features)])
            self.eigenvalues[which, features] = eigenvalues
            V[which][np.ix_(own, own)] = vectors
        w[:, seen] = (w[:, None, seen] @ V)[:, 0]
        pending = np.zeros((len(w), refresh_every, w.shape[1]))
        # All at once, for other threads that predict.
        vars(self).update(seen=seen, V=V, u=w, pending=pending, n_pending=0)

    def step(self, x, z, slopes, etas, shifts):
        """Learn from sample x with coordinates z, given the slopes of the losses."""
        self.pending[:, self.n_pending] = slopes[:, None] * x
        self.n_pending += 1
        roots = root_with(slopes[:, None] * z, self.eigenvalues + shifts[:, None])
        self.u -= etas[:, None] * roots

    def __setstate__(self, contents):
        set_copies(self, contents)


def _eigen(S):
    """Return the eigenvalues of S, clipped at 0, and its eigenvectors."""
    if not len(S):
        return np.empty(0), S
    # SciPy 1.9 gives "evd" too little workspace for a 1 x 1 matrix.
    driver = "evd" if len(S) > 1 else "evr"
    eigenvalues, V = eigh(S, driver=driver, overwrite_a=True)
    return eigenvalues.clip(min=0), V


def root_with(c, d):
    """Return (D + c cᵀ)^(-1/2) c for D = diag(d), without finding eigenvalues.

    The root is a sum of inverses, t^(-1/2) ≈ Σ a / (t + s²), for all t between the
    least d and the largest possible eigenvalue, and
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

    For t from 1 to 2^octaves (Hale, Higham and Trefethen 2008, method 3). Octaves are
    whole numbers so that few are ever computed: each takes as long as the rest of a
    step.
    """
    high = 2.0**octaves
    n_half = int(np.ceil(0.7 * (np.log(high) + 6)))
    K = ellipkm1(1 / high)
    # The upper half mirrors the lower half.
    sn, cn, dn, _ = ellipj(K * (np.arange(n_half) + 0.5) / (2 * n_half), 1 - 1 / high)
    s = np.concatenate((sn / cn, np.sqrt(high) * cn / sn))
    a = np.concatenate((dn / cn**2, np.sqrt(high) * dn / sn**2))
    return s * s, a * (K / (np.pi * n_half))


def set_copies(state, contents):
    """Unpickle; joblib may load read-only arrays."""
    for name, value in contents.items():
        setattr(state, name, value.copy() if isinstance(value, np.ndarray) else value)
