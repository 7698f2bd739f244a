"""What the document alone shows to be wrong, beyond the form of its single values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from netwright import iptables_check, ipvs, link_check, sysctl
from netwright.address import is_link_local
from netwright.errors import Problem, Problems
from netwright.links.link import IPV6_MIN_MTU, KINDS, Link
from netwright.links.veth import Peer
from netwright.model import HOST

if TYPE_CHECKING:
    from netwright.state import Namespace, NetworkState

__all__ = ["problems", "shorthand"]

_PORT_MASTERS = ("bridge",)


def shorthand(state: NetworkState) -> list[Problem]:
    """A parameter that is declared twice, under `sysctl` and under its link."""
    found = Problems()
    for netns, space in state.namespaces():
        with found.under(*_at(netns)):
            for ifname, link in (space.links or {}).items():
                for family in ("ipv4", "ipv6"):
                    for parameter in getattr(link, family) or {}:
                        key = sysctl.link_key(family, ifname, parameter)
                        if key in (space.sysctl or {}):
                            where = f"links.{ifname}.{family}.{parameter}"
                            found.add(where, f"is declared twice, also as sysctl.{key}")
    return found.found


def problems(state: NetworkState) -> list[Problem]:
    """Everything else, of a canonical state."""
    found = Problems()
    if state.state is not None:
        found.add("state", "is for a part of the host; to remove all that is ours, declare nothing")
    for netns, space in state.namespaces():
        with found.under(*_at(netns)):
            _links(found, netns, space, state)
            _addresses(found, space)
            _routes(found, space)
            _rules(found, space)
            _neighbours(found, space)
            _ipvs(found, space)
            _sysctl(found, netns, space)
            iptables_check.problems(found, space)
    spaces = dict(state.namespaces())
    link_check.shared(found, spaces, spaces)
    _pairs(found, state)
    _loops(found, state)
    _checks(found, state)
    return found.found


def _at(netns: str) -> tuple[str, ...]:
    return () if netns == HOST else ("netns", netns)


def _present(space: Namespace) -> Iterator[tuple[str, Link]]:
    return (
        (ifname, link) for ifname, link in (space.links or {}).items() if link.state != "absent"
    )


def _links(found: Problems, netns: str, space: Namespace, state: NetworkState) -> None:
    if space.state == "absent" and space.given().keys() - {"state"}:
        found.add("state", "is absent, so nothing can be declared in it")
    lo = (space.links or {}).get("lo")
    if lo is not None and lo.state == "absent":
        found.add("links.lo.state", "the kernel's own can't be removed; say down")
    for ifname, link in _present(space):
        with found.under("links", ifname):
            if ifname == "lo" and link.kind is not None:
                found.add("kind", f"the kernel's own is no {link.kind}")
            _kind(found, link)
            link_check.options(found, link)
            _mtu(found, link)
            _master(found, link, space.links or {})
            _parent(found, netns, link, state)
            if link.link_netns not in (None, HOST, *(state.netns or {})):
                found.add(
                    "link_netns", f"{link.link_netns!r} is no declared namespace and not host"
                )


def _parent(found: Problems, netns: str, link: Link, state: NetworkState) -> None:
    place = link.link_netns or netns
    space = state if place == HOST else (state.netns or {}).get(place)
    parent = (space.links or {}).get(link.parent or "") if space is not None else None
    if parent is not None and parent.state == "absent":
        field = KINDS[str(link.kind)].PARENT
        found.add(f"{link.kind}.{field}", f"{link.parent!r} is declared absent")
    if link.link_netns is not None and link.kind in KINDS and not KINDS[link.kind].PARENT:
        found.add("link_netns", f"is for a link on another one, which a {link.kind} is not")


def _mtu(found: Problems, link: Link) -> None:
    if link.mtu is not None and link.mtu < IPV6_MIN_MTU:
        for index, text in enumerate(link.addresses or ()):
            if ":" in text:
                what = f"{text} needs an mtu of at least {IPV6_MIN_MTU}; here it is {link.mtu}"
                found.add(f"addresses[{index}]", what)


def _kind(found: Problems, link: Link) -> None:
    if link.kind is not None and link.kind not in KINDS:
        found.add("kind", f"{link.kind!r} is not one of {', '.join(KINDS)}")
        return
    for name in KINDS:
        if name != link.kind and getattr(link, name) is not None:
            if link.kind is not None:
                found.add(name, f"doesn't belong to a link of kind {link.kind}")
            elif KINDS[name].REQUIRED:
                found.add("kind", f"is missing; say kind: {name}")
    if link.kind is not None:
        for name in KINDS[link.kind].REQUIRED:
            if getattr(link.options, name, None) is None:
                found.add(f"{link.kind}.{name}", f"is missing; kind {link.kind} needs it")


def _master(found: Problems, link: Link, links: Mapping[str, Link]) -> None:
    master = links.get(link.master) if link.master else None
    if master is not None and master.state == "absent":
        found.add("master", f"{link.master!r} is declared absent")
    elif master is not None and master.kind is not None and not _has_ports(master.kind):
        found.add("master", f"{link.master!r} is a {master.kind}, which has no ports")
    if link.port is not None:
        if master is not None and master.kind not in (None, *_PORT_MASTERS):
            found.add("port", f"is for a bridge's ports; {link.master!r} is a {master.kind}")
        elif link.kind is not None and not link.master:
            found.add("port", "is for a bridge's ports; say which bridge with master")


def _has_ports(kind: str) -> bool:
    # What is no kind at all is said where it is declared.
    return kind not in KINDS or KINDS[kind].MASTER


def _addresses(found: Problems, space: Namespace) -> None:
    seen: dict[str, str] = {}
    for ifname, link in _present(space):
        for index, text in enumerate(link.addresses or ()):
            bare = text.partition("/")[0]
            if is_link_local(text):
                bare = f"{bare}%{ifname}"
            if bare in seen:
                found.add(f"links.{ifname}.addresses[{index}]", f"{text} is also at {seen[bare]}")
            seen.setdefault(bare, f"links.{ifname}")
            if ":" in text and _without_ipv6(space, ifname):
                what = f"{text} needs IPv6, which disable_ipv6: 1 takes from {ifname}"
                found.add(f"links.{ifname}.addresses[{index}]", what)


def _routes(found: Problems, space: Namespace) -> None:
    seen: dict[object, int] = {}
    for index, route in enumerate(space.routes or ()):
        with found.under(f"routes[{index}]"):
            if route.key in seen:
                found.add("", f"{route.key} is also routes[{seen[route.key]}]")
            seen.setdefault(route.key, index)
            if route.state == "absent":
                continue
            for name, text in route.mismatches():
                found.add(name, text)
            for at, path in route.places:
                _named_link(found, space, f"{at}dev", path.dev)
            if route.family == "inet6" and _without_ipv6(space, route.dev):
                found.add("dev", f"needs IPv6, which disable_ipv6: 1 takes from {route.dev}")


def _without_ipv6(space: Namespace, ifname: str | None) -> bool:
    """Writing `all` writes every link's own."""
    values = space.sysctl or {}
    everywhere = values.get(sysctl.link_key("ipv6", "all", "disable_ipv6"))
    own = sysctl.link_key("ipv6", ifname or "", "disable_ipv6")
    return values.get(own, everywhere) == "1"


