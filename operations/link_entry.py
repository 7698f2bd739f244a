"""What operations for links share."""

from __future__ import annotations

from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.operations.part import declare

__all__ = ["declare_kind", "declare_link"]

_COMMON = (
    *("state", "mtu", "mac", "promisc", "txqueuelen", "addresses"),
    *("master", "port", "ipv4", "ipv6", "link_netns"),
)


def declare_kind(
    kind: str,
    ifname: str,
    options: dict[str, Any],
    present: bool,
    netns: str,
    arguments: dict[str, Any],
) -> OperationMeta:
    """Declare a link of a kind; options that are None are left out."""
    given = {name: value for name, value in options.items() if value is not None}
    return declare_link(ifname, present, netns, {"kind": kind, kind: given or None}, arguments)


def declare_link(
    ifname: str, present: bool, netns: str, entry: dict[str, Any], arguments: dict[str, Any]
) -> OperationMeta:
    """Declare a link with the attributes that all kinds share."""
    common = {name: arguments.pop(name) for name in _COMMON if name in arguments}
    given = {name: value for name, value in {**entry, **common}.items() if value is not None}
    given = given if present else {"state": "absent"}
    return declare("links", {ifname: given}, ifname, netns, **arguments)
