"""What a host shows of its Docker: one script prints it, `parse` reads it. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright.installs.read import MARK, parts

__all__ = ["FILE", "Evidence", "parse", "script"]

FILE = "/etc/docker/daemon.json"

_SCRIPT = f"""cd /
export PATH=$PATH:/usr/sbin:/sbin
part() {{ echo; echo "{MARK}$1"; }}
all() {{ ids=$(docker $1 -q --no-trunc 2>/dev/null) && [ -n "$ids" ] && docker $2 $ids; }}
part held; apt-mark showhold 2>/dev/null
part file; if [ -e {FILE} ]; then cat {FILE}; fi
part forward; cat /proc/sys/net/ipv4/ip_forward
pid=$(systemctl show -p MainPID --value docker.service)
part exe; if [ "${{pid:-0}}" -gt 0 ]; then readlink "/proc/$pid/exe"; fi
part installed; if command -v dockerd >/dev/null; then dockerd --version; fi
if command -v docker >/dev/null; then
  part info; docker info -f '{{{{json .}}}}' 2>/dev/null
  part networks; all 'network ls' 'network inspect'
  part containers; all 'container ls -a' 'container inspect'
  part images; all 'image ls' 'image inspect'
fi
part end
"""


@dataclass(frozen=True)
class Evidence:
    """What one host shows; `info` is None where the daemon does not answer."""

    installed: str | None = None
    file: str = ""
    forward: bool = False
    held: tuple[str, ...] = ()
    stale: bool = False
    """Whether the daemon runs a program that an upgrade has replaced."""
    info: Mapping[str, Any] | None = None
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    containers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """How many containers run."""
        return int((self.info or {}).get("ContainersRunning") or 0)

    @property
    def live_restore(self) -> bool:
        """Whether the running daemon leaves containers alone when it ends."""
        return bool((self.info or {}).get("LiveRestoreEnabled"))

    @property
    def version(self) -> str | None:
        return (self.info or {}).get("ServerVersion") or None

    def image(self, name: str) -> str | None:
        """The id of an image; its label, if it has one, is in `images`."""
        found = self.images.get(name if ":" in name else f"{name}:latest")
        return None if found is None else str(found["Id"])


def script() -> str:
    """What to run on a host, as root, in one go."""
    return _SCRIPT


def parse(output: list[str]) -> Evidence:
    """What the script printed.

    Raises SnapshotError if it did not come to its end.
    """
    found = parts(output, "docker")
    info = json.loads(found.get("info") or "null")
    return Evidence(
        installed=found["installed"] or None,
        file=found["file"],
        forward=found["forward"] == "1",
        held=tuple(found["held"].split()),
        stale=found["exe"].endswith(" (deleted)"),
        # Without a daemon it is the client's half alone.
        info=info if info and info.get("ServerVersion") else None,
        networks={each["Name"]: each for each in _list(found, "networks")},
        containers={each["Name"].lstrip("/"): each for each in _list(found, "containers")},
        images={tag: each for each in _list(found, "images") for tag in each.get("RepoTags") or ()},
    )


def _list(found: Mapping[str, str], name: str) -> list[dict[str, Any]]:
    return list(json.loads(found.get(name) or "[]"))