def _named_link(found: Problems, space: Namespace, key: str, ifname: str | None) -> None:
    link = (space.links or {}).get(ifname or "")
    if link is not None and link.state == "absent":
        found.add(key, f"{ifname!r} is declared absent")


def _rules(found: Problems, space: Namespace) -> None:
    seen: dict[str, int] = {}
    for index, rule in enumerate(space.rules or ()):
        if rule.key in seen:
            found.add(f"rules[{index}]", f"{rule.key} is also rules[{seen[rule.key]}]")
        seen.setdefault(rule.key, index)


def _neighbours(found: Problems, space: Namespace) -> None:
    seen: dict[object, int] = {}
    for index, item in enumerate(space.neighbours or ()):
        with found.under(f"neighbours[{index}]"):
            if item.key in seen:
                found.add("", f"{item.key} is also neighbours[{seen[item.key]}]")
            seen.setdefault(item.key, index)
            if item.state != "absent" and (item.mac is None) != bool(item.proxy):
                found.add("", "needs either mac or proxy: true")
            _named_link(found, space, "dev", item.dev)


def _ipvs(found: Problems, space: Namespace) -> None:
    seen: dict[str, int] = {}
    for index, item in enumerate(space.ipvs or ()):
        with found.under(f"ipvs[{index}]"):
            if item.key in seen:
                found.add("", f"{item.key} is also ipvs[{seen[item.key]}]")
            seen.setdefault(item.key, index)
            for where, what in ipvs.problems(item):
                found.add(where, what)


