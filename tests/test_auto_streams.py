"""eta0="auto" in a stream: its start is measured again as more samples come."""

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradRegressor
from sk_adagrad._rates import n_to_start_by

from .auto_tasks import N_ROWS, expected_start, model_of, share_of_two, standard_samples
from .comparing import assert_same


@pytest.mark.parametrize("chunk", [1, 7, N_ROWS])
def test_a_stream_with_class_weights_starts_again_with_the_rarer_class(chunk):
    X, _, _ = standard_samples("binary", "dense float64")
    is_rare = np.arange(N_ROWS) % 9 == 40 % 9
    is_rare[:40] = False
    n = 128  # of 150
    model = AdagradClassifier(class_weight={0: 1.0, 1: 20.0})
    for begin in range(0, N_ROWS, chunk):
        part = slice(begin, begin + chunk)
        model.partial_fit(X[part], is_rare[part].astype(int), classes=[0, 1])
    weight = np.where(is_rare, 20.0, 1.0)[:n]
    share = is_rare[:n].mean()
    gain = weight[is_rare[:n]].sum() / weight.sum() / share
    assert share < 1 / 8
    assert model.initial_accumulator_ == expected_start(X[:n], weight, 4 * gain)
    without = AdagradClassifier().partial_fit(X, is_rare.astype(int), classes=[0, 1])
    assert without.initial_accumulator_ == expected_start(X[:n], np.ones(n), 4)


@pytest.mark.parametrize("chunk", [1, 7, N_ROWS])
def test_a_stream_starts_again_by_twice_as_many_samples(chunk):
    X, y, weight = standard_samples("binary", "dense float64")
    kept = np.flatnonzero(weight)
    X *= np.linspace(1, 100, N_ROWS)[:, None]
    model, starts = model_of("binary"), []
    for begin in range(0, N_ROWS, chunk):
        part = slice(begin, begin + chunk)
        model.partial_fit(X[part], y[part], [0, 1], sample_weight=weight[part])
        n = int(np.count_nonzero(weight[: begin + chunk]))
        if n >= 32:
            first = kept[: 2 ** int(np.log2(n))]
            starts.append(model.initial_accumulator_)
            share = share_of_two(y[first], weight[first])
            assert starts[-1] == expected_start(X[first], weight[first], share)
    assert len(set(starts)) == (3 if chunk < N_ROWS else 1)
    model.set_params(eta0=0.5).partial_fit(X, y)
    assert model.initial_accumulator_ == starts[-1], "a state keeps its start"


@pytest.mark.parametrize("n_equal", [0, 40, 140])
@pytest.mark.parametrize("chunk", [1, 64])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
def test_a_stream_is_scaled_by_targets_that_differ(loss, chunk, n_equal):
    """Claims are mostly 0; before one comes nothing is known of their size."""
    X, y, _ = standard_samples("targets", "CSR float64, int64 indices")
    X, y = sp.vstack([X[:n_equal], X], format="csr"), np.abs(y[:, 0])
    y = np.concatenate([np.zeros(n_equal), y * (y > np.median(y))])
    in_units, in_thousands = (AdagradRegressor(loss) for _ in range(2))
    for begin in range(0, len(y), chunk):
        part = slice(begin, begin + chunk)
        in_units.partial_fit(X[part], y[part])
        in_thousands.partial_fit(X[part], 1024 * y[part])
    if loss != "poisson":
        assert in_thousands.eta0_ == 1024 * in_units.eta0_
        np.testing.assert_allclose(
            in_thousands.predict(X), 1024 * in_units.predict(X), rtol=1e-5, atol=1e-3
        )
    whole = AdagradRegressor(loss).partial_fit(X, y)
    assert_same(in_units, whole)


def test_how_many_samples_a_stream_starts_by():
    for come, first in (
        *((0, 0), (1, 1), (31, 31), (32, 32), (63, 32), (64, 64)),
        *((1023, 512), (1024, 1024), (4096, 1024), (10**9, 1024)),
    ):
        assert n_to_start_by(come) == (first, True)


def test_a_stream_waits_for_targets_that_differ():
    rising, zeros = np.arange(5000.0)[:, None], np.zeros((5000, 1))
    claims, late = zeros.copy(), zeros.copy()
    claims[100::10] = 1
    late[2000::5] = 1
    for come, targets, expected in (
        (40, rising, (32, True)),
        (0, zeros, (0, False)),
        (150, claims, (128, False)),
        (170, claims, (128, False)),
        (171, claims, (171, True)),  # has eight ones
        (255, claims, (171, True)),
        (256, claims, (256, True)),
        (200, np.hstack([rising, claims]), (171, True)),
        (2035, late, (1024, False)),
        (2036, late, (2036, True)),
        (4096, late, (2036, True)),
        (4000, zeros, (2048, False)),
        (4096, zeros, (4096, True)),  # no longer waited for
        (5000, zeros, (4096, True)),
    ):
        assert n_to_start_by(come, targets[: min(come, 4096)]) == expected
