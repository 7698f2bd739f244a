"""From what is to what shall be: every room's steps, in the one order that the kernel accepts.

`plan` is pure and is used every way round: for the change, for its undo (`step.undo`), for the dry
run, for drift, and from an empty host for the boot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from netwright import hostcheck, ipset, iptables_plan, module, neighbour, netns, route, rule, sysctl
from netwright.errors import HostError, Problems
from netwright.iptables import FAMILIES
from netwright.links import link as links
from netwright.links.link import Link
from netwright.model import HOST, overlay
from netwright.neighbour import Neighbour
from netwright.route import Route
from netwright.state import NEW, Namespace, NetworkState
from netwright.step import Phase, Plan, Step

__all__ = ["plan"]

Place = tuple[str, str]
"""A namespace and the name of a link in it."""


def plan(current: NetworkState, desired: NetworkState, checked: bool = True) -> Plan:
    """The steps from `current` to `desired`; what `desired` doesn't name stays as it is.

    + current: what the host shows (`snapshot.parse`)
    + desired: a canonical declaration (`state.load`, `ledger.prune`)
    + checked: whether the host is known well enough to say what is impossible on it

    Raises HostError with everything that this host makes impossible.

    Example:

        >>> from netwright.state import load
        >>> steps = plan(load({}), load({"netns": {"blue": {}}}))
        >>> [step.path for step in steps]
        ['netns.blue']
    """
    found = Problems()
    if checked:
        hostcheck.problems(found, current, desired)
    if found.found:
        raise HostError(dict.fromkeys(found.found))
    return _sorted(_steps(current, desired), [name for name, _ in desired.namespaces()])


def _sorted(steps: Iterable[Step], names: list[str]) -> Plan:
    """By phase; from the making of links on, one namespace after the other, the host's first: what
    is in a namespace needs nothing of the others any more, and is one batch."""
    rank = {name: index for index, name in enumerate(names)}

    def key(step: Step) -> tuple[int, int, int]:
        together = Phase.LINK_SYSCTL <= step.phase <= Phase.ROUTE
        place = rank.get(step.netns, len(rank))
        return (Phase.LINK_SYSCTL, place, step.phase) if together else (step.phase, place, 0)

    return sorted(steps, key=key)


def _steps(current: NetworkState, desired: NetworkState) -> Iterator[Step]:
    yield from module.plan(frozenset(current.modules or ()), desired.modules or ())
    spaces = dict(current.namespaces())
    wanted = dict(desired.namespaces())
    for name, space in wanted.items():
        if space.state != "absent" and name not in spaces:
            yield netns.create(name)
    ends = _Links(spaces, wanted)
    yield from ends.steps()
    for name, space in wanted.items():
        if space.state != "absent":
            yield from _inside(name, spaces.get(name, NEW), space, ends)
        elif name in spaces:
            yield netns.delete(name)


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
        if want is not None:
            return want.state != "absent"
        ends = _other_end(self.have[place])
        above = [(place[0], self.have[place].parent or ""), *ends]
        return any(
            other in self.gone
            and other in self.want
            and self.want[other].state != "absent"
            and self._still(place, self.want[other])
            for other in above
        )

    def _still(self, place: Place, other: Link) -> bool:
        """Whether the one that is made again makes this one too: a pair's end only if still so."""
        if other.kind != "veth" or other.veth is None or other.veth.peer is None:
            return self.have[place].kind != "veth"
        return (other.veth.peer.netns, other.veth.peer.name) == place

    def _wanted_again(self, place: Place) -> Link:
        have, want = self.have[place], self.want.get(place, Link(state=None))
        kept = have if want.kind in (None, have.kind) else have.but(**{str(have.kind): None})
        # The kernel chooses a new MAC address for what is made again, as it did the first time.
        return overlay(kept.but(mac=None, veth=have.veth), want)

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
        for item in space.routes or ():
            if item.dev == ifname and not item.is_kernels:
                yield replace(route.remove(netns_name, item), phase=Phase.UNLINK, implied=True)
        for entry in space.neighbours or ():
            if entry.dev == ifname:
                step = neighbour.change(netns_name, entry, None)
                yield replace(step, phase=Phase.UNLINK, implied=True)
        for other, link in self.have.items():
            if other[0] == netns_name and link.master == ifname and other not in self.gone:
                yield from _released(other, link)
        yield from links.undress(netns_name, ifname, have)

    def _ordered(
        self, places: Iterable[Place], of: Mapping[Place, Link], reverse: bool
    ) -> list[Place]:
        """Parents before what stands on them."""

        def depth(place: Place, limit: int = 32) -> int:
            link = of.get(place)
            if link is None or link.parent is None or not limit:
                return 0
            return 1 + depth((link.link_netns or place[0], link.parent), limit - 1)

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
        have, want = self.have.get(place), self.want.get(place)
        if have is not None and place not in self.gone and have.master:
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


def _released(place: Place, link: Link) -> Iterator[Step]:
    """A port whose bridge goes: the kernel releases it, turned round it has to join again."""
    without = link.but(master="", port=None)
    for step in reversed(list(links.modify(*place, without, link))):
        yield replace(step.turned(), phase=Phase.UNLINK, implied=True)


def _inside(name: str, have: Namespace, want: Namespace, ends: _Links) -> Iterator[Step]:
    """What happens in one namespace once its links are there."""
    lost_links = {ifname for netns_name, ifname in ends.gone if netns_name == name}
    params = {
        key: value
        for key, value in (have.sysctl or {}).items()
        if sysctl.link_of(key) not in lost_links
    }
    yield from sysctl.plan(name, params, want.sysctl or {})
    after: dict[str, Link] = dict(have.links or {})
    for ifname in ends.touched(name):
        now, then = ends.now((name, ifname)), ends.then((name, ifname))
        assert now is not None
        assert then is not None
        after[ifname] = overlay(now, then)
        yield from links.modify(name, ifname, now, then)
    yield from _routes(name, have, want, after, lost_links)
    yield from _rules(name, have, want)
    yield from _neighbours(name, have, want, after, lost_links)
    yield from _firewall(name, have, want)


