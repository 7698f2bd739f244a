"""What a fleet costs the controller: one run for 1, 10 and 50 light hosts."""

from __future__ import annotations

import sys

from benchmarks.contenders import FOLDER, Process, Target
from benchmarks.measure import Figures, measured, reset

__all__ = ["SIZES", "Fleet", "fleets"]

SIZES = (1, 10, 50)
Fleet = dict[int, tuple[Figures, Figures]]
"""Hosts -> what a run from nothing cost, and one without change."""


def fleets(target: Target, link: str, limit: float, sizes: tuple[int, ...] = SIZES) -> Fleet:
    """Measure each size once. Raises Stopped."""
    words = [sys.executable, "-m", "pyinfra", "-y", f"{FOLDER}/fleet_hosts.py"]
    found: Fleet = {}
    for size in sizes:
        process = Process([*words, "deploys/network.py"], {"FLEET": str(size)})
        reset(target)
        try:
            cold = measured(process, target, link, limit)
            found[size] = cold, measured(process, target, link, limit)
        finally:
            reset(target)
    return found
