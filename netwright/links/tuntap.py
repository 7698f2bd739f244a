"""A tun or tap that is there without its program: shown by `ip -d link show type tun`, made by
`ip tuntap add`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from netwright.links.options import Ip, Options
from netwright.model import Flag, Range

__all__ = ["Tap", "Tun"]

_Id = Annotated[int, Range(0, 0xFFFFFFFE)]


class Tun(Options):
    """Packets for a program; `owner` and `group`: the numbers of who may open it, besides root."""

    # TUNSETIFF and its like want the link closed, and ip has no command for a live one.
    IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"owner", "group", "multi_queue", "vnet_hdr", "pi"}
    )
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"multi_queue": False, "vnet_hdr": False, "pi": False}

    owner: Annotated[_Id | None, Ip(arg="user", shown="user")] = None
    group: Annotated[_Id | None, Ip()] = None
    multi_queue: Annotated[Flag | None, Ip(words=("", "multi_queue"), alone=True)] = None
    vnet_hdr: Annotated[Flag | None, Ip(words=("", "vnet_hdr"), alone=True)] = None
    pi: Annotated[Flag | None, Ip(words=("", "pi"), alone=True)] = None

    def create(self, ifname: str, kind: str, parent: str, into: str) -> str:
        return f"tuntap add dev {ifname} mode {kind}{self.arguments(new=True)}"


class Tap(Tun):
    """Frames for a program."""
