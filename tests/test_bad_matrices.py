"""A sparse matrix whose arrays contradict each other is refused, not read."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

from sk_adagrad import AdagradClassifier, AdagradClassifierCV, AdagradRegressor

N_ROWS, N_FEATURES = 6, 5
DENSE = np.random.default_rng(0).normal(size=(N_ROWS, N_FEATURES))
DENSE[:, 2] = 0
Y = np.arange(N_ROWS) % 2


def spoil(X, array, at=None, value=None):
    """Write a value into an array of X, or cut off or add to its end if at is None."""
    spoilt = getattr(X, array).copy()
    if at is None:
        spoilt = spoilt[:value] if value < 0 else np.append(spoilt, spoilt[-1:])
    else:
        spoilt[at] = value
    setattr(X, array, spoilt)
    return X


def with_huge_indptr(X):
    """Let 2**32 + 3 stand where it would become a harmless 3 as an int32."""
    X.indptr = X.indptr.astype("int64")
    X.indptr[1] += 2**32
    return X


def with_coordinates(X, **changes):
    """Change a COO matrix past the checks of its attributes."""
    for axis, (at, value) in changes.items():
        getattr(X, axis)[at] = value
    return X


def csr():
    return sp.csr_matrix(DENSE)


def csc():
    return sp.csc_matrix(DENSE)


def coo():
    return sp.coo_matrix(DENSE)


def with_pointers(X, *pointers):
    """Let rows, or columns, begin at these entries and after them at the last."""
    X.indptr = np.append(pointers, [X.indptr[-1]] * (len(X.indptr) - len(pointers)))
    X.indptr = X.indptr.astype(X.indices.dtype)
    return X


def with_array(X, name, array):
    setattr(X, name, array)
    return X


def lil(**spoilt):
    """Return a matrix of lists, some of which are replaced."""
    X = sp.lil_matrix(DENSE)
    for name, row in spoilt.items():
        getattr(X, name)[2] = row
    return X


WRAPPING = 0, 2**31 - 1, -(2**31), -1

BAD = {
    "CSR of integers: indptr behind the data": (
        lambda: spoil(csr().astype(int), "indptr", 2, 2**24),
        "indptr",
    ),
    "CSR of integers: negative indptr": (
        lambda: spoil(csr().astype(int), "indptr", 2, -100),
        "indptr",
    ),
    "CSR without entries": (
        lambda: with_pointers(sp.csr_matrix(DENSE.shape), 0, 2**20),
        "indptr",
    ),
    "CSC without entries": (
        lambda: with_pointers(sp.csc_matrix(DENSE.shape), 0, -(2**20)),
        "indptr",
    ),
    "CSC: indptr whose differences wrap": (
        lambda: with_pointers(csc(), *WRAPPING),
        "indptr",
    ),
    "BSR: indptr whose differences wrap": (
        lambda: with_pointers(sp.bsr_matrix(DENSE, blocksize=(1, 1)), *WRAPPING),
        "indptr",
    ),
    "LIL: long data": (lambda: lil(data=[1.0] * 1000), "lists of the same lengths"),
    "LIL: short rows": (lambda: lil(rows=[]), "lists of the same lengths"),
    "LIL: few rows": (
        lambda: with_array(lil(), "rows", lil().rows[:2]),
        "lists of the same lengths",
    ),
    "DIA: few offsets": (
        lambda: with_array(sp.dia_matrix(DENSE), "offsets", np.zeros(1, "int32")),
        "diagonals",
    ),
    "DIA: many offsets": (
        lambda: with_array(sp.dia_matrix(DENSE), "offsets", np.zeros(99, "int32")),
        "diagonals",
    ),
    "CSR: negative column": (lambda: spoil(csr(), "indices", 3, -1), "indices"),
    "CSR: most negative column": (
        lambda: spoil(csr(), "indices", 3, -(2**31)),
        "indices",
    ),
    "CSR: column too large": (
        lambda: spoil(csr(), "indices", 3, N_FEATURES),
        "indices",
    ),
    "CSR: column in the last row": (lambda: spoil(csr(), "indices", -1, 9), "indices"),
    "CSR: falling indptr": (lambda: spoil(csr(), "indptr", 3, 1), "indptr"),
    "CSR: negative indptr": (lambda: spoil(csr(), "indptr", 3, -1), "indptr"),
    "CSR: first indptr": (lambda: spoil(csr(), "indptr", 0, 1), "indptr"),
    "CSR: indptr behind the data": (lambda: spoil(csr(), "indptr", -1, 25), "indptr"),
    "CSR: indptr behind int32": (lambda: with_huge_indptr(csr()), "indptr"),
    "CSR: short indptr": (lambda: spoil(csr(), "indptr", None, -1), "indptr"),
    "CSR: long indptr": (lambda: spoil(csr(), "indptr", None, 1), "indptr"),
    "CSR: short indices": (lambda: spoil(csr(), "indices", None, -1), "indices"),
    "CSR: short data": (lambda: spoil(csr(), "data", None, -1), "data"),
    "CSR: long data": (lambda: spoil(csr(), "data", None, 1), "data"),
    "CSC: negative row": (lambda: spoil(csc(), "indices", 3, -1), "indices"),
    "CSC: row too large": (lambda: spoil(csc(), "indices", 3, N_ROWS), "indices"),
    "CSC: falling indptr": (lambda: spoil(csc(), "indptr", 3, 1), "indptr"),
    "CSC: first indptr": (lambda: spoil(csc(), "indptr", 0, 1), "indptr"),
    "CSC: indptr behind the data": (lambda: spoil(csc(), "indptr", -1, 25), "indptr"),
    "CSC: short indptr": (lambda: spoil(csc(), "indptr", None, -1), "indptr"),
    "CSC: short indices": (lambda: spoil(csc(), "indices", None, -1), "indices"),
    "CSC: short data": (lambda: spoil(csc(), "data", None, -1), "data"),
    "COO: negative row": (lambda: with_coordinates(coo(), row=(2, -1)), "row -1"),
    "COO: row too large": (lambda: with_coordinates(coo(), row=(2, 6)), "row 6"),
    "COO: negative column": (lambda: with_coordinates(coo(), col=(2, -1)), "column -1"),
    "COO: column too large": (lambda: with_coordinates(coo(), col=(2, 5)), "column 5"),
    "COO: short data": (lambda: spoil(coo(), "data", None, -1), "data"),
    "COO: short rows": (lambda: spoil(coo(), "row", None, -1), "length"),
    "BSR: column too large": (
        lambda: spoil(sp.bsr_matrix(DENSE, blocksize=(2, 1)), "indices", 1, 7),
        "indices",
    ),
    "BSR: indptr behind the data": (
        lambda: spoil(sp.bsr_matrix(DENSE, blocksize=(2, 1)), "indptr", -1, 99),
        "indptr",
    ),
}
each_bad_matrix = pytest.mark.parametrize(("bad", "fault"), BAD.values(), ids=BAD)


def as_int64(make):
    """Return the same matrix with indices and pointers of int64."""
    X = make()
    X.indices, X.indptr = X.indices.astype("int64"), X.indptr.astype("int64")
    return X


BAD_INT64 = {
    f"{name}, int64": (partial(as_int64, bad), fault)
    for name, (bad, fault) in BAD.items()
    if name.startswith(("CSR", "CSC", "BSR"))  # others have no such arrays
}


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict"])
@pytest.mark.parametrize(
    ("bad", "fault"), (BAD | BAD_INT64).values(), ids=BAD | BAD_INT64
)
def test_the_fault_is_named_and_the_model_stays_as_it_was(bad, fault, method):
    model = AdagradClassifier(random_state=0).fit(DENSE, Y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=fault):
        getattr(model, method)(bad(), *([Y] if method != "predict" else []))
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@each_bad_matrix
def test_a_model_that_has_seen_no_other_matrix_stays_unfitted(bad, fault, method):
    classes = {"classes": [0, 1]} if method == "partial_fit" else {}
    model = AdagradClassifier()
    with pytest.raises(ValueError, match=fault):
        getattr(model, method)(bad(), Y, **classes)
    assert vars(model) == vars(AdagradClassifier())


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_matrix, sp.coo_matrix])
def test_a_matrix_with_nothing_in_it_is_valid(form):
    model = AdagradClassifier(random_state=0).fit(form((N_ROWS, N_FEATURES)), Y)
    np.testing.assert_array_equal(model.coef_, 0)


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_sparse_array_of_one_dimension_is_refused(method):
    if not hasattr(sp.coo_array([1.0]), "coords"):
        pytest.skip("this scipy has no sparse arrays of one dimension")
    model = AdagradClassifier(random_state=0).fit(DENSE, Y)
    with pytest.raises(ValueError, match="2D"):
        getattr(model, method)(
            sp.coo_array(DENSE[0]), *([Y] if method == "fit" else [])
        )


@each_bad_matrix
def test_the_fault_of_an_indicator_of_labels_is_named_too(bad, fault):
    """What SciPy does with some of these would end the process."""
    model = AdagradClassifier(random_state=0).fit(DENSE, sp.csr_matrix(DENSE > 0))
    before = pickle.dumps(model)
    for learn in (model.fit, model.partial_fit, AdagradClassifierCV().fit):
        with pytest.raises(ValueError, match=f"^y .*{fault}"):
            learn(DENSE, bad())
    with pytest.raises(ValueError, match=r"y_val .* y is not a valid"):
        model.fit(DENSE, sp.csr_matrix(DENSE > 0), X_val=DENSE, y_val=bad())
    assert pickle.dumps(model) == before
    with pytest.raises(ValueError, match=f"^y .*{fault}"):
        AdagradRegressor().fit(DENSE, bad())


@pytest.mark.parametrize("method", ["predict", "partial_fit"])
def test_a_matrix_is_looked_at_before_its_type_is_changed(method):
    """Which SciPy does through pointers that lead anywhere."""
    model = AdagradClassifier(random_state=0).fit(DENSE.astype("float32"), Y)
    with pytest.raises(ValueError, match=r"X is not a valid CSR matrix: .*indptr"):
        getattr(model, method)(
            spoil(csr(), "indptr", 2, 2**24), *([Y] if method != "predict" else [])
        )
