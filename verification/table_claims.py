"""Claims about iptables' chains and about ipsets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from netwright.ipset import Ipset
from netwright.iptables import Chain, is_builtin
from netwright.verification.claim import Claim
from netwright.verification.seen import NotThere, Seen, SeenSpace
from netwright.verification.tables import SeenTable, numbered

__all__ = ["set_claims", "table_claims"]

Tables = Mapping[str, Mapping[str, Chain]]


def table_claims(at: str, netns: str, family: str, tables: Tables) -> Iterator[Claim]:
    """Each policy and each rule; that rules stand in their order; that there are no others where
    none may be. A built-in chain whose rules shall be gone doesn't say which: nothing is claimed.
    """
    numbers = list(numbered(tables))
    for table, chains in tables.items():
        for name, chain in chains.items():
            own = [(number, text) for number, *place, text in numbers if place == [table, name]]
            yield from _Place(at, netns, family, table, name).claims(chain, own)


class _Place:
    """One chain, and how its lines are had."""

    def __init__(self, at: str, netns: str, family: str, table: str, name: str) -> None:
        self.path = f"{at}{family}.{table}.{name}"
        self.netns, self.family, self.table, self.name = netns, family, table, name
        self._counted: tuple[Seen, list[str]] | None = None

    def claims(self, chain: Chain, own: list[tuple[int, str]]) -> Iterator[Claim]:
        """Everything that is declared of this chain; `own`: its rules with their numbers."""
        if chain.state == "absent":
            if not is_builtin(self.table, self.name):
                yield Claim(f"{self.path}.state", "absent", self._presence)
            return
        if not is_builtin(self.table, self.name):
            yield Claim(self.path, "present", self._presence)
        if chain.policy is not None:
            yield Claim(f"{self.path}.policy", chain.policy, self._policy)
        if chain.rules is None:
            return
        numbers = [number for number, _ in own]
        for index, (_, text) in enumerate(own):
            yield self._rule(f"{self.path}.rules[{index}] {text}", index, numbers)
        if len(numbers) > 1:
            yield self._order(numbers)
        if chain.exclusive or not is_builtin(self.table, self.name):
            yield self._nothing_else(numbers, chain.ignore or ())

    def _presence(self, seen: Seen) -> str:
        tables = seen.space(self.netns).tables(self.family)
        there = self.name in tables.get(self.table, SeenTable()).lines
        return "present" if there else "absent"

    def _live(self, space: SeenSpace) -> list[str]:
        table = space.tables(self.family).get(self.table, SeenTable())
        if self.name not in table.lines and not is_builtin(self.table, self.name):
            raise NotThere(f"there is no chain {self.name}")
        return table.lines.get(self.name, [])

    def _wanted(self, space: SeenSpace, number: int) -> list[str]:
        table = space.tables(f"{self.family} rules").get(self.table, SeenTable())
        lines = table.canonical(number)
        if not lines:
            raise NotThere(f"{self.family} makes nothing of it")
        return lines

    def _policy(self, seen: Seen) -> str:
        table = seen.space(self.netns).tables(self.family).get(self.table, SeenTable())
        # A table that isn't there yet lets everything through.
        return table.policies.get(self.name, "ACCEPT")

    def _rule(self, path: str, index: int, numbers: list[int]) -> Claim:
        return Claim(path, "present", lambda seen: self._found(seen, numbers)[index])

    def _found(self, seen: Seen, numbers: list[int]) -> list[str]:
        """Of each rule whether it is there, as often as it is declared; counted once for all."""
        if self._counted is None or self._counted[0] is not seen:
            space = seen.space(self.netns)
            there = Counter(self._live(space))
            found = []
            for number in numbers:
                missing = [line for line in self._wanted(space, number) if there[line] < 1]
                there.subtract(self._wanted(space, number))
                found.append(f"no `{missing[0]}`" if missing else "present")
            self._counted = (seen, found)
        return self._counted[1]

    def _order(self, numbers: list[int]) -> Claim:
        """Of the rules that are there; that one is missing is said by its own claim."""

        def find(seen: Seen) -> str:
            space = seen.space(self.netns)
            wanted = [line for number in numbers for line in self._wanted(space, number)]
            live = self._live(space)
            there = Counter(live) & Counter(wanted)
            rest = iter(live)
            early = (line for line in _kept(wanted, there) if line not in rest)
            line = next(early, None)
            return "as declared" if line is None else f"`{line}` too early"

        return Claim(f"{self.path}.rules (order)", "as declared", find)

    def _nothing_else(self, numbers: list[int], ignore: tuple[str, ...]) -> Claim:
        patterns = [re.compile(pattern) for pattern in ignore]

        def find(seen: Seen) -> tuple[str, ...]:
            space = seen.space(self.netns)
            extra = Counter(self._live(space))
            for number in numbers:
                extra.subtract(self._wanted(space, number))
            return tuple(
                line
                for line, count in extra.items()
                for _ in range(count)
                if not any(pattern.search(line) for pattern in patterns)
            )

        return Claim(f"{self.path}.rules (no others)", (), find)


def _kept(wanted: list[str], there: Counter[str]) -> Iterator[str]:
    """As many of each line as are there."""
    left = there.copy()
    for line in wanted:
        if left[line] > 0:
            left[line] -= 1
            yield line


def set_claims(at: str, netns: str, sets: Mapping[str, Ipset]) -> Iterator[Claim]:
    """What is declared of each ipset; its entries as a whole."""
    for name, item in sets.items():
        yield from _set_claims(f"{at}ipsets.{name}", netns, name, item)


def _set_claims(path: str, netns: str, name: str, item: Ipset) -> Iterator[Claim]:
    if item.state == "absent":
        yield Claim(
            f"{path}.state",
            "absent",
            lambda seen: "present" if name in seen.space(netns).sets else "absent",
        )
        return
    for key, value in item.given().items():
        if key == "entries":
            yield _entries(path, netns, name)
        elif key != "state":
            yield _word(f"{path}.{key}", netns, name, key, value)


def _word(path: str, netns: str, name: str, key: str, value: str | int | bool) -> Claim:
    def find(seen: Seen) -> str | bool:
        words = _set(seen, netns, name)
        if isinstance(value, bool):
            return key in words
        if key not in words:
            raise NotThere("ipset shows nothing of it")
        return words[key]

    return Claim(path, value if isinstance(value, bool) else str(value), find)


def _set(seen: Seen, netns: str, name: str) -> Mapping[str, str]:
    found = seen.space(netns).sets
    if name not in found:
        raise NotThere(f"there is no set {name}")
    return found[name]


def _entries(path: str, netns: str, name: str) -> Claim:
    """What the host's own ipset makes of the declared entries, in an empty set of the same kind."""

    def find(seen: Seen) -> str:
        _set(seen, netns, name)
        space = seen.space(netns)
        live, wanted = space.entries(name), space.entries(name, f"ipset {name}")
        missing = [entry for entry in wanted if entry not in live]
        extra = [entry for entry in live if entry not in wanted]
        words = [("missing", missing), ("not declared", extra)]
        text = "; ".join(f"{word}: {', '.join(items)}" for word, items in words if items)
        return text or "exactly those"

    return Claim(f"{path}.entries", "exactly those", find)
