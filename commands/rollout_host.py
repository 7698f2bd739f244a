"""One host of a rollout: read, changed with the undo armed, and confirmed or undone later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent
from gevent.pool import Pool
from paramiko import SSHException
from pyinfra.api.exceptions import ConnectError

from netwright import run as runs
from netwright import script
from netwright.commands.targets import PARALLEL
from netwright.errors import NetwrightError, Problem
from netwright.facts.snapshot import run_script
from netwright.operations.converge import Wanted
from netwright.snapshot import Snapshot
from netwright.verification.connection import NotReached
from netwright.verification.inventory import Target

__all__ = ["Change", "at_once"]

_LOST = (TimeoutError, OSError, EOFError, SSHException, ConnectError, NotReached, gevent.Timeout)
"""What a connection that the change cut off may raise."""
_GRACE = 10.0
"""Seconds beyond its deadline that a host may take for its undo."""


def at_once(changes: Iterable[Change], what: Callable[[Change], str]) -> dict[str, str]:
    """What each host says is wrong, `` when nothing is; all of them at the same time."""
    found: dict[str, str] = {}
    items = list(changes)

    def one(change: Change) -> None:
        try:
            found[change.target.name] = what(change)
        except NetwrightError as error:
            found[change.target.name] = _line(error.problems)
        except _LOST as error:
            found[change.target.name] = f"the connection is lost: {error}"
        finally:
            # The next step comes over a new connection, which is what proves that there is one.
            change.target.connection.disconnect()

    Pool(PARALLEL).map(one, items)
    return {change.target.name: found[change.target.name] for change in items}


@dataclass
class Change:
    """What has to change on a host, and how far that has come."""

    target: Target
    who: str
    confirm: int
    before: Snapshot | None = None
    made: runs.Run | None = None
    applied: float = 0.0

    @property
    def needed(self) -> bool:
        """Whether anything has to change."""
        return self.made is not None and bool(self.made.plan)

    def _wanted(self) -> Wanted:
        settings = self.target.settings
        assert settings is not None
        return Wanted(settings.network, settings.name, settings.prune, settings.persist)

    def prepare(self) -> str:
        """Reads it and plans."""
        wanted = self._wanted()
        self.target.connection.connect()
        self.before = wanted.read(self.target.connection.pyinfra)
        if wanted.name in self.before.interrupted:
            who = self.before.interrupted[wanted.name]
            return f"an earlier run did not come to its end ({who}); a deploy undoes it first"
        self.made = wanted.prepare(self.before)
        return ""

    def apply(self) -> str:
        """Changes its network, with the undo armed; its files wait for the confirmation."""
        assert self.made is not None
        assert self.before is not None
        if not self.made.network:
            return ""
        self.applied = time.monotonic()
        text = self.made.script(self.who, self.confirm)
        answer = self._run(text)
        return _line(runs.outcome(self.made, self.before, answer))

    def confirm_now(self) -> str:
        """Lets the change stay, and writes the files."""
        assert self.made is not None
        assert self.before is not None
        text = self.made.confirmation() if self.made.network else self.made.script(self.who)
        answer = self._run(text)
        return _line(runs.outcome(self.made, answer.snapshot, answer))

    def undo(self) -> str:
        """Takes the change back at once; waits for the host's own undo when it can't be reached."""
        assert self.made is not None
        if not self.made.network or not self.applied:
            return ""
        until = self.applied + self.confirm + _GRACE
        while True:
            try:
                self.target.connection.connect()
                host = self.target.connection.pyinfra
                run_script(host, self.made.recovery(), self.confirm)
                return self._is_back()
            except _LOST as error:
                self.target.connection.disconnect()
                if time.monotonic() > until:
                    return f"does not answer: {error}"
                time.sleep(1)

    def _is_back(self) -> str:
        """Whether the host is as it was before."""
        assert self.made is not None
        assert self.before is not None
        wanted = self._wanted()
        now = wanted.prepare(wanted.read(self.target.connection.pyinfra))
        left = {step.path for step in now.network} ^ {step.path for step in self.made.network}
        return f"could not all be undone: {', '.join(sorted(left)[:5])}" if left else ""

    def _run(self, text: str) -> script.Answer:
        assert self.made is not None
        self.target.connection.connect()
        _, output, errors = run_script(self.target.connection.pyinfra, text, self.confirm)
        try:
            return runs.answer(self.made, output)
        except NetwrightError as error:
            words = "; ".join(line for line in errors if line)
            raise NetwrightError([*error.problems, Problem("", words)]) from None


def _line(problems: Iterable[Problem]) -> str:
    return "; ".join(str(problem) for problem in problems)
