"""Declarations at random that are right in themselves and fit every host that one of them made.

Small pools of names and values, so that two of them meet in everything: a name that is a bridge
here and a pair there, a pair whose end lies elsewhere, one address on two links, the same route
otherwise.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

__all__ = ["Document", "documents", "pairs", "runs", "shuffled", "spaces_of"]

Draw = st.DrawFn
Document = dict[str, Any]

PLACES = ("host", "blue", "red")
BRIDGES = ("br0", "br.1")
MACS = ("02:00:00:00:00:0a", "02:00:00:00:00:0b")
SOURCES = {"inet": "10.{0}.0.{1}", "inet6": "fd00:0:0:{0}::{1}"}
LENGTHS = {"inet": (24, 24, 24, 16, 32), "inet6": (64, 64, 128)}
DESTINATIONS = {
    "inet": ("default", "192.168.1.0/24", "192.168.1.7/32", "192.0.2.0/25"),
    "inet6": ("default", "2001:db8:1::/48", "2001:db8:1::7/128"),
}
COMBINED = ("rp_filter", "proxy_arp", "arp_ignore", "accept_local")

_COMMON: Mapping[str, Sequence[Any]] = {
    "state": ("up", "up", "down"),
    "mtu": (1280, 1400, 1500, 9000),
    "mac": MACS,
    "promisc": (False, True),
    "txqueuelen": (500, 1000),
}
_BRIDGE: Mapping[str, Sequence[Any]] = {
    "stp_state": (False, True),
    "forward_delay": (4, 15, 20),
    "ageing_time": (0, 60, 300),
    "mcast_snooping": (False, True),
    "priority": (0, 32768, 4096),
    "hello_time": (1, 2),
}
_PORT: Mapping[str, Sequence[Any]] = {
    **dict.fromkeys(("hairpin", "isolated", "learning", "flood"), (False, True)),
    "priority": (32, 8),
}
_PARAMETERS: Mapping[str, Sequence[Any]] = {
    "net.ipv4.ip_forward": (0, 1),
    "net.ipv6.conf.all.forwarding": (0, 1),
    "net.ipv4.conf.default.rp_filter": (0, 1, 2),
    "net.ipv6.conf.default.accept_ra": (0, 1, 2),
    "net.ipv4.ip_nonlocal_bind": (0, 1),
}
_RULE: Mapping[str, Sequence[Any]] = {
    "from": ("10.0.0.0/8", "10.1.0.1/32"),
    "iif": ("lo", "v0"),
    "fwmark": (1, "0x1/0xff"),
}


@cache
def _from(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@cache
def _odds(percent: int) -> st.SearchStrategy[bool]:
    return st.integers(0, 99).map(lambda number: number < percent)


@cache
def _upto(most: int, least: int = 0) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def _some(
    draw: Draw, fields: Mapping[str, Sequence[Any]], how_many: tuple[int, ...] = (0, 0, 0, 1, 1, 2)
) -> Document:
    found = {}
    for _ in range(draw(_from(how_many))):
        name = draw(_from(tuple(fields)))
        found[name] = draw(_from(tuple(fields[name])))
    return found


@st.composite
def documents(draw: Draw) -> Document:
    """One declaration."""
    spaces = [name for name in PLACES if name == "host" or draw(_odds(60))]
    found: dict[str, Document] = {name: {} for name in spaces}
    for name in spaces:
        found[name]["links"] = _bridges(draw)
    _pairs(draw, found)
    for name in spaces:
        links = found[name]["links"]
        if draw(_odds(70)):
            addresses = ([], ["10.9.0.1/32"], ["10.9.0.1/32", "fd00:9::1/128"])
            links["lo"] = {"addresses": addresses[draw(_upto(2))]} if draw(_odds(20)) else {}
        _addresses(draw, links)
        _parameters(draw, found[name])
        found[name]["routes"] = _routes(draw, links)
        found[name]["rules"] = _rules(draw)
        found[name]["neighbours"] = _neighbours(draw, links)
    return _document(found)


@st.composite
def pairs(draw: Draw) -> tuple[Document, Document]:
    """A host that is, and what it shall be: also without some of what it has, said as `absent`."""
    first, second = draw(documents()), draw(documents())
    return first, draw(_with_absent(first, second))


@st.composite
def runs(draw: Draw, most: int = 4) -> list[Document]:
    """Declarations that follow each other under one name."""
    found = draw(st.lists(documents(), min_size=1, max_size=most))
    for later in found:
        for earlier in found:
            _switch_ipv6_on(spaces_of(earlier), spaces_of(later))
    return found


@st.composite
def shuffled(draw: Draw, document: Any) -> Any:
    """The same in another order, as far as order says nothing."""
    if isinstance(document, dict):
        keys = draw(st.permutations(list(document)))
        return {key: draw(shuffled(document[key])) for key in keys}
    if isinstance(document, list) and all(isinstance(item, dict) for item in document):
        return draw(st.permutations(document))
    return document


def _document(found: Mapping[str, Document]) -> Document:
    spaces = {
        name: {key: value for key, value in space.items() if value} for name, space in found.items()
    }
    document = spaces.pop("host")
    return {**document, "netns": spaces} if spaces else document


def spaces_of(document: Document) -> dict[str, Document]:
    """Namespace -> what is declared in it."""
    own = {key: value for key, value in document.items() if key != "netns"}
    return {"host": own, **document.get("netns", {})}


def _bridges(draw: Draw) -> Document:
    found: Document = {}
    for name in BRIDGES:
        if draw(_odds(50)):
            found[name] = {"kind": "bridge", **_some(draw, _COMMON)}
            options = _some(draw, _BRIDGE, (0, 0, 1, 2, 3))
            found[name] |= {"bridge": options} if options else {}
    return found


def _pairs(draw: Draw, found: Mapping[str, Document]) -> None:
    for number in range(4):
        if not draw(_odds(60)):
            continue
        if number == 3 and draw(_odds(50)):
            found["host"]["links"]["v3"] = {"kind": "bridge", **_some(draw, _COMMON)}
            continue
        ends = [(draw(_from(tuple(found))), f"{letter}{number}") for letter in "ve"]
        how = draw(_from(("both", "both", "first", "second", "plain")))
        for index, (place, name) in enumerate(ends):
            if (how, index) not in (("first", 1), ("second", 0)):
                link = _end(draw, found[place]["links"])
                if not (how == "plain" and index == 1):
                    link |= {"kind": "veth", "veth": {"peer": _peer(place, *ends[1 - index])}}
                found[place]["links"][name] = link


def _end(draw: Draw, links: Document) -> Document:
    link = _some(draw, _COMMON)
    bridges = tuple(name for name in links if name in BRIDGES)
    if bridges and draw(_odds(50)):
        link["master"] = draw(_from(bridges))
        port = _some(draw, _PORT, (0, 1, 2))
        link |= {"port": port} if port else {}
    return link


def _peer(place: str, there: str, name: str) -> Document:
    return {"name": name} if there == place else {"name": name, "netns": there}


def _addresses(draw: Draw, links: Document) -> None:
    taken: set[str] = {
        item.partition("/")[0] for link in links.values() for item in link.get("addresses", ())
    }
    for name, link in links.items():
        if name == "lo" or not draw(_odds(60)):
            continue
        texts = []
        for _ in range(draw(_upto(3))):
            family = draw(_from(("inet", "inet", "inet6")))
            bare = SOURCES[family].format(draw(_upto(2)), draw(_upto(4, 1)))
            if bare not in taken:
                taken.add(bare)
                texts.append(f"{bare}/{draw(_from(LENGTHS[family]))}")
        link["addresses"] = texts


def _parameters(draw: Draw, space: Document) -> None:
    """`all` first: a link's own value has to come true."""
    sysctl: Document = _some(draw, _PARAMETERS)
    links = list(space["links"].values())
    for _ in range(draw(_from((0, 0, 1, 2)))):
        parameter = draw(_from(COMBINED))
        everywhere = draw(_upto(1))
        sysctl[f"net.ipv4.conf.all.{parameter}"] = everywhere
        for link in links:
            link.get("ipv4", {}).pop(parameter, None)
            if draw(_odds(50)):
                link.setdefault("ipv4", {})[parameter] = everywhere or draw(_upto(1))
    for _ in range(draw(_upto(2)) if links else 0):
        link = links[draw(_upto(len(links) - 1))]
        family, name = draw(
            _from((("ipv4", "forwarding"), ("ipv6", "accept_ra"), ("ipv6", "forwarding"),
                   ("ipv6", "disable_ipv6")))
        )  # fmt: skip
        if name == "disable_ipv6" and any(":" in text for text in link.get("addresses", ())):
            continue
        link.setdefault(family, {})[name] = draw(_upto(1))
    space["sysctl"] = sysctl


