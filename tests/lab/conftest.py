"""Labs for the tests, gone when the test is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench, cleared away afterwards whatever the test did."""
    made = Bench(tmp_path)
    yield made
    made.run("netwright", "lab", "down", "--all")
