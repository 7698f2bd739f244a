"""One host's network: what is declared, in canonical form, and what a host shows. One type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, SerializeAsAny, TypeAdapter, ValidationError

from netwright import validate
from netwright.check import Check
from netwright.document import parse_yaml, problems_of, renumbered, without
from netwright.errors import DeclarationError, Problem
from netwright.ipset import Ipset, SetName
from netwright.iptables import FAMILIES, Tables
from netwright.ipvs import MODULE, Service
from netwright.links.link import Link
from netwright.links.options import Options
from netwright.links.veth import Peer, Veth
from netwright.model import HOST, IfName, Model, NetnsName
from netwright.module import Module
from netwright.neighbour import Neighbour
from netwright.route import Route
from netwright.rule import Rule
from netwright.sysctl import Key, Value, link_key
from netwright.table import Number, TableName, names

__all__ = ["NEW", "NOTHING", "Namespace", "NetworkState", "load", "vary"]


def _empty(value: object) -> object:
    # `test1:` with nothing behind it is an empty mapping, not a null.
    if isinstance(value, Mapping):
        return {key: {} if item is None else item for key, item in value.items()}
    return value


class Namespace(Model):
    """What one namespace has, the host's own or another."""

    sysctl: dict[Key, Value] | None = None
    links: Annotated[dict[IfName, SerializeAsAny[Link]] | None, BeforeValidator(_empty)] = None
    routes: tuple[Route, ...] | None = None
    rules: tuple[Rule, ...] | None = None
    neighbours: tuple[Neighbour, ...] | None = None
    ipvs: tuple[Service, ...] | None = None
    ipsets: Annotated[dict[SetName, Ipset] | None, BeforeValidator(_empty)] = None
    iptables: Tables | None = None
    ip6tables: Tables | None = None
    state: Literal["present", "absent"] | None = None

    def ordered(self) -> Self:
        """The same, whatever order it was written in. That of addresses, and of the rules of a
        chain, says something."""
        rooms = {
            room: tuple(sorted(getattr(self, room) or (), key=lambda item: item.key)) or None
            for room in ("routes", "rules", "neighbours", "ipvs")
        }
        links = dict(sorted((self.links or {}).items())) if self.links is not None else None
        sysctl = dict(sorted((self.sysctl or {}).items())) if self.sysctl is not None else None
        tables = {family: _by_name(getattr(self, family)) for family in FAMILIES}
        return self.but(links=links, sysctl=sysctl, **rooms, **tables)


def _by_name(tables: Tables | None) -> Tables | None:
    if tables is None:
        return None
    return {table: dict(sorted(chains.items())) for table, chains in sorted(tables.items())}


# What a host has nothing of.
_SAID_ONLY = {"checks", "tables"}

NOTHING = Namespace()
"""What says nothing of a namespace."""
NEW = Namespace(links={"lo": Link(state="down", mtu=65536, promisc=False, addresses=(), master="")})
"""What a namespace is like that has just been made."""


