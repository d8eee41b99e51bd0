"""Tasks that are learned under eta0="auto", options that go with it, and starts."""

import numpy as np
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor

from .comparing import with_int64

N_ROWS, N_FEATURES = 150, 12
PENALTY = {"alpha": 1e-2, "l1_ratio": 0.3}
OPTIONS = {
    "none": {},
    "mirror_descent": PENALTY,
    "dual_averaging": {"update": "dual_averaging", **PENALTY},
    "ftrl_proximal": {"update": "ftrl_proximal", **PENALTY},
    "half_life": {"half_life": 20},
    "importance_aware": {"importance_aware": True},
    "scale_invariant": {"scale_invariant": True, **PENALTY},
    "scale_invariant sums": {"scale_invariant": True, "update": "dual_averaging"},
    "all of mirror descent": {
        **{"half_life": 20, "importance_aware": True, "scale_invariant": True},
        **PENALTY,
    },
    "first": {"initial_accumulator": 0.5, "eps": 1e-3, "fit_intercept": False},
}
TARGETS = {
    "binary": (AdagradClassifier(), lambda z: (z[:, 0] > 0).astype(int)),
    "classes": (AdagradClassifier("hinge"), lambda z: z.argmax(axis=1)),
    "softmax": (
        AdagradClassifier(multi_class="multinomial"),
        lambda z: z.argmax(axis=1),
    ),
    "labels": (AdagradClassifier(), lambda z: (z > 0).astype(int)),
    "sparse labels": (AdagradClassifier(), lambda z: sp.csr_matrix(z > 0, dtype=int)),
    "one target": (AdagradRegressor(), lambda z: z[:, 0]),
    "targets": (
        AdagradRegressor("absolute_error"),
        lambda z: z * 4.0 ** np.arange(-5, 6),
    ),
}
FORMS = {
    "dense float64": (np.asarray, "float64"),
    "dense float32": (np.asarray, "float32"),
    "CSR float32": (sp.csr_matrix, "float32"),
    "CSR float64, int64 indices": (with_int64, "float64"),
}


def weighted_quantiles(Y, weight, level):
    """Return the least value of each column that this part of its weight is up to."""
    order = Y.argsort(axis=0)
    sums = np.cumsum(weight[order], axis=0)
    places = (sums < level * sums[-1]).sum(axis=0)
    return np.take_along_axis(Y, order, axis=0)[places, np.arange(Y.shape[1])]


def standard_samples(task, form):
    """Return eleven outputs' samples, so that banks are not full, and weights.

    The first 32, 64 and 128 with a weight, by which a stream starts, have targets of
    the median 0 and the root mean square 1, and so have all. So intercepts start at 0,
    as they do at a given rate, and all scales are the same in a stream as in `fit`;
    those that are rounded to powers of two by this choice of a seed.
    """
    make, dtype = FORMS[form]
    rng = np.random.default_rng(71)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.5)
    z = X @ rng.normal(size=(N_FEATURES, 11)) + rng.normal(size=(N_ROWS, 11))
    weight = rng.uniform(0.2, 2, N_ROWS) * (rng.random(N_ROWS) < 0.9)
    ends = np.flatnonzero(weight)[[31, 63, 127]] + 1
    for part, weights in zip(np.split(z, ends), np.split(weight, ends), strict=True):
        part -= weighted_quantiles(part, weights, 0.5)
        part /= np.sqrt(np.average(part**2, axis=0, weights=weights))
    return make(X.astype(dtype)), TARGETS[task][1](z), weight.astype(dtype)


def model_of(task, **params):
    kind, _ = TARGETS[task]
    return type(kind)(**{**kind.get_params(), **params})


def known_classes(task):
    """Return what the first call of `partial_fit` needs to know."""
    n_classes = {"binary": 2, "classes": 11, "softmax": 11}
    return {"classes": np.arange(n_classes[task])} if task in n_classes else {}


def expected_start(X, weight, share):
    """Return the share of the squared mean |x| of non-zeros, as a power of two."""
    sizes = np.abs(X)[X != 0]
    mean = np.average(sizes, weights=np.repeat(weight, (X != 0).sum(axis=1)))
    return 2.0 ** np.round(np.log2(share * mean**2))


def share_of_two(y, weight):
    """Return 4 where one of two classes has up to an eighth, 1/256 for a half."""
    one = np.average(y, weights=weight)
    return 4.0 / max(1.0, 8 * min(one, 1 - one)) ** 5


def looked_at(weight, method):
    """Return the rows that tell how columns are read where none are shuffled.

    They are spread evenly over all rows with a weight, or over those that a stream
    starts by, of which there are 150 at most here.
    """
    rows = np.flatnonzero(weight)
    rows = rows if method == "fit" else rows[:128]
    return rows[:: len(rows) // 64][:64]
