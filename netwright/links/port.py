"""A link's place on a bridge: shown by `ip -d link` (info_slave_data), changed by
`ip link set ... type bridge_slave`. `bridge link set` does the same, in quadratic time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Self

from netwright.links import bridge_vlan
from netwright.links.bridge import Bridge
from netwright.links.bridge_vlan import PortVlan
from netwright.links.options import Ip, Options
from netwright.model import Flag, Range
from netwright.step import Command, Phase, Step

__all__ = ["FRESH", "Port", "joined", "modify", "repinned"]

_ON = Ip(words=("off", "on"))


class Port(Options):
    """The kernel forgets all of it when the link leaves the bridge. `vlans`: the whole list."""

    hairpin: Annotated[Flag | None, _ON] = None
    isolated: Annotated[Flag | None, _ON] = None
    learning: Annotated[Flag | None, _ON] = None
    flood: Annotated[Flag | None, _ON] = None
    mcast_flood: Annotated[Flag | None, _ON] = None
    bcast_flood: Annotated[Flag | None, _ON] = None
    mcast_to_unicast: Annotated[Flag | None, _ON] = None
    neigh_suppress: Annotated[Flag | None, _ON] = None
    proxy_arp: Annotated[Flag | None, _ON] = None
    guard: Annotated[Flag | None, _ON] = None
    root_block: Annotated[Flag | None, _ON] = None
    fastleave: Annotated[Flag | None, _ON] = None
    locked: Annotated[Flag | None, _ON] = None
    cost: Annotated[Annotated[int, Range(1, 65535)] | None, Ip()] = None
    priority: Annotated[Annotated[int, Range(0, 63)] | None, Ip()] = None
    vlans: tuple[PortVlan, ...] | None = None

    def normal(self) -> Self:
        return self if self.vlans is None else self.but(vlans=bridge_vlan.merged(self.vlans))

    def problems(self) -> Iterator[tuple[str, str]]:
        return bridge_vlan.problems(self.vlans or ())


FRESH = Port(
    hairpin=False,
    isolated=False,
    learning=True,
    flood=True,
    mcast_flood=True,
    bcast_flood=True,
    mcast_to_unicast=False,
    neigh_suppress=False,
    proxy_arp=False,
    guard=False,
    root_block=False,
    fastleave=False,
    locked=False,
    priority=32,
)
"""What the kernel gives a link that has just joined (`new_nbp` in net/bridge/br_if.c)."""


def joined(bridge: Bridge | None) -> Port:
    """What the kernel gives a link that has just joined a bridge, with its VLANs."""
    return FRESH if bridge is None else FRESH.but(vlans=bridge.given_to_ports)


def repinned(have: Port, before: Bridge | None, after: Bridge | None) -> Port:
    """What a port is like once its bridge has another `vlan_default_pvid`."""
    old = None if before is None else before.vlan_default_pvid
    new = None if after is None else after.vlan_default_pvid
    if have.vlans is None or old is None or new in (None, old):
        return have
    return have.but(vlans=bridge_vlan.repinned(have.vlans, old, new))


def modify(
    netns: str,
    ifname: str,
    have: Port,
    want: Port,
    render: Callable[[Step], Iterable[Command]],
) -> Iterator[Step]:
    """The steps from one to the other; `render` writes what is no list."""
    for name, value in want.given().items():
        before = getattr(have, name)
        if name == "vlans":
            yield from bridge_vlan.modify((netns, ifname, "port.vlans"), before, value)
        elif value != before:
            yield Step(Phase.LINK, netns, f"links.{ifname}", f"port.{name}", before, value, render)
