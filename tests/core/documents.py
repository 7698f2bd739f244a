"""Declarations at random that are right in themselves and fit every host that one of them made.

Small pools of names and values, so that two of them meet in everything: a name that is a bridge here
and a pair there, a pair whose end lies elsewhere, one address on two links, the same route otherwise.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

__all__ = ["Draw", "documents", "pairs", "runs"]

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
PARAMETERS = {"ipv4": ("rp_filter", "proxy_arp", "arp_ignore", "accept_local", "forwarding"),
              "ipv6": ("accept_ra", "disable_ipv6", "forwarding")}
COMBINED = ("rp_filter", "proxy_arp", "arp_ignore", "accept_local")


@st.composite
def documents(draw: Draw) -> Document:
    """One declaration."""
    spaces = [name for name in PLACES if name == "host" or draw(_odds(0.6))]
    found: dict[str, Document] = {name: {} for name in spaces}
    for name in spaces:
        found[name]["links"] = _bridges(draw)
    _pairs(draw, found)
    for name in spaces:
        links = found[name]["links"]
        if draw(_odds(0.7)):
            links["lo"] = {} if draw(_odds(0.8)) else {"addresses": draw(_loopback())}
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


def runs(most: int = 4) -> st.SearchStrategy[list[Document]]:
    """Declarations that follow each other under one name."""
    return st.lists(documents(), min_size=1, max_size=most)


def _odds(chance: float) -> st.SearchStrategy[bool]:
    return st.integers(0, 99).map(lambda number: number < chance * 100)


def _document(found: Mapping[str, Document]) -> Document:
    spaces = {name: {key: value for key, value in space.items() if value} for name, space in
              found.items()}
    document = spaces.pop("host")
    return {**document, "netns": spaces} if spaces else document


def spaces_of(document: Document) -> dict[str, Document]:
    """Namespace -> what is declared in it."""
    own = {key: value for key, value in document.items() if key != "netns"}
    return {"host": own, **document.get("netns", {})}


def _bridges(draw: Draw) -> Document:
    found: Document = {}
    for name in BRIDGES:
        if draw(_odds(0.5)):
            options = _some(draw, {
                "stp_state": st.booleans(), "forward_delay": st.sampled_from([4, 15, 20]),
                "ageing_time": st.sampled_from([0, 60, 300]), "mcast_snooping": st.booleans(),
                "priority": st.sampled_from([0, 32768, 4096]),
                "hello_time": st.sampled_from([1, 2]),
            }, 0.2)
            found[name] = {"kind": "bridge", **_common(draw), **({"bridge": options} if options
                                                                 else {})}
    return found


def _some(draw: Draw, fields: Mapping[str, st.SearchStrategy[Any]], chance: float) -> Document:
    return {name: draw(values) for name, values in fields.items() if draw(_odds(chance))}


def _common(draw: Draw) -> Document:
    return _some(draw, {
        "state": st.sampled_from(["up", "up", "down"]),
        "mtu": st.sampled_from([1280, 1400, 1500, 9000]),
        "mac": st.sampled_from(MACS),
        "promisc": st.booleans(),
        "txqueuelen": st.sampled_from([500, 1000]),
    }, 0.15)


def _pairs(draw: Draw, found: Mapping[str, Document]) -> None:
    for number in range(4):
        if not draw(_odds(0.6)):
            continue
        if number == 3 and draw(_odds(0.5)):
            found["host"]["links"]["v3"] = {"kind": "bridge", **_common(draw)}
            continue
        ends = [(draw(st.sampled_from(list(found))), f"{letter}{number}") for letter in "ve"]
        how = draw(st.sampled_from(["both", "both", "first", "second", "plain"]))
        for index, (place, name) in enumerate(ends):
            if (how, index) in (("first", 1), ("second", 0)):
                continue
            link = _common(draw)
            if not (how == "plain" and index == 1):
                link |= {"kind": "veth", "veth": {"peer": _peer(place, *ends[1 - index])}}
            bridges = [name for name in found[place]["links"] if name in BRIDGES]
            if bridges and draw(_odds(0.5)):
                link |= {"master": draw(st.sampled_from(bridges))}
                port = _some(draw, {
                    **dict.fromkeys(("hairpin", "isolated", "learning", "flood"), st.booleans()),
                    "priority": st.sampled_from([32, 8]),
                }, 0.25)
                link |= {"port": port} if port else {}
            found[place]["links"][name] = link


def _peer(place: str, there: str, name: str) -> Document:
    return {"name": name} if there == place else {"name": name, "netns": there}


def _loopback() -> st.SearchStrategy[list[str]]:
    return st.sampled_from([["10.9.0.1/32"], ["10.9.0.1/32", "fd00:9::1/128"], []])


def _addresses(draw: Draw, links: Document) -> None:
    taken: set[str] = {item.partition("/")[0] for link in links.values()
                       for item in link.get("addresses", ())}
    for name, link in links.items():
        if name == "lo" or not draw(_odds(0.6)):
            continue
        texts = []
        for _ in range(draw(st.integers(0, 3))):
            family = draw(st.sampled_from(["inet", "inet", "inet6"]))
            bare = SOURCES[family].format(draw(st.integers(0, 2)), draw(st.integers(1, 4)))
            if bare not in taken:
                taken.add(bare)
                texts.append(f"{bare}/{draw(st.sampled_from(LENGTHS[family]))}")
        link["addresses"] = texts


def _parameters(draw: Draw, space: Document) -> None:
    """`all` first: a link's own value has to come true."""
    sysctl: Document = _some(draw, {
        "net.ipv4.ip_forward": st.integers(0, 1),
        "net.ipv6.conf.all.forwarding": st.integers(0, 1),
        "net.ipv4.conf.default.rp_filter": st.integers(0, 2),
        "net.ipv6.conf.default.accept_ra": st.integers(0, 2),
        "net.ipv4.ip_nonlocal_bind": st.integers(0, 1),
    }, 0.15)
    for parameter in COMBINED:
        if not draw(_odds(0.15)):
            continue
        everywhere = draw(st.integers(0, 1))
        sysctl[f"net.ipv4.conf.all.{parameter}"] = everywhere
        for link in space["links"].values():
            if draw(_odds(0.5)):
                own = 1 if everywhere else draw(st.integers(0, 1))
                link.setdefault("ipv4", {})[parameter] = own
    for link in space["links"].values():
        if draw(_odds(0.1)):
            link.setdefault("ipv4", {})["forwarding"] = draw(st.integers(0, 1))
        if draw(_odds(0.1)):
            link.setdefault("ipv6", {})[draw(st.sampled_from(["accept_ra", "forwarding"]))] = draw(
                st.integers(0, 1)
            )
        if not any(":" in text for text in link.get("addresses", ())) and draw(_odds(0.1)):
            link.setdefault("ipv6", {})["disable_ipv6"] = draw(st.integers(0, 1))
    space["sysctl"] = sysctl


