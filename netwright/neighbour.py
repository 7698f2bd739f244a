"""A permanent or proxy neighbour: shown by `ip neigh`, changed by `ip neigh replace|delete`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from netwright.model import Flag, IfName, Ip, Mac, Model, shown
from netwright.step import Command, Phase, Step, ip

__all__ = ["Neighbour", "NeighbourKey", "change", "parse"]


class NeighbourKey(NamedTuple):
    """What the kernel tells neighbours apart by."""

    dst: str
    dev: str
    proxy: bool

    def __str__(self) -> str:
        return f"{'proxy ' if self.proxy else ''}{self.dst} dev {self.dev}"


class Neighbour(Model):
    """Either `mac`, a permanent entry, or `proxy: true`, an address to answer for."""

    dst: Ip
    dev: IfName
    mac: Mac | None = None
    proxy: Flag | None = None
    state: Literal["present", "absent"] | None = None

    def normal(self) -> Neighbour:
        """With `proxy` written out."""
        return self.but(proxy=bool(self.proxy))

    def __str__(self) -> str:
        return "proxy" if self.proxy else str(self.mac)

    @property
    def key(self) -> NeighbourKey:
        return NeighbourKey(self.dst, self.dev, bool(self.proxy))


def parse(entry: Mapping[str, Any]) -> Neighbour:
    """From one entry of `ip -j neigh show nud permanent` or `ip -j neigh show proxy`."""
    return Neighbour.model_construct(
        dst=shown(entry["dst"]),
        dev=entry["dev"],
        mac=entry.get("lladdr"),
        proxy="proxy" in entry,
    )


def change(netns: str, before: Neighbour | None, after: Neighbour | None) -> Step:
    """The step from one to the other."""
    key = (before or after or _nothing()).key
    return Step(Phase.ROUTE, netns, f"neighbours.{key}", "", before, after, _render)


def _nothing() -> Neighbour:
    raise AssertionError("a change from nothing to nothing")


def _render(step: Step) -> Iterator[Command]:
    entry: Neighbour = step.before if step.after is None else step.after
    verb = "delete" if step.after is None else "replace"
    if entry.proxy:
        yield ip(step.netns, f"neigh {verb} proxy {entry.dst} dev {entry.dev}")
    elif step.after is None:
        yield ip(step.netns, f"neigh delete {entry.dst} dev {entry.dev}")
    else:
        yield ip(
            step.netns,
            f"neigh replace {entry.dst} lladdr {entry.mac} dev {entry.dev} nud permanent",
        )
