"""One lab for all tests that need another kernel: a machine and a container beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.vm.machines import Machines

TOOLS = ("qemu-system-x86_64", "mkfs.ext4")


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """The lab, up; gone after the last test, whatever the tests did."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"no virtual machines without {missing}: `make packages` installs it")
    made = Machines(tmp_path_factory.mktemp("machines"))
    try:
        made.lab("up")
        yield made
    finally:
        made.lab("down")