def _usable(links: Document) -> dict[str, Document]:
    """Links that a route can lead over."""
    return {name: link for name, link in links.items()
            if name != "lo" and link.get("state", "up") == "up"}


def _routes(draw: Draw, links: Document) -> list[Document]:
    found: dict[Any, Document] = {}
    for _ in range(draw(st.integers(0, 4))):
        family = draw(st.sampled_from(["inet", "inet", "inet6"]))
        route: Document = {"dst": draw(st.sampled_from(DESTINATIONS[family]))}
        way = _way(draw, family, links)
        if way is None:
            route["type"] = draw(st.sampled_from(["blackhole", "unreachable", "prohibit"]))
            way = {}
        if family == "inet6" and route["dst"] == "default":
            route["family"] = "inet6"
        route |= way
        route |= _some(draw, {"metric": st.sampled_from([10, 100]), "table": st.just(100)}, 0.3)
        found[family, route["dst"], route.get("metric"), route.get("table")] = route
    return list(found.values())


def _way(draw: Draw, family: str, links: Document) -> Document | None:
    usable = {
        name: link for name, link in _usable(links).items()
        if family == "inet" or not link.get("ipv6", {}).get("disable_ipv6")
    }
    if not usable or draw(_odds(0.2)):
        return None
    name = draw(st.sampled_from(list(usable)))
    texts = [text for text in usable[name].get("addresses", ())
             if (":" in text) == (family == "inet6")]
    wide = [text for text in texts if not text.endswith(("/32", "/128"))]
    extra = _some(draw, {"mtu": st.sampled_from([1280, 1400]), "advmss": st.just(1200)}, 0.15)
    if family == "inet" and texts and draw(_odds(0.3)):
        extra["src"] = draw(st.sampled_from(texts)).partition("/")[0]
    if not wide or draw(_odds(0.2)):
        if texts and draw(_odds(0.2)):
            gateway = "172.31.0.1" if family == "inet" else "2001:db8:ffff::1"
            return {"via": gateway, "dev": name, "onlink": True, **extra}
        return {"dev": name, **extra}
    network = ipaddress.ip_interface(draw(st.sampled_from(wide))).network
    way = {"via": str(network[draw(st.integers(200, 203))]), **extra}
    return way if draw(_odds(0.4)) else {**way, "dev": name}


