"""A network namespace: shown by `ip netns`, made by `ip netns add`."""

from __future__ import annotations

from collections.abc import Iterator

from netwright.model import HOST
from netwright.step import Command, Phase, Step, ip

__all__ = ["create", "delete", "render"]


def create(name: str) -> Step:
    """The step that makes it; turned round, it goes."""
    return Step(Phase.NETNS, HOST, f"netns.{name}", "", None, "namespace", render)


def delete(name: str) -> Step:
    """The step that takes it away; its links have to go first."""
    return Step(Phase.NETNS_DELETE, HOST, f"netns.{name}", "", "namespace", None, render)


def render(step: Step) -> Iterator[Command]:
    """One line of `ip -batch` either way."""
    name = step.thing.removeprefix("netns.")
    yield ip(HOST, f"netns {'delete' if step.after is None else 'add'} {name}")
