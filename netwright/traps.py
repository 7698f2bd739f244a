"""What is allowed and will bite: said before it does, one line each, by a run and by a dry run."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from netwright.errors import Problem, Problems
from netwright.links.link import Link
from netwright.model import HOST, family_of, overlay
from netwright.route import MAIN, Route
from netwright.state import NEW, Namespace, NetworkState
from netwright.sysctl import is_reset_by_up, link_key

__all__ = ["traps"]

_OVERHEAD = {"inet": 50, "inet6": 70}
"""What a VXLAN puts before a frame: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8."""
_ON_PARENTS = ("macvlan", "macvtap", "ipvlan", "vlan", "vxlan")

Links = Mapping[str, Link]


def traps(current: NetworkState, declared: NetworkState) -> list[Problem]:
    """Everything of `declared` that will surprise somebody.

    + current: what the host shows besides
    """
    found = Problems()
    spaces = dict(current.namespaces())
    after = {
        name: _after(spaces.get(name, NEW), want)
        for name, want in declared.namespaces()
        if want.state != "absent"
    }
    for name, want in declared.namespaces():
        if name not in after:
            continue
        have = spaces.get(name, NEW)
        params = {**(have.sysctl or {}), **(want.sysctl or {})}
        with found.under(*(() if name == HOST else ("netns", name))):
            for ifname, link in (want.links or {}).items():
                if link.state != "absent":
                    with found.under("links", ifname):
                        for path, text in _of_link(name, ifname, after):
                            found.add(path, text)
            for path, text in (
                *_defaults(want, have),
                *_passing(want),
                *_asymmetric(want, after[name], params),
            ):
                found.add(path, text)
    return found.found


def _after(have: Namespace, want: Namespace) -> Links:
    links = dict(have.links or {})
    for ifname, link in (want.links or {}).items():
        links[ifname] = overlay(links[ifname], link) if ifname in links else link
    return {ifname: link for ifname, link in links.items() if link.state != "absent"}


def _of_link(name: str, ifname: str, after: Mapping[str, Links]) -> Iterator[tuple[str, str]]:
    links = after[name]
    link = links[ifname]
    master = links.get(link.master or "")
    if link.addresses and master is not None and master.kind in ("bridge", "bond"):
        what = f"on a port of {link.master} an address works for what this host sends itself alone"
        yield "addresses", f"{what}; put it on {link.master}"
    bridge = None if master is None else master.bridge
    if link.port is not None and link.port.vlans and not (bridge and bridge.vlan_filtering):
        yield "port.vlans", f"have no effect until {link.master} has vlan_filtering: true"
    if link.bridge is not None and link.bridge.stp_state:
        yield from _waiting(ifname, link, links)
    parent = after.get(link.link_netns or name, {}).get(link.parent or "")
    if parent is not None and link.kind in _ON_PARENTS:
        if parent.state == "down" and link.state != "down":
            yield f"{link.kind}.link", f"{link.parent} is down, so nothing gets out or in"
        yield from _mtu(link, parent)


def _waiting(ifname: str, link: Link, links: Links) -> Iterator[tuple[str, str]]:
    ports = [item for item in links.values() if item.master == ifname]
    delay = link.bridge.forward_delay if link.bridge is not None else None
    # Listening and learning, one after the other.
    seconds = 2 * (15 if delay is None else delay)
    if ports and seconds and all(item.kind == "veth" for item in ports):
        what = f"a port that has just gone up forwards nothing for {seconds} s"
        yield "bridge.stp_state", f"{what}, and with veths alone there is no loop to be found"


def _mtu(link: Link, parent: Link) -> Iterator[tuple[str, str]]:
    if link.vxlan is not None and parent.mtu is not None:
        ends = (link.vxlan.local, link.vxlan.remote, link.vxlan.group)
        family = next((family_of(item) for item in ends if item), "inet")
        fits = parent.mtu - _OVERHEAD[family]
        if link.mtu is not None and link.mtu > fits:
            what = f"{link.mtu} and {_OVERHEAD[family]} for the VXLAN are more than {link.parent}"
            yield "mtu", f"{what} takes, which is {parent.mtu}; {fits} fits"
    outer = parent.vlan is not None and link.vlan is not None
    if outer and link.mtu is None and (parent.mtu or 1500) == 1500:
        what = "two tags make frames of 1504 octets and more, which many switches drop"
        yield "mtu", f"{what}; 1496 fits everywhere"


def _defaults(want: Namespace, have: Namespace) -> Iterator[tuple[str, str]]:
    """`default` is for links that come, and for those that nobody has written to."""
    for key in want.sysctl or {}:
        family, _, parameter = key.removeprefix("net/").partition("/conf/default/")
        if not parameter or family not in ("ipv4", "ipv6"):
            continue
        theirs = [
            ifname
            for ifname in have.links or {}
            if ifname != "lo" and link_key(family, ifname, parameter) not in (want.sysctl or {})
        ]
        if theirs:
            names = ", ".join(theirs[:4]) + (", ..." if len(theirs) > 4 else "")
            what = f"is for links made later; of those that are there ({names}) each has its own"
            yield f"sysctl.{key}", f"{what}: links.IF.{family}.{parameter}"


def _passing(want: Namespace) -> Iterator[tuple[str, str]]:
    for key in want.sysctl or {}:
        if is_reset_by_up(key):
            what = "the kernel sets it to the link's own mtu whenever the link goes up"
            yield f"sysctl.{key}", f"{what}, or gets another; an mtu of the link or of routes stays"


def _asymmetric(
    want: Namespace, links: Links, params: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Two default routes of one family by different links: one of them gets answers to what the
    other one has sent, and strict rp_filter drops those."""
    routes = [item for item in want.routes or () if item.state != "absent"]
    by_table: dict[int, set[str]] = {}
    for item in routes:
        if item.dst == "default" and item.family == "inet" and item.type == "unicast":
            devs = {path.dev or _link_of(path, links) for path in item.paths} - {None}
            by_table.setdefault(item.table or MAIN, set()).update(map(str, devs))
    ways = sorted(set().union(*by_table.values())) if by_table else []
    if len(ways) < 2:
        return
    for dev in ways:
        strict = [
            key
            for key in (link_key("ipv4", "all", "rp_filter"), link_key("ipv4", dev, "rp_filter"))
            if params.get(key) == "1" and key in (want.sysctl or {})
        ]
        loose = any(params.get(link_key("ipv4", name, "rp_filter")) == "2" for name in ("all", dev))
        if strict and not loose:
            others = ", ".join(name for name in ways if name != dev)
            what = f"packets that come in on {dev} and are answered by {others} are dropped"
            yield f"sysctl.{strict[-1]}", f"1 is strict: {what}; 2 takes them"


def _link_of(item: Route, links: Links) -> str | None:
    if item.via is None:
        return None
    via = ipaddress.ip_address(item.via)
    for ifname, link in links.items():
        for text in link.addresses or ():
            if via in ipaddress.ip_interface(text).network:
                return ifname
    return None
