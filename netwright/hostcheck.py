"""What only the live host shows to be impossible, found before anything is touched."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache

from netwright import iptables_check, link_check, sysctl
from netwright.errors import Problems
from netwright.iptables import FAMILIES
from netwright.links.link import KINDS, Link
from netwright.model import HOST, overlay
from netwright.route import Route
from netwright.state import NEW, NOTHING, Namespace, NetworkState

__all__ = ["problems", "reached", "subnet"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def problems(
    found: Problems, current: NetworkState, desired: NetworkState, asked: NetworkState
) -> None:
    """Everything about `asked`, a part of `desired`, that doesn't fit the host as it is."""
    spaces, wanted = dict(current.namespaces()), dict(desired.namespaces())
    after = {
        name: Namespace(links=_after(spaces.get(name, NEW), wanted.get(name, NOTHING)))
        for name in {**spaces, **wanted}
        if wanted.get(name, NOTHING).state != "absent"
    }
    link_check.shared(found, after, dict(asked.namespaces()))
    for name, want in asked.namespaces():
        if want.state == "absent":
            continue
        have = spaces.get(name, NEW)
        with found.under(*(() if name == HOST else ("netns", name))):
            there = after[name].links or {}
            for ifname, link in (want.links or {}).items():
                with found.under("links", ifname):
                    _link(found, link, (have.links or {}).get(ifname))
                    _far_end(found, ifname, link, have)
                    _references(found, name, link, there, wanted, spaces)
                    _port(found, link, there.get(ifname, link), there)
            _routes(found, have, want, there)
            _neighbours(found, want, there)
            _sysctl(found, have, want, there)
    for name, want in wanted.items():
        # Of tables also what only goes: a chain that others need can't.
        if want.state != "absent":
            with found.under(*(() if name == HOST else ("netns", name))):
                _tables(found, spaces.get(name, NEW), want)


def _after(have: Namespace, want: Namespace) -> dict[str, Link]:
    """The namespace's links as they will be."""
    after = dict(have.links or {})
    for ifname, link in (want.links or {}).items():
        if link.state == "absent":
            after.pop(ifname, None)
        else:
            after[ifname] = overlay(after[ifname], link) if ifname in after else link
    return after


def _link(found: Problems, want: Link, have: Link | None) -> None:
    if want.state == "absent":
        return
    if have is None:
        if want.kind is None:
            found.add("", "is not there, and no kind says how to make it")
        return
    if have.kind is None and want.kind is not None:
        found.add("kind", f"is a physical link here and can't be made again as {want.kind}")
    for kind in KINDS:
        if want.kind is None and getattr(want, kind) is not None and have.kind != kind:
            found.add(kind, f"doesn't belong to this link, which is of kind {have.kind}")


def _far_end(found: Problems, ifname: str, want: Link, have: Namespace) -> None:
    """A pair whose other end is out of sight, as a container's uplink, is made by no undo."""
    link = (have.links or {}).get(ifname)
    if link is None or link.kind != "veth" or link.veth is not None:
        return
    uplink = any(item.dst == "default" and item.is_over({ifname}) for item in have.routes or ())
    if want.state == "absent" and uplink:
        found.add("state", "the way out of this host can't be brought back: " + _OUT_OF_SIGHT)
    elif want.state != "absent" and want.kind not in (None, "veth"):
        found.add("kind", f"is a veth here and can't be made again as {want.kind}: {_OUT_OF_SIGHT}")


_OUT_OF_SIGHT = "its other end is in no namespace that is declared"


def _neighbours(found: Problems, want: Namespace, after: Mapping[str, Link]) -> None:
    for index, item in enumerate(want.neighbours or ()):
        if item.state != "absent" and item.dev not in after:
            what = f"{item.dev!r} is neither declared nor on the host{_known(after)}"
            found.add(f"neighbours[{index}].dev", what)


def _references(
    found: Problems,
    name: str,
    want: Link,
    after: Mapping[str, Link],
    wanted: Mapping[str, Namespace],
    spaces: Mapping[str, Namespace],
) -> None:
    if want.state == "absent":
        return
    if want.master:
        master = after.get(want.master)
        if master is None:
            found.add(
                "master", f"{want.master!r} is neither declared nor on the host{_known(after)}"
            )
        elif want.port is not None and master.kind != "bridge":
            found.add("port", f"is for a bridge's ports; {want.master!r} is a {master.kind}")
    peer = want.veth.peer if want.veth is not None else None
    if peer is not None and wanted.get(peer.netns or name, NEW).state == "absent":
        found.add("veth.peer.netns", f"{peer.netns!r} is declared absent")
    if want.parent:
        place = want.link_netns or name
        there = after
        if place != name:
            there = _after(spaces.get(place, NEW), wanted.get(place, NOTHING))
        if want.parent not in there:
            kind = want.kind or ""
            field = KINDS[kind].PARENT
            found.add(
                f"{kind}.{field}",
                f"{want.parent!r} is neither declared nor on the host{_known(there)}",
            )


