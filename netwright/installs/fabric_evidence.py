"""What a host shows of its BIRD and of its routes: one script prints it, `parse` reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright.installs import fabric_containers
from netwright.installs.fabric_containers import Plugs
from netwright.installs.fabric_network import ifname
from netwright.installs.fabric_routing import CONFIG, Had, had
from netwright.installs.read import MARK, parts, unit

__all__ = ["DROPIN", "Evidence", "Session", "parse", "script", "workloads"]

DROPIN = "/etc/systemd/system/bird.service.d/netwright.conf"

_SCRIPT = f"""cd /
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
part() {{ echo; echo "{MARK}$1"; }}
part unit; systemctl show -p ActiveState,UnitFileState bird.service
part installed; if command -v bird >/dev/null; then bird --version 2>&1; fi
part dropin; if [ -e {DROPIN} ]; then cat {DROPIN}; fi
part config; if [ -e {CONFIG} ]; then cat {CONFIG}; fi
part written; if [ -e {CONFIG} ]; then stat -c %Y {CONFIG}; fi
if command -v birdc >/dev/null; then
  part status; birdc show status 2>&1
  part read; at=$(birdc show status 2>&1 | sed -n 's/^Last reconfiguration on //p')
  if [ -n "$at" ]; then date -d "$at" +%s; fi
  part protocols; birdc show protocols all 2>&1
fi
part routes; ip -4 -j route show table main
{fabric_containers.EVIDENCE}
part end
"""


@dataclass(frozen=True)
class Session:
    """One BGP session as BIRD shows it; `imported`: how many routes are taken from it."""

    neighbor: str
    state: str
    imported: int = 0
    exported: int = 0
    words: str = ""

    @property
    def established(self) -> bool:
        return self.state == "Established"


@dataclass(frozen=True)
class Evidence:
    """What one host shows."""

    installed: str | None = None
    active: bool = False
    enabled: bool = False
    answers: bool = False
    stale: bool = False
    """Whether the file was written after BIRD has read it last."""
    dropin: str = ""
    config: str = field(default="", repr=False)
    sessions: Mapping[str, Session] = field(default_factory=dict)
    """By the protocol's name."""
    routes: tuple[Mapping[str, Any], ...] = ()
    """As `ip -j route` prints them."""
    plugs: Plugs = field(default_factory=Plugs)

    @property
    def had(self) -> Had | None:
        """What our configuration there says."""
        return had(self.config)


def script() -> str:
    """What to run on a host, as root, in one go."""
    return _SCRIPT


def parse(output: list[str]) -> Evidence:
    """What the script printed.

    Raises SnapshotError if it did not come to its end.
    """
    found = parts(output, "fabric")
    shown = unit(found["unit"])
    version = re.search(r"BIRD version (\S+)", found["installed"])
    written, read = found["written"], found.get("read", "")
    config = f"{found['config']}\n" if found["config"] else ""
    return Evidence(
        installed=version[1] if version else None,
        active=shown.get("ActiveState") == "active",
        enabled=shown.get("UnitFileState") == "enabled",
        answers="Daemon is up and running" in found.get("status", ""),
        stale=bool(written and read) and int(written) > int(read),
        dropin=found["dropin"],
        config=config,
        sessions=dict(_sessions(found.get("protocols", "").splitlines())),
        routes=tuple(json.loads(found["routes"] or "[]")),
        plugs=fabric_containers.parse(found),
    )


def _sessions(lines: Iterable[str]) -> Iterator[tuple[str, Session]]:
    name, values = "", dict[str, str]()
    for line in [*lines, "end -"]:
        if line[:1].strip():
            if name:
                yield name, _session(values)
            words = line.split()
            name, values = (words[0], {}) if words[1:2] == ["BGP"] else ("", {})
        elif name:
            key, _, value = line.strip().partition(":")
            values.setdefault(key, value.strip())


def _session(values: Mapping[str, str]) -> Session:
    routes = re.match(
        r"(\d+) imported(?:, \d+ filtered)?, (\d+) exported", values.get("Routes", "")
    )
    return Session(
        values.get("Neighbor address", ""),
        values.get("BGP state", ""),
        int(routes[1]) if routes else 0,
        int(routes[2]) if routes else 0,
        values.get("Last error", ""),
    )


def workloads(evidence: Evidence, names: Iterable[str]) -> dict[str, str]:
    """The addresses that a host has routes to its workloads for, by name.

    + names: the workloads that may be there
    """
    links = {ifname(name): name for name in names}
    return {
        links[route["dev"]]: route["dst"]
        for route in evidence.routes
        if route.get("dev") in links and "/" not in route.get("dst", "/")
    }
