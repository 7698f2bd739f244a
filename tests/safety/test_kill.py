"""A host's script is killed at every tool that it starts: the old state or the new, never a third.

Forward, during the undo, during the guard's undo, while a change waits for its confirmation and
while it is confirmed. What the host is like is read by other means than the project's own.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from netwright import run as runs
from tests.safety.killing import BY_HAND, Victim, document

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

Fingerprint = tuple[list[str], list[str]]
STEP = int(os.environ.get("NETWRIGHT_KILL_EVERY", "1"))
"""Every how many-th point is tried; all of them by default."""


def _old(victim: Victim) -> runs.Run:
    """The old state; what leads to the new one."""
    victim.converge(document("old"))
    victim.sh(BY_HAND)
    return victim.prepare(document("new"))


@pytest.fixture(scope="module")
def ends() -> tuple[Fingerprint, Fingerprint, int]:
    """What the old and the new state look like, and how many points there are between them."""
    with Victim() as victim:
        run = _old(victim)
        assert sum(bool(step.commands()) for step in run.plan) >= 30
        old = victim.fingerprint()
        assert not victim.kill(run.script("test"))
        points = victim.count()
        return old, victim.fingerprint(), points


def _tried(points: int, attempt: Callable[[int], str], what: str) -> Counter[str]:
    tried = range(0, points, STEP)
    with ThreadPoolExecutor(2) as pool:
        found = Counter(pool.map(attempt, tried))
    print(f"\n{what}: kill points {points}, tried {len(tried)}, {dict(found)}")
    return found


def _which(now: Fingerprint, old: Fingerprint, new: Fingerprint) -> str:
    if now in (old, new):
        return "old" if now == old else "new"
    differs = [set(now[0] + now[1]) ^ set(other[0] + other[1]) for other in (old, new)]
    return f"third: {sorted(min(differs, key=len))[:4]}"


@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "next run"])
def test_forward(ends: tuple[Fingerprint, Fingerprint, int], guard: bool) -> None:
    old, new, points = ends

    def attempt(point: int) -> str:
        with Victim() as victim:
            run = _old(victim)
            killed = victim.kill(run.script("test"), f"main {point}", guard)
            if guard:
                victim.settled()
            victim.recover(run)
            found = _which(victim.fingerprint(), old, new)
            if not killed:
                return f"not killed, {found}"
            again = victim.prepare(document("new"))
            assert not again.plan or not victim.kill(again.script("test"))
            assert victim.fingerprint() == new
            return found

    found = _tried(points, attempt, "forward")
    assert set(found) == {"old", "new"}


def test_during_the_undo_by_the_next_run(ends: tuple[Fingerprint, Fingerprint, int]) -> None:
    old, new, points = ends

    def half_way(victim: Victim) -> runs.Run:
        run = _old(victim)
        # Just before the end, where the undo has most to do.
        assert victim.kill(run.script("test"), f"main {last}", guard=False)
        return run

    def attempt(point: int) -> str:
        with Victim() as victim:
            run = half_way(victim)
            victim.kill(run.recovery(), f"main {point}")
            victim.recover(run)
            return _which(victim.fingerprint(), old, new)

    last = next(number for number in range(points - 1, 0, -1) if _undone_from(number, old))
    with Victim() as victim:
        run = half_way(victim)
        assert not victim.kill(run.recovery())
        undo_points = victim.count()
    assert undo_points > 30
    assert set(_tried(undo_points, attempt, "undo by the next run")) == {"old"}


def _undone_from(point: int, old: Fingerprint) -> bool:
    """Whether a run that is killed there leaves something to be undone."""
    with Victim() as victim:
        run = _old(victim)
        victim.kill(run.script("test"), f"main {point}", guard=False)
        there = victim.sh("ls /run/netwright/network || :").split()
        return "program" in there and victim.fingerprint()[0] != old[0]


def test_while_it_is_confirmed(ends: tuple[Fingerprint, Fingerprint, int]) -> None:
    """The guard waits for the confirming script as well."""
    old, new, _ = ends

    def attempt(point: int) -> str:
        with Victim() as victim:
            run = _old(victim)
            assert not victim.kill(run.script("test", confirm=5))
            victim.kill(run.confirmation(), f"main {point}")
            victim.settled()
            victim.recover(run)
            return _which(victim.fingerprint(), old, new)

    with Victim() as victim:
        run = _old(victim)
        assert not victim.kill(run.script("test", confirm=20))
        assert not victim.kill(run.confirmation())
        assert _which(victim.fingerprint(), old, new) == "new"
        points = victim.count()
    assert set(_tried(points, attempt, "confirmation")) == {"old", "new"}
