"""Drift as it happens: what tells that a host has changed, and what is new of its drift.

`ip monitor` tells of links, addresses, routes, rules and neighbours; what drifted is told by the
same snapshot and the same plan as everything else (`drift.py`), which a watcher at rest need not
have in its memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from netwright.errors import Problem
from netwright.pack_shell import unpacked

__all__ = [
    "ENDED",
    "Drift",
    "Event",
    "changes",
    "fingerprint",
    "is_event",
    "is_netns",
    "prometheus",
    "script",
]

ENDED = Problem("", "what listened to the host has ended")
_OBJECTS = "link address route rule neigh"
_SCRIPT = """
nw_pids=''
ip netns monitor &
nw_pids="$nw_pids $!"
ip -o monitor label NW_OBJECTS &
nw_pids="$nw_pids $!"
for nw_name in NW_NAMES; do
  [ -e "/run/netns/$nw_name" ] || continue
  ip -n "$nw_name" -o monitor label NW_OBJECTS &
  nw_pids="$nw_pids $!"
done
echo '[READY]'
# Until whoever watches goes away.
cat > /dev/null
kill $nw_pids
"""


def script(names: Iterable[str]) -> str:
    """The script that prints a line for each change of a host and of these namespaces, until its
    standard input ends."""
    words = " ".join(quote(name) for name in names)
    return _SCRIPT.replace("NW_OBJECTS", _OBJECTS).replace("NW_NAMES", words)


_CLOCKS = re.compile(
    r'"(?:(?:valid|preferred)_life_time|expires|(?:hello|tcn|topology_change|gc)_timer)":[\d.]+'
    r"|^# (?:Generated|Completed) .*|^:.* \[\d+:\d+\]$"
)
"""What `ip -j -d` and iptables-save print that goes on by itself, and that nobody can declare."""


def fingerprint(lines: Iterable[str]) -> int:
    """What tells whether a snapshot's script printed something else than before; the same in this
    process and in its forks only."""
    return hash(tuple(_CLOCKS.sub(_kept, line) for line in unpacked(lines)))


def _kept(found: re.Match[str]) -> str:
    """Of a chain its name and policy, without its counters."""
    return found[0].rpartition(" ")[0] if found[0].startswith(":") else ""


def is_netns(line: str) -> bool:
    """Whether a namespace came or went, so that others are to be listened to."""
    return line.startswith(("add ", "delete "))


def is_event(line: str, neighbours: Collection[str]) -> bool:
    """Whether a line is worth a look.

    + neighbours: declared ones; others come and go by themselves all the time
    """
    if not line.startswith("[NEIGH]"):
        return bool(line.strip())
    words = line.removeprefix("[NEIGH]").split()
    return "PERMANENT" in words or "proxy" in words or any(word in neighbours for word in words)


@dataclass(frozen=True)
class Drift:
    """One thing that is not as declared."""

    path: str
    present: Any
    declared: Any

    @property
    def key(self) -> str:
        """What tells one drift from another of the same thing."""
        return json.dumps([self.path, self.present, self.declared], sort_keys=True)


@dataclass(frozen=True)
class Event:
    """A drift that is new (`drift`), or one that is no more (`mended`)."""

    host: str
    what: str
    drift: Drift

    def __str__(self) -> str:
        if self.what == "mended":
            return f"{self.host} mended {self.drift.path}"
        is_, declared = (_said(item) for item in (self.drift.present, self.drift.declared))
        return f"{self.host} drift {self.drift.path}: {is_}, declared {declared}"

    def document(self) -> dict[str, Any]:
        """For a line of JSON."""
        return {
            "host": self.host,
            "event": self.what,
            "path": self.drift.path,
            "present": self.drift.present,
            "declared": self.drift.declared,
        }


def _said(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def changes(host: str, before: Mapping[str, Drift], now: Mapping[str, Drift]) -> Iterator[Event]:
    """What is new between two looks at a host."""
    paths = {drift.path for drift in now.values()}
    for key, drift in before.items():
        if key not in now and drift.path not in paths:
            yield Event(host, "mended", drift)
    yield from (Event(host, "drift", drift) for key, drift in now.items() if key not in before)


def prometheus(found: Mapping[str, Collection[Drift]], read_at: Mapping[str, float]) -> str:
    """The content of a textfile for node_exporter.

    + read_at: when each host was last read, in seconds since 1970
    """
    return "".join(f"{line}\n" for line in _metrics(found, read_at))


def _metrics(found: Mapping[str, Collection[Drift]], read_at: Mapping[str, float]) -> Iterator[str]:
    yield "# HELP netwright_drifts Things that are not as declared."
    yield "# TYPE netwright_drifts gauge"
    for host, items in found.items():
        yield f'netwright_drifts{{host="{_label(host)}"}} {len(items)}'
    yield "# HELP netwright_drift One thing that is not as declared."
    yield "# TYPE netwright_drift gauge"
    for host, items in found.items():
        for path in sorted({item.path for item in items}):
            yield f'netwright_drift{{host="{_label(host)}",path="{_label(path)}"}} 1'
    yield "# HELP netwright_read_timestamp_seconds When the host was last read."
    yield "# TYPE netwright_read_timestamp_seconds gauge"
    for host, when in read_at.items():
        yield f'netwright_read_timestamp_seconds{{host="{_label(host)}"}} {when:.3f}'


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