def _port(found: Problems, want: Link, then: Link, after: Mapping[str, Link]) -> None:
    """What is said of a port without its master is for the bridge that it is on."""
    if want.port is None or want.master or want.state == "absent":
        return
    if not then.master or then.master not in after:
        found.add("port", "is for a bridge's ports; this link is on none; say which with master")


def _known(after: Mapping[str, Link]) -> str:
    names = [name for name in after if name != "lo"]
    return f"; there: {', '.join(names[:8])}" if names else ""


def _routes(found: Problems, have: Namespace, want: Namespace, after: Mapping[str, Link]) -> None:
    absent = {item.key for item in want.routes or () if item.state == "absent"}
    routes = [item for item in have.routes or () if item.key not in absent]
    routes += [item for item in want.routes or () if item.state != "absent"]
    for index, item in enumerate(want.routes or ()):
        if item.state == "absent":
            continue
        with found.under(f"routes[{index}]"):
            for at, path in item.places:
                _way(found, at, path, after, routes)
            if item.src is not None and not _has(item.src, after):
                found.add("src", f"{item.src} is no address of this namespace")


def _way(
    found: Problems, at: str, item: Route, after: Mapping[str, Link], routes: Iterable[Route]
) -> None:
    if item.dev is not None and item.dev not in after:
        what = f"{item.dev!r} is neither declared nor on the host{_known(after)}"
        found.add(f"{at}dev", what)
    elif item.via is not None and not item.onlink and not reached(item, after, routes):
        found.add(f"{at}via", f"{item.via} is reached by no link{_where(item, after)}")


def _where(item: Route, after: Mapping[str, Link]) -> str:
    names = [item.dev] if item.dev else list(after)
    texts = [
        f"{name} has {', '.join(_addresses(after[name]))}"
        for name in names
        if _addresses(after[name]) and name != "lo"
    ]
    return f": {'; '.join(texts)}" if texts else ": no link has an address"


def _addresses(link: Link) -> list[str]:
    return [*(link.addresses or ()), *getattr(link, "dynamic", ())]


def _has(src: str, after: Mapping[str, Link]) -> bool:
    return any(
        text.partition("/")[0] == src for link in after.values() for text in _addresses(link)
    )


def reached(item: Route, after: Mapping[str, Link], routes: Iterable[Route]) -> bool:
    """Whether a route's gateway is in reach: in a link's subnet, or behind a route without one."""
    assert item.via is not None
    via = ipaddress.ip_address(item.via)
    if via.is_link_local:
        return item.dev is not None
    names = [item.dev] if item.dev is not None else list(after)
    subnets = [_network(text) for name in names for text in _addresses(after[name])]
    subnets += [
        _network(other.dst)
        for other in routes
        if other.via is None
        and other.nexthops is None
        and other.dst != "default"
        and other.type == "unicast"
        and item.dev in (None, other.dev)
    ]
    return any(via.version == net.version and via in net for net in subnets)


@lru_cache(maxsize=65536)
def _network(text: str) -> Network:
    return ipaddress.ip_interface(text).network


def subnet(address: str) -> str:
    """The prefix that an address is in: `172.16.0.1/24` -> `172.16.0.0/24`."""
    return str(_network(address))


def _tables(found: Problems, have: Namespace, want: Namespace) -> None:
    for family in FAMILIES:
        live = getattr(have, family) or {}
        for table, chains in (getattr(want, family) or {}).items():
            with found.under(family, table):
                iptables_check.needed(found, live.get(table, {}), chains)


def _sysctl(found: Problems, have: Namespace, want: Namespace, after: Mapping[str, Link]) -> None:
    for key in want.sysctl or {}:
        ifname = sysctl.link_of(key)
        if ifname is not None and ifname not in after:
            found.add(
                f"sysctl.{key}", f"{ifname!r} is neither declared nor on the host{_known(after)}"
            )
    for key, text in sysctl.untrue(want.sysctl or {}, have.sysctl or {}):
        found.add(f"sysctl.{key}", text)
