"""Permanent and proxy neighbours."""

from __future__ import annotations

from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.neighbour import Neighbour
from netwright.operations.entry import declare_entry

__all__ = ["neighbour"]


def neighbour(
    dst: str,
    dev: str,
    mac: str | None = None,
    proxy: bool | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make, change or remove a permanent neighbour, or an address to answer for.

    + dst: its address
    + dev: the link that it is on
    + mac: its MAC address, for a permanent entry
    + proxy: instead, whether to answer ARP or neighbour discovery for it
    + present: False removes it
    + netns: the namespace that it is in
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads permanent and proxy neighbours; replaces or deletes this one, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import link, neighbour

        link.bridge(name="A bridge", ifname="nbr", addresses=["172.16.7.1/24"])
        neighbour.neighbour(
            name="A neighbour", dst="172.16.7.9", dev="nbr", mac="02:00:00:00:00:09"
        )
    """
    fields = {"dst": dst, "dev": dev, "mac": mac, "proxy": proxy}
    return declare_entry("neighbours", Neighbour, fields, present, netns, arguments)
