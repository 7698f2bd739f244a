"""From what is to what shall be: every room's steps, in the one order that the kernel accepts.

`plan` is pure and is used every way round: for the change, for its undo (`step.undo`), for the dry
run, for drift, and from an empty host for the boot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from netwright import (
    hostcheck,
    ipset,
    iptables_plan,
    ipvs,
    module,
    neighbour,
    netns,
    route,
    rule,
    sysctl,
)
from netwright.collateral import Change, Side
from netwright.errors import HostError, Problems
from netwright.iptables import FAMILIES
from netwright.links import link as links
from netwright.links import parents
from netwright.links.link import Link
from netwright.model import HOST, overlay
from netwright.neighbour import Neighbour
from netwright.route import Route
from netwright.state import NEW, Namespace, NetworkState
from netwright.step import TOGETHER, Phase, Plan, Step

__all__ = ["plan"]

Place = tuple[str, str]
"""A namespace and the name of a link in it."""


def plan(
    current: NetworkState,
    desired: NetworkState,
    checked: bool = True,
    asked: NetworkState | None = None,
) -> Plan:
    """The steps from `current` to `desired`; what `desired` doesn't name stays as it is.

    + current: what the host shows (`snapshot.parse`)
    + desired: a canonical declaration (`state.load`, `ledger.prune`)
    + checked: whether the host is known well enough to say what is impossible on it
    + asked: what of `desired` was asked for, and is judged; the rest is given back as it was

    Raises HostError with everything that this host makes impossible.

    Example:

        >>> from netwright.state import load
        >>> steps = plan(load({}), load({"netns": {"blue": {}}}))
        >>> [step.path for step in steps]
        ['netns.blue']
    """
    found = Problems()
    ends = _Links(dict(current.namespaces()), dict(desired.namespaces()))
    if checked:
        hostcheck.problems(found, current, desired, desired if asked is None else asked)
        ends.problems(found)
    if found.found:
        raise HostError(dict.fromkeys(found.found))
    return _sorted(_steps(current, desired, ends), [name for name, _ in desired.namespaces()])


_ACROSS = (Phase.UNLINK, Phase.CREATE, Phase.NETNS_DELETE)


def _sorted(steps: Iterable[Step], names: list[str]) -> Plan:
    """By phase; once links are made, one namespace after the other, the host's first: what is in
    a namespace needs nothing of the others any more, and is one batch. Taking away and making go
    across all of them, as one link stands on another."""
    rank = {name: index for index, name in enumerate(names)}

    def key(step: Step) -> tuple[int, int, int]:
        together = step.phase in TOGETHER
        place = 0 if step.phase in _ACROSS else rank.get(step.netns, len(rank))
        return (Phase.LINK_SYSCTL, place, step.phase) if together else (step.phase, place, 0)

    return sorted(steps, key=key)


def _steps(current: NetworkState, desired: NetworkState, ends: _Links) -> Iterator[Step]:
    yield from module.plan(frozenset(current.modules or ()), desired.modules or ())
    spaces = dict(current.namespaces())
    wanted = dict(desired.namespaces())
    for name, space in wanted.items():
        if space.state != "absent" and name not in spaces:
            yield netns.create(name)
    yield from ends.steps()
    for name, space in wanted.items():
        if space.state != "absent":
            yield from _inside(name, spaces.get(name, NEW), space, ends)
        elif name in spaces:
            yield from _along(name, spaces[name], ends.lost(name))
            yield from _vanishing(name, spaces[name])
            yield netns.delete(name)


def _vanishing(name: str, have: Namespace) -> Iterator[Step]:
    """What goes with a namespace itself, not with its links: turned round, it is set again."""
    there = (None, "lo")
    content = have.but(
        sysctl={
            key: value for key, value in (have.sysctl or {}).items() if sysctl.link_of(key) in there
        },
        links={ifname: link for ifname, link in (have.links or {}).items() if ifname == "lo"},
        routes=tuple(
            item for item in have.routes or () if all(path.dev in there for path in item.paths)
        ),
        neighbours=tuple(item for item in have.neighbours or () if item.dev == "lo"),
    )
    ends = _Links({name: NEW}, {name: content})
    for step in reversed(_sorted(_inside(name, NEW, content, ends), [name])):
        yield replace(step.turned(), phase=Phase.NETNS_DELETE, implied=True)


class _Links:
    """Which links go, which are made, and what hangs on those that go: over all namespaces, since
    a veth pair lies in two."""

    def __init__(self, spaces: Mapping[str, Namespace], wanted: Mapping[str, Namespace]) -> None:
        new = {name: NEW for name, space in wanted.items() if name not in spaces}
        spaces = {**spaces, **new}
        self.have = {
            (name, ifname): link
            for name, space in spaces.items()
            for ifname, link in (space.links or {}).items()
        }
        self.want = {
            (name, ifname): link
            for name, space in wanted.items()
            for ifname, link in (space.links or {}).items()
        }
        self.spaces = spaces
        self.names: dict[str, list[str]] = {}
        for name, ifname in dict.fromkeys([*self.have, *self.want]):
            self.names.setdefault(name, []).append(ifname)
        self.ports: dict[Place, list[Place]] = {}
        for place, link in self.have.items():
            if link.master:
                self.ports.setdefault((place[0], link.master), []).append(place)
        vanishing = {name for name, space in wanted.items() if space.state == "absent"}
        self.gone = self._closure(
            place
            for place, have in self.have.items()
            if (place[0] in vanishing and (have.kind is not None))
            or (place in self.want and self._goes(have, self.want[place]))
        )
        self.again = {
            place: self._wanted_again(place)
            for place in self.gone
            if place[0] not in vanishing and self._returns(place)
        }

    def problems(self, found: Problems) -> None:
        """A name that a new pair's other end shall have, and that somebody else's link has."""
        for place, want in self.want.items():
            for other in _other_end(want) if want.state != "absent" else ():
                there = self.have.get(other)
                if there is None or other in self.want or other in self.gone:
                    continue
                if place not in _other_end(there):
                    name, ifname = place
                    with found.under(*(() if name == HOST else ("netns", name)), "links", ifname):
                        what = f"{other[1]!r} is there already, as another {there.kind or 'link'}"
                        found.add("veth.peer.name", f"{what}; declare it absent, or as this end")

    def _goes(self, have: Link, want: Link) -> bool:
        return want.state == "absent" or bool(links.needs_new(have, want))

    def _closure(self, start: Iterable[Place]) -> dict[Place, None]:
        """With a link go the other end of its pair and all that stands on it."""
        gone: dict[Place, None] = {}
        todo = list(start)
        children: dict[Place, list[Place]] = {}
        for place, link in self.have.items():
            if link.parent is not None:
                children.setdefault((link.link_netns or place[0], link.parent), []).append(place)
        while todo:
            place = todo.pop(0)
            if place not in gone and place in self.have:
                gone[place] = None
                todo += [*children.get(place, ()), *_other_end(self.have[place])]
        return gone

    def _returns(self, place: Place) -> bool:
        """Whether a link that goes comes back: declared, or another's that went along with it."""
        want = self.want.get(place)
        ends = _other_end(self.have[place])
        if want is not None and (want.state == "absent" or self._says_itself(want) or not ends):
            return want.state != "absent"
        above = [(place[0], self.have[place].parent or ""), *ends]
        return any(
            other in self.gone
            and other in self.want
            and self.want[other].state != "absent"
            and self._still(place, self.want[other])
            for other in above
        )

    def _says_itself(self, want: Link) -> bool:
        """Whether it tells how to make it: not the end of a pair that only the other end tells."""
        return want.kind not in (None, "veth") or want.veth is not None

    def _still(self, place: Place, other: Link) -> bool:
        """Whether the one that is made again makes this one too: a pair's end only if still so."""
        if other.kind != "veth" or other.veth is None or other.veth.peer is None:
            return self.have[place].kind != "veth"
        return (other.veth.peer.netns, other.veth.peer.name) == place

    def _wanted_again(self, place: Place) -> Link:
        have, want = self.have[place], self.want.get(place, Link(state=None))
        kept = have if want.kind in (None, have.kind) else have.but(**{str(have.kind): None})
        master = (place[0], have.master or "")
        above = self.have.get(master)
        nested = above is not None and links.refuses(above.kind, want.kind)
        if (master in self.gone and not self._returns(master)) or nested:
            kept = kept.but(master="", port=None)
        # The kernel chooses a new MAC address for what is made again, as it did the first time.
        again = overlay(kept.but(mac=None), want)
        return again if again.master else again.but(port=None)

    def steps(self) -> Iterator[Step]:
        """Taking away and making; what a link is like is set afterwards, in `_inside`."""
        going = self._ordered(self.gone, self.have, reverse=True)
        # All that hangs on them first: turned round, every link is there again before that.
        for place in going:
            yield from self._hanging_on(place)
        taken: set[Place] = set()
        for place in going:
            # The second end of a pair goes with the first, and comes back with it.
            if place not in taken:
                yield links.delete(*place, self.have[place])
            taken |= {place, *_other_end(self.have[place])}
        made: set[Place] = set()
        new = {
            place: link
            for place, link in self.want.items()
            if place not in self.have and link.state != "absent"
        }
        todo = {**new, **self.again}
        for place in self._ordered(todo, todo, reverse=False):
            if place not in made:
                yield links.create(*place, todo[place])
                made |= {place, *_other_end(todo[place])}

    def _hanging_on(self, place: Place) -> Iterator[Step]:
        """What goes along with a link, so that it can come back with it."""
        netns_name, ifname = place
        have, space = self.have[place], self.spaces[netns_name]
        for key, value in (space.sysctl or {}).items():
            if sysctl.link_of(key) == ifname:
                yield sysctl.goes_along(netns_name, key, value)
        ports = self.ports.get(place, ())
        for other in ports:
            if other not in self.gone:
                yield from _released(other, self.have[other], have)
        if ports:
            # It takes the smallest of its ports' until it is told one with all of them there.
            step = links.put_back(*place, "mtu", have.mtu)
            yield replace(step, phase=Phase.COLLATERAL, implied=True)
        master = self.have.get((netns_name, have.master or ""))
        yield from links.undress(netns_name, ifname, have, master)

    def lost(self, netns_name: str) -> set[str]:
        """The links of a namespace that go, even if they come back."""
        return {place[1] for place in self.gone if place[0] == netns_name}

    def _ordered(
        self, places: Iterable[Place], of: Mapping[Place, Link], reverse: bool
    ) -> list[Place]:
        """Parents and masters before what stands on them; both ends of a pair are one."""

        @cache
        def depth(place: Place) -> int:
            ends = [end for end in (place, *_other_end(of[place])) if end in of]
            under = [item for end in ends for item in _under(end, of[end]) if item in of]
            return max((1 + depth(item) for item in under if item not in ends), default=0)

        return sorted(places, key=depth, reverse=reverse)

    def now(self, place: Place) -> Link | None:
        """What a link is like once all taking away and making is done; None if it isn't there."""
        if place in self.again:
            return links.fresh(self.again[place])
        if place in self.gone:
            return None
        have = self.have.get(place)
        if have is None:
            want = self.want.get(place)
            return links.fresh(want) if want is not None and want.state != "absent" else None
        if have.master and (place[0], have.master) in self.gone:
            return have.but(master="", port=None)
        return have

    def then(self, place: Place) -> Link | None:
        """What a link shall be like in the end, as far as it is managed or has to be put back."""
        if place in self.again:
            return self.again[place]
        if place in self.gone:
            return None
        have, want = self.have.get(place), self.want.get(place)
        if have is not None and have.master:
            master = (place[0], have.master)
            if master in self.gone and master in self.again:
                return overlay(
                    Link.model_construct(master=have.master, port=have.port), want or Link()
                )
        return want if want is None or want.state != "absent" else None

    def touched(self, netns_name: str) -> list[str]:
        """The links of a namespace that have something to be set, parents and masters first."""
        names = [
            ifname
            for ifname in self.names.get(netns_name, ())
            if self.then((netns_name, ifname)) is not None
        ]
        return sorted(names, key=lambda name: self._rank((netns_name, name)))

    def _rank(self, place: Place, limit: int = 32) -> int:
        link = self.then(place)
        if link is None or not limit:
            return 0
        under = [(place[0], link.master or ""), (link.link_netns or place[0], link.parent or "")]
        return 1 + max(self._rank(item, limit - 1) if item[1] else 0 for item in under)


def _other_end(link: Link) -> list[Place]:
    peer = link.veth.peer if link.kind == "veth" and link.veth is not None else None
    return [(peer.netns or HOST, peer.name)] if peer is not None else []


def _under(place: Place, link: Link) -> list[Place]:
    """What a link stands on or belongs to."""
    found = [(place[0], link.master)] if link.master else []
    return [*found, (link.link_netns or place[0], link.parent)] if link.parent else found


def _released(place: Place, link: Link, master: Link) -> Iterator[Step]:
    """A port whose bridge goes: the kernel releases it, turned round it has to join again."""
    without = link.but(master="", port=None)
    for step in reversed(list(links.modify(*place, without, link, (None, master)))):
        yield replace(step.turned(), phase=Phase.UNLINK, implied=True)


def _inside(name: str, have: Namespace, want: Namespace, ends: _Links) -> Iterator[Step]:
    """What happens in one namespace once its links are there."""
    lost_links = ends.lost(name)
    params = {
        key: value
        for key, value in (have.sysctl or {}).items()
        if sysctl.link_of(key) not in lost_links
    }
    before = Side(have.links or {}, have.sysctl or {})
    after = Side(_links_after(name, have, ends), {**params, **(want.sysctl or {})})
    change = Change(before, after, lost_links)
    # What is given back to a link that goes after all is not declared, so it may be without it.
    there = {None, *after.links}
    wanted = {
        key: value for key, value in (want.sysctl or {}).items() if sysctl.link_of(key) in there
    }
    yield from sysctl.plan(name, params, wanted, change.pinned)
    steps = _modified(name, ends, before, after)
    yield from parents.children_first(name, steps, before.links)
    yield from _along(name, have, lost_links)
    yield from _routes(name, have, want, change)
    yield from _rules(name, have, want)
    yield from _neighbours(name, have, want, change)
    yield from _ipvs(name, have, want)
    # Turned round, routes and neighbours come after what they hang on.
    for ifname in after.links:
        if change.has_other_ports(ifname):
            yield from _of_ports(name, ifname, ends, change)
        if change.drops_ipv6(ifname):
            yield from links.loses_ipv6(name, ifname, before.links[ifname])
    yield from _firewall(name, have, want)


def _modified(name: str, ends: _Links, before: Side, after: Side) -> Iterator[Step]:
    """What each link has to be told, parents and masters first."""
    for ifname in ends.touched(name):
        now, then = ends.now((name, ifname)), ends.then((name, ifname))
        assert now is not None
        assert then is not None
        if after.without_ipv6(ifname):
            now = now.but(addresses=tuple(item for item in now.addresses or () if ":" not in item))
        joins = then.master if then.master is not None else now.master
        masters = before.links.get(now.master or ""), after.links.get(joins or "")
        yield from links.modify(name, ifname, now, then, masters)


def _links_after(name: str, have: Namespace, ends: _Links) -> dict[str, Link]:
    after = {}
    for ifname in dict.fromkeys([*(have.links or {}), *ends.touched(name)]):
        now, then = ends.now((name, ifname)), ends.then((name, ifname))
        if now is not None:
            after[ifname] = overlay(now, then) if then is not None else now
    return after


def _of_ports(name: str, ifname: str, ends: _Links, change: Change) -> Iterator[Step]:
    """A bridge takes its MAC address and its MTU from its ports until it is told others, and it
    takes the same one told again for none; without a port it has no MAC address any more."""
    have, then = change.before.links.get(ifname), ends.then((name, ifname))
    if have is not None and have.mac and not change.before.ports.get(ifname):
        step = links.put_back(name, ifname, "mac", have.mac)
        yield replace(step, phase=Phase.COLLATERAL, implied=True)
    for attribute in ("mac", "mtu"):
        value = getattr(then, attribute, None)
        if value is not None:
            yield links.put_back(name, ifname, attribute, value)


