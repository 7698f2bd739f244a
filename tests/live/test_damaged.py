"""Zeros in a file of ours, as a loss of power may leave them."""

from __future__ import annotations

import pytest

from netwright import run as runs
from netwright import snapshot
from netwright.errors import HostError
from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live

DOCUMENT = {"links": {"br0": {"kind": "bridge"}}}
BOOT, LEDGER = (f"/etc/netwright/network/{name}" for name in ("boot", "ledger.json"))


@pytest.fixture
def sandbox():
    with Sandbox() as made:
        made.converge(DOCUMENT)
        yield made


def test_what_the_next_boot_reads_is_written_again(sandbox):
    whole = sandbox.sh(f"cat {BOOT}").out
    sandbox.sh(f"printf 'a\\000b\\n' >> {BOOT}")
    assert sandbox.converge(DOCUMENT)
    assert sandbox.sh(f"cat {BOOT}").out == whole
    assert not sandbox.prepare(load(DOCUMENT)).plan


def test_of_a_ledger_nothing_is_guessed(sandbox):
    sandbox.sh(f"head -c 500 /dev/zero > {LEDGER}")
    with pytest.raises(HostError, match="is damaged"):
        sandbox.prepare(load(DOCUMENT))


def test_a_grep_that_says_it_in_its_answer(sandbox):
    """Up to 3.4."""
    sandbox.sh(f"printf 'a\\000b\\n' >> {BOOT}")
    declared = load(DOCUMENT)
    text = snapshot.script(snapshot.reads(declared), runs.files("network"))
    done = sandbox.sh(f'grep() {{ command grep "$@" 2>&1; }}\n{text}')
    assert any("binary file matches" in line for line in done.out)
    found = snapshot.parse(done.out).files
    assert BOOT in found
    assert "binary file matches" not in "".join(found.values())
