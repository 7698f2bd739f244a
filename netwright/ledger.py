"""What is ours on a host, in a file on that host: /etc/netwright/NAME/ledger.json.

Three states, each a declaration: `declared`, the last one; `created`, what is there because of us;
`first`, the values that were there before us. What is declared no longer is pruned from these.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from netwright import iptables_ledger
from netwright.collateral import Side
from netwright.errors import HostError, Problem
from netwright.links.link import KINDS, Link, defaults
from netwright.links.options import Options
from netwright.links.port import FRESH
from netwright.model import HOST, Model, overlay
from netwright.persist import ledger_paths
from netwright.route import Route
from netwright.snapshot import reads
from netwright.state import NEW, NOTHING, Namespace, NetworkState
from netwright.sysctl import link_of, untrue

__all__ = ["Ledger", "overlaps", "parse", "prune", "rebuilt", "record", "staying"]

M = TypeVar("M", bound=Model)
VERSION = 1


@dataclass(frozen=True)
class Ledger:
    """What is ours under one name."""

    declared: NetworkState = field(default_factory=NetworkState)
    created: NetworkState = field(default_factory=NetworkState)
    first: NetworkState = field(default_factory=NetworkState)

    def files(self, name: str, keep: bool = True) -> dict[str, str]:
        """Path -> content: the ledger itself, and what the next snapshot has to read for it.

        + keep: whether it outlives the next boot
        """
        if not any(state.document() for state in (self.declared, self.created, self.first)):
            return {}
        content = {
            "version": VERSION,
            "name": name,
            "declared": self.declared.ordered().document(),
            "created": self.created.ordered().document(),
            "first": self.first.ordered().document(),
        }
        lines = {
            line for state in (self.declared, self.created, self.first) for line in reads(state)
        }
        path, needed = ledger_paths(name, keep)
        return {
            path: _text(content, 3) + "\n",
            needed: "".join(f"{line}\n" for line in sorted(lines)),
        }


# What json.dumps makes anew for each call with such an argument.
_encoded = json.JSONEncoder(sort_keys=True).encode


def _text(value: Any, depth: int) -> str:
    """JSON for people: one line for each thing."""
    if not depth or not isinstance(value, dict) or not value:
        return _encoded(value)
    lines = [f"{_encoded(key)}: {_text(value[key], depth - 1)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n}"


def parse(name: str, text: str | None) -> Ledger:
    """A ledger from its file; an empty one when there is none.

    Raises HostError when it is damaged: what is ours is not guessed.
    """
    if text is None:
        return Ledger()
    path = (
        f"the ledger {name} ({' or '.join(ledger_paths(name, keep)[0] for keep in (True, False))})"
    )
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            what = f"has version {content['version']}; this netwright reads {VERSION}"
            raise HostError([Problem(path, what)])
        parts = ("declared", "created", "first")
        states = {part: NetworkState.model_validate(content[part]) for part in parts}
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        if isinstance(error, HostError):
            raise
        what = (
            "is damaged; move it away, and the next run takes what it declares for its own"
            f" ({str(error).splitlines()[0][:80]})"
        )
        raise HostError([Problem(path, what)]) from None
    return Ledger(**states)


def staying(
    name: str, declared: NetworkState, ledgers: Mapping[str, Ledger], current: NetworkState
) -> Iterator[tuple[str, str]]:
    """Namespaces that we made and nobody under our name declares now, and why they stay: what is
    others' would go with them."""
    ledger, there = ledgers.get(name, Ledger()), current.netns or {}
    gone = _made(ledger.created) & there.keys() - (declared.netns or {}).keys()
    if not gone:
        return
    owned = _owned(ledger)
    ends = {end for end in _pairs(dict(ledger.declared.namespaces())).values() if end}
    for space in sorted(gone):
        users = [other for other in ledgers if other != name and _uses(ledgers[other], space)]
        links = there[space].links or {}
        known = {ifname for place, ifname in ends if place == space}
        foreign = {*links} - owned.get(space, set()) - known - _KERNELS
        if users:
            yield space, f"stays, since {', '.join(map(repr, users))} declares it too"
        elif foreign:
            yield space, f"stays, since others' links are in it: {', '.join(sorted(foreign))}"


def _uses(ledger: Ledger, space: str) -> bool:
    found = (ledger.declared.netns or {}).get(space)
    return found is not None and found.state != "absent"