def _firewall(name: str, have: Namespace, want: Namespace) -> Iterator[Step]:
    yield from ipset.plan(name, have.ipsets or {}, want.ipsets or {})
    for family in FAMILIES:
        tables = getattr(have, family) or {}, getattr(want, family) or {}
        yield from iptables_plan.plan(name, family, *tables)


def _along(name: str, have: Namespace, lost: set[str]) -> Iterator[Step]:
    """Neighbours and routes that go with their links."""
    for entry in have.neighbours or ():
        if entry.dev in lost:
            step = neighbour.change(name, entry, None)
            yield replace(step, phase=Phase.COLLATERAL, implied=True)
    for item in sorted(have.routes or (), key=_has_gateway, reverse=True):
        if item.is_over(lost) and not item.is_kernels:
            yield replace(route.remove(name, item), phase=Phase.COLLATERAL, implied=True)


def _routes(name: str, have: Namespace, want: Namespace, change: Change) -> Iterator[Step]:
    there = {item.key: item for item in have.routes or () if not item.is_over(change.lost)}
    named = {item.key: item for item in want.routes or ()}
    # Others may be behind those without a gateway: these come first, and turned round last.
    for item in sorted(named.values(), key=_has_gateway, reverse=True):
        yield from _route_goes(name, there.get(item.key), item, change)
    for item in sorted(have.routes or (), key=_has_gateway, reverse=True):
        same = item.key not in named or named[item.key].matches(item)
        if same and not item.is_kernels and not item.is_over(change.lost):
            yield from _collateral(name, item, change)
    for item in sorted(named.values(), key=_has_gateway):
        yield from _route_comes(name, there.get(item.key), item, change)
    for item in sorted(have.routes or (), key=_has_gateway):
        same = item.key not in named or named[item.key].matches(item)
        if same and not item.is_kernels and change.after.holds(item):
            if item.is_over(change.lost) and item.key not in named:
                yield route.add(name, None, item)
            elif not item.is_over(change.lost) and change.drops_route(item):
                yield route.put_back(name, item, route.phase(item), implied=False)