def _usable(links: Document, inet6: bool) -> dict[str, Document]:
    """Links that a route can lead over."""
    return {
        name: link
        for name, link in links.items()
        if name != "lo"
        and link.get("state", "up") == "up"
        and not (inet6 and link.get("ipv6", {}).get("disable_ipv6"))
    }


def _routes(draw: Draw, links: Document) -> list[Document]:
    found: dict[Any, Document] = {}
    for _ in range(draw(_upto(4))):
        family = draw(_from(("inet", "inet", "inet6")))
        route: Document = {"dst": draw(_from(DESTINATIONS[family]))}
        way = _way(draw, family, links)
        if way is None:
            way = {"type": draw(_from(("blackhole", "unreachable", "prohibit")))}
        if family == "inet6" and route["dst"] == "default":
            route["family"] = "inet6"
        route |= way | _some(draw, {"metric": (10, 100), "table": (100,)}, (0, 0, 1, 2))
        found[family, route["dst"], route.get("metric"), route.get("table")] = route
    return list(found.values())


def _way(draw: Draw, family: str, links: Document) -> Document | None:
    usable = _usable(links, inet6=family == "inet6")
    if not usable or draw(_odds(20)):
        return None
    name = draw(_from(tuple(usable)))
    texts = tuple(
        text for text in usable[name].get("addresses", ()) if (":" in text) == (family == "inet6")
    )
    wide = tuple(text for text in texts if not text.endswith(("/32", "/128")))
    extra = _some(draw, {"mtu": (1280, 1400), "advmss": (1200,)}, (0, 0, 0, 1))
    if texts and draw(_odds(30)):
        extra["src"] = draw(_from(texts)).partition("/")[0]
    if not wide or draw(_odds(20)):
        if texts and draw(_odds(20)):
            gateway = "172.31.0.1" if family == "inet" else "2001:db8:ffff::1"
            return {"via": gateway, "dev": name, "onlink": True, **extra}
        return {"dev": name, **extra}
    network = ipaddress.ip_interface(draw(_from(wide))).network
    way = {"via": str(network[draw(_upto(203, 200))]), **extra}
    return way if draw(_odds(40)) else {**way, "dev": name}


