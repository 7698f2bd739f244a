"""Watching one host: its events, a look at it whenever there are some, and now and then anyhow."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netwright import iptables_scratch, ledger, snapshot, watch
from netwright import run as runs
from netwright.errors import HostError, SnapshotError
from netwright.state import NetworkState
from netwright.watch import Drift

__all__ = ["Local", "Transport", "Watched", "watch_host"]

_QUIET = 0.05
"""Seconds without an event after which a change is taken to be complete."""
_PATIENCE = 0.3
"""Seconds after which a look is taken all the same."""
_AT_WORK = 1.0
"""Seconds until the next look while a run is changing the host."""


class Events(Protocol):
    """Lines of `watch.script`, as they come."""

    def read(self, timeout: float) -> list[str]:
        """Those that came within `timeout` seconds; returns early once there are some."""

    def close(self) -> None:
        """Ends the script."""


class Transport(Protocol):
    """How a host is reached."""

    def run(self, script: str) -> list[str]:
        """The lines that a script prints. Raises SnapshotError or the transport's own error."""

    def events(self, script: str) -> Events:
        """Starts a script that goes on."""


class Local:
    """This host, without pyinfra."""

    def run(self, script: str) -> list[str]:
        done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    def events(self, script: str) -> Events:
        return _LocalEvents(script)


class _LocalEvents:
    def __init__(self, script: str) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._rest = b""

    def read(self, timeout: float) -> list[str]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        if not ready:
            return []
        data = os.read(self._process.stdout.fileno(), 65536)
        if not data:
            raise SnapshotError([watch.ENDED])
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


@dataclass
class Watched:
    """What is watched of one host; without `declared`, all that its ledgers say."""

    host: str
    transport: Transport
    declared: NetworkState | None = None
    name: str = "network"
    prune: bool = True
    found: Mapping[str, Drift] = field(default_factory=dict)
    read_at: float = 0.0
    _ledgers: Mapping[str, NetworkState] = field(default_factory=dict)

    def wanted(self) -> Mapping[str, NetworkState]:
        """Ledger's name -> what is declared under it."""
        return self._ledgers if self.declared is None else {self.name: self.declared}

    def namespaces(self) -> list[str]:
        """Those that have to be listened to."""
        found = {name for state in self.wanted().values() for name in state.netns or ()}
        return sorted(found)

    def neighbours(self) -> set[str]:
        """Addresses whose entries are declared."""
        return {
            item.dst
            for state in self.wanted().values()
            for _, space in state.namespaces()
            for item in space.neighbours or ()
        }

    def look(self) -> Mapping[str, Drift] | None:
        """All drift there is now; None while a run is at work."""
        if self.declared is None:
            self._read_ledgers()
        found: dict[str, Drift] = {}
        for name, state in self.wanted().items():
            now = self._snapshot(name, state)
            if now.working:
                return None
            try:
                found |= watch.drifts(runs.prepare(name, state, now, self.prune))
            except HostError as error:
                found |= watch.drifts(error)
        self.read_at = time.time()
        return found

    def _read_ledgers(self) -> None:
        seen = snapshot.parse(self.transport.run(snapshot.script(())))
        self._ledgers = {
            name: ledger.parse(name, text).declared for name, text in seen.ledgers.items()
        }

    def _snapshot(self, name: str, state: NetworkState) -> snapshot.Snapshot:
        rules = iptables_scratch.render(state)
        text = snapshot.script(snapshot.reads(state), runs.files(name), rules)
        return snapshot.parse(self.transport.run(text))


def watch_host(
    watched: Watched, interval: float, until: Callable[[], bool] = lambda: False
) -> Iterator[list[watch.Event]]:
    """The events of a host, each time something is new; an empty list after each look without.

    + interval: seconds between two looks when nothing tells of a change (tables, parameters)
    + until: asked before each look whether to end

    Raises NetwrightError when the host can't be read, and the transport's own errors.
    """
    found = watched.look()
    yield _new(watched, found)
    while not until():
        events = watched.transport.events(watch.script(watched.namespaces()))
        try:
            again = False
            while not again and not until():
                again = _wait(events, watched, interval if found is not None else _AT_WORK)
                found = watched.look()
                yield _new(watched, found)
        finally:
            events.close()


def _new(watched: Watched, found: Mapping[str, Drift] | None) -> list[watch.Event]:
    if found is None:
        return []
    told = list(watch.changes(watched.host, watched.found, found))
    watched.found = found
    return told


def _wait(events: Events, watched: Watched, interval: float) -> bool:
    """Until something has happened, or the interval is over; whether to listen anew."""
    again, neighbours = False, watched.neighbours()
    until = last = time.monotonic() + interval
    while (left := min(until, last) - time.monotonic()) > 0:
        lines = events.read(left)
        again = again or any(watch.is_netns(line) for line in lines)
        if any(watch.is_event(line, neighbours) for line in lines):
            now = time.monotonic()
            until, last = now + _QUIET, min(last, now + _PATIENCE)
    return again
