"""What the host's own iptables makes of a rule: loaded into a throw-away namespace, and printed.

That is the one form in which rules are compared and applied, and it is the validation as well:
`iptables-save` prints most rules otherwise than they were written, and `--test` accepts what the
kernel refuses. One loading serves all namespaces whose user chains are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from netwright import ipset, ipset_scratch
from netwright.errors import HostError, Problem, Problems
from netwright.ipset import Ipset
from netwright.iptables import FAMILIES, Chain, is_builtin
from netwright.iptables_rule import expands, jump, restore_line, sets
from netwright.model import HOST
from netwright.state import Namespace, NetworkState

__all__ = ["Load", "Scratch", "loads", "parse", "render", "resolve", "warnings"]

_MARK = "netwright-mark"

Item = tuple[str, str, str]
"""Table, chain and the declared text of a rule."""


@dataclass
class Load:
    """Rules of one family that can stand in one namespace together."""

    number: int
    family: str
    made: tuple[str, ...]
    """Lines that create the sets that the rules look into."""
    live: tuple[tuple[str, str], ...]
    """Namespace and name of sets that others made."""
    chains: dict[str, dict[str, None]] = field(default_factory=dict)
    """Table -> user chains."""
    foreign: dict[str, dict[str, None]] = field(default_factory=dict)
    """Table -> what rules jump to besides: a target, or a chain that others made."""
    items: dict[Item, None] = field(default_factory=dict)

    def lines(self, table: str) -> list[tuple[str, Item | None]]:
        """What is loaded into a table, each line with the rule that it comes from; a rule that
        may become several stands between marks."""
        found: list[tuple[str, Item | None]] = []
        for item in self.items:
            if item[0] != table:
                continue
            mark = (f"-A {item[1]} -m comment --comment {_MARK}", None)
            line = (restore_line(item[1], item[2]), item)
            found += [mark, line, mark] if expands(item[2]) else [line]
        return found


@dataclass(frozen=True)
class Scratch:
    """What came of the loadings."""

    saved: Mapping[int, list[str]] = field(default_factory=dict)
    """Number of the loading -> what was printed."""
    refused: Mapping[tuple[int, str, int], str] = field(default_factory=dict)
    """Number, table and line -> the tool's own words."""
    failed: str = ""
    """Why there was no throw-away namespace."""
    remarks: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)
    """Namespace and tool -> what was said beside the tables."""
    sets: tuple[Mapping[str, Ipset], Mapping[int, str]] = ({}, {})
    """What was made of declared sets, and what was said of refused lines."""


def loads(declared: NetworkState) -> dict[tuple[str, str], Load]:
    """The loading for each namespace and family that has rules declared."""
    known: dict[object, Load] = {}
    found: dict[tuple[str, str], Load] = {}
    for netns, space in declared.namespaces():
        for family in FAMILIES:
            tables: dict[str, dict[str, Chain]] = getattr(space, family) or {}
            if any(chain.rules for chains in tables.values() for chain in chains.values()):
                made, live = _sets(netns, space, tables)
                key = (family, made, live, _shape(tables))
                load = known.setdefault(key, Load(len(known), family, made, live))
                _fill(load, tables)
                found[netns, family] = load
    return found


def _shape(tables: Mapping[str, Mapping[str, Chain]]) -> object:
    """Which chains lead where: what rules are legal in a user chain depends on the way to it."""
    shape = []
    for table, chains in sorted(tables.items()):
        own = {name: chain.rules for name, chain in chains.items() if not is_builtin(table, name)}
        hooks = {
            (name, jump(text))
            for name, chain in chains.items()
            for text in chain.rules or ()
            if is_builtin(table, name) and jump(text) in own
        }
        shape.append((table, tuple(sorted(own.items())), frozenset(hooks)))
    return tuple(item for item in shape if item[1] or item[2])


