"""Links that stand on no other link: one operation for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.link_entry import declare_kind

__all__ = ["bond", "dummy", "ifb", "tap", "tun", "vrf", "wireguard"]


def dummy(
    ifname: str,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a dummy, which swallows what is sent.

    + ifname: its name, at most 15 characters
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another kind makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.dummy(name="Its address stays", ifname="dum7", addresses=["192.0.2.7/32"])
    """
    options: dict[str, Any] = {}
    return declare_kind("dummy", ifname, options, present, netns, arguments)


def ifb(
    ifname: str,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change an ifb, where other links' received traffic is redirected.

    + ifname: its name, at most 15 characters
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another kind makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.ifb(name="For shaping", ifname="ifb7")
    """
    options: dict[str, Any] = {}
    return declare_kind("ifb", ifname, options, present, netns, arguments)


def tun(
    ifname: str,
    owner: int | None = None,
    group: int | None = None,
    multi_queue: bool | None = None,
    vnet_hdr: bool | None = None,
    pi: bool | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a tun that stays without its program.

    + ifname: its name, at most 15 characters
    + owner: the number of the user who may open it
    + group: the number of the group that may
    + multi_queue: whether several may at once
    + vnet_hdr: whether frames have a header for offloads
    + pi: whether packets have a header with their protocol
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another owner, group or flag makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.tun(name="For a machine", ifname="tun7", owner=1000)
    """
    options = {
        "owner": owner,
        "group": group,
        "multi_queue": multi_queue,
        "vnet_hdr": vnet_hdr,
        "pi": pi,
    }
    return declare_kind("tun", ifname, options, present, netns, arguments)


def tap(
    ifname: str,
    owner: int | None = None,
    group: int | None = None,
    multi_queue: bool | None = None,
    vnet_hdr: bool | None = None,
    pi: bool | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a tap that stays without its program.

    + ifname: its name, at most 15 characters
    + owner: the number of the user who may open it
    + group: the number of the group that may
    + multi_queue: whether several may at once
    + vnet_hdr: whether frames have a header for offloads
    + pi: whether packets have a header with their protocol
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another owner, group or flag makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.tap(name="For a machine", ifname="tap7", owner=1000)
    """
    options = {
        "owner": owner,
        "group": group,
        "multi_queue": multi_queue,
        "vnet_hdr": vnet_hdr,
        "pi": pi,
    }
    return declare_kind("tap", ifname, options, present, netns, arguments)


def bond(
    ifname: str,
    mode: str | None = None,
    miimon: int | None = None,
    updelay: int | None = None,
    downdelay: int | None = None,
    min_links: int | None = None,
    xmit_hash_policy: str | None = None,
    lacp_rate: str | None = None,
    ad_select: str | None = None,
    fail_over_mac: str | None = None,
    primary_reselect: str | None = None,
    num_grat_arp: int | None = None,
    resend_igmp: int | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a bond; its members are the links whose master it is.

    + ifname: its name, at most 15 characters
    + mode: balance-rr (default), active-backup, balance-xor, broadcast, 802.3ad, balance-tlb or
      balance-alb
    + miimon: milliseconds between two looks at the members
    + updelay: milliseconds before a member is used, a multiple of miimon
    + downdelay: milliseconds before one is given up
    + min_links: how many members it takes to be up
    + xmit_hash_policy: layer2, layer2+3, layer3+4, encap2+3, encap3+4 or vlan+srcmac
    + lacp_rate: slow or fast, for 802.3ad
    + ad_select: stable, bandwidth or count
    + fail_over_mac: none, active or follow
    + primary_reselect: always, better or failure
    + num_grat_arp: announcements after a change
    + resend_igmp: the same for multicast groups
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another mode makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.bond(name="One of two", ifname="bond7", mode="active-backup", miimon=100)
        link.veth(name="A member", ifname="bm7", peer={"name": "bm8"}, master="bond7")
    """
    options = {
        "mode": mode,
        "miimon": miimon,
        "updelay": updelay,
        "downdelay": downdelay,
        "min_links": min_links,
        "xmit_hash_policy": xmit_hash_policy,
        "lacp_rate": lacp_rate,
        "ad_select": ad_select,
        "fail_over_mac": fail_over_mac,
        "primary_reselect": primary_reselect,
        "num_grat_arp": num_grat_arp,
        "resend_igmp": resend_igmp,
    }
    return declare_kind("bond", ifname, options, present, netns, arguments)


def vrf(
    ifname: str,
    table: int | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a VRF; its members are the links whose master it is.

    + ifname: its name, at most 15 characters
    + table: the number of its routing table
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another table makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.vrf(name="A table of its own", ifname="vrf7", table=77)
    """
    options = {
        "table": table,
    }
    return declare_kind("vrf", ifname, options, present, netns, arguments)


def wireguard(
    ifname: str,
    private_key_file: str | None = None,
    listen_port: int | None = None,
    fwmark: int | None = None,
    peers: Sequence[Mapping[str, Any]] | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a WireGuard link.

    + ifname: its name, at most 15 characters
    + private_key_file: a file on the host, as `wg genkey` makes it
    + listen_port: its UDP port, the kernel's choice when left out
    + fwmark: the mark of what it sends
    + peers: the whole list: public_key, allowed_ips, endpoint, persistent_keepalive (s),
      preshared_key_file
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link and, of keys, public ones and hashes; writes what differs, in place, and the
    ledger. No private key is shown, sent or kept.

    **Example:**

    .. code:: python

        from netwright.operations import link

        from pyinfra.operations import server

        server.shell(name="A key", commands="test -f /run/wg7.key || wg genkey > /run/wg7.key")
        link.wireguard(
            name="A tunnel", ifname="wg7", private_key_file="/run/wg7.key", listen_port=51877
        )
    """
    options = {
        "private_key_file": private_key_file,
        "listen_port": listen_port,
        "fwmark": fwmark,
        "peers": peers,
    }
    return declare_kind("wireguard", ifname, options, present, netns, arguments)
