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


# Another run, under another name: its files come, are replaced, and go.
_OTHER = """
mkdir -p /etc/netwright/.other.a
echo '{"version":1,"declared":{},"created":{},"first":{}}' > /etc/netwright/.other.a/ledger.json
echo host > /etc/netwright/.other.a/reads
( while [ ! -e /run/enough ]; do
  ln -s .other.a /etc/netwright/other.nw-new &&
    mv -T /etc/netwright/other.nw-new /etc/netwright/other
  sleep 0.1; rm /etc/netwright/other; sleep 0.05
done ) > /dev/null 2>&1 &
"""


def test_files_of_another_run_that_come_and_go_meanwhile(sandbox):
    sandbox.sh(_OTHER)
    try:
        declared = load(DOCUMENT)
        text = snapshot.script(snapshot.reads(declared), runs.files("network"))
        seen = set()
        for _ in range(60):
            done = sandbox.sh(text)
            assert (done.status, done.err) == (0, [])
            found = snapshot.parse(done.out)
            assert BOOT in found.files
            assert "network" in found.ledgers
            seen |= found.ledgers.keys()
        # Otherwise nothing was tried.
        assert seen == {"network", "other"}
    finally:
        sandbox.sh("touch /run/enough; sleep 0.2; rm -rf /etc/netwright/*other*")
