"""Where our lines stand in a chain that others write to as well, and the way to get there."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.iptables import Chain, OwnedChain
from netwright.iptables_ledger import _recorded_builtin
from netwright.iptables_plan import TableState, _document, target

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=8)


def _owned(rules: list[str], ours: list[str], foreign: list[str], **more: object) -> OwnedChain:
    fields = {"rules": tuple(rules), "ours": tuple(ours), "foreign": tuple(foreign), **more}
    return OwnedChain.model_construct(**fields)


def _is_inside(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(line in rest for line in part)


def _run(have: list[str], want: list[str], top: bool = False) -> list[str]:
    """What iptables-restore makes of a chain."""
    before = TableState("filter", {"C": Chain.model_construct(rules=tuple(have))})
    after = TableState(
        "filter", {"C": Chain.model_construct(rules=tuple(want))}, frozenset("C" if top else "")
    )
    lines = list(have)
    for command in _document(before, after):
        verb, _, *words = command.split(" ")
        if verb == "-F":
            lines = []
        elif verb == "-D":
            del lines[int(words[0]) - 1]
        elif verb == "-I":
            assert 1 <= int(words[0]) <= len(lines) + 1
            lines.insert(int(words[0]) - 1, words[1])
        else:
            assert verb == "-A"
            lines.append(words[0])
    return lines


@given(LINES, LINES, st.booleans())
def test_the_commands_lead_from_one_to_the_other(
    have: list[str], want: list[str], top: bool
) -> None:
    assert _run(have, want, top) == want


@given(LINES, LINES, st.sampled_from(["top", "bottom"]))
def test_ours_are_there_in_order_and_a_second_run_finds_them(
    have: list[str], rules: list[str], at: str
) -> None:
    want = Chain.model_construct(rules=tuple(rules), at=at)
    there = Chain.model_construct(policy="ACCEPT", rules=tuple(have))
    then = list(target(have, want))
    assert _is_inside(rules, then)
    others = [line for line in have if line not in rules]
    assert [line for line in then if line not in rules] == others
    created, first = _recorded_builtin(want, there, None, None)
    ours = list(created.rules or ()) if created else []
    foreign = list(first.rules or ()) if first else []
    assert list(target(then, _owned(rules, ours, foreign, at=at))) == then
    back = list(target(then, _owned([], ours, foreign)))
    assert Counter(back) == Counter(have)
    assert [line for line in back if line not in rules] == others


@given(LINES, LINES)
def test_a_double_of_ours_goes(rules: list[str], others: list[str]) -> None:
    foreign = [line for line in others if line not in rules]
    have = [*foreign, *rules, *rules]
    assert list(target(have, _owned(rules, rules, []))) == [*foreign, *rules]


@pytest.mark.parametrize(
    ("have", "rules", "at", "then"),
    [
        ("xy", "ab", "bottom", "xyab"),
        ("xy", "ab", "top", "abxy"),
        ("xaby", "ab", "bottom", "xaby"),
        ("axb", "ab", "top", "axb"),
        ("axc", "abc", "top", "abxc"),
        ("xbya", "ab", "bottom", "xyab"),
        ("xby", "abc", "bottom", "xabcy"),
        ("xaay", "a", "bottom", "xaay"),
        ("", "aab", "bottom", "aab"),
    ],
)
def test_on_first_sight(have: str, rules: str, at: str, then: str) -> None:
    want = Chain.model_construct(rules=tuple(rules), at=at)
    assert "".join(target(list(have), want)) == then


@pytest.mark.parametrize(
    ("have", "rules", "ignore", "then"),
    [("xay", "ab", (), "ab"), ("xay", "ab", ("x",), "xab"), ("xyz", "", ("y",), "y")],
)
def test_exclusive(have: str, rules: str, ignore: tuple[str, ...], then: str) -> None:
    want = Chain.model_construct(rules=tuple(rules), exclusive=True, ignore=ignore)
    assert "".join(target(list(have), want)) == then