def _sets(
    netns: str, space: Namespace, tables: Mapping[str, Mapping[str, Chain]]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    names = {
        name
        for chains in tables.values()
        for chain in chains.values()
        for text in chain.rules or ()
        for name in sets(text)
    }
    declared = space.ipsets or {}
    made = tuple(ipset.create_line(name, declared[name]) for name in sorted(names & {*declared}))
    return made, tuple((netns, name) for name in sorted(names - {*declared}))


def _fill(load: Load, tables: Mapping[str, Mapping[str, Chain]]) -> None:
    for table, chains in tables.items():
        own = load.chains.setdefault(table, {})
        own.update(dict.fromkeys(name for name in chains if not is_builtin(table, name)))
        foreign = load.foreign.setdefault(table, {})
        for name, chain in chains.items():
            for text in chain.rules or ():
                load.items.setdefault((table, name, text))
                foreign.setdefault(jump(text))


def render(declared: NetworkState) -> str:
    """What the snapshot script is given to load, one line each: see its `nw_scratch`."""
    lines = [f"ipset {line}" for line in ipset_scratch.render(_ipsets(declared))]
    for load in {load.number: load for load in loads(declared).values()}.values():
        lines.append(f"load {load.number} {load.family}")
        lines += [f"set {line}" for line in load.made]
        lines += [f"live {netns} {name}" for netns, name in load.live]
        for table in load.chains:
            lines.append(f"table {table}")
            lines += [f"chain {name}" for name in load.chains[table]]
            lines += [f"foreign {name}" for name in load.foreign[table] if name]
            lines += [f"rule {line}" for line, _ in load.lines(table)]
    return "\n".join(lines)


def _ipsets(declared: NetworkState) -> list[Mapping[str, Ipset]]:
    return [space.ipsets or {} for _, space in declared.namespaces()]


def canonical(load: Load, scratch: Scratch) -> dict[Item, tuple[str, ...]]:
    """What was made of each rule; rules that were refused are not in it."""
    refused = _refusals(load, scratch)
    printed = _printed(scratch.saved.get(load.number, ()))
    found: dict[Item, tuple[str, ...]] = {}
    places: dict[tuple[str, str], Iterator[str]] = {
        place: iter(lines) for place, lines in printed.items()
    }
    for item in load.items:
        lines = places.get(item[:2], iter(()))
        if item not in refused:
            found[item] = tuple(_take(lines, expands(item[2])))
        elif expands(item[2]):
            # Its two marks are there all the same.
            next(lines, None)
            next(lines, None)
    return found


def _take(lines: Iterator[str], several: bool) -> Iterator[str]:
    if not several:
        yield from islice(lines, 1)
        return
    next(lines, None)
    for line in lines:
        if line.endswith(f"--comment {_MARK}"):
            return
        yield line


def _printed(saved: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in saved:
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A "):
            chain, _, text = line[3:].partition(" ")
            found.setdefault((table, chain), []).append(text)
    return found


def resolve(declared: NetworkState, scratch: Scratch) -> NetworkState:
    """The declaration with every rule as the host's own tool prints it.

    Raises HostError with every rule that was refused, and the tool's words.
    """
    problems = Problems()
    for netns, space in declared.namespaces():
        if space.ipsets or space.iptables or space.ip6tables:
            with problems.under(*(() if netns == HOST else ("netns", netns))):
                _unreadable(problems, netns, space, scratch)
    if problems.found:
        raise HostError(problems.found)
    found = loads(declared)
    different = {load.number: load for load in found.values()}
    answers = {number: canonical(load, scratch) for number, load in different.items()}
    words = {number: _refusals(load, scratch) for number, load in different.items()}
    spaces = dict(declared.namespaces())
    for (netns, family), load in found.items():
        said, made = words[load.number], answers[load.number]
        with problems.under(*(() if netns == HOST else ("netns", netns)), family):
            tables = {
                table: {
                    name: _resolved(problems, table, name, chain, made, said)
                    for name, chain in chains.items()
                }
                for table, chains in getattr(spaces[netns], family).items()
            }
        spaces[netns] = spaces[netns].but(**{family: tables})
    for netns, space in spaces.items():
        if space.ipsets is not None:
            with problems.under(*(() if netns == HOST else ("netns", netns))):
                sets = ipset_scratch.resolve(
                    problems, space.ipsets, _ipsets(declared), scratch.sets
                )
            spaces[netns] = space.but(ipsets=sets or None)
    if problems.found:
        raise HostError(problems.found)
    return declared.with_namespaces(spaces)


def _unreadable(problems: Problems, netns: str, space: Namespace, scratch: Scratch) -> None:
    """What of the host's keeps its tables or sets from being managed."""
    if space.ipsets and "# missing" in scratch.remarks.get((netns, "ipset"), ()):
        problems.add("ipsets", "ipset is not installed on this host (package ipset)")
    for family in FAMILIES:
        tables = getattr(space, family) or {}
        for line in scratch.remarks.get((netns, family), ()) if tables else ():
            native = re.fullmatch(r"# Table `(\w+)' is incompatible.*", line)
            if line == "# missing":
                problems.add(family, f"{family} is not installed on this host (package iptables)")
            elif line.startswith("# failed"):
                problems.add(family, f"{family}-save failed: {line.removeprefix('# failed ')}")
            elif native and native[1] in tables:
                what = "holds rules that only nft can show; move them into a table of their own"
                problems.add(f"{family}.{native[1]}", what)
        chains = [chain for item in tables.values() for chain in item.values()]
        if scratch.failed and any(chain.rules for chain in chains):
            what = "can't be validated: there is no throw-away namespace for them on this host"
            problems.add(family, f"{what} ({scratch.failed})")


def warnings(declared: NetworkState, scratch: Scratch) -> Iterator[Problem]:
    """What is not wrong with the declaration, but with the host it is for."""
    for netns, space in declared.namespaces():
        for family in FAMILIES if space.given() else ():
            for line in scratch.remarks.get((netns, family), ()):
                if line.startswith("# other ") and getattr(space, family):
                    other = line.removeprefix("# other ").removesuffix("-save")
                    at = family if netns == HOST else f"netns.{netns}.{family}"
                    yield Problem(at, f"{other} holds rules as well: packets meet both")


def _refusals(load: Load, scratch: Scratch) -> dict[Item, str]:
    if not any(number == load.number for number, _, _ in scratch.refused):
        return {}
    return {
        item: scratch.refused[load.number, table, at]
        for table in load.chains
        for at, (_, item) in enumerate(load.lines(table), 1)
        if item is not None and (load.number, table, at) in scratch.refused
    }


def _resolved(
    problems: Problems,
    table: str,
    name: str,
    chain: Chain,
    answers: Mapping[Item, tuple[str, ...]],
    words: Mapping[Item, str],
) -> Chain:
    if chain.rules is None:
        return chain
    rules: list[str] = []
    for index, text in enumerate(chain.rules):
        item = (table, name, text)
        lines = answers.get(item, ())
        if not lines:
            said = words.get(item, "it was not printed")
            problems.add(f"{table}.{name}.rules[{index}]", f"{text!r} is refused: {said}")
        rules += lines
    return chain.but(rules=tuple(rules))


def parse(sections: Mapping[tuple[str, str], list[str]]) -> Scratch:
    """From the parts of the snapshot that the loadings printed."""
    saved = {int(name): lines for (kind, name), lines in sections.items() if kind == "scratch"}
    refused = {}
    for (kind, name), lines in sections.items():
        if kind == "refused":
            number, table, at = name.split(" ")
            refused[int(number), table, int(at)] = _words(lines)
    failed = " ".join(line.lstrip("|") for line in sections.get(("unscratched", ""), ()))
    remarks = {
        (netns, kind): [line for line in lines if line.startswith("# ")]
        for (kind, netns), lines in sections.items()
        if kind in (*FAMILIES, "ipset")
    }
    unset = {
        int(name): re.sub(r".*Error in line \d+: ", "", " ".join(lines).replace("|", ""))
        for (kind, name), lines in sections.items()
        if kind == "unset"
    }
    sets = ipset.parse(sections.get(("sets", ""), ()))
    return Scratch(saved, refused, failed, remarks, (sets, unset))


def _words(lines: list[str]) -> str:
    said = [line.removeprefix("|").strip() for line in lines]
    kept = [
        re.sub(r"^ip6?tables(?:-\w+)*(?: v[\d.]+)?(?: \(\w+\))?: *", "", line)
        for line in said
        if not line.startswith(("Error occurred at", "Try `"))
    ]
    # iptables-legacy tells the line of COMMIT alone when it is the kernel that refuses.
    text = "; ".join(line for line in kept if line and not re.fullmatch(r"line \d+ failed", line))
    text = re.sub(r"\bline \d+: ", "", text)
    return text or "the kernel doesn't take it in this chain"