def _rules(draw: Draw) -> list[Document]:
    found: dict[str, Document] = {}
    for _ in range(draw(_upto(2))):
        rule: Document = {"priority": draw(_from((100, 200))), **_some(draw, _RULE, (0, 1, 2))}
        if "from" not in rule and draw(_odds(40)):
            rule |= {"family": "inet6"} | ({"to": "fd01::/16"} if draw(_odds(50)) else {})
        if not {"from", "to", "fwmark"} & set(rule):
            # Else it would decide how a gateway is reached.
            rule["fwmark"] = 2
        rule |= {"table": draw(_from((100, "main")))} if draw(_odds(70)) else {"type": "prohibit"}
        found[str(sorted(rule.items()))] = rule
    return list(found.values())


def _neighbours(draw: Draw, links: Document) -> list[Document]:
    found: dict[Any, Document] = {}
    names = tuple(_usable(links, inet6=False))
    for _ in range(draw(_upto(2)) if names else 0):
        name = draw(_from(names))
        pool = ("10.0.0.77",) if links[name].get("ipv6") else ("10.0.0.77", "fd00::77")
        item: Document = {"dst": draw(_from(pool)), "dev": name}
        item |= {"proxy": True} if draw(_odds(30)) else {"mac": draw(_from(MACS))}
        found[item["dst"], name, "proxy" in item] = item
    return list(found.values())


@st.composite
def _with_absent(draw: Draw, first: Document, second: Document) -> Document:
    """Some of what the first has and the second doesn't name, declared absent."""
    before, after = spaces_of(first), spaces_of(second)
    names = {end[1] for place, space in after.items() for end in _all_ends(place, space)}
    for place in before:
        after.setdefault(place, {})
    _declare_taken_ends(before, after)
    _switch_ipv6_on(before, after)
    for place, space in before.items():
        if place != "host" and not after[place] and draw(_odds(40)):
            after[place] = {"state": "absent"}
            continue
        links = after[place].setdefault("links", {})
        for name in space.get("links", {}):
            if name not in names and name != "lo" and draw(_odds(40)):
                links[name] = {"state": "absent"}
        for room in ("routes", "neighbours", "rules"):
            keys = {_key(item) for item in after[place].get(room, ())}
            for item in space.get(room, ()):
                dangling = links.get(item.get("dev"), {}).get("state") == "absent"
                if _key(item) not in keys and not dangling and draw(_odds(40)):
                    after[place].setdefault(room, []).append({**item, "state": "absent"})
    return _document(after)


def _declare_taken_ends(before: Mapping[str, Document], after: Mapping[str, Document]) -> None:
    """A name that the first has and that the second gives to an undeclared end."""
    taken = {end for place, space in before.items() for end in _all_ends(place, space)}
    for place, space in list(after.items()):
        for there, name in _all_ends(place, space):
            if (there, name) in taken and name not in after[there].get("links", {}):
                after[there].setdefault("links", {})[name] = {}


def _switch_ipv6_on(before: Mapping[str, Document], after: Mapping[str, Document]) -> None:
    """The kernel refuses addresses, routes and neighbours on a link without IPv6."""
    for place, space in after.items():
        for name, link in space.get("links", {}).items():
            old = before.get(place, {}).get("links", {}).get(name, {})
            if old.get("ipv6", {}).get("disable_ipv6") and link.get("state") != "absent":
                link.setdefault("ipv6", {}).setdefault("disable_ipv6", 0)


def _all_ends(place: str, space: Document) -> list[tuple[str, str]]:
    """Links that are declared, or are the other end of one."""
    found = []
    for name, link in space.get("links", {}).items():
        found.append((place, name))
        if "veth" in link:
            peer = link["veth"]["peer"]
            found.append((peer.get("netns", place), peer["name"]))
    return found


def _key(item: Document) -> Any:
    if "priority" in item:
        return str(sorted((key, value) for key, value in item.items() if key != "state"))
    if "mac" in item or "proxy" in item:
        return item["dst"], item["dev"], "proxy" in item
    family = "inet6" if ":" in str(item) else "inet"
    return item["dst"], item.get("family", family), item.get("metric"), item.get("table")
