"""Fixtures that several test modules use."""

import pytest
from sklearn import config_context


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield
