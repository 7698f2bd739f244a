"""A host's tables and sets as a declaration says them, but for the chains of other tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netwright.ipset import Ipset
from netwright.iptables import FAMILIES, Chain, is_builtin
from netwright.iptables_rule import jump
from netwright.state import Namespace

__all__ = ["adopt"]

Note = Callable[[str, str], None]

_THEIRS = re.compile(r"(?:DOCKER|KUBE-|cali-|CNI-|CILIUM|FLANNEL|f2b-|LIBVIRT_|ufw6?-|fail2ban-)")
_SET_DEFAULTS: Mapping[str, Any] = {
    "maxelem": 65536, "size": 8, "family": "inet", "counters": False, "comment": False,
}  # fmt: skip


def adopt(space: Namespace, note: Note) -> dict[str, Any]:
    """`ipsets`, `iptables` and `ip6tables`."""
    found: dict[str, Any] = {
        "ipsets": {name: _set(name, item, note) for name, item in (space.ipsets or {}).items()}
    }
    for family in FAMILIES:
        tables = getattr(space, family) or {}
        found[family] = {
            table: chains
            for table, live in tables.items()
            if (chains := dict(_chains(f"{family}.{table}", table, live, note)))
        }
    return found


def _chains(
    where: str, table: str, live: Mapping[str, Chain], note: Note
) -> Iterator[tuple[str, Any]]:
    theirs = sorted(name for name in live if _THEIRS.match(name))
    if theirs:
        what = f"belong to other tools by their names, with the rules that lead there: {theirs}"
        note(where, what.replace("'", "").replace("[", "").replace("]", ""))
    for name, chain in live.items():
        if name in theirs:
            continue
        rules = [text for text in chain.rules or () if jump(text) not in theirs]
        if not is_builtin(table, name):
            yield name, rules
        elif chain.policy == "DROP":
            yield name, {"policy": "DROP", **({"rules": rules} if rules else {})}
        elif rules:
            yield name, rules


def _set(name: str, item: Ipset, note: Note) -> dict[str, Any]:
    found = item.model_dump(mode="json", exclude_none=True)
    if item.timeout is not None and found.pop("entries", None):
        note(f"ipsets.{name}.entries", "come and go by themselves (timeout); left out")
    return {
        key: value
        for key, value in found.items()
        if _SET_DEFAULTS.get(key, ...) != value and not (key == "entries" and not value)
    }
