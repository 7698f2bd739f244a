"""A link's place on a bridge: shown by `ip -d link` (info_slave_data), changed by
`ip link set ... type bridge_slave`. `bridge link set` does the same, in quadratic time."""

from __future__ import annotations

from typing import Annotated

from netwright.links.options import Ip, Options
from netwright.model import Flag, Range

__all__ = ["FRESH", "Port"]

_ON = Ip(words=("off", "on"))


class Port(Options):
    """The kernel forgets all of it when the link leaves the bridge."""

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
