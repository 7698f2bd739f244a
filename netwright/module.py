"""A kernel module: shown by /proc/modules (built in: by what it brings), loaded by modprobe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from netwright.model import HOST, Text
from netwright.step import Command, Phase, Step

__all__ = ["EVIDENCE", "Module", "plan"]

Module = Annotated[str, Text(r"[A-Za-z0-9][A-Za-z0-9_-]{0,55}", "a kernel module's name")]

EVIDENCE = {
    "br_netfilter": "/proc/sys/net/bridge",
    "ip_set": "/proc/net/ip_set",
    "tun": "/sys/class/misc/tun",
    "ip_vs": "/proc/net/ip_vs",
}
"""Where a module shows that has no entry of its own, because it is built in."""


def plan(loaded: frozenset[str], desired: tuple[str, ...]) -> Iterator[Step]:
    """Modules are only ever loaded: whether others use one by now, nobody can tell."""
    for name in desired:
        if name.replace("-", "_") not in loaded:
            yield Step(Phase.MODULE, HOST, f"modules.{name}", "", None, name, render)


def render(step: Step) -> Iterator[Command]:
    """Nothing when turned round, for the reason given at `plan`."""
    if step.after is not None:
        yield Command("modprobe", HOST, step.after)
