"""A network as boxes and lines: what a picture shows of declarations, whatever draws it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netwright.iptables import FAMILIES, Chain
from netwright.iptables_rule import tokens
from netwright.links.link import Link
from netwright.model import HOST
from netwright.route import Route
from netwright.state import Namespace, NetworkState

__all__ = ["Box", "Line", "Picture", "Row", "Subject", "picture"]

SAME, CHANGED, MISSING = "", "changed", "missing"
_ROUTES = 4
"""Routes to other hosts that a box lists, before it says how many more there are."""


@dataclass(frozen=True)
class Subject:
    """One host: what is drawn of it, where others reach it, and what has drifted (path -> how)."""

    name: str
    state: NetworkState
    address: str | None = None
    drift: Mapping[str, str] | None = None
    error: str = ""


@dataclass(frozen=True)
class Row:
    """One line of text in a box; `key` is what lines between boxes hold on to."""

    text: str
    key: str = ""
    drift: str = SAME


@dataclass(frozen=True)
class Box:
    """A host's own namespace, another one, a bridge, or a network between hosts."""

    id: str
    title: str
    shape: str
    rows: tuple[Row, ...] = ()
    host: str = ""
    drift: str = SAME


@dataclass(frozen=True)
class Line:
    """From a row of one box to a row of another."""

    one: tuple[str, str]
    other: tuple[str, str]
    label: str = ""
    drift: str = SAME


