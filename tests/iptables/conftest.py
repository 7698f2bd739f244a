"""What the tests of the tables share: a host for each backend."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.iptables.host import Host


@pytest.fixture(params=["nft", "legacy"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """An empty host whose iptables is of one backend."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with Host(request.param) as found:
        yield found
