"""What is recorded of labs and how they are; file reads only, so inventories ask each time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netwright.lab import places
from netwright.lab.engine import Engine
from netwright.lab.nspawn import Nspawn
from netwright.lab.spec import HostSpec, LabError, LabSpec
from netwright.lab.vm import Vm

__all__ = ["HostStatus", "engine_of", "is_up", "ready_file", "record", "recorded", "recorded_labs"]
__all__ += ["require_root", "status", "switched"]

# Of lab.json. A lab recorded in another format can be taken down, and is not reused.
FORMAT = 1
ENGINES: dict[str, Callable[[LabSpec], Engine]] = {"nspawn": Nspawn, "vm": Vm}


@dataclass(frozen=True)
class HostStatus:
    """What a host is doing: off, booting or up."""

    name: str
    address: str
    state: str


def is_up(lab: LabSpec) -> bool:
    """Whether the lab is as declared and all of it is up. No host is asked."""
    return (
        recorded(lab.name) == lab
        and switched(lab)
        and all(host.state == "up" for host in status(lab))
    )


def status(lab: LabSpec) -> list[HostStatus]:
    """What each host of the lab is doing."""
    return [HostStatus(host.name, host.address, _state(lab, host)) for host in lab.hosts]


def _state(lab: LabSpec, host: HostSpec) -> str:
    if not engine_of(lab, host).alive(host):
        return "off"
    return "up" if ready_file(lab, host).exists() else "booting"


def engine_of(lab: LabSpec, host: HostSpec) -> Engine:
    """What runs a host of the lab."""
    return ENGINES[host.engine](lab)


def switched(lab: LabSpec) -> bool:
    """Whether the lab's switch is there and the machine is plugged in."""
    return places.wired(lab.name).exists() and os.path.exists(
        f"/sys/class/net/{places.link(lab.name)}"
    )


def ready_file(lab: LabSpec, host: HostSpec) -> Path:
    """Made when a host has booted to the end, removed when it begins to boot."""
    return places.host_dir(lab.name, host.name) / "ready"


def record(lab: LabSpec) -> None:
    """Note the lab down where recorded finds it."""
    file = places.lab_dir(lab.name) / "lab.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    places.write(file, json.dumps({"format": FORMAT, **lab.to_json()}, indent=2))


def recorded(name: str) -> LabSpec | None:
    """The lab of that name as it was last brought up; None as well if another version wrote it."""
    file = places.lab_dir(name) / "lab.json"
    if not file.exists():
        return None
    data = json.loads(file.read_text())
    return LabSpec.from_json(data) if data.get("format") == FORMAT else None


def recorded_labs() -> list[LabSpec]:
    """All labs of this machine, whatever their hosts are doing."""
    return [lab for name in places.lab_names() if (lab := recorded(name))]


def require_root() -> None:
    """Raises:
    LabError: if the caller is not root.
    """
    if os.geteuid() != 0:
        raise LabError("a lab makes network namespaces and mounts: run as root (sudo)")
