"""What a fleet costs the controller, for 1, 10 and 50 light hosts; and who waits for a slow one."""

from __future__ import annotations

import subprocess
import sys
from shlex import quote

from benchmarks.contenders import FOLDER, Process, Target
from benchmarks.measure import Figures, Stopped, measured, reset

__all__ = ["SIZES", "Fleet", "fleets", "waiting"]

SIZES = (1, 10, 50)
Fleet = dict[int, tuple[Figures, Figures]]
"""Hosts -> what a run from nothing cost, and one without change."""


_SLOW = 4
"""Seconds that each command of the slow host waits."""
_SHELL = "/run/bench-slow"


def _process(size: int, **more: str) -> Process:
    words = [sys.executable, "-m", "pyinfra", "-y", f"{FOLDER}/fleet_hosts.py"]
    return Process([*words, "deploys/network.py"], {"FLEET": str(size), **more})


def waiting(target: Target, link: str, limit: float, size: int = 10) -> int:
    """How many hosts of one wave began their change only once the slow one had been read.

    Raises Stopped.
    """
    reset(target)
    text = f'#!/bin/sh\nsleep {_SLOW}\nexec sh "$@"\n'
    try:
        _asked(target, f"printf %s {quote(text)} > {_SHELL} && chmod +x {_SHELL}")
        measured(_process(size, FLEET_SLOW=_SHELL), target, link, limit)
        said = _asked(target, "stat -L -c '%n %.Y' /etc/netwright/fleet*/ledger.json")
    finally:
        _asked(target, f"rm -f {_SHELL}")
        reset(target)
    began = {path.split("/")[3]: float(at) for path, at in map(str.split, said.splitlines())}
    if len(began) != size:
        raise Stopped(f"{len(began)} hosts of {size} have a ledger")
    # Its own change waited as long again.
    was_read = began.pop("fleet0") - _SLOW
    return sum(at >= was_read for at in began.values())


def _asked(target: Target, command: str) -> str:
    done = subprocess.run(target.ssh(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stopped(done.stderr.strip()[-300:])
    return done.stdout


def fleets(target: Target, link: str, limit: float, sizes: tuple[int, ...] = SIZES) -> Fleet:
    """Measure each size once. Raises Stopped."""
    found: Fleet = {}
    for size in sizes:
        process = _process(size)
        reset(target)
        try:
            cold = measured(process, target, link, limit)
            found[size] = cold, measured(process, target, link, limit)
        finally:
            reset(target)
    return found
