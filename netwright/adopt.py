"""From a host as it is to the declaration that would make it: complete, minimal, and with a remark
on whatever cannot be declared or is plainly somebody else's."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright import adopt_link, adopt_sysctl, adopt_tables
from netwright.adopt_link import Place
from netwright.errors import DeclarationError, Problem
from netwright.model import HOST
from netwright.neighbour import Neighbour
from netwright.route import Route
from netwright.rule import Rule
from netwright.state import Namespace, NetworkState, load

__all__ = ["Adopted", "adopt"]

Document = dict[str, Any]

_BY_ITSELF = {1: "a redirect", 2: "the kernel", 9: "a router advertisement", 16: "DHCP"}
"""Protocols of routes that come back without us."""
_DAEMONS = {
    8: "gated", 10: "mrt", 11: "zebra", 12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk",
    18: "keepalived", 42: "babel", 84: "openr", 186: "bgp", 187: "isis", 188: "ospf", 189: "rip",
    192: "eigrp",
}  # fmt: skip
_THEIRS = re.compile(r"cni-|docker|qrouter-|qdhcp-")


@dataclass(frozen=True)
class Adopted:
    """A declaration as a document, and a line on each thing that it leaves out."""

    document: Document
    remarks: tuple[Problem, ...] = ()


@dataclass
class _Notes:
    found: list[Problem] = field(default_factory=list)

    def add(self, netns: str, path: str, what: str) -> None:
        where = path if netns == HOST else f"netns.{netns}.{path}"
        self.found.append(Problem(where.rstrip("."), what))


def adopt(
    state: NetworkState, set_macs: Container[Place] = (), remarks: Iterable[Problem] = ()
) -> Adopted:
    """The declaration of all that a host has.

    + state: what the host shows, every namespace and parameter of it
    + set_macs: links whose MAC address somebody chose; others' are the kernel's choice
    + remarks: on what the state itself leaves out

    Example:

        >>> from netwright.state import load
        >>> adopt(load({"links": {"br0": {"kind": "bridge", "mtu": 1500}}})).document
        {'links': {'br0': {'kind': 'bridge'}}}
    """
    notes = _Notes(list(remarks))
    spaces = dict(_ours(state, notes))
    links = adopt_link.adopt(spaces, set_macs, notes.add)
    found: dict[str, Document] = {}
    for name in spaces:
        found[name] = _space(name, spaces, links[name], notes)
    document = {key: value for key, value in found.pop(HOST).items() if value}
    if found:
        document["netns"] = {
            name: {key: value for key, value in item.items() if value}
            for name, item in found.items()
        }
    modules = _modules(state, document)
    return _loadable({**({"modules": modules} if modules else {}), **document}, notes)


def _ours(state: NetworkState, notes: _Notes) -> Iterator[tuple[str, Namespace]]:
    for name, space in state.namespaces():
        if name != HOST and _THEIRS.match(name):
            notes.add(HOST, f"netns.{name}", "is another tool's by its name; left out")
        else:
            yield name, space


def _modules(state: NetworkState, document: Mapping[str, Any]) -> list[str]:
    """Bridged packets meet iptables only while it is loaded."""
    spaces = [document, *document.get("netns", {}).values()]
    bridges = any(
        link.get("kind") == "bridge" for item in spaces for link in item.get("links", {}).values()
    )
    return ["br_netfilter"] if bridges and "br_netfilter" in (state.modules or ()) else []


def _space(
    name: str, spaces: Mapping[str, Namespace], links: dict[str, Document], notes: _Notes
) -> Document:
    space = spaces[name]

    def note(path: str, what: str) -> None:
        notes.add(name, path, what)

    shared = adopt_sysctl.adopt(name, space, links, spaces[HOST], note)
    present = {*links, "lo"}
    adopt_link.keep(name, space, links, adopt_link.parents(spaces))
    return {
        "sysctl": shared,
        "links": links,
        "routes": [_route(item) for item in _routes(space, present, note)],
        "rules": [_rule(item) for item in _rules(space)],
        "neighbours": [_neighbour(item) for item in _neighbours(space, present, note)],
        **adopt_tables.adopt(space, note),
    }


def _routes(space: Namespace, present: Container[str], note: adopt_link.Note) -> Iterator[Route]:
    for item in space.routes or ():
        where = f"routes.{item.key}"
        if item.protocol in _BY_ITSELF:
            if item.protocol != 2:
                note(where, f"was made by {_BY_ITSELF[item.protocol]}, which will make it again")
        elif item.protocol in _DAEMONS:
            note(where, f"belongs to a routing daemon ({_DAEMONS[item.protocol]}); left out")
        elif missing := [path.dev for path in item.paths if path.dev and path.dev not in present]:
            note(where, f"leads over {missing[0]}, which is left out")
        else:
            yield item


def _route(item: Route) -> Document:
    """Without what `normal` would write out again."""
    found = item.model_dump(mode="json", exclude_none=True)
    for name in ("protocol", "onlink"):
        if not found.get(name) or (name == "protocol" and found[name] in (3, 4)):
            found.pop(name, None)
    for hop in found.get("nexthops", ()):
        for name, usual in (("weight", 1), ("onlink", False)):
            if hop[name] == usual:
                del hop[name]
    return _shortest(found, item.but(protocol=found.get("protocol")), Route)


def _shortest(found: Document, wanted: Any, kind: type[Any]) -> Document:
    """Without each key that is told by the others all the same."""
    for name in ("family", "type", "table", "metric", "scope"):
        if name in found:
            fewer = {key: value for key, value in found.items() if key != name}
            try:
                same = kind.model_validate(fewer).normal() == wanted
            except ValueError:
                same = False
            found = fewer if same else found
    if found.get("table") == 254:
        found["table"] = "main"
    return found


def _rules(space: Namespace) -> Iterator[Rule]:
    # The same one twice is one in a declaration.
    yield from {item.key: item for item in space.rules or ()}.values()


def _rule(item: Rule) -> Document:
    found = item.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _shortest(found, item, Rule)


def _neighbours(
    space: Namespace, present: Container[str], note: adopt_link.Note
) -> Iterator[Neighbour]:
    for item in space.neighbours or ():
        if item.dev not in present:
            note(f"neighbours.{item.key}", f"is on {item.dev}, which is left out")
        elif item.mac is None and not item.proxy:
            note(f"neighbours.{item.key}", "has no MAC address; left out")
        else:
            yield item


def _neighbour(item: Neighbour) -> Document:
    found = {"dst": item.dst, "dev": item.dev}
    return {**found, "proxy": True} if item.proxy else {**found, "mac": item.mac}


_STEPS = 50


def _loadable(document: Document, notes: _Notes) -> Adopted:
    """Without what a declaration refuses: the host may have what nobody could ask for."""
    for _ in range(_STEPS):
        try:
            load(document)
        except DeclarationError as error:
            problem = error.problems[0]
            notes.found.append(Problem(problem.path, f"left out: {problem.what}"))
            if not _remove(document, problem.path):
                break
            continue
        break
    return Adopted(document, tuple(notes.found))


def _remove(document: Document, path: str) -> bool:
    """Take away the thing that a path names, or the nearest around it."""
    parts = [part for part in re.split(r"\.|(?=\[)", path) if part]
    here: Any = document
    way: list[tuple[Any, Any]] = []
    while parts:
        key, used = _next(here, parts)
        if not used:
            break
        way.append((here, key))
        here, parts = here[key], parts[used:]
    if way:
        holder, key = way[-1]
        del holder[key]
    return bool(way)


def _next(here: Any, parts: list[str]) -> tuple[Any, int]:
    """The key that the path goes on with, which may have dots in it."""
    if isinstance(here, list) and parts[0].startswith("["):
        index = int(parts[0].strip("[]"))
        return index, int(index < len(here))
    if isinstance(here, dict):
        for used in range(len(parts), 0, -1):
            key = ".".join(parts[:used])
            if key in here:
                return key, used
    return None, 0
