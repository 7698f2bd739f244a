"""What is ours on a host, in a file on that host: /etc/netwright/NAME.json.

Three states, each a declaration: `declared`, the last one; `created`, what is there because of us;
`first`, the values that were there before us. What is declared no longer is pruned from these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from netwright import iptables_ledger
from netwright.errors import HostError, Problem
from netwright.links.link import Link, defaults
from netwright.links.options import Options
from netwright.links.port import FRESH
from netwright.model import HOST, Model, overlay
from netwright.snapshot import DIRECTORY, reads
from netwright.state import NEW, Namespace, NetworkState
from netwright.step import Plan
from netwright.sysctl import link_of

__all__ = ["Ledger", "overlaps", "parse", "prune", "record"]

M = TypeVar("M", bound=Model)
VERSION = 1


@dataclass(frozen=True)
class Ledger:
    """What is ours under one name."""

    declared: NetworkState = field(default_factory=NetworkState)
    created: NetworkState = field(default_factory=NetworkState)
    first: NetworkState = field(default_factory=NetworkState)

    def files(self, name: str) -> dict[str, str]:
        """Path -> content: the ledger itself, and what the next snapshot has to read for it."""
        if not any(state.document() for state in (self.declared, self.created, self.first)):
            return {}
        content = {
            "version": VERSION,
            "name": name,
            "declared": self.declared.document(),
            "created": self.created.document(),
            "first": self.first.document(),
        }
        lines = {
            line for state in (self.declared, self.created, self.first) for line in reads(state)
        }
        return {
            f"{DIRECTORY}/{name}.json": _text(content, 3) + "\n",
            f"{DIRECTORY}/{name}.reads": "".join(f"{line}\n" for line in sorted(lines)),
        }


def _text(value: Any, depth: int) -> str:
    """JSON for people: one line for each thing."""
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, sort_keys=True)
    lines = [f"{json.dumps(key)}: {_text(value[key], depth - 1)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n}"


def parse(name: str, text: str | None) -> Ledger:
    """A ledger from its file; an empty one when there is none.

    Raises HostError when it is damaged: what is ours is not guessed.
    """
    if text is None:
        return Ledger()
    path = f"{DIRECTORY}/{name}.json"
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


def prune(declared: NetworkState, ledger: Ledger, current: NetworkState) -> NetworkState:
    """The declaration, and with it the going of what was ours and is declared no longer.

    + declared: a canonical declaration
    + ledger: what earlier runs under the same name made and changed
    + current: what the host shows; what others took away meanwhile needs no pruning
    """
    there = dict(current.namespaces())
    wanted = dict(declared.namespaces())
    created, first = dict(ledger.created.namespaces()), dict(ledger.first.namespaces())
    spaces: dict[str, Namespace] = {}
    for name in dict.fromkeys([*wanted, *created, *first]):
        want = wanted.get(name, Namespace())
        if name not in wanted and name not in there:
            continue
        if name not in wanted and name in (ledger.created.netns or {}) and _made(created[name]):
            spaces[name] = Namespace(state="absent")
        elif want.state == "absent":
            spaces[name] = want
        else:
            have = there.get(name, NEW)
            old, was = created.get(name, Namespace()), first.get(name, Namespace())
            spaces[name] = _pruned(name, want, old, was, have, wanted)
    return declared.with_namespaces(spaces)


def _made(space: Namespace) -> bool:
    return space.state == "present"


def _pruned(
    name: str,
    want: Namespace,
    created: Namespace,
    first: Namespace,
    have: Namespace,
    wanted: Mapping[str, Namespace],
) -> Namespace:
    links = dict(want.links or {})
    for ifname, link in (first.links or {}).items():
        if ifname in (have.links or {}):
            links[ifname] = overlay(link, links[ifname]) if ifname in links else link
    for ifname, link in (created.links or {}).items():
        ours = ifname not in (want.links or {}) and ifname in (have.links or {})
        if ours and not _is_kept_end(name, ifname, link, wanted):
            links[ifname] = Link(state="absent")
    present = {
        ifname
        for ifname in (*(have.links or {}), *links)
        if ifname not in links or links[ifname].state != "absent"
    }
    sysctl = {
        key: value
        for key, value in (first.sysctl or {}).items()
        if (key in (have.sysctl or {}) or key in (want.sysctl or {}))
        and link_of(key) in (None, *present)
    }
    return want.but(
        links=links or None,
        sysctl={**sysctl, **(want.sysctl or {})} or None,
        routes=_entries(want.routes, created.routes, first.routes, present),
        rules=_entries(want.rules, created.rules, first.rules, present),
        neighbours=_entries(want.neighbours, created.neighbours, first.neighbours, present),
        **iptables_ledger.pruned(want, created, first, have),
    )


def _is_kept_end(netns: str, ifname: str, link: Link, wanted: Mapping[str, Namespace]) -> bool:
    """Whether a veth end goes on as the undeclared end of a pair that is still declared."""
    peer = link.veth.peer if link.veth is not None else None
    if peer is None:
        return False
    other = (wanted.get(peer.netns or netns, Namespace()).links or {}).get(peer.name)
    back = other.veth.peer if other is not None and other.veth is not None else None
    return back is not None and (back.netns, back.name) == (netns, ifname)


def _entries(want: Any, created: Any, first: Any, present: set[str]) -> Any:
    """Declared entries; what was there first instead of ours; and ours that have to go."""
    named = {item.key for item in want or ()}
    back = {item.key: item for item in first or () if item.key not in named}
    gone = [
        item.but(state="absent")
        for item in created or ()
        if item.key not in named and item.key not in back
    ]
    kept = [item for item in back.values() if getattr(item, "dev", None) in (None, *present)]
    return (*(want or ()), *kept, *gone) or None


def record(declared: NetworkState, ledger: Ledger, current: NetworkState, plan: Plan) -> Ledger:
    """The ledger once `plan`, which leads from `current` to `declared`, has been run."""
    there, wanted = dict(current.namespaces()), dict(declared.namespaces())
    made = {step.path for step in plan if step.before is None}
    old, was = dict(ledger.created.namespaces()), dict(ledger.first.namespaces())
    created: dict[str, Namespace] = {}
    first: dict[str, Namespace] = {}
    for name, want in wanted.items():
        if want.state == "absent":
            continue
        have, before = there.get(name), old.get(name, Namespace())
        created[name] = _created(name, want, have or NEW, before, made)
        if name != HOST and (have is None or before.state == "present"):
            created[name] = created[name].but(state="present")
        if have is not None or name == HOST:
            first[name] = _first(want, have or Namespace(), was.get(name, Namespace()))
        else:
            first[name] = _first(want, NEW, Namespace())
        known = (before, was.get(name, Namespace())) if have is not None else (Namespace(),) * 2
        ours, theirs = iptables_ledger.record(want, have or NEW, *known)
        created[name], first[name] = created[name].but(**ours), first[name].but(**theirs)
    return Ledger(declared.but(checks=None), _state(created), _state(first))


def _state(spaces: dict[str, Namespace]) -> NetworkState:
    kept = {name: space for name, space in spaces.items() if space.given()}
    return NetworkState().with_namespaces(kept)


def _created(
    name: str, want: Namespace, have: Namespace, before: Namespace, made: set[str]
) -> Namespace:
    links = {}
    for ifname, link in (want.links or {}).items():
        ours = ifname in (before.links or {}) or ifname not in (have.links or {})
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


def _first(want: Namespace, have: Namespace, was: Namespace) -> Namespace:
    """The values before us of what is declared: seen now, or by an earlier run."""
    links = {}
    for ifname, link in (want.links or {}).items():
        now = (have.links or {}).get(ifname) or defaults(link)
        # A link that joins a bridge starts from the kernel's defaults.
        seen = _differing(now if now.port is not None else now.but(port=FRESH), link)
        known = (was.links or {}).get(ifname)
        found = _restricted(overlay(seen, known) if known is not None else seen, link)
        if found.given():
            links[ifname] = found
    sysctl = {
        key: value
        for key, value in {**(have.sysctl or {}), **(was.sysctl or {})}.items()
        if key in (want.sysctl or {})
        and (key in (was.sysctl or {}) or value != (want.sysctl or {})[key])
    }
    return Namespace(
        links=links or None,
        sysctl=sysctl or None,
        routes=_replaced(want.routes, have.routes, was.routes),
        rules=_replaced(want.rules, have.rules, was.rules),
        neighbours=_replaced(want.neighbours, have.neighbours, was.neighbours),
    )


def _replaced(want: Any, have: Any, was: Any) -> Any:
    """Entries that stood under a declared key and said something else."""
    before = {item.key: item for item in was or ()}
    now = {item.key: item for item in have or ()}
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


def _differing(now: M, want: M) -> M:
    """Of what `want` gives, the present values of what differs."""
    fields: dict[str, Any] = {}
    fixed = {"kind", *getattr(want, "IDENTITY", ())}
    for name, value in want.given().items():
        present = getattr(now, name)
        if name in fixed:
            continue
        if isinstance(value, Options) and isinstance(present, Options):
            inner = _differing(present, value)
            if inner.given():
                fields[name] = inner
        elif present is not None and present != value:
            fields[name] = present
    return type(want)().but(**fields)


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
        for room in ("routes", "rules", "neighbours"):
            for item in getattr(space, room) or ():
                yield f"{at}{room}.{item.key}", None
        yield from ((f"{at}{path}", None) for path in iptables_ledger.claims(space))


def unpruned(declared: NetworkState, ledger: Ledger) -> NetworkState:
    """The declaration on top of the earlier one, for a run that takes nothing away by itself."""
    spaces = dict(ledger.declared.namespaces())
    for name, want in declared.namespaces():
        before = spaces.get(name, Namespace())
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


_ROOMS = ("routes", "rules", "neighbours")


def _joined(before: Namespace, want: Namespace, room: str, absent: set[str]) -> Any:
    old = [item for item in getattr(before, room) or () if getattr(item, "dev", None) not in absent]
    items = {item.key: item for item in (*old, *(getattr(want, room) or ()))}
    return tuple(items.values()) or None