@dataclass(frozen=True)
class Picture:
    """All of it."""

    hosts: tuple[str, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def picture(subjects: Iterable[Subject]) -> Picture:
    """What there is to draw of some hosts.

    Example:

        >>> from netwright.state import load
        >>> state = load({"links": {"br0": {"kind": "bridge", "addresses": ["10.0.0.1/24"]}}})
        >>> [box.title for box in picture([Subject("a", state)]).boxes]
        ['a', 'br0']
    """
    hosts = list(subjects)
    boxes, lines = list[Box](), list[Line]()
    known = _addresses(hosts)
    for subject in hosts:
        own = _Host(subject, known)
        boxes += own.boxes()
        lines += own.lines()
    between, joined = _between(hosts, boxes)
    return Picture(tuple(item.name for item in hosts), (*boxes, *between), (*lines, *joined))


def _addresses(hosts: Sequence[Subject]) -> dict[str, str]:
    """Address -> the host that has it."""
    found: dict[str, str] = {}
    for item in hosts:
        if item.address is not None:
            found[item.address] = item.name
        for link in (item.state.links or {}).values():
            found |= {text.partition("/")[0]: item.name for text in link.addresses or ()}
    return found


class _Host:
    """The boxes and lines of one host."""

    def __init__(self, subject: Subject, known: Mapping[str, str]) -> None:
        self.subject, self.known = subject, known
        self.drift = subject.drift or {}
        self.spaces = {
            name: space for name, space in subject.state.namespaces() if space.state != "absent"
        }

    def id(self, netns: str, ifname: str = "") -> str:
        return "/".join(part for part in (self.subject.name, netns, ifname) if part)

    def how(self, netns: str, thing: str) -> str:
        """How a thing has drifted: by the paths at and below it."""
        at = thing if netns == HOST else f"netns.{netns}.{thing}".rstrip(".")
        found = [how for path, how in self.drift.items() if path == at or path.startswith(f"{at}.")]
        if self.drift.get(at) == MISSING:
            return MISSING
        return CHANGED if found else SAME

    def boxes(self) -> Iterator[Box]:
        for name, space in self.spaces.items():
            rows = [*self._link_rows(name, space), *self._notes(name, space)]
            if name == HOST:
                error = [Row(self.subject.error, drift=MISSING)] if self.subject.error else []
                drift = MISSING if error else SAME
                title = self.subject.name
                yield Box(self.id(HOST), title, HOST, (*error, *rows), self.subject.name, drift)
            else:
                drift = self.how(HOST, f"netns.{name}")
                drift = drift if drift == MISSING else SAME
                yield Box(self.id(name), name, "netns", tuple(rows), self.subject.name, drift)
            for ifname, link in _bridges(space):
                at = [Row(text) for text in link.addresses or ()]
                shown = tuple(at)
                drift = self.how(name, f"links.{ifname}")
                yield Box(self.id(name, ifname), ifname, "bridge", shown, self.subject.name, drift)

    def _link_rows(self, name: str, space: Namespace) -> Iterator[Row]:
        for ifname, link in (space.links or {}).items():
            plain_lo = ifname == "lo" and not link.addresses
            inner = link.master and link.kind == "veth"
            if link.state == "absent" or link.kind == "bridge" or plain_lo or inner:
                continue
            words = [ifname, *_kind_words(link), *(link.addresses or ())]
            words += ["down"] if link.state == "down" else []
            yield Row(" ".join(words), ifname, self.how(name, f"links.{ifname}"))

    def _notes(self, name: str, space: Namespace) -> Iterator[Row]:
        yield from self._route_rows(name, space)
        for family in FAMILIES:
            for table, chains in (getattr(space, family) or {}).items():
                for chain, content in chains.items():
                    drift = self.how(name, f"{family}.{table}.{chain}")
                    yield from (Row(text, drift=drift) for text in _rules(table, chain, content))
        if (space.sysctl or {}).get("net/ipv4/ip_forward") == "1":
            yield Row("forwards", drift=self.how(name, "sysctl.net/ipv4/ip_forward"))
        yield from self._other_drift(name)

    def _other_drift(self, name: str) -> Iterator[Row]:
        """What has drifted and has no place of its own in the picture."""
        at = "" if name == HOST else f"netns.{name}."
        for path in self.drift:
            room = path.removeprefix(at).partition(".")[0]
            known = path.startswith(at) and room in ("sysctl", "rules", "neighbours", "ipsets")
            if known and not path.endswith("net/ipv4/ip_forward"):
                yield Row(path.removeprefix(at), drift=CHANGED)

    def _route_rows(self, name: str, space: Namespace) -> Iterator[Row]:
        rows = []
        for item in space.routes or ():
            if item.state == "absent" or item.is_kernels:
                continue
            words = ", ".join(str(self._way(path) or item.type) for path in item.paths)
            rows.append(Row(f"{item.dst} → {words}", drift=self.how(name, f"routes.{item.key}")))
        drifted = [row for row in rows if row.drift]
        plain = [row for row in rows if not row.drift]
        yield from (*drifted, *plain[:_ROUTES])
        if len(plain) > _ROUTES:
            yield Row(f"… {len(plain) - _ROUTES} more routes")

    def _way(self, item: Route) -> str | None:
        there = self.known.get(item.via or "")
        return there if there not in (None, self.subject.name) else item.via or item.dev

    def lines(self) -> Iterator[Line]:
        for name, space in self.spaces.items():
            for ifname, link in (space.links or {}).items():
                if link.state != "absent":
                    yield from self._line(name, ifname, link)

    def _line(self, name: str, ifname: str, link: Link) -> Iterator[Line]:
        peer = link.veth.peer if link.kind == "veth" and link.veth is not None else None
        here = self._end(name, ifname, link)
        if peer is not None:
            there = peer.netns or name
            space = self.spaces.get(there)
            other = (space.links or {}).get(peer.name, Link()) if space is not None else Link()
            ours, theirs = _rank(name, ifname, link), _rank(there, peer.name, other)
            if other.veth is None or ours < theirs:
                drift = self._of_line((name, ifname), (there, peer.name))
                yield Line(here, self._end(there, peer.name, other), _label(ifname, link), drift)
        elif link.master:
            drift = self._of_line((name, ifname))
            yield Line((self.id(name, link.master), ""), (self.id(name), ifname), drift=drift)

    def _of_line(self, *ends: tuple[str, str]) -> str:
        """Missing with either end; changed with what it is as a port, not with its addresses."""
        found = [self.how(netns, f"links.{ifname}") for netns, ifname in ends]
        port = [
            self.how(netns, f"links.{ifname}.{attribute}")
            for netns, ifname in ends
            for attribute in ("port", "master", "state")
        ]
        return MISSING if MISSING in found else CHANGED if CHANGED in port else SAME

    def _end(self, name: str, ifname: str, link: Link) -> tuple[str, str]:
        if link.master:
            return self.id(name, link.master), ""
        return self.id(name), ifname


def _rank(netns: str, ifname: str, link: Link) -> tuple[bool, bool, str, str]:
    """A pair is named by its end on a bridge, else by the host's."""
    return (not link.master, netns != HOST, netns, ifname)


def _bridges(space: Namespace) -> Iterator[tuple[str, Link]]:
    for ifname, link in (space.links or {}).items():
        if link.kind == "bridge" and link.state != "absent":
            yield ifname, link


def _kind_words(link: Link) -> list[str]:
    if link.kind in (None, "veth"):
        return []
    number = getattr(link.options, "id", None)
    said = [str(link.kind)] + ([str(number)] if number is not None else [])
    return [*said, *(["on", link.parent] if link.parent else [])]


def _label(ifname: str, link: Link) -> str:
    port = link.port
    words = [word for word in ("hairpin", "isolated") if port is not None and getattr(port, word)]
    return "\n".join([ifname, *words])


def _rules(table: str, chain: str, content: Chain) -> Iterator[str]:
    """What of a chain a picture tells: policies, translation, published ports."""
    if content.policy == "DROP":
        yield f"{chain} drops"
    for text in content.rules or ():
        words = tokens(text)
        said = _translation(dict(pairwise(words))) if table == "nat" else ""
        if said:
            yield said


def _translation(options: Mapping[str, str]) -> str:
    target, source = options.get("-j"), options.get("-s", "")
    port = options.get("--dport", "")
    where = options.get("-d", "").removesuffix("/32") + (f":{port}" if port else "")
    asked = " ".join(word for word in (options.get("-p", ""), where) if word)
    to = options.get("--to-destination") or options.get("--to-source") or options.get("--to-ports")
    if target == "DNAT" or target == "REDIRECT":
        return f"publishes {asked or 'all'} as {to}"
    if target == "MASQUERADE":
        return f"NAT {source or 'all'}".rstrip()
    return f"NAT {source or 'all'} as {to}" if target == "SNAT" else ""


def _between(hosts: Sequence[Subject], boxes: Iterable[Box]) -> tuple[list[Box], list[Line]]:
    """The networks that two hosts or more are on, and their lines to them."""
    members: dict[str, list[tuple[str, str, str]]] = {}
    for item in hosts:
        for ifname, link in (item.state.links or {}).items():
            for text in link.addresses or ():
                network = ipaddress.ip_interface(text).network
                if network.num_addresses > 1 and ifname != "lo" and not _in_one_host(link):
                    place = (item.name, ifname, text.partition("/")[0])
                    members.setdefault(str(network), []).append(place)
            number = getattr(link.options, "id", None) if link.kind == "vxlan" else None
            if number is not None:
                members.setdefault(f"vxlan {number}", []).append((item.name, ifname, ""))
    shared = {name: places for name, places in members.items() if len({p[0] for p in places}) > 1}
    placed = {host for places in shared.values() for host, _, _ in places}
    rest = [item for item in hosts if item.address and item.name not in placed]
    if len(rest) > 1:
        shared["between hosts"] = [(item.name, "", item.address or "") for item in rest]
    keys = {(box.id, row.key) for box in boxes for row in box.rows}
    found, lines = [], []
    for name, places in shared.items():
        found.append(Box(f"network {name}", name, "network"))
        for host, ifname, label in places:
            at = (f"{host}/{HOST}", ifname)
            end = at if at in keys else (f"{host}/{HOST}", "")
            lines.append(Line(end, (f"network {name}", ""), label))
    return found, lines


def _in_one_host(link: Link) -> bool:
    return link.kind in ("bridge", "veth")
