"""An ipvlan: a link with its parent's MAC address and addresses of its own; shown by
`ip -d link show type ipvlan`, made by `ip link add link PARENT`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from netwright.links.options import Ip, Options
from netwright.model import IfName

__all__ = ["Ipvlan"]

Reach = Literal["bridge", "private", "vepa"]


class Ipvlan(Options):
    """`mode`: l2, l3 (routed by the parent's namespace, no broadcasts) or l3s (l3 with netfilter);
    `flag`: whether those on one parent reach each other. All on one parent have both in common."""

    IDENTITY: ClassVar[frozenset[str]] = frozenset({"link"})
    REQUIRED: ClassVar[tuple[str, ...]] = ("link",)
    PARENT: ClassVar[str] = "link"
    # ipvlan_link_new in drivers/net/ipvlan/ipvlan_main.c
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"mode": "l3", "flag": "bridge"}

    link: IfName | None = None
    mode: Annotated[Literal["l2", "l3", "l3s"] | None, Ip()] = None
    flag: Annotated[Reach | None, Ip(alone=True)] = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        flag = next((name for name in ("private", "vepa") if data.get(name)), "bridge")
        return super().parse({**data, "flag": flag})
