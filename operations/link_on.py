"""Links that stand on other links, or go by way of them: one operation for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.link_entry import declare_kind

__all__ = ["ipvlan", "macvlan", "macvtap", "vlan", "vxlan"]


def vlan(
    ifname: str,
    link: str | None = None,
    id: int | None = None,
    protocol: str | None = None,
    reorder_hdr: bool | None = None,
    gvrp: bool | None = None,
    mvrp: bool | None = None,
    loose_binding: bool | None = None,
    bridge_binding: bool | None = None,
    ingress_qos_map: Sequence[str] | None = None,
    egress_qos_map: Sequence[str] | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a VLAN on a link.

    + ifname: its name, at most 15 characters
    + link: the link that carries it
    + id: its tag, 1 to 4094
    + protocol: 802.1Q (default) or 802.1ad, the outer one of QinQ
    + reorder_hdr: whether the tag is taken off what is received (default true)
    + gvrp: whether it is announced by GVRP
    + mvrp: the same by MVRP
    + loose_binding: whether it is up while its link is down
    + bridge_binding: whether it is up as the ports of its bridge are
    + ingress_qos_map: the whole list of FROM:TO, from the tag's priority to the packet's
    + egress_qos_map: the same, from the packet's priority to the tag's
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another link, id or protocol makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.veth(name="A trunk", ifname="trunk", peer={"name": "far"})
        link.vlan(
            name="VLAN 3", ifname="trunk.3", link="trunk", id=3, addresses=["172.16.3.1/24"]
        )
    """
    options = {
        "link": link,
        "id": id,
        "protocol": protocol,
        "reorder_hdr": reorder_hdr,
        "gvrp": gvrp,
        "mvrp": mvrp,
        "loose_binding": loose_binding,
        "bridge_binding": bridge_binding,
        "ingress_qos_map": ingress_qos_map,
        "egress_qos_map": egress_qos_map,
    }
    return declare_kind("vlan", ifname, options, present, netns, arguments)


def macvlan(
    ifname: str,
    link: str | None = None,
    mode: str | None = None,
    bcqueuelen: int | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a macvlan.

    + ifname: its name, at most 15 characters
    + link: the link that it stands on
    + mode: bridge, vepa (default), private or passthru
    + bcqueuelen: how many broadcasts wait at most
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another link makes another link.
    So does mode passthru; the others change in place.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.veth(name="A trunk", ifname="trunk", peer={"name": "far"})
        link.macvlan(name="On it", ifname="macvlan7", link="trunk", mode="bridge")
    """
    options = {
        "link": link,
        "mode": mode,
        "bcqueuelen": bcqueuelen,
    }
    return declare_kind("macvlan", ifname, options, present, netns, arguments)


def macvtap(
    ifname: str,
    link: str | None = None,
    mode: str | None = None,
    bcqueuelen: int | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a macvtap, whose frames a program gets from /dev/tapN.

    + ifname: its name, at most 15 characters
    + link: the link that it stands on
    + mode: bridge, vepa (default), private or passthru
    + bcqueuelen: how many broadcasts wait at most
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another link makes another link.
    So does mode passthru; the others change in place.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.veth(name="A trunk", ifname="trunk", peer={"name": "far"})
        link.macvtap(name="On it", ifname="macvtap7", link="trunk", mode="bridge")
    """
    options = {
        "link": link,
        "mode": mode,
        "bcqueuelen": bcqueuelen,
    }
    return declare_kind("macvtap", ifname, options, present, netns, arguments)


def ipvlan(
    ifname: str,
    link: str | None = None,
    mode: str | None = None,
    flag: str | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change an ipvlan.

    + ifname: its name, at most 15 characters
    + link: the link that it stands on
    + mode: l2, l3 (default) or l3s; all on one link have it in common
    + flag: bridge (default), private or vepa
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another link makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.veth(name="A trunk", ifname="trunk", peer={"name": "far"})
        link.ipvlan(name="On it", ifname="ipv7", link="trunk", mode="l2")
    """
    options = {
        "link": link,
        "mode": mode,
        "flag": flag,
    }
    return declare_kind("ipvlan", ifname, options, present, netns, arguments)


def vxlan(
    ifname: str,
    id: int | None = None,
    local: str | None = None,
    remote: str | None = None,
    group: str | None = None,
    link: str | None = None,
    dstport: int | None = None,
    learning: bool | None = None,
    ttl: int | str | None = None,
    tos: int | str | None = None,
    df: str | None = None,
    ageing: int | None = None,
    fdb: Sequence[Mapping[str, Any]] | None = None,
    present: bool = True,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or change a VXLAN.

    + ifname: its name, at most 15 characters
    + id: its network identifier, 0 to 16777215
    + local: the address to send from
    + remote: where to send what fdb says nothing of
    + group: instead, a multicast group; needs link
    + link: the link to send by
    + dstport: the UDP port, 4789 when it is made without a word about it
    + learning: whether senders are remembered (default true)
    + ttl: 0 (the kernel's choice) to 255, or inherit
    + tos: 0 to 255, or inherit
    + df: unset, set or inherit
    + ageing: seconds for which a sender is remembered
    + fdb: the whole list of permanent entries: mac, dst, and port, vni, via if need be
    + present: False takes it away
    + netns: the namespace that it is in
    + arguments: those of `link.link`, `network_name`, `persist`, and pyinfra's global arguments

    Reads the link; writes what differs, in place, and the ledger.
    Another id, dstport or link makes another link.

    **Example:**

    .. code:: python

        from netwright.operations import link

        link.vxlan(
            name="An overlay",
            ifname="vx7",
            id=7,
            learning=False,
            fdb=[{"mac": "02:00:00:00:00:02", "dst": "192.0.2.9"}],
        )
    """
    options = {
        "id": id,
        "local": local,
        "remote": remote,
        "group": group,
        "link": link,
        "dstport": dstport,
        "learning": learning,
        "ttl": ttl,
        "tos": tos,
        "df": df,
        "ageing": ageing,
        "fdb": fdb,
    }
    return declare_kind("vxlan", ifname, options, present, netns, arguments)
