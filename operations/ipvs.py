"""Virtual services of the kernel's load balancer (IPVS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.ipvs import Service
from netwright.model import HOST
from netwright.operations.entry import declare_entry

__all__ = ["service"]


def service(
    tcp: str | None = None,
    udp: str | None = None,
    fwmark: int | None = None,
    servers: Sequence[Mapping[str, Any]] = (),
    scheduler: str | None = None,
    persistent: int | None = None,
    family: str | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make, change or remove a virtual service; connections to servers that stay are kept.

    + tcp, udp: ADDRESS:PORT that it answers at; one of them, or `fwmark`
    + fwmark: the mark of the packets that it takes
    + servers: all of its real servers: `address` (ADDRESS:PORT), `weight` (1), `forward`: masq
      (default), gate or ipip
    + scheduler: rr, wrr, lc, wlc (default), sh, ...
    + persistent: seconds for which a client stays with its server
    + family: of a mark's packets: inet (default) or inet6
    + present: False removes it
    + netns: the namespace that it is in
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads what `ipvsadm` lists; changes it, loads the module ip_vs, and writes the ledger. Needs the
    package ipvsadm, and a kernel that has IPVS.

    **Example:**

    .. code:: python

        from netwright.operations import ipvs

        ipvs.service(
            name="A service on two hosts",
            tcp="192.0.2.2:88",
            scheduler="rr",
            servers=[{"address": "10.10.15.2:12345"}, {"address": "10.10.14.2:12345"}],
        )
    """
    fields = {
        "tcp": tcp,
        "udp": udp,
        "fwmark": fwmark,
        "servers": [dict(item) for item in servers] if present else None,
        "scheduler": scheduler,
        "persistent": persistent,
        "family": family,
    }
    return declare_entry("ipvs", Service, fields, present, netns, arguments)