class NetworkState(Namespace):
    """A host: its own namespace, its modules, its other namespaces, and what packets must do."""

    modules: tuple[Module, ...] | None = None
    tables: dict[TableName, Number] | None = None
    netns: Annotated[dict[NetnsName, Namespace] | None, BeforeValidator(_empty)] = None
    checks: tuple[Check, ...] | None = None

    def namespaces(self) -> Iterator[tuple[str, Namespace]]:
        """Every namespace with its name, the host's own first."""
        yield HOST, self
        yield from (self.netns or {}).items()

    def ordered(self) -> Self:
        """The same, whatever order it was written in."""
        spaces = {name: space.ordered() for name, space in sorted((self.netns or {}).items())}
        return super().ordered().but(netns=spaces if self.netns is not None else None)

    def with_namespaces(self, spaces: Mapping[str, Namespace]) -> NetworkState:
        """The same host with other content in its namespaces, its own among them."""
        host = spaces.get(HOST, NOTHING)
        fields = {name: getattr(host, name) for name in Namespace.model_fields}
        others = {name: space for name, space in spaces.items() if name != HOST}
        return self.but(**fields, netns=others or None)

    def document(self) -> dict[str, Any]:
        """As a document, without what is not managed; `load` makes the same state of it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_SAID_ONLY)


def load(document: str | Mapping[str, Any]) -> NetworkState:
    """A declaration in canonical form.

    + document: YAML text or the same as a mapping.

    Raises DeclarationError with everything that the document alone shows to be wrong.

    Example:

        >>> load("links: {lo: {}}").links["lo"].state
        'up'
    """
    content = parse_yaml(document) if isinstance(document, str) else document
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise DeclarationError(
            [Problem("", f"a declaration is a mapping, this is {content!r:.60}")]
        )
    problems: list[Problem] = []
    gone: dict[tuple[int | str, ...], set[int]] = {}
    try:
        state = NetworkState.model_validate(content, context=names(content))
    except ValidationError as error:
        problems = list(problems_of(error, NetworkState, content))
        state = _rest(content, error, gone)
    found = validate.shorthand(state)
    state = _canonical(state)
    found += validate.problems(state)
    found += [*_twice(content), *_variations(state, names(content))]
    found = [renumbered(item, gone) for item in found]
    problems += [item for item in found if not _follows(item, problems)]
    if problems:
        raise DeclarationError(dict.fromkeys(problems))
    return state


def vary(declared: NetworkState, variation: Mapping[str, Any]) -> NetworkState:
    """A declaration with a variation on top: what `with` of a check means.

    + declared: a canonical declaration
    + variation: part of a declaration; a mapping is merged, of the routes, rules,
      neighbours and services those under the same key are replaced, any other list whole

    Raises DeclarationError as `load` does.

    Example:

        >>> state = load({"links": {"lo": {"mtu": 1500}}})
        >>> vary(state, {"links": {"lo": {"state": "down"}}}).links["lo"].mtu
        1500
    """
    base = {**declared.document(), "tables": declared.tables or {}}
    merged = _merged(base, _plain(variation))
    for before, after in [(base, merged), *_each_netns(base, merged)]:
        for room, entry in _ENTRIES.items():
            if room in before and room in after and after[room] is not before[room]:
                after[room] = _by_key(before[room], after[room], entry, names(merged))
    return load(merged).but(checks=declared.checks)


def _twice(space: Mapping[str, Any], at: str = "") -> Iterator[Problem]:
    """Parameters in two spellings, of which the last one would win unseen."""
    seen: dict[str, str] = {}
    for name in _mapping(space.get("sysctl")):
        try:
            key = _KEY.validate_python(name)
        except ValidationError:
            continue
        if key in seen:
            yield Problem(f"{at}sysctl.{name}", f"is declared twice, also as sysctl.{seen[key]}")
        seen[key] = name
    for name, inner in _mapping(space.get("netns")).items():
        yield from _twice(_mapping(inner), f"{at}netns.{name}.")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _variations(state: NetworkState, context: dict[str, Any]) -> Iterator[Problem]:
    """What each `with` shows to be wrong by itself; the whole is seen once it is on top."""
    for index, check in enumerate(state.checks or ()):
        try:
            NetworkState.model_validate(check.with_ or {}, context=context)
        except ValidationError as error:
            for item in problems_of(error, NetworkState, check.with_):
                yield Problem(f"checks[{index}].with.{item.path}", item.what)


def _plain(space: Mapping[str, Any]) -> dict[str, Any]:
    """With parameters under the names that a canonical declaration has for them."""
    sysctl: dict[str, Any] = {}
    links: dict[str, Any] = {}
    for key, value in (space.get("sysctl") or {}).items():
        try:
            sysctl[_KEY.validate_python(key)] = value
        except ValidationError:
            # `load` says what is wrong with it.
            sysctl[key] = value
    for ifname, link in (space.get("links") or {}).items():
        links[ifname] = {key: value for key, value in (link or {}).items() if key not in _CONF}
        for family in _CONF:
            for parameter, value in ((link or {}).get(family) or {}).items():
                sysctl[link_key(family, ifname, parameter)] = value
    netns = {name: _plain(inner or {}) for name, inner in (space.get("netns") or {}).items()}
    parts = {"sysctl": sysctl, "links": links, "netns": netns}
    return {**space, **{name: part for name, part in parts.items() if part}}


_CONF = ("ipv4", "ipv6")
_KEY: TypeAdapter[str] = TypeAdapter(Key)


_ENTRIES: Mapping[str, Any] = {
    "routes": Route,
    "rules": Rule,
    "neighbours": Neighbour,
    "ipvs": Service,
}


def _each_netns(
    base: Mapping[str, Any], merged: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for name, space in (merged.get("netns") or {}).items():
        yield (base.get("netns") or {}).get(name) or {}, space or {}


def _merged(base: Any, top: Any) -> Any:
    absent = isinstance(top, Mapping) and top.get("state") == "absent"
    if isinstance(base, Mapping) and isinstance(top, Mapping) and not absent:
        return {**base, **{key: _merged(base.get(key), value) for key, value in top.items()}}
    return top


def _by_key(
    before: list[Any], after: list[Any], entry: type[Any], context: dict[str, Any]
) -> list[Any]:
    try:
        keys = {entry.model_validate(item, context=context).normal().key for item in after}
    except ValidationError:
        return after
    kept = [item for item in before if entry.model_validate(item).normal().key not in keys]
    return [*kept, *after]


def _rest(
    content: Mapping[str, Any], error: ValidationError, gone: dict[tuple[int | str, ...], set[int]]
) -> NetworkState:
    """What can be checked all the same when some of it is no declaration."""
    errors = error.errors(include_url=False)
    locs = [tuple(part for part in item["loc"] if part != "[key]") for item in errors]
    left = without(content, filter(None, locs), gone) or {}
    try:
        return NetworkState.model_validate(left, context=names(content))
    except ValidationError:
        return NetworkState()


def _follows(found: Problem, problems: list[Problem]) -> bool:
    """Whether it comes of a part that was left out because it is wrong itself."""
    thing = _thing(found.path)
    if "is missing" in found.what or found.what.startswith("needs "):
        return any(thing == _thing(item.path) for item in problems)
    below = f"{found.path}."
    return found.path != thing and any(item.path.startswith(below) for item in problems)


def _thing(path: str) -> str:
    """What a path belongs to: a link by its name, a route by its place."""
    parts = path.split(".")
    start = 2 if parts[0] == "netns" else 0
    depth = 1 if "[" in "".join(parts[start : start + 1]) else 2
    return ".".join(parts[: start + depth])


def _canonical(state: NetworkState) -> NetworkState:
    """One spelling for each thing, so that a difference is `!=`."""
    peers = dict(_peers(state))
    spaces = {name: _canonical_space(name, space, peers) for name, space in state.namespaces()}
    keys = [key for space in spaces.values() for key in space.sysctl or {}]
    # net.bridge.* is there only while br_netfilter is.
    implied = ["br_netfilter"] if any(key.startswith("net/bridge/") for key in keys) else []
    # Of other kinds the kernel loads the module by itself.
    kinds = {link.kind for space in spaces.values() for link in (space.links or {}).values()}
    implied += ["tun"] if kinds & {"tun", "tap"} else []
    if any(space.ipvs for space in spaces.values()):
        implied.append(MODULE)
    modules = tuple(dict.fromkeys([*(state.modules or ()), *implied]))
    return state.with_namespaces(spaces).but(modules=modules or None)


def _peers(state: NetworkState) -> Iterator[tuple[tuple[str, str], Peer]]:
    """Each end of each declared veth pair, with the other one as its peer."""
    for netns, space in state.namespaces():
        for ifname, link in (space.links or {}).items():
            if link.kind == "veth" and link.veth is not None and link.veth.peer is not None:
                there = link.veth.peer.netns or netns
                yield (netns, ifname), link.veth.peer.but(netns=there)
                yield (there, link.veth.peer.name), Peer(name=ifname, netns=netns)


def _normal(netns: str, link: Link) -> Link:
    fields: dict[str, Any] = {
        name: part.normal()
        for name, part in link.given().items()
        if isinstance(part, Options) and not isinstance(part, Veth)
    }
    return link.but(**fields, link_netns=None if link.link_netns == netns else link.link_netns)


def _canonical_space(
    netns: str, space: Namespace, peers: Mapping[tuple[str, str], Peer]
) -> Namespace:
    sysctl = dict(space.sysctl or {})
    links = {}
    for ifname, link in (space.links or {}).items():
        for family in ("ipv4", "ipv6"):
            for parameter, value in (getattr(link, family) or {}).items():
                sysctl[link_key(family, ifname, parameter)] = value
        fields: dict[str, Any] = {"ipv4": None, "ipv6": None, "state": link.state or "up"}
        peer = peers.get((netns, ifname))
        if peer is not None and link.state != "absent":
            fields |= {"kind": "veth", "veth": Veth(peer=peer)}
        links[ifname] = _normal(netns, link.but(**fields))
    return space.but(
        sysctl=sysctl or None,
        links=links or None,
        routes=tuple(route.normal() for route in space.routes or ()) or None,
        rules=tuple(rule.normal() for rule in space.rules or ()) or None,
        neighbours=tuple(item.normal() for item in space.neighbours or ()) or None,
        ipvs=tuple(item.normal() for item in space.ipvs or ()) or None,
        ipsets={name: item.normal() for name, item in (space.ipsets or {}).items()} or None,
    )
