"""A macvlan or macvtap: a link with a MAC address of its own on another link; shown by
`ip -d link show type macvlan`, made by `ip link add link PARENT`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from netwright.links.options import Ip, Options
from netwright.model import IfName, Range

__all__ = ["Macvlan", "Macvtap"]


class Macvlan(Options):
    """`mode`: bridge (they reach each other), vepa (by way of the switch), private (not at all),
    passthru (the only one on its parent). None of them reaches the parent itself."""

    IDENTITY: ClassVar[frozenset[str]] = frozenset({"link"})
    REQUIRED: ClassVar[tuple[str, ...]] = ("link",)
    PARENT: ClassVar[str] = "link"
    # macvlan_common_newlink in drivers/net/macvlan.c
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"mode": "vepa", "bcqueuelen": 1000}

    link: IfName | None = None
    mode: Annotated[Literal["bridge", "vepa", "private", "passthru"] | None, Ip()] = None
    bcqueuelen: Annotated[Annotated[int, Range(0, 0xFFFFFFFF)] | None, Ip()] = None

    def unchangeable(self, have: Self) -> str:
        # The kernel changes every mode but passthru, to and from.
        if self.mode not in (None, have.mode) and "passthru" in (self.mode, have.mode):
            return "mode"
        return super().unchangeable(have)


class Macvtap(Macvlan):
    """A macvlan whose frames go to a program by way of /dev/tapN, N its index."""
