"""What doesn't go together in links of every kind: a kind's own options, links that share a parent,
what belongs to what. Asked of the document alone, and again with what the host has besides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from netwright.errors import Problems
from netwright.links.link import Link, refuses
from netwright.links.vxlan import DSTPORT
from netwright.model import HOST, family_of

if TYPE_CHECKING:
    from netwright.state import Namespace

__all__ = ["Place", "options", "shared"]

Place = tuple[str, str]
"""A namespace and the name of a link in it."""

_TAKES_ALL = ("macvlan", "macvtap", "ipvlan")
"""Kinds to which the kernel hands what their parent receives; it does so to one taker alone."""
_NO_LARGER = ("vlan", "macvlan", "macvtap")
"""Kinds whose MTU the kernel keeps at most at their parent's."""


def options(found: Problems, link: Link) -> None:
    """What of a link's own options doesn't go together."""
    if link.options is not None:
        for name, text in link.options.problems():
            found.add(".".join(filter(None, (str(link.kind), name))), text)
    if link.port is not None:
        for name, text in link.port.problems():
            found.add(f"port.{name}", text)


def shared(
    found: Problems, spaces: Mapping[str, Namespace], asked: Mapping[str, Namespace]
) -> None:
    """What links do to each other by their parents and masters.

    + spaces: every namespace as it shall be, as far as it is known
    + asked: what is declared, so that others' links are not judged
    """
    links = {
        (name, ifname): link
        for name, space in spaces.items()
        for ifname, link in (space.links or {}).items()
        if link.state != "absent"
    }
    known = _Known(links)
    for (name, ifname), link in links.items():
        mine = asked.get(name)
        if mine is None or ifname not in (mine.links or {}):
            continue
        where = () if name == HOST else ("netns", name)
        with found.under(*where, "links", ifname):
            for path, text in _of_one((name, ifname), link, known):
                found.add(path, text)


class _Known:
    """Links by what they share, so that nobody has to compare each with each: of those that are
    alike, two are enough to find another one."""

    def __init__(self, links: Mapping[Place, Link]) -> None:
        self.links = links
        self.tags: dict[object, list[Place]] = {}
        self.takers: dict[Place, dict[object, list[Place]]] = {}
        self.sockets: dict[object, list[Place]] = {}
        for place, link in links.items():
            above = _above(place, link)
            if link.vlan is not None and link.parent:
                _note(self.tags, (above, _tag(link)), place)
            if link.kind in _TAKES_ALL and link.parent:
                _note(self.takers.setdefault(above, {}), (link.kind, _reach(link)), place)
            if (socket := _socket(place, link)) is not None:
                _note(self.sockets, socket, place)

    def beside(self, place: Place, link: Link) -> list[Place]:
        """Others on the same parent that may be in the way."""
        above = _above(place, link)
        groups: Iterable[list[Place]] = ()
        if link.vlan is not None:
            groups = [self.tags.get((above, _tag(link)), [])]
        elif link.kind in _TAKES_ALL:
            groups = self.takers.get(above, {}).values()
        return [other for group in groups for other in group if other != place]

    def taker(self, place: Place) -> Place | None:
        """A link that takes all that this one receives."""
        groups = self.takers.get(place, {}).values()
        return next((other for group in groups for other in group), None)


def _note(found: dict[Any, list[Place]], key: object, place: Place) -> None:
    places = found.setdefault(key, [])
    if len(places) < 2:
        places.append(place)


def _above(place: Place, link: Link) -> Place:
    return link.link_netns or place[0], link.parent or ""


def _reach(link: Link) -> tuple[object, object]:
    return getattr(link.options, "mode", None), getattr(link.options, "flag", None)


