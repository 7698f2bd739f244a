"""A VRF: a master whose members look routes up in a table of their own; shown by
`ip -d link show type vrf`, made by `ip link add ... type vrf table N`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from netwright.links.options import Ip, Options
from netwright.table import Table

__all__ = ["Vrf"]


class Vrf(Options):
    """`table`: the routing table of its members."""

    MASTER: ClassVar[bool] = True
    IDENTITY: ClassVar[frozenset[str]] = frozenset({"table"})
    REQUIRED: ClassVar[tuple[str, ...]] = ("table",)

    table: Annotated[Table | None, Ip()] = None
