"""Routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.entry import declare_entry
from netwright.route import Route

__all__ = ["route"]


def route(
    dst: str,
    present: bool = True,
    netns: str = HOST,
    via: str | None = None,
    dev: str | None = None,
    nexthops: Sequence[Mapping[str, Any]] | None = None,
    src: str | None = None,
    metric: int | None = None,
    table: int | str | None = None,
    type: str | None = None,
    family: str | None = None,
    scope: str | None = None,
    onlink: bool | None = None,
    mtu: int | None = None,
    advmss: int | None = None,
    **arguments: Any,
) -> OperationMeta:
    """
    Make, change or remove a route.

    + dst: default, an address or a prefix
    + present: False removes what stands under this dst, table and metric
    + netns: the namespace that it is in
    + via: the gateway's address
    + dev: the link
    + nexthops: in place of both, two or more ways: each has via, dev or both, and a weight (1..256)
    + src: the source address to prefer
    + metric: its preference, 0 (IPv6: 1024) when left out
    + table: main (default), local, default or a number
    + type: unicast (default), local, blackhole, unreachable or prohibit
    + family: inet or inet6, where nothing else tells it
    + scope: global, site, link or host
    + onlink: whether the gateway is taken to be on the link
    + mtu, advmss: in bytes
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the routes; replaces in one go what stands under the same key, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import route

        route.route(name="Nowhere", dst="203.0.113.0/24", type="blackhole")
    """
    entry = {
        "dst": dst,
        "via": via,
        "dev": dev,
        "nexthops": nexthops,
        "src": src,
        "metric": metric,
        "table": table,
        "type": type,
        "family": family,
        "scope": scope,
        "onlink": onlink,
        "mtu": mtu,
        "advmss": advmss,
    }
    return declare_entry("routes", Route, entry, present, netns, arguments)