# What a new namespace has; the fallbacks of tunnels are there once their modules are loaded.
_KERNELS = {
    *("lo", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0"),
    *("ip6gre0",),
}


def prune(
    declared: NetworkState, ledger: Ledger, current: NetworkState, stay: Container[str] = ()
) -> NetworkState:
    """The declaration, and with it the going of what was ours and is declared no longer.

    + declared: a canonical declaration
    + ledger: what earlier runs under the same name made and changed
    + current: what the host shows; what others took away meanwhile needs no pruning
    + stay: namespaces of which only what is ours goes (`staying`)
    """
    there = dict(current.namespaces())
    wanted = dict(declared.namespaces())
    parts = [dict(state.namespaces()) for state in (ledger.created, ledger.first, ledger.declared)]
    made, pairs = _made(ledger.created), _pairs(wanted)
    spaces: dict[str, Namespace] = {}
    for name in dict.fromkeys([*wanted, *parts[0], *parts[1]]):
        want = wanted.get(name, NOTHING)
        if name not in wanted and name not in there:
            continue
        if name not in wanted and name in stay:
            old = _Old(parts[0].get(name, NOTHING), Namespace(), NOTHING)
            spaces[name] = _pruned(name, want, old, there[name], pairs)
        elif name not in wanted and name in made:
            spaces[name] = Namespace(state="absent")
        elif want.state == "absent":
            spaces[name] = want
        else:
            old = _Old(*(part.get(name, NOTHING) for part in parts))
            spaces[name] = _pruned(name, want, old, there.get(name, NEW), pairs)
    return declared.with_namespaces(spaces)


def _made(created: NetworkState) -> set[str]:
    """The namespaces that we made."""
    spaces = (created.netns or {}).items()
    return {name for name, space in spaces if space.state == "present"}


class _Old(NamedTuple):
    """What a ledger holds of one namespace."""

    created: Namespace
    first: Namespace
    declared: Namespace


def _pruned(
    name: str, want: Namespace, old: _Old, have: Namespace, pairs: Mapping[Any, Any]
) -> Namespace:
    seen = have.links or {}
    links = dict(want.links or {})
    for ifname, link in (old.first.links or {}).items():
        if ifname in seen:
            kept = _free((name, ifname), link, pairs)
            links[ifname] = _given_back(kept, links.get(ifname), seen[ifname])
    for ifname, link in (old.created.links or {}).items():
        ours = ifname not in (want.links or {}) and ifname in seen
        if ours and not _is_kept_end((name, ifname), link, pairs):
            links[ifname] = Link(state="absent")
    links = {
        ifname: link if _is_port(ifname, link, links, seen) else link.but(port=None)
        for ifname, link in links.items()
    }
    after = {
        ifname: overlay(link, links[ifname]) if ifname in links else link
        for ifname, link in {**links, **seen}.items()
        if ifname not in links or links[ifname].state != "absent"
    }
    side = Side(after, have.sysctl or {})
    created, first = old.created, old.first
    return want.but(
        links=links or None,
        sysctl={**_parameters_back(want, old, have, {*after}), **(want.sysctl or {})} or None,
        routes=_entries(want.routes, created.routes, first.routes, side),
        rules=_entries(want.rules, created.rules, first.rules, side),
        neighbours=_entries(want.neighbours, created.neighbours, first.neighbours, side),
        ipvs=_entries(want.ipvs, created.ipvs, first.ipvs, side),
        **iptables_ledger.pruned(want, created, first, have),
    )


def _is_port(ifname: str, link: Link, links: Mapping[str, Link], seen: Mapping[str, Link]) -> bool:
    """Whether it is on a bridge in the end, so that there is something to give back of a port."""
    master = link.master if link.master is not None else seen.get(ifname, link).master
    there = links.get(master or "", seen.get(master or ""))
    return there is not None and there.state != "absent"


def _pairs(wanted: Mapping[str, Namespace]) -> dict[tuple[str, str], tuple[str, str] | None]:
    """Each declared link, and each end of a declared pair, with the other end."""
    found: dict[tuple[str, str], tuple[str, str] | None] = {}
    for name, space in wanted.items():
        for ifname, link in (space.links or {}).items():
            peer = link.veth.peer if link.veth is not None else None
            found[name, ifname] = None if peer is None else (peer.netns or name, peer.name)
            if peer is not None:
                found.setdefault((peer.netns or name, peer.name), (name, ifname))
    return found


def _free(place: tuple[str, str], first: Link, pairs: Mapping[Any, Any]) -> Link:
    """Without the other end that a veth had, if that is another's now."""
    peer = first.veth.peer if first.veth is not None else None
    if peer is None or pairs.get((peer.netns or place[0], peer.name), place) == place:
        return first
    return first.but(veth=None)


def _given_back(first: Link, want: Link | None, seen: Link) -> Link:
    """A link with the values that it had first, under what is declared of it now."""
    kind = (want.kind if want is not None else None) or first.kind or seen.kind
    others = {name: None for name in KINDS if name != kind}
    back = first.but(kind=kind, **others)
    if want is not None and want.master is not None and first.master:
        # What it was like on another bridge.
        back = back.but(port=None)
    return back if want is None else overlay(back, want)


def _parameters_back(
    want: Namespace, old: _Old, have: Namespace, present: set[str]
) -> dict[str, str]:
    """Parameters that were ours: what they were first, a link of ours takes the default.

    What would not come true, since `all` is declared otherwise now, is given back when it can be.
    """
    there = have.sysctl or {}
    found = {
        key: there[shared]
        for key in old.declared.sysctl or {}
        if (ifname := link_of(key)) is not None
        and ifname in (old.created.links or {})
        and (shared := key.replace(f"/{ifname}/", "/default/")) in there
    }
    found |= old.first.sysctl or {}
    places = {None, *present}
    back = {
        key: value
        for key, value in found.items()
        if key in there and key not in (want.sysctl or {}) and link_of(key) in places
    }
    of_links = {key: value for key, value in back.items() if link_of(key) is not None}
    false = dict(untrue({**of_links, **(want.sysctl or {})}, {}))
    return {key: value for key, value in back.items() if key not in false}


def _is_kept_end(place: tuple[str, str], link: Link, pairs: Mapping[Any, Any]) -> bool:
    """Whether a veth end goes on as the undeclared end of a pair that is still declared."""
    peer = link.veth.peer if link.veth is not None else None
    return peer is not None and pairs.get((peer.netns or place[0], peer.name)) == place


def _entries(want: Any, created: Any, first: Any, after: Side) -> Any:
    """Declared entries; what was there first instead of ours; and ours that have to go."""
    named = {item.key for item in want or ()}
    back = {
        item.key: item
        for item in first or ()
        if item.key not in named and _is_possible(item, after)
    }
    gone = [
        item.but(state="absent")
        for item in created or ()
        if item.key not in named and item.key not in back
    ]
    return (*(want or ()), *back.values(), *gone) or None


def _is_possible(item: Any, after: Side) -> bool:
    if isinstance(item, Route):
        return after.holds(item)
    dev = getattr(item, "dev", None)
    return dev is None or dev in after.links


def record(declared: NetworkState, ledger: Ledger, current: NetworkState) -> Ledger:
    """The ledger once a run, which leads from `current` to `declared`, has been made."""
    there, wanted = dict(current.namespaces()), dict(declared.namespaces())
    parts = [dict(state.namespaces()) for state in (ledger.created, ledger.first, ledger.declared)]
    owned, made = _owned(ledger), _made(ledger.created)
    created: dict[str, Namespace] = {}
    first: dict[str, Namespace] = {}
    for name in dict.fromkeys([*wanted, *parts[1]]):
        want, have = wanted.get(name, NOTHING), there.get(name)
        if want.state == "absent" or (name not in wanted and (have is None or name in made)):
            continue
        old = _Old(*(part.get(name, NOTHING) for part in parts))
        if have is None:
            old = _Old(Namespace(), Namespace(), NOTHING)
        ours = owned.get(name, set())
        created[name] = _created(want, have or NEW, old, ours)
        if name != HOST and (have is None or old.created.state == "present"):
            created[name] = created[name].but(state="present")
        first[name] = _first(want, have or NEW, old, ours)
        mine, theirs = iptables_ledger.record(want, have or NEW, old.created, old.first)
        created[name], first[name] = created[name].but(**mine), first[name].but(**theirs)
    return Ledger(declared.but(checks=None), _state(created), _state(first))


def rebuilt(declared: NetworkState) -> Ledger:
    """In place of one that is lost: all that is declared and can be made counts as made by us.

    What was there before is not known any more, so no value of it will be given back.
    """
    made = record(declared, Ledger(), NetworkState().with_namespaces({HOST: Namespace()}))
    return Ledger(declared.but(checks=None), made.created)


def _owned(ledger: Ledger) -> dict[str, set[str]]:
    """Namespace -> the links that we made, with the other ends of pairs that nobody declared."""
    declared = dict(ledger.declared.namespaces())
    found: dict[str, set[str]] = {}
    for name, space in ledger.created.namespaces():
        for ifname, link in (space.links or {}).items():
            found.setdefault(name, set()).add(ifname)
            peer = link.veth.peer if link.veth is not None else None
            if peer is not None:
                there = declared.get(peer.netns or name, NOTHING).links or {}
                if peer.name not in there:
                    found.setdefault(peer.netns or name, set()).add(peer.name)
    return found


def _state(spaces: dict[str, Namespace]) -> NetworkState:
    kept = {name: space for name, space in spaces.items() if space.given()}
    return NetworkState().with_namespaces(kept)


def _created(want: Namespace, have: Namespace, old: _Old, owned: set[str]) -> Namespace:
    before, links = old.created, {}
    for ifname, link in (want.links or {}).items():
        ours = ifname in owned or ifname not in (have.links or {})
        if link.state != "absent" and ours and link.kind is not None:
            links[ifname] = Link(kind=link.kind, **_identity(link))

    def ours_of(items: Iterable[Any] | None, there: Iterable[Any] | None, old: Any) -> Any:
        keys = {item.key for item in there or ()}
        mine = {item.key for item in old or ()}
        return (
            tuple(
                item
                for item in items or ()
                if item.state != "absent" and (item.key in mine or item.key not in keys)
            )
            or None
        )

    return Namespace(
        links=links or None,
        routes=ours_of(want.routes, have.routes, before.routes),
        rules=ours_of(want.rules, have.rules, before.rules),
        neighbours=ours_of(want.neighbours, have.neighbours, before.neighbours),
        ipvs=ours_of(want.ipvs, have.ipvs, before.ipvs),
    )


def _identity(link: Link) -> dict[str, Any]:
    options = link.options
    if options is None or not options.IDENTITY:
        return {}
    return {
        str(link.kind): options.model_construct(
            **{n: getattr(options, n) for n in options.IDENTITY}
        )
    }


def _first(want: Namespace, have: Namespace, old: _Old, owned: set[str]) -> Namespace:
    """The values before us of what is declared: seen now, unless it was declared before; then what
    an earlier run saw."""
    links = {}
    for ifname, link in (want.links or {}).items():
        if link.state != "absent":
            found = _first_of_link(ifname, link, have, old, owned)
            if found.given():
                links[ifname] = found
    return Namespace(
        links=links or None,
        sysctl=_first_parameters(want, have, old) or None,
        routes=_replaced(want.routes, have.routes, old.first.routes, old.created.routes),
        rules=_replaced(want.rules, have.rules, old.first.rules, old.created.rules),
        neighbours=_replaced(
            want.neighbours, have.neighbours, old.first.neighbours, old.created.neighbours
        ),
        ipvs=_replaced(want.ipvs, have.ipvs, old.first.ipvs, old.created.ipvs),
    )


def _first_of_link(ifname: str, link: Link, have: Namespace, old: _Old, owned: set[str]) -> Link:
    seen = (have.links or {}).get(ifname)
    known = (old.first.links or {}).get(ifname, Link())
    # A link that joins a bridge starts from the kernel's defaults.
    now = seen if seen is not None else defaults(link)
    now = now if now.port is not None else now.but(port=FRESH)
    found = _seen(now, link, (old.declared.links or {}).get(ifname))
    if seen is None or ifname in owned:
        # It goes as a whole: what it is need not come back.
        return _restricted(overlay(_without_identity(found), known), link)
    found = _restricted(overlay(found, known), link)
    if seen.master and link.master not in (None, seen.master) and known.master is None:
        # It leaves a bridge, and loses what it was like on it.
        found = found.but(port=seen.port)
    elif known.master and link.master is not None:
        found = found.but(port=known.port)
    was = known if known.kind is not None else seen
    if link.kind not in (None, was.kind) and was.kind in KINDS:
        # It comes back as a whole.
        return found.but(kind=was.kind, **{str(was.kind): was.options, str(link.kind): None})
    return found


def _without_identity(found: Link) -> Link:
    parts = {
        name: part.but(**dict.fromkeys(part.IDENTITY))
        for name in KINDS
        if (part := getattr(found, name)) is not None
    }
    return found.but(
        kind=None, **{name: part if part.given() else None for name, part in parts.items()}
    )


def _seen(now: M, want: M, before: M | None) -> M:
    """Of what `want` gives, and didn't give `before`, the present values."""
    fields: dict[str, Any] = {}
    for name, value in want.given().items():
        present = getattr(now, name)
        declared = getattr(before, name, None)
        if isinstance(value, Options) and isinstance(present, Options):
            inner = _seen(present, value, declared)
            if inner.given():
                fields[name] = inner
        elif declared is None and present is not None:
            fields[name] = present
    return type(want)().but(**fields)


def _first_parameters(want: Namespace, have: Namespace, old: _Old) -> dict[str, str]:
    there, was = have.sysctl or {}, old.first.sysctl or {}
    now = {
        key: there[key]
        for key in want.sysctl or {}
        if key in there and key not in (old.declared.sysctl or {})
    }
    gone = {ifname for ifname in old.created.links or {} if ifname not in (want.links or {})}
    present = {*(have.links or {})} - gone
    back = _parameters_back(want, old, have, present)
    places = {None, *present}
    return {
        key: value
        for key, value in {**now, **was}.items()
        # What can't be given back yet is kept for later.
        if key in (want.sysctl or {})
        or (key in there and key not in back and link_of(key) in places)
    }


def _replaced(want: Any, have: Any, was: Any, ours: Any) -> Any:
    """Entries of others that stood under a declared key and said something else."""
    mine = {item.key for item in ours or ()}
    before = {item.key: item for item in was or ()}
    now = {item.key: item for item in have or () if item.key not in mine}
    found = [
        before.get(item.key) or now[item.key]
        for item in want or ()
        if item.key in before or (item.key in now and _says_other(item, now[item.key]))
    ]
    return tuple(found) or None


def _says_other(item: Any, seen: Any) -> bool:
    if item.state == "absent":
        return False
    return not item.matches(seen) if hasattr(item, "matches") else bool(item != seen)


def _restricted(first: M, want: M) -> M:
    """Of the first values only those that `want` still gives."""
    fields: dict[str, Any] = {name: None for name in first.given() if getattr(want, name) is None}
    for name, value in first.given().items():
        inner = getattr(want, name)
        if isinstance(value, Options) and isinstance(inner, Options):
            fields[name] = _restricted(value, inner)
    return first.but(**fields)


def overlaps(name: str, declared: NetworkState, others: Mapping[str, Ledger]) -> Iterator[Problem]:
    """What is declared here and, on the same host, under another name as well."""
    mine = dict(_claims(declared))
    for other, ledger in others.items():
        if other == name:
            continue
        for path, value in _claims(ledger.declared):
            if path in mine and not (path.endswith(".state") and mine[path] == value):
                what = f"is declared under the name {other!r} too; one thing has one owner"
                yield Problem(path, what)


def _claims(state: NetworkState) -> Iterator[tuple[str, Any]]:
    for name, space in state.namespaces():
        at = "" if name == HOST else f"netns.{name}."
        for ifname, link in (space.links or {}).items():
            for attribute, value in link.given().items():
                yield f"{at}links.{ifname}.{attribute}", value
        for key in space.sysctl or {}:
            yield f"{at}sysctl.{key}", None
        for room in _ROOMS:
            for item in getattr(space, room) or ():
                yield f"{at}{room}.{item.key}", None
        yield from ((f"{at}{path}", None) for path in iptables_ledger.claims(space))


def unpruned(declared: NetworkState, ledger: Ledger) -> NetworkState:
    """The declaration on top of the earlier one, for a run that takes nothing away by itself."""
    spaces = dict(ledger.declared.namespaces())
    for name, want in declared.namespaces():
        before = spaces.get(name, NOTHING)
        if want.state == "absent" or before.state == "absent":
            spaces[name] = want
        else:
            spaces[name] = _on_top(before, want)
    modules = tuple(dict.fromkeys([*(ledger.declared.modules or ()), *(declared.modules or ())]))
    return declared.with_namespaces(spaces).but(modules=modules or None)


def _on_top(before: Namespace, want: Namespace) -> Namespace:
    """With a link that is declared absent goes what was declared of it."""
    links = {**(before.links or {})}
    for ifname, link in (want.links or {}).items():
        old = links.get(ifname)
        kept = old if old is not None and "absent" not in (old.state, link.state) else None
        links[ifname] = overlay(kept, link) if kept is not None else link
    absent = {ifname for ifname, link in links.items() if link.state == "absent"}
    sysctl = {
        key: value
        for key, value in {**(before.sysctl or {}), **(want.sysctl or {})}.items()
        if link_of(key) not in absent
    }
    rooms = {room: _joined(before, want, room, absent) for room in _ROOMS}
    rooms |= iptables_ledger.joined(before, want)
    return want.but(links=links or None, sysctl=sysctl or None, **rooms)


_ROOMS = ("routes", "rules", "neighbours", "ipvs")


def _joined(before: Namespace, want: Namespace, room: str, absent: set[str]) -> Any:
    old = [item for item in getattr(before, room) or () if getattr(item, "dev", None) not in absent]
    items = {item.key: item for item in (*old, *(getattr(want, room) or ()))}
    return tuple(items.values()) or None