def _firewall(name: str, have: Namespace, want: Namespace) -> Iterator[Step]:
    yield from ipset.plan(name, have.ipsets or {}, want.ipsets or {})
    for family in FAMILIES:
        tables = getattr(have, family) or {}, getattr(want, family) or {}
        yield from iptables_plan.plan(name, family, *tables)


def _routes(
    name: str, have: Namespace, want: Namespace, after: Mapping[str, Link], lost_links: set[str]
) -> Iterator[Step]:
    there = {item.key: item for item in have.routes or () if item.dev not in lost_links}
    lost = {
        item.key: item
        for item in have.routes or ()
        if item.dev in lost_links and not item.is_kernels
    }
    named = {item.key: item for item in want.routes or ()}
    for key, item in named.items():
        before = there.get(key)
        if item.state == "absent":
            if before is not None:
                step = route.remove(name, before)
                # Before the kernel drops it by itself; otherwise after the new ones are there.
                goes = _goes_along(before, have, after) or not _holds(before, after)
                yield replace(step, phase=Phase.UNLINK) if goes else step
        elif not _stands(item, before, after):
            yield route.add(name, before, item)
    for key, item in lost.items():
        if key not in named and item.dev in after and _holds(item, after):
            yield route.add(name, None, item)
    for key, item in there.items():
        if item.is_kernels:
            continue
        same = key not in named or (named[key].state != "absent" and named[key].matches(item))
        if same and _goes_along(item, have, after):
            yield from _dropped(name, item, have, after)


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


def _goes_along(item: Route, have: Namespace, after: Mapping[str, Link]) -> bool:
    """Whether the kernel may drop a route because of what happens to its link."""
    before, then = (have.links or {}).get(item.dev or ""), after.get(item.dev or "")
    if before is None or then is None:
        return False
    gone = set(before.addresses or ()) - set(then.addresses or ())
    if item.family == "inet6" and links.loses_ipv6(before, then):
        return True
    return _goes_down(before, then) or (
        item.family == "inet" and any(":" not in text for text in gone)
    )


def _goes_down(before: Link, then: Link) -> bool:
    return before.state == "up" and then.state == "down"


def _dropped(name: str, item: Route, have: Namespace, after: Mapping[str, Link]) -> Iterator[Step]:
    """A route that the kernel drops: put back if it can be, else seen to go."""
    ifname = item.dev or ""
    before, then = (have.links or {})[ifname], after[ifname]
    lost = _goes_down(before, then) or links.loses_ipv6(before, then)
    if not lost and _holds(item, after):
        yield route.put_back(name, item, Phase.LINK_SYSCTL, implied=True)
        yield route.put_back(name, item, Phase.ROUTE, implied=False)
    else:
        yield replace(route.remove(name, item), phase=Phase.LINK_SYSCTL, implied=True)


def _holds(item: Route, after: Mapping[str, Link]) -> bool:
    """Whether the kernel would take this route: source ours, gateway in reach."""
    if item.src is not None and not any(
        text.partition("/")[0] == item.src for link in after.values() for text in _all(link)
    ):
        return False
    return item.via is None or bool(item.onlink) or hostcheck.reached(item, after, ())


def _all(link: Link) -> tuple[str, ...]:
    return (*(link.addresses or ()), *getattr(link, "dynamic", ()))


def _rules(name: str, have: Namespace, want: Namespace) -> Iterator[Step]:
    there = {item.key: item for item in have.rules or ()}
    for item in want.rules or ():
        before = there.get(item.key)
        if item.state == "absent" and before is not None:
            yield rule.change(name, before, None)
        elif item.state != "absent" and before is None:
            yield rule.change(name, None, item)


def _neighbours(
    name: str, have: Namespace, want: Namespace, after: Mapping[str, Link], lost_links: set[str]
) -> Iterator[Step]:
    there = {item.key: item for item in have.neighbours or () if item.dev not in lost_links}
    named = {item.key: item for item in want.neighbours or ()}
    for key, item in named.items():
        before = there.get(key)
        if item.state == "absent":
            if before is not None:
                step = neighbour.change(name, before, None)
                # Before the kernel flushes it by itself.
                early = _is_flushed(before, have, after)
                yield replace(step, phase=Phase.UNLINK) if early else step
        elif item != before:
            yield neighbour.change(name, before, item)
    for item in have.neighbours or ():
        kept = item.key not in named or named[item.key] == item
        if item.dev in lost_links and item.dev in after and item.key not in named:
            yield neighbour.change(name, None, item)
        elif item.dev not in lost_links and kept and _is_flushed(item, have, after):
            back = neighbour.change(name, item, item)
            yield replace(back, phase=Phase.LINK_SYSCTL, implied=True)
            yield back


def _is_flushed(item: Neighbour, have: Namespace, after: Mapping[str, Link]) -> bool:
    """Whether the kernel flushes a link's neighbours, permanent ones too: it goes down, has another
    MAC address, or may be without an IPv4 address for a moment."""
    before, then = (have.links or {}).get(item.dev), after.get(item.dev)
    if before is None or then is None:
        return False
    gone = set(before.addresses or ()) - set(then.addresses or ())
    return (
        _goes_down(before, then)
        or before.mac != then.mac
        or any((":" in text) == (":" in item.dst) for text in gone)
        or (":" in item.dst and links.loses_ipv6(before, then))
    )
