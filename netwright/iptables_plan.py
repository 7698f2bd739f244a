"""From the lines a chain has to those it shall have, one transaction for each table."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netwright.iptables import BUILTIN, Chain, OwnedChain, is_builtin
from netwright.step import SEPARATOR, Command, Phase, Step

__all__ = ["TableState", "describe", "plan"]

Chains = Mapping[str, Chain]


@dataclass(frozen=True)
class TableState:
    """The chains of one table that a step changes, as they are on one side of it."""

    table: str
    chains: Mapping[str, Chain | None]
    """Chain -> policy and rules; None: not there."""
    top: frozenset[str] = frozenset()
    """Chains in which ours come before what others may have put there meanwhile, at boot."""

    def __str__(self) -> str:
        return f"{len(self.chains)} chains"


def plan(
    netns: str,
    family: str,
    have: Mapping[str, Chains],
    want: Mapping[str, Chains],
) -> Iterator[Step]:
    """One step for each table that differs."""
    for table in BUILTIN:
        if table not in want:
            continue
        before: dict[str, Chain | None] = {}
        after: dict[str, Chain | None] = {}
        there = have.get(table, {})
        for name, chain in want[table].items():
            now = _now(table, name, there)
            then = _then(table, name, now, chain)
            if now != then:
                before[name], after[name] = now, then
        if after:
            top = frozenset(name for name in after if want[table][name].at == "top")
            yield Step(
                Phase.IPTABLES,
                netns,
                f"{family}.{table}",
                "",
                TableState(table, before, top),
                TableState(table, after, top),
                _render,
            )


def _now(table: str, name: str, there: Chains) -> Chain | None:
    if name in there:
        return _plain(there[name].policy, there[name].rules or ())
    # A table that isn't there yet is one of empty chains that accept.
    return _plain("ACCEPT", ()) if is_builtin(table, name) else None


def _plain(policy: Literal["ACCEPT", "DROP"] | None, rules: Iterable[str]) -> Chain:
    return Chain.model_construct(policy=policy, rules=tuple(rules))


def _then(table: str, name: str, now: Chain | None, want: Chain) -> Chain | None:
    if not is_builtin(table, name):
        if want.state == "absent":
            return None
        kept = () if now is None else now.rules or ()
        return _plain(None, kept if want.rules is None else want.rules)
    assert now is not None
    return _plain(want.policy or now.policy, target(now.rules or (), want))


def target(have: Sequence[str], want: Chain) -> Sequence[str]:
    """The lines of a built-in chain as they shall be: ours in order, others' in their places."""
    if want.rules is None and not isinstance(want, OwnedChain):
        return have
    wanted = want.rules or ()
    keep = dict(_kept(have, wanted))
    gone = _gone(have, want, keep)
    missing: dict[int, list[str]] = {}
    place = len(have) if want.at != "top" else 0
    if keep:
        place = min(keep)
    matched = {index: at for at, index in keep.items()}
    for index, text in enumerate(wanted):
        if index in matched:
            place = matched[index] + 1
        else:
            missing.setdefault(place, []).append(text)
    found: list[str] = []
    for at, text in enumerate(have):
        found += missing.get(at, ())
        if at not in gone:
            found.append(text)
    return (*found, *missing.get(len(have), ()))


def _matched(have: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The longest run of wanted lines that stand there in order: place -> number of the line."""
    places: dict[str, list[int]] = {}
    for index in range(len(wanted) - 1, -1, -1):
        places.setdefault(wanted[index], []).append(index)
    # Hunt and Szymanski: the longest increasing sequence over the pairs that are alike.
    tails: list[int] = []
    links: list[tuple[int, int, object]] = []
    for at, text in enumerate(have):
        for index in places.get(text, ()):
            rank = bisect_left(tails, index)
            link = (at, index, links[rank - 1] if rank else None)
            if rank == len(tails):
                tails.append(index)
                links.append(link)
            elif index < tails[rank]:
                tails[rank], links[rank] = index, link
    node: object = links[-1] if links else None
    while isinstance(node, tuple):
        yield node[0], node[1]
        node = node[2]


def _gone(have: Sequence[str], want: Chain, keep: Mapping[int, int]) -> set[int]:
    """The places of the lines that go: ours that are declared no longer, moved or doubled, and
    all others where the chain is ours alone."""
    ours = set(want.ours if isinstance(want, OwnedChain) else ())
    first = Counter(want.foreign if isinstance(want, OwnedChain) else ())
    ignored = [re.compile(pattern) for pattern in want.ignore or ()]
    # A line just like ours that was there before us is adopted; more of them than we declare stay.
    wanted = Counter(want.rules or ())
    there = Counter(have)
    gone: set[int] = set()
    for at, text in enumerate(have):
        if at in keep:
            continue
        claimed = text in ours or text in wanted
        stays = not claimed or wanted[text] < (first if text in ours else there)[text]
        if want.exclusive and not any(item.search(text) for item in ignored):
            stays = False
        if not stays:
            gone.add(at)
        elif claimed:
            wanted[text] += 1
    return gone


def _render(step: Step) -> Iterator[Command]:
    """One line: a head, and the document for iptables-restore, with a separator for its ends of
    line. The head tells the lines that the chains have to have, since others write there too."""
    before, after = step.before, step.after
    family = step.thing.partition(".")[0]
    names = list(after.chains)
    head = f"# {family} {before.table} {_guard(before)} {_guard(after)} {' '.join(names)}"
    document = [head, f"*{before.table}", *_document(before, after), "COMMIT"]
    yield Command("tables", step.netns, SEPARATOR.join(document))


def _guard(state: TableState) -> str:
    lines = (
        f"-A {name} {text}".rstrip() + "\n"
        for name, chain in state.chains.items()
        for text in (chain.rules or () if chain is not None else ())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:32]


def _document(before: TableState, after: TableState) -> Iterator[str]:
    pairs = [(name, before.chains[name], then) for name, then in after.chains.items()]
    for name, now, then in pairs:
        if now is None:
            yield f"-N {name}"
        elif then is not None and then.policy != now.policy:
            yield f"-P {name} {then.policy}"
    for name, now, then in pairs:
        yield from _edits(name, now, then, name in after.top)
    # Only now does no rule lead there any more.
    yield from (f"-X {name}" for name, _, then in pairs if then is None)


def _edits(name: str, now: Chain | None, then: Chain | None, top: bool) -> Iterator[str]:
    have = now.rules or () if now is not None else ()
    want = then.rules or () if then is not None else ()
    if not want:
        yield from (f"-F {name}",) if have else ()
        return
    # By place: ip6tables-nft ignores the prefix length when it looks for a line by its text.
    place = 1
    for kind, text in changes(have, want):
        if kind == "-":
            yield f"-D {name} {place}"
            continue
        place += 1
        if kind == " ":
            continue
        if kind == "+" or top:
            yield f"-I {name} {place - 1} {text}"
        else:
            yield f"-A {name} {text}"


def changes(have: Sequence[str], want: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every line in order: kept ` `, gone `-`, new `+`, new behind all that is there `>`."""
    keep = _kept(have, want)
    at = index = 0
    for stop_at, stop_index in [*keep, (len(have), len(want))]:
        yield from (("-", text) for text in have[at:stop_at])
        last = stop_at == len(have)
        yield from ((">" if last else "+", text) for text in want[index:stop_index])
        if not last:
            yield " ", have[stop_at]
        at, index = stop_at + 1, stop_index + 1


def _kept(have: Sequence[str], want: Sequence[str]) -> list[tuple[int, int]]:
    start = 0
    while start < min(len(have), len(want)) and have[start] == want[start]:
        start += 1
    end = 0
    while end < min(len(have), len(want)) - start and have[-1 - end] == want[-1 - end]:
        end += 1
    middle = _matched(have[start : len(have) - end], want[start : len(want) - end])
    return [
        *((at, at) for at in range(start)),
        *sorted((at + start, index + start) for at, index in middle),
        *((len(have) - at, len(want) - at) for at in range(end, 0, -1)),
    ]


def describe(step: Step) -> Iterator[str]:
    """The change for people, rule by rule."""
    where = step.path
    for name, then in step.after.chains.items():
        now = step.before.chains[name]
        sign = "+" if now is None else "-" if then is None else "~"
        changed = now is not None and then is not None and now.policy != then.policy
        policy = f": policy {now.policy} -> {then.policy}" if changed else ""
        yield f"{sign} {where}.{name}{policy}"
        have = now.rules or () if now is not None else ()
        want = then.rules or () if then is not None else ()
        before = after = 1
        for kind, text in changes(have, want):
            if kind == "-":
                yield f"    - {before}: {text}"
            elif kind != " ":
                yield f"    + {after}: {text}"
            before, after = before + (kind in " -"), after + (kind != "-")