def _of_one(place: Place, link: Link, known: _Known) -> Iterator[tuple[str, str]]:
    parent = known.links.get(_above(place, link))
    if parent is not None:
        yield from _on_parent(link, parent)
    told: set[str] = set()
    for other in known.beside(place, link):
        for path, text in _beside(link, known.links[other], _named(other, place)):
            if path not in told:
                yield path, text
            told.add(path)
    master = known.links.get((place[0], link.master or ""))
    if master is not None:
        if refuses(master.kind, link.kind):
            what = f"a {link.kind} can't belong to a {master.kind}"
            yield "master", f"{what}, as {link.master!r} is one"
        taker = known.taker(place)
        if taker is not None and master.kind in ("bridge", "bond"):
            kind = known.links[taker].kind
            what = f"{link.master!r} takes all that comes in, and so does {_named(taker, place)}"
            yield "master", f"{what}, a {kind} on this link; the kernel lets only one of them"
    socket = _socket(place, link)
    for other in known.sockets.get(socket, ()) if socket is not None else ():
        if other != place and socket is not None:
            field = "vxlan.id" if link.vxlan is not None else "wireguard.listen_port"
            yield field, f"{socket[1]} is also that of {_named(other, place)}"


def _named(other: Place, place: Place) -> str:
    return other[1] if other[0] == place[0] else f"{other[0]}/{other[1]}"


def _on_parent(link: Link, parent: Link) -> Iterator[tuple[str, str]]:
    kind = str(link.kind)
    same = {"macvlan": ("macvlan", "macvtap"), "macvtap": ("macvlan", "macvtap")}
    if parent.kind in same.get(kind, ("ipvlan",) if kind == "ipvlan" else ()) and parent.parent:
        what = f"{link.parent!r} is a {parent.kind} itself, and the kernel puts both on its parent"
        yield f"{kind}.link", f"{what}; say {parent.parent}"
    if kind in _NO_LARGER and (link.mtu or 0) > (parent.mtu or 65536):
        yield "mtu", f"{link.mtu} is more than {link.parent} has, which is {parent.mtu}"
    loose = link.vlan is not None and link.vlan.loose_binding
    if kind == "vlan" and not loose and link.state == "up" and parent.state == "down":
        yield "state", f"can't be up: {link.parent} is down, and loose_binding is off"


def _beside(link: Link, other: Link, name: str) -> Iterator[tuple[str, str]]:
    """Two links on one parent."""
    kind, kinds = str(link.kind), {link.kind, other.kind}
    if link.vlan is not None and other.vlan is not None and _tag(link) == _tag(other):
        yield "vlan.id", f"{link.vlan.id} is also that of {name} on {link.parent}"
    if "ipvlan" in kinds and kinds & {"macvlan", "macvtap"}:
        what = f"{link.parent!r} can have but one of both; {name} is of kind {other.kind}"
        yield f"{kind}.link", what
    if link.ipvlan is not None and other.ipvlan is not None:
        for field in ("mode", "flag"):
            ours, theirs = getattr(link.ipvlan, field), getattr(other.ipvlan, field)
            if None not in (ours, theirs) and ours != theirs:
                what = f"all on one parent have it in common; {name} has {theirs}"
                yield f"ipvlan.{field}", f"{ours}: {what}"
    if kinds <= {"macvlan", "macvtap"} and getattr(link.options, "mode", "") == "passthru":
        yield f"{kind}.mode", f"passthru is for the only one on {link.parent}; there is {name}"


def _tag(link: Link) -> tuple[object, object]:
    assert link.vlan is not None
    return link.vlan.id, link.vlan.protocol or "802.1Q"


def _socket(place: Place, link: Link) -> tuple[object, ...] | None:
    netns = link.link_netns or place[0]
    if link.vxlan is not None and link.vxlan.id is not None:
        ends = (link.vxlan.local, link.vxlan.remote, link.vxlan.group)
        family = next((family_of(item) for item in ends if item), "inet")
        return "vxlan", link.vxlan.id, netns, link.vxlan.dstport or DSTPORT, family
    if link.wireguard is not None and link.wireguard.listen_port:
        return "wireguard", link.wireguard.listen_port, netns
    return None