def _has_gateway(item: Route) -> bool:
    return any(path.via is not None for path in item.paths)


def _route_goes(name: str, before: Route | None, item: Route, change: Change) -> Iterator[Step]:
    """Of a declared route, the taking away of what stands in its place."""
    if before is None:
        return
    shaken = _is_shaken(before, change)
    if item.state == "absent":
        # Before the kernel drops it by itself; otherwise after the new ones are there.
        phase = Phase.COLLATERAL if shaken else Phase.ROUTE
        yield replace(route.remove(name, before), phase=phase)
    elif shaken and not before.is_kernels and not _stands(item, before, change.after.links):
        # What it needs is there only before, what the new one needs only after.
        yield replace(route.remove(name, before), phase=Phase.COLLATERAL)


def _route_comes(name: str, before: Route | None, item: Route, change: Change) -> Iterator[Step]:
    if item.state != "absent" and not _stands(item, before, change.after.links):
        stays = before is not None and not _is_shaken(before, change)
        yield route.add(name, before if stays else None, item)


def _is_shaken(item: Route, change: Change) -> bool:
    """Whether the kernel drops a route by itself, on the way or on the way back."""
    if change.drops_route(item) or change.turned.drops_route(item):
        return True
    return not change.after.holds(item)


def _collateral(name: str, item: Route, change: Change) -> Iterator[Step]:
    """A route that stays, and that the kernel drops, for the way back."""
    if change.drops_route(item) and not change.after.holds(item):
        yield replace(route.remove(name, item), phase=Phase.COLLATERAL, implied=True)
    elif change.drops_route(item) or change.turned.drops_route(item):
        yield route.put_back(name, item, Phase.COLLATERAL, implied=True)


