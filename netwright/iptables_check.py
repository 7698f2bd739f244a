"""What a declaration's own tables and sets show to be wrong, before any host is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from netwright.errors import Problems
from netwright.ipset import Ipset
from netwright.iptables import BUILTIN, FAMILIES, Chain, OwnedChain, is_builtin
from netwright.iptables_rule import jump, sets, wrong

if TYPE_CHECKING:
    from netwright.state import Namespace

__all__ = ["needed", "problems"]

Chains = Mapping[str, Chain]


def problems(found: Problems, space: Namespace) -> None:
    """Note everything that is wrong with one namespace's tables and sets."""
    for name, item in (space.ipsets or {}).items():
        with found.under("ipsets", name):
            _set(found, item, space.ipsets or {})
    for family in FAMILIES:
        tables: Mapping[str, Mapping[str, Chain]] = getattr(space, family) or {}
        for table, chains in tables.items():
            with found.under(family, table):
                _loops(found, chains)
                for name, chain in chains.items():
                    with found.under(name):
                        _chain(found, table, name, chain)
                        _rules(found, family, chain, chains, space.ipsets or {})


def _set(found: Problems, item: Ipset, declared: Mapping[str, Ipset]) -> None:
    if item.state == "absent":
        return
    if item.type is None:
        found.add("type", "is missing; a set needs one, like hash:net")
        return
    if item.family is not None and not item.type.startswith("hash:"):
        found.add("family", f"doesn't belong to a set of type {item.type}")
    if item.type.startswith("bitmap:") and item.range is None:
        found.add("range", f"is missing; type {item.type} needs it")
    for index, entry in enumerate(item.entries or ()):
        member = declared.get(entry.split(" ")[0])
        if item.type == "list:set" and member is not None and member.state == "absent":
            found.add(f"entries[{index}]", f"{entry!r} is declared absent")


def _chain(found: Problems, table: str, name: str, chain: Chain) -> None:
    if is_builtin(table, name):
        if chain.ignore is not None and not chain.exclusive:
            found.add("ignore", "says what exclusive leaves alone; exclusive isn't true")
        return
    if any(name in names for names in BUILTIN.values()):
        found.add("", f"is no chain of this table; it has {', '.join(BUILTIN[table])}")
        return
    if chain.policy is not None:
        found.add("policy", "is for built-in chains; a packet that leaves this one goes back")
    for key in ("at", "exclusive", "ignore"):
        if getattr(chain, key) is not None:
            found.add(key, "is for built-in chains; a user chain is ours alone")


def _rules(
    found: Problems,
    family: str,
    chain: Chain,
    chains: Mapping[str, Chain],
    ipsets: Mapping[str, Ipset],
) -> None:
    if chain.state == "absent" and chain.rules:
        found.add("rules", "can't be in a chain that is declared absent")
    for index, text in enumerate(chain.rules or ()):
        at = f"rules[{index}]"
        faults = list(wrong(text, family))
        for what in faults:
            found.add(at, f"{text!r} {what}")
        if not faults:
            for what in _references(text, family, chains, ipsets):
                found.add(at, f"{text!r}: {what}")


def _references(
    text: str, family: str, chains: Mapping[str, Chain], ipsets: Mapping[str, Ipset]
) -> Iterator[str]:
    target = jump(text)
    if len(target) > 28:
        yield f"{target!r} has {len(target)} characters, a chain's name has at most 28"
    if any(target in names for names in BUILTIN.values()):
        yield f"no rule can lead to the built-in chain {target}"
    if target in chains and chains[target].state == "absent":
        yield f"the chain {target} is declared absent"
    wanted = "inet6" if family == "ip6tables" else "inet"
    for name in sets(text):
        item = ipsets.get(name)
        if item is not None and item.state == "absent":
            yield f"the set {name} is declared absent"
        elif item is not None and item.family not in (None, wanted):
            yield f"the set {name} is of family {item.family}, not {wanted}"


def _loops(found: Problems, chains: Mapping[str, Chain]) -> None:
    leads = {
        name: [target for text in chain.rules or () if (target := _jump(text)) in chains]
        for name, chain in chains.items()
    }
    for start in leads:
        way = _way_back(leads, start)
        # Once for each loop: at its first chain.
        if way and start == min(way):
            found.add(start, f"leads back to itself: {' -> '.join([*way, start])}")


def needed(found: Problems, have: Chains, want: Chains) -> None:
    """Note every chain that shall go while a rule that stays leads to it.

    + have: the live chains of a table
    + want: what is declared and pruned of it
    """
    gone = {name for name, chain in want.items() if chain.state == "absent" and name in have}
    for name, chain in have.items() if gone else ():
        ours = want.get(name)
        if ours is not None and (ours.state == "absent" or not isinstance(ours, OwnedChain)):
            continue
        known = set(ours.ours if isinstance(ours, OwnedChain) else ())
        for text in chain.rules or ():
            if text not in known and _jump(text) in gone:
                what = f"is still needed by {name} ({text}), which isn't ours"
                found.add(_jump(text), what)


def _jump(text: str) -> str:
    try:
        return jump(text)
    except ValueError:
        return ""


def _way_back(leads: Mapping[str, list[str]], start: str) -> list[str]:
    """The chains from `start` to where a rule leads back to it."""
    todo, seen = [[start]], {start}
    while todo:
        way = todo.pop()
        for name in leads[way[-1]]:
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                todo.append([*way, name])
    return []