def _rules(draw: Draw) -> list[Document]:
    found: dict[str, Document] = {}
    for _ in range(draw(st.integers(0, 2))):
        rule: Document = {"priority": draw(st.sampled_from([100, 200]))}
        rule |= _some(draw, {"from": st.sampled_from(["10.0.0.0/8", "10.1.0.1/32"]),
                             "iif": st.sampled_from(["lo", "v0"]),
                             "fwmark": st.sampled_from([1, "0x1/0xff"])}, 0.4)
        if "from" not in rule and draw(_odds(0.4)):
            rule |= {"family": "inet6"} | ({"to": "fd01::/16"} if draw(_odds(0.5)) else {})
        if not {"from", "to", "fwmark"} & set(rule):
            # Else it would decide how a gateway is reached.
            rule["fwmark"] = 2
        rule |= {"table": draw(st.sampled_from([100, "main"]))} if draw(_odds(0.7)) else {
            "type": "prohibit"}
        found[str(sorted(rule.items()))] = rule
    return list(found.values())


def _neighbours(draw: Draw, links: Document) -> list[Document]:
    found: dict[Any, Document] = {}
    names = list(_usable(links))
    for _ in range(draw(st.integers(0, 2)) if names else 0):
        name = draw(st.sampled_from(names))
        pool = ["10.0.0.77"] if links[name].get("ipv6") else ["10.0.0.77", "fd00::77"]
        item: Document = {"dst": draw(st.sampled_from(pool)), "dev": name}
        item |= {"proxy": True} if draw(_odds(0.3)) else {"mac": draw(st.sampled_from(MACS))}
        found[item["dst"], name, "proxy" in item] = item
    return list(found.values())


@st.composite
def _with_absent(draw: Draw, first: Document, second: Document) -> Document:
    """Some of what the first has and the second doesn't name, declared absent."""
    before, after = spaces_of(first), spaces_of(second)
    names = {name for space in after.values() for name in _all_names(space)}
    for place in before:
        after.setdefault(place, {})
    _declare_taken_ends(before, after)
    _switch_ipv6_on(before, after)
    for place, space in before.items():
        if not after[place]:
            if place != "host" and draw(_odds(0.4)):
                after[place] = {"state": "absent"}
            continue
        links = after[place].setdefault("links", {})
        for name in space.get("links", {}):
            if name not in names and name != "lo" and draw(_odds(0.4)):
                links[name] = {"state": "absent"}
        for room in ("routes", "neighbours", "rules"):
            keys = {_key(item) for item in after[place].get(room, ())}
            for item in space.get(room, ()):
                if _key(item) not in keys and draw(_odds(0.4)):
                    after[place].setdefault(room, []).append({**item, "state": "absent"})
    _drop_dangling(after)
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
    found = []
    for name, link in space.get("links", {}).items():
        found.append((place, name))
        if "veth" in link:
            peer = link["veth"]["peer"]
            found.append((peer.get("netns", place), peer["name"]))
    return found


def _all_names(space: Document) -> set[str]:
    """Links that are declared, or are the other end of one."""
    links = space.get("links", {})
    peers = {link["veth"]["peer"]["name"] for link in links.values() if "veth" in link}
    return {*links, *peers}


def _key(item: Document) -> Any:
    if "priority" in item:
        return str(sorted((key, value) for key, value in item.items() if key != "state"))
    if "mac" in item or "proxy" in item:
        return item["dst"], item["dev"], "proxy" in item
    family = "inet6" if ":" in str(item) else "inet"
    return item["dst"], item.get("family", family), item.get("metric"), item.get("table")


def _drop_dangling(after: dict[str, Document]) -> None:
    for space in after.values():
        absent = {name for name, link in space.get("links", {}).items()
                  if link.get("state") == "absent"}
        if "neighbours" in space:
            space["neighbours"] = [item for item in space["neighbours"]
                                   if item["dev"] not in absent]
