"""Fixtures that several test modules use."""

import pytest
from sklearn import config_context
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="session")
def tumours():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y
