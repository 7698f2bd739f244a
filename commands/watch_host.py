"""Watching one host: its events, a look at it whenever there are some, and now and then anyhow."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netwright import watch
from netwright.errors import SnapshotError
from netwright.watch import Drift

__all__ = ["Events", "Local", "Look", "Transport", "Watched", "watch_host"]

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


@dataclass(frozen=True)
class Look:
    """What one look at a host has found."""

    found: Mapping[str, Drift] | None
    """All drift; None while a run is at work."""
    namespaces: tuple[str, ...]
    """Those that have to be listened to."""
    neighbours: frozenset[str]
    """Addresses whose entries are declared."""
    read: Mapping[str, int]
    """Scripts that it has run -> fingerprints of what they printed."""


@dataclass
class Watched:
    """What is watched of one host."""

    host: str
    transport: Transport
    look: Callable[[], Look]
    found: Mapping[str, Drift] = field(default_factory=dict)
    read_at: float = 0.0


def watch_host(watched: Watched, interval: float) -> Iterator[list[watch.Event]]:
    """The events of a host, each time something is new; an empty list after each look without.

    + interval: seconds between two looks when nothing tells of a change (tables, parameters)

    Raises NetwrightError when the host can't be read, and the transport's own errors.
    """
    seen = watched.look()
    yield _new(watched, seen)
    while True:
        events = watched.transport.events(watch.script(seen.namespaces))
        try:
            again = False
            while not again:
                again = _wait(events, seen, interval if seen.found is not None else _AT_WORK)
                seen = watched.look()
                yield _new(watched, seen)
        finally:
            events.close()


def _new(watched: Watched, seen: Look) -> list[watch.Event]:
    if seen.found is None:
        return []
    told = list(watch.changes(watched.host, watched.found, seen.found))
    watched.found, watched.read_at = seen.found, time.time()
    return told


def _wait(events: Events, seen: Look, interval: float) -> bool:
    """Until something has happened, or the interval is over; whether to listen anew."""
    again = False
    until = last = time.monotonic() + interval
    while (left := min(until, last) - time.monotonic()) > 0:
        lines = events.read(left)
        again = again or any(watch.is_netns(line) for line in lines)
        if any(watch.is_event(line, seen.neighbours) for line in lines):
            now = time.monotonic()
            until, last = now + _QUIET, min(last, now + _PATIENCE)
    return again
