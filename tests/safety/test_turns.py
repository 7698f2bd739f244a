"""Several runs at one host: one at a time, none on a plan that is old, none behind a dead one."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.safety.killing import Victim, document

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

OLD_PLAN = "nothing was changed: another run has changed the host meanwhile; run again"
AT_WORK = "nothing was changed: another run is at work under this name"
LOCK = "mkdir -p /run/netwright; printf '%s\\n' '{holder}' ghost > /run/netwright/network.lock"
# Of no process; of a process that is another one by now.
DEAD = ("4999999-77.", "1-77.")


def test_a_plan_that_is_old_is_refused() -> None:
    with Victim() as victim:
        first, second = victim.prepare(document("old")), victim.prepare(document("new"))
        assert victim.run(first.script("alice")).returncode == 0
        there = victim.fingerprint()
        done = victim.run(second.script("bob"))
        assert done.returncode != 0
        assert OLD_PLAN in done.stderr
        assert victim.fingerprint() == there


@pytest.mark.parametrize("holder", DEAD)
def test_the_lock_of_the_dead_is_taken_over(holder: str) -> None:
    with Victim() as victim:
        victim.sh(LOCK.format(holder=holder))
        victim.converge(document("old"))
        assert victim.sh("ls /run/netwright 2> /dev/null || :") == ""


def test_the_lock_of_the_living_is_waited_for_and_named() -> None:
    with Victim() as victim:
        run = victim.prepare(document("old"))
        before = victim.fingerprint()
        victim.sh(
            "sleep 1000 > /dev/null 2>&1 & pid=$!\n"
            + LOCK.format(holder="'$pid-$(cut -d' ' -f22 /proc/$pid/stat).'")
            + "\necho $pid > /mnt/holder"
        )
        done = victim.run(run.script("bob"))
        assert done.returncode != 0
        assert f"{AT_WORK}: ghost" in done.stderr
        assert victim.fingerprint() == before
        victim.sh("kill $(cat /mnt/holder)")
        assert victim.run(run.script("bob")).returncode == 0


@pytest.mark.parametrize("stale", [False, True], ids=["free", "after a dead one"])
def test_of_many_at_once_one_changes_the_host(stale: bool) -> None:
    many = 8
    with Victim() as victim:
        text = victim.prepare(document("old")).script("test")
        if stale:
            victim.sh(LOCK.format(holder=DEAD[0]))
        with ThreadPoolExecutor(many) as pool:
            done = list(pool.map(lambda _: victim.run(text), range(many)))
        made = [item for item in done if item.returncode == 0]
        refused = [item.stderr for item in done if item.returncode != 0]
        assert len(made) == 1, refused
        assert all(OLD_PLAN in words or AT_WORK in words for words in refused), refused
        assert not victim.prepare(document("old")).plan
        print(f"\nruns at once {many}, made {len(made)}, refused {len(refused)}")