def _sysctl(found: Problems, netns: str, space: Namespace) -> None:
    for key, value in (space.sysctl or {}).items():
        if netns != HOST and not key.startswith("net/"):
            found.add(f"sysctl.{key}", "belongs to the whole host; a namespace has only net.*")
        accepted = sysctl.not_accepted(key, value)
        if accepted:
            found.add(f"sysctl.{key}", f"{value} is not {accepted}")
        ifname = sysctl.link_of(key)
        if ifname is not None:
            _named_link(found, space, f"sysctl.{key}", ifname)
    one, other = _FORWARDING
    values = [(space.sysctl or {}).get(key) for key in _FORWARDING]
    if None not in values and values[0] != values[1]:
        found.add(f"sysctl.{other}", f"{values[1]} is not {values[0]}, as {one} is: both are one")
    for key, text in sysctl.untrue(space.sysctl or {}, {}):
        found.add(f"sysctl.{key}", text)


_FORWARDING = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding")


def _pairs(found: Problems, state: NetworkState) -> None:
    """Veth pairs: an end belongs to one pair only, and lies where something is declared."""
    ends: dict[tuple[str, str], tuple[str, Peer]] = {}
    for netns, space in state.namespaces():
        for ifname, link in _present(space):
            peer = link.veth.peer if link.veth is not None else None
            if link.kind != "veth" or peer is None or peer.netns is None:
                continue
            path = ".".join((*_at(netns), "links", ifname))
            if peer.netns != HOST and peer.netns not in (state.netns or {}):
                known = ", ".join([HOST, *(state.netns or {})])
                found.add(
                    f"{path}.veth.peer.netns",
                    f"{peer.netns!r} is declared nowhere; declared: {known}",
                )
            other = (peer.netns, peer.name)
            if other == (netns, ifname):
                found.add(f"{path}.veth.peer", "is the link itself")
            back = _peer_of(state, *other)
            if back is not None and (back.netns, back.name) != (netns, ifname):
                found.add(
                    f"{path}.veth.peer",
                    f"{peer.name!r} is the other end of {back.netns}/{back.name}",
                )
            if other in ends and ends[other][0] != path:
                found.add(f"{path}.veth.peer", f"{peer.name!r} is the peer of {ends[other][0]} too")
            ends.setdefault(other, (path, peer))


def _peer_of(state: NetworkState, netns: str, ifname: str) -> Peer | None:
    space = state if netns == HOST else (state.netns or {}).get(netns)
    link = (space.links or {}).get(ifname) if space is not None else None
    return link.veth.peer if link is not None and link.veth is not None else None


def _loops(found: Problems, state: NetworkState) -> None:
    """A link that stands, in the end, on itself."""
    for netns, space in state.namespaces():
        links = dict(_present(space))
        for start in links:
            chain = [start]
            for name in _below(links, start):
                if name == start:
                    path = ".".join((*_at(netns), "links", start))
                    found.add(path, f"stands on itself: {' -> '.join([*chain, start])}")
                    break
                chain.append(name)


def _below(links: Mapping[str, Link], start: str) -> Iterator[str]:
    """All that a link stands on or belongs to, each once."""
    seen, todo = set(), [start]
    while todo:
        link = links.get(todo.pop())
        for name in _references(link):
            if name not in seen:
                seen.add(name)
                todo.append(name)
                yield name


def _references(link: Link | None) -> Iterable[str]:
    if link is None:
        return ()
    parent = link.parent if link.link_netns is None else None
    return [name for name in (link.master, parent) if name]


def _checks(found: Problems, state: NetworkState) -> None:
    for index, check in enumerate(state.checks or ()):
        places = [("from", check.from_), *((("listen", item.netns)) for item in check.listen or ())]
        for name, place in places:
            if place and "/" not in place and place not in (HOST, *(state.netns or {})):
                known = ", ".join([HOST, *(state.netns or {})])
                found.add(
                    f"checks[{index}].{name}",
                    f"{place!r} is declared nowhere; declared: {known}, or HOST/NAMESPACE",
                )