def _stands(item: Route, before: Route | None, after: Mapping[str, Link]) -> bool:
    if before is None or before.is_kernels:
        return _connected(item, after)
    return item.matches(before)


def _connected(item: Route, after: Mapping[str, Link]) -> bool:
    """Whether the kernel makes this very route by itself, with an address of the link. Adding it
    would replace the kernel's, and removing it later would leave none."""
    link = after.get(item.dev or "")
    if link is None or item.via or item.family != "inet" or item.key.metric or item.mtu:
        return False
    return (
        item.table == route.MAIN
        and item.scope == "link"
        and any(
            hostcheck.subnet(text) == item.dst and item.src in (None, text.partition("/")[0])
            for text in link.addresses or ()
        )
    )


def _rules(name: str, have: Namespace, want: Namespace) -> Iterator[Step]:
    there = {item.key: item for item in have.rules or ()}
    named = {item.key: item for item in want.rules or ()}
    gone = [there[key] for key, item in named.items() if item.state == "absent" and key in there]
    new = [item for key, item in named.items() if item.state != "absent" and key not in there]
    # The kernel takes the more special one for the more general one: it deletes the wrong one, and
    # refuses to add the other. So the special ones step aside, and general ones are added first.
    aside = [
        item
        for item in there.values()
        if item not in gone and any(rule.covers(other, item) for other in (*gone, *new))
    ]
    for item in sorted((*aside, *gone), key=rule.speciality, reverse=True):
        yield rule.change(name, item, None)
    for item in sorted((*aside, *new), key=rule.speciality):
        yield rule.change(name, None, item)


def _ipvs(name: str, have: Namespace, want: Namespace) -> Iterator[Step]:
    there = {item.key: item for item in have.ipvs or ()}
    for item in want.ipvs or ():
        before = there.get(item.key)
        after = None if item.state == "absent" else item
        if after != before:
            yield ipvs.change(name, before, after)


def _neighbours(name: str, have: Namespace, want: Namespace, change: Change) -> Iterator[Step]:
    there = {item.key: item for item in have.neighbours or () if item.dev not in change.lost}
    named = {item.key: item for item in want.neighbours or ()}
    for key, item in named.items():
        before = there.get(key)
        if item.state == "absent":
            if before is not None:
                # Before the kernel flushes it by itself.
                yield replace(neighbour.change(name, before, None), phase=Phase.COLLATERAL)
        elif item != before:
            yield neighbour.change(name, before, item)
    for item in have.neighbours or ():
        if item.dev in change.lost:
            if item.key not in named and _is_possible(item, change.after):
                yield neighbour.change(name, None, item)
        elif item.key not in named or named[item.key].state != "absent":
            yield from _kept_neighbour(name, item, named.get(item.key, item), change)


def _is_possible(item: Neighbour, side: Side) -> bool:
    return item.dev in side.links and not (":" in item.dst and side.without_ipv6(item.dev))


def _kept_neighbour(name: str, item: Neighbour, then: Neighbour, change: Change) -> Iterator[Step]:
    """A neighbour that the kernel flushes, and that stays or says something else afterwards."""
    forth, back = change.drops_neighbour(item), change.turned.drops_neighbour(item)
    kept = neighbour.change(name, item, item)
    if not _is_possible(item, change.after):
        gone = neighbour.change(name, item, None)
        yield replace(gone, phase=Phase.COLLATERAL, implied=True)
    elif forth or back:
        yield replace(kept, phase=Phase.COLLATERAL, implied=True)
        if forth and then == item:
            yield kept
