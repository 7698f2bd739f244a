"""What is ours of the tables and sets of a namespace: what a ledger keeps, and what it takes back.

`created` has the user chains and sets that we made, and our lines in built-in chains; `first` the
policies before us, the content of chains and sets that were there already, and lines of others
that are just like ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from netwright.ipset import Ipset
from netwright.iptables import FAMILIES, Chain, OwnedChain, is_builtin
from netwright.iptables_plan import target
from netwright.state import Namespace

__all__ = ["claims", "joined", "pruned", "record"]

Tables = Mapping[str, Mapping[str, Chain]]


def pruned(
    want: Namespace, created: Namespace, first: Namespace, have: Namespace
) -> dict[str, Any]:
    """The fields of `want` with the going of what was ours and is declared no longer."""
    fields: dict[str, Any] = {}
    for family in FAMILIES:
        wanted, made, was, there = (
            getattr(space, family) or {} for space in (want, created, first, have)
        )
        tables: dict[str, dict[str, Chain]] = {}
        for table, name in _names(wanted, made, was):
            chain = _pruned(
                table,
                name,
                _chain(wanted, table, name),
                _chain(made, table, name),
                _chain(was, table, name),
                _chain(there, table, name),
            )
            if chain is not None:
                tables.setdefault(table, {})[name] = chain
        fields[family] = tables or None
    fields["ipsets"] = _pruned_sets(want, created, first, have)
    return fields


def _names(*many: Tables) -> list[tuple[str, str]]:
    return list(
        dict.fromkeys(
            (table, name) for tables in many for table in tables for name in tables[table]
        )
    )


def _chain(tables: Tables, table: str, name: str) -> Chain | None:
    return tables.get(table, {}).get(name)


def _pruned(
    table: str,
    name: str,
    want: Chain | None,
    made: Chain | None,
    was: Chain | None,
    there: Chain | None,
) -> Chain | None:
    if is_builtin(table, name):
        absent = want is None or want.state == "absent"
        base = Chain() if want is None or absent else want
        ours = made.rules or () if made is not None else ()
        foreign = was.rules or () if was is not None else ()
        policy = base.policy or (was.policy if was is not None else None)
        fields = {**dict(base), "policy": policy}
        if base.rules is None and ours:
            fields["rules"] = ()
        return OwnedChain.model_construct(**fields, ours=ours, foreign=foreign)
    if want is not None:
        return want
    if there is None:
        return None
    return Chain(state="absent") if made is not None else was


def _pruned_sets(
    want: Namespace, created: Namespace, first: Namespace, have: Namespace
) -> dict[str, Ipset] | None:
    sets = dict(want.ipsets or {})
    for name in created.ipsets or {}:
        if name not in sets and name in (have.ipsets or {}):
            sets[name] = Ipset(state="absent")
    for name, item in (first.ipsets or {}).items():
        if name not in sets and name in (have.ipsets or {}):
            sets[name] = item
    return sets or None


def record(
    want: Namespace, have: Namespace, created: Namespace, first: Namespace
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of the new `created` and `first`, of what is declared and was there before.

    + created, first: what the ledger knew so far
    """
    made: dict[str, Any] = {}
    was: dict[str, Any] = {}
    for family in FAMILIES:
        wanted, there, old, known = (
            getattr(space, family) or {} for space in (want, have, created, first)
        )
        made[family], was[family] = {}, {}
        for table, name in _names(wanted):
            chain = wanted[table][name]
            if chain.state == "absent":
                continue
            pair = _recorded(
                table,
                name,
                chain,
                _chain(there, table, name),
                _chain(old, table, name),
                _chain(known, table, name),
            )
            for fields, item in zip((made[family], was[family]), pair, strict=True):
                if item is not None:
                    fields.setdefault(table, {})[name] = item
    made["ipsets"], was["ipsets"] = _recorded_sets(want, have, created, first)
    return (
        {name: value or None for name, value in made.items()},
        {name: value or None for name, value in was.items()},
    )


def _recorded(
    table: str,
    name: str,
    want: Chain,
    there: Chain | None,
    made: Chain | None,
    was: Chain | None,
) -> tuple[Chain | None, Chain | None]:
    if is_builtin(table, name):
        return _recorded_builtin(want, there or Chain(policy="ACCEPT"), made, was)
    if there is None or made is not None:
        return Chain(), None
    return None, was or Chain.model_construct(rules=there.rules)


def _recorded_builtin(
    want: Chain, there: Chain, made: Chain | None, was: Chain | None
) -> tuple[Chain | None, Chain | None]:
    policy = was.policy if was is not None else None
    if want.policy is None:
        policy = None
    elif policy is None and want.policy != there.policy:
        policy = there.policy
    ours = set(made.rules or () if made is not None else ())
    known = Counter(was.rules or () if was is not None else ())
    now = Counter(there.rules or ())
    foreign = [
        text
        for text in dict.fromkeys(want.rules or ())
        for _ in range((known if text in ours else now)[text])
    ]
    first = Chain.model_construct(policy=policy, rules=tuple(foreign) or None)
    created = Chain.model_construct(rules=want.rules) if want.rules else None
    return created, first if first.given() else None


def _recorded_sets(
    want: Namespace, have: Namespace, created: Namespace, first: Namespace
) -> tuple[dict[str, Ipset], dict[str, Ipset]]:
    made, was = {}, {}
    for name, item in (want.ipsets or {}).items():
        there = (have.ipsets or {}).get(name)
        if item.state == "absent":
            continue
        if there is None or name in (created.ipsets or {}):
            made[name] = Ipset(type=item.type)
        elif item.entries is not None:
            known = (first.ipsets or {}).get(name)
            was[name] = known or Ipset.model_construct(entries=there.entries)
    return made, was


def claims(space: Namespace) -> Iterator[str]:
    """The path of everything that is declared, for telling that two names want the same."""
    yield from (f"ipsets.{name}" for name in space.ipsets or {})
    for family in FAMILIES:
        for table, chains in (getattr(space, family) or {}).items():
            for name, chain in chains.items():
                at = f"{family}.{table}.{name}"
                if not is_builtin(table, name):
                    yield at
                    continue
                if chain.policy is not None:
                    yield f"{at}.policy"
                yield from (f"{at}.rules.{text}" for text in dict.fromkeys(chain.rules or ()))


def joined(before: Namespace, want: Namespace) -> dict[str, Any]:
    """Both declarations' tables and sets, for a run that takes nothing away."""
    fields: dict[str, Any] = {"ipsets": {**(before.ipsets or {}), **(want.ipsets or {})} or None}
    for family in FAMILIES:
        old, new = getattr(before, family) or {}, getattr(want, family) or {}
        tables: dict[str, dict[str, Chain]] = {}
        for table, name in _names(old, new):
            pair = (_chain(old, table, name), _chain(new, table, name))
            tables.setdefault(table, {})[name] = _joined(table, name, *pair)
        fields[family] = tables or None
    return fields


def _joined(table: str, name: str, old: Chain | None, new: Chain | None) -> Chain:
    if old is None or new is None:
        found = old if new is None else new
        assert found is not None
        return found
    if not is_builtin(table, name) or new.state == "absent":
        return new
    # The earlier ones are in the way of the new ones just as others' are in a live chain.
    both = tuple(target(old.rules or (), Chain(rules=new.rules or (), at=new.at)))
    return new.but(policy=new.policy or old.policy, rules=both or new.rules)
