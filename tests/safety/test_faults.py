"""A full disk, a read-only one, a missing tool: a clear error, and the host is as it was."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.safety.killing import Victim, document

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

FAULTS = {
    "read-only /etc": ("mount -o remount,ro /etc", "Read-only file system"),
    "full /etc": (
        "mount -t tmpfs -o size=8k none /etc/netwright; head -c 8192 /dev/zero > /etc/netwright/x",
        "No space left on device",
    ),
    "full /run": (
        "mkdir -p /run/netwright; mount -t tmpfs -o size=64k none /run/netwright",
        "nothing was changed: /run can not be written",
    ),
    "no ip": ("mount --bind /dev/null $(command -v ip)", "ip is not installed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_changed(fault: str) -> None:
    how, words = FAULTS[fault]
    with Victim() as victim:
        victim.sh("mkdir -p /etc/netwright")
        before = victim.fingerprint()[0]
        text = victim.prepare(document("new")).script("test")
        victim.sh(how)
        done = victim.run(text)
        assert done.returncode != 0
        assert words in done.stdout + done.stderr
        if fault == "no ip":
            victim.sh(f"umount {shutil.which('ip')}")
        assert victim.fingerprint()[0] == before


def test_a_second_run_is_refused_with_the_name_of_the_first() -> None:
    with Victim() as victim:
        run = victim.prepare(document("old"))
        assert victim.run(run.script("alice", confirm=30)).returncode == 0
        assert victim.look(run).working == {"network": "alice (it waits for its confirmation)"}
        second = victim.run(run.script("bob"))
        assert second.returncode != 0
        assert "another run is at work under this name: alice" in second.stderr
        assert victim.run(run.recovery()).returncode == 0
