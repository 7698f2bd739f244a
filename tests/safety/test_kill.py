"""A host's script is killed at every tool that it starts: the old state or the new, never a third.

Forward, during each undo, and while a change is confirmed; with all that it started, or alone. What
the host is like is read by other means than the project's own.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from netwright import run as runs
from tests.safety.killing import BY_HAND, Victim, document

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

Fingerprint = tuple[list[str], list[str]]
STEP = int(os.environ.get("NETWRIGHT_KILL_EVERY", "7"))
"""Every how many-th point is tried. An odd number has points before a tool and after it."""


class Ends:
    """What the old and the new state look like, and the points between them."""

    def __init__(self) -> None:
        with Victim() as victim:
            run = _old(victim)
            self.steps = sum(bool(step.commands()) for step in run.plan)
            self.old = victim.fingerprint()
            assert not victim.kill(run.script("test")), victim.output
            self.points = victim.count()
            self.new = victim.fingerprint()
        self.last = bisect_left(range(self.points), True, key=self._is_over) - 1
        """The last one at which there is something to be undone: the undo is the longest."""

    def _is_over(self, point: int) -> bool:
        """Whether a run that is killed there was at its end."""
        with Victim() as victim:
            self.half_way(victim, point)
            there = victim.sh("ls /run/netwright/network || :").split()
            return "program" not in there and victim.fingerprint()[0] == self.new[0]

    def half_way(self, victim: Victim, point: int | None = None) -> runs.Run:
        """A run that was killed, and whose guard was, too."""
        run = _old(victim)
        killed = self.last if point is None else point
        victim.kill(run.script("test"), f"main {killed}", guard=False)
        return run

    def which(self, victim: Victim) -> str:
        """Where a host ended."""
        now = victim.fingerprint()
        if now in (self.old, self.new):
            return "old" if now == self.old else "new"
        differs = [set(now[0] + now[1]) ^ set(end[0] + end[1]) for end in (self.old, self.new)]
        return f"third: {sorted(min(differs, key=len))[:4]}"


def _old(victim: Victim) -> runs.Run:
    """The old state; what leads to the new one."""
    victim.converge(document("old"))
    victim.sh(BY_HAND)
    return victim.prepare(document("new"))


@pytest.fixture(scope="module")
def ends() -> Ends:
    """Found once."""
    found = Ends()
    assert found.steps >= 30
    return found


def _tried(points: int, attempt: Callable[[int], str], what: str) -> Counter[str]:
    tried = range(0, points, STEP)
    with ThreadPoolExecutor(2) as pool:
        found = Counter(pool.map(attempt, tried))
    clean = found["old"] + found["new"]
    print(f"\nkilled {what}: points {points}, tried {len(tried)}, clean {clean}: {dict(found)}")
    return found


@pytest.mark.parametrize("alone", [False, True], ids=["with its tools", "alone"])
@pytest.mark.parametrize("guard", [True, False], ids=["guard", "no guard"])
def test_forward(ends: Ends, guard: bool, alone: bool) -> None:
    def attempt(point: int) -> str:
        with Victim() as victim:
            run = _old(victim)
            killed = victim.kill(run.script("test"), f"main {point}", guard, alone)
            if guard:
                # The host is there by itself, before anybody comes.
                victim.settled()
                assert (by_itself := ends.which(victim)) in ("old", "new"), (point, by_itself)
            found = victim.recover(run)
            said = found.interrupted or found.undone
            where = ends.which(victim)
            if killed and where == "old" and point > ends.points // 3:
                assert said, f"the next run says nothing of what was undone at {point}"
            victim.converge(document("new"))
            assert ends.which(victim) == "new", (point, victim.output)
            return where

    found = _tried(ends.points, attempt, f"forward{', alone' if alone else ''}")
    assert set(found) == {"old", "new"}


def test_during_the_undo_by_the_next_run(ends: Ends) -> None:
    def attempt(point: int) -> str:
        with Victim() as victim:
            run = ends.half_way(victim)
            victim.kill(run.recovery(), f"main {point}")
            victim.recover(run)
            return ends.which(victim)

    with Victim() as victim:
        run = ends.half_way(victim)
        assert not victim.kill(run.recovery())
        points = victim.count()
    assert points > 30
    assert set(_tried(points, attempt, "in the undo by the next run")) == {"old"}


def test_during_the_undo_by_the_guard(ends: Ends) -> None:
    def attempt(point: int) -> str:
        with Victim() as victim:
            run = _old(victim)
            victim.kill(run.script("test"), f"main {ends.last}", guard_at=point)
            victim.settled(killed=True)
            victim.recover(run)
            return ends.which(victim)

    with Victim() as victim:
        run = _old(victim)
        victim.kill(run.script("test"), f"main {ends.last}")
        victim.settled()
        points = victim.count("guard")
    assert points > 30
    assert set(_tried(points, attempt, "in the undo by the guard")) == {"old"}


def test_during_the_undo_of_a_command_that_failed(ends: Ends) -> None:
    def fails(victim: Victim, point: int, killed_at: str = "") -> bool:
        victim.kill(_old(victim).script("test"), killed_at, fail=f"main {point}")
        return "@@ failed" in victim.output

    def can_fail(point: int) -> bool:
        with Victim() as victim:
            return fails(victim, point)

    failing = next(point for point in range(ends.last, 0, -1) if can_fail(point))

    def attempt(point: int) -> str:
        with Victim() as victim:
            fails(victim, failing, f"main {failing + 1 + point}")
            victim.settled()
            run = victim.prepare(document("new"))
            victim.recover(run)
            return ends.which(victim)

    with Victim() as victim:
        assert fails(victim, failing)
        points = victim.count() - failing - 1
    assert points > 30
    assert set(_tried(points, attempt, "in the undo of a command that failed")) == {"old"}


def test_while_it_is_confirmed(ends: Ends) -> None:
    """The guard waits for the confirming script as well."""

    def attempt(point: int) -> str:
        with Victim() as victim:
            run = _old(victim)
            assert not victim.kill(run.script("test", confirm=5))
            victim.kill(run.confirmation(), f"main {point}")
            victim.settled()
            victim.recover(run)
            return ends.which(victim)

    with Victim() as victim:
        run = _old(victim)
        assert not victim.kill(run.script("test", confirm=20))
        assert not victim.kill(run.confirmation()), victim.output
        assert ends.which(victim) == "new"
        points = victim.count()
    assert set(_tried(points, attempt, "while it is confirmed")) == {"old", "new"}
