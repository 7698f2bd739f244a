"""Hosts for the tests, gone when the test is."""

import pytest

from tests.verification.fakehost import FakeHost


@pytest.fixture
def fake_host():
    """A host on this machine's kernel, apart from it."""
    host = FakeHost()
    yield host
    host.close()
