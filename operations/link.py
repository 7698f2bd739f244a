"""Links: one operation for each kind, and `link` for one that is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.link_alone import bond, dummy, ifb, tap, tun, vrf, wireguard
from netwright.operations.link_entry import declare_link
from netwright.operations.link_on import ipvlan, macvlan, macvtap, vlan, vxlan

__all__ = [
    "bond",
    "bridge",
    "dummy",
    "ifb",
    "ipvlan",
    "link",
    "macvlan",
    "macvtap",
    "tap",
    "tun",
    "veth",
    "vlan",
    "vrf",
    "vxlan",
    "wireguard",
]


def link(
    ifname: str,
    present: bool = True,
    netns: str = HOST,
    state: str = "up",
    mtu: int | None = None,
    mac: str | None = None,
    promisc: bool | None = None,
    addresses: Sequence[str] | None = None,
    master: str | None = None,
    port: Mapping[str, Any] | None = None,
    ipv4: Mapping[str, Any] | None = None,
    ipv6: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> OperationMeta:
    """
    Set what a link is like that is there already; what is left out stays as it is.

    + ifname: the link's name, at most 15 characters
    + present: False takes the link away
    + netns: the namespace that it is in
    + state: up or down
    + mtu: in bytes, 68 to 65536
    + mac: like 02:00:00:00:00:01
    + promisc: whether it takes every frame
    + addresses: the whole list, each with its prefix length
    + master: the bridge that it belongs to; an empty string for none
    + port: what it is like as a bridge's port: hairpin, isolated, learning, flood, cost, ...
    + ipv4, ipv6: parameters under net.ipv4.conf and net.ipv6.conf
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, and the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.link(name="Loopback's second address", ifname="lo", addresses=["192.0.2.1/32"])
    """
    entry = {
        "state": state,
        "mtu": mtu,
        "mac": mac,
        "promisc": promisc,
        "addresses": addresses,
        "master": master,
        "port": port,
        "ipv4": ipv4,
        "ipv6": ipv6,
    }
    return declare_link(ifname, present, netns, entry, arguments)


def bridge(
    ifname: str,
    present: bool = True,
    netns: str = HOST,
    bridge: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a bridge.

    + ifname: the bridge's name, at most 15 characters
    + present: False takes it away
    + netns: the namespace that it is in
    + bridge: stp_state, forward_delay (s), ageing_time (s), vlan_filtering, mcast_snooping, ...
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.bridge(
            name="A bridge without STP",
            ifname="testbr",
            addresses=["172.16.0.1/24"],
            bridge={"stp_state": False},
        )
    """
    return declare_link(ifname, present, netns, {"kind": "bridge", "bridge": bridge}, arguments)


def veth(
    ifname: str,
    peer: Mapping[str, Any] | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a veth pair, seen from one of its ends.

    + ifname: this end's name, at most 15 characters
    + peer: the other end: name, and netns when it is in another namespace
    + present: False takes both ends away
    + netns: the namespace that this end is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads both ends; writes what differs, in place, and the ledger. Another peer is another pair.

    **Example:**

    .. code:: python

        from netwright.operations import link, netns

        netns.netns(name="A namespace", netns="blue")
        link.veth(name="The way into it", ifname="to-blue", peer={"name": "eth0", "netns": "blue"})
        link.link(name="Its end", ifname="eth0", netns="blue", addresses=["172.16.5.2/24"])
    """
    entry = {"kind": "veth", "veth": None if peer is None else {"peer": peer}}
    return declare_link(ifname, present, netns, entry, arguments)
