"""What iptables-legacy did to a packet, which no trace tells of: the rules whose counters grew.

Other traffic counts as well, so it is said wherever this is what is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Counted", "counted", "dropping"]

_RULE = re.compile(r"^\[(\d+):\d+\] (-A (\S+) ?(.*))$")
_POLICY = re.compile(r"^:(\S+) (\S+) \[(\d+):\d+\]$")


@dataclass(frozen=True)
class Counted:
    """A rule or a policy, and by how many packets its counter grew."""

    table: str
    chain: str
    number: int
    """The rule's position from 1; 0: the policy."""
    text: str
    packets: int

    @property
    def target(self) -> str:
        """Empty where the rule only counts."""
        found = re.search(r"(?:^| )-[jg] (\S+)", self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        if self.number:
            return f"rule {self.number} of chain {self.chain} of {self.table}"
        return f"the policy of chain {self.chain} of {self.table}"


def counted(before: Iterable[str], after: Iterable[str]) -> tuple[Counted, ...]:
    """What grew between two runs of `iptables-legacy-save -c`, in its order."""
    first = {(item.table, item.chain, item.number): item for item in _read(before)}
    found = []
    for item in _read(after):
        old = first.get((item.table, item.chain, item.number))
        grown = item.packets - (old.packets if old and old.text == item.text else 0)
        if grown > 0:
            found.append(Counted(item.table, item.chain, item.number, item.text, grown))
    return tuple(found)


def _read(lines: Iterable[str]) -> Iterator[Counted]:
    table = ""
    numbers: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.startswith("*"):
            table = line[1:]
        elif found := _POLICY.match(line):
            if found[2] != "-":
                yield Counted(table, found[1], 0, f"-j {found[2]}", int(found[3]))
        elif found := _RULE.match(line):
            key = (table, found[3])
            numbers[key] = numbers.get(key, 0) + 1
            yield Counted(table, found[3], numbers[key], found[4], int(found[1]))


def dropping(rules: Mapping[str, Sequence[Counted]], name: str) -> str:
    """What dropped it in a namespace, as far as counters tell; empty: nothing did."""
    grown = rules.get(name, ())
    for item in grown:
        if item.target in ("DROP", "REJECT"):
            how = "rejected" if item.target == "REJECT" else "dropped"
            via = [other for other in grown if other.target == item.chain]
            jump = f", which rule {via[0].number} of {via[0].chain} jumps to" if via else ""
            rule = f": {item.text}" if item.number else ""
            return f"{how} by {item}{jump}{rule} (as its counter tells)"
    return ""
