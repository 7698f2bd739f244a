"""Processes by their cgroup: what a lab started is in the lab's, whoever its parent is."""

from __future__ import annotations

import os
import time
from pathlib import Path

from netwright.lab.spec import LabError

__all__ = ["kill", "pids", "populated"]

GONE_AFTER = 10.0


def populated(cgroup: Path) -> bool:
    """Whether there is any process in the cgroup or below."""
    try:
        return "populated 1" in (cgroup / "cgroup.events").read_text()
    except FileNotFoundError:
        return False


def pids(cgroup: Path) -> list[int]:
    """The processes in the cgroup itself."""
    procs = cgroup / "cgroup.procs"
    return [int(pid) for pid in procs.read_text().split()] if procs.exists() else []


def kill(cgroup: Path) -> None:
    """Kill all in the cgroup and below, wait until they are gone, and remove it.

    Raises:
        LabError: if the kernel does not let go of them.
    """
    if not cgroup.exists():
        return
    (cgroup / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + GONE_AFTER
    while populated(cgroup):
        if time.monotonic() > deadline:
            raise LabError(f"{cgroup}: has processes, {GONE_AFTER:.0f} s after they were killed")
        time.sleep(0.01)
    for path, _, _ in os.walk(cgroup, topdown=False):
        os.rmdir(path)
