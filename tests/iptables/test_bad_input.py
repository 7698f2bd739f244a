"""What the declaration alone shows to be wrong with tables and sets: each with its path."""

from __future__ import annotations

from typing import Any

import pytest

from netwright.errors import DeclarationError
from netwright.state import load


def _rules(*rules: object) -> dict[str, Any]:
    return {"iptables": {"filter": {"INPUT": list(rules)}}}


_FILTER = "iptables.filter"
_AT = f"{_FILTER}.INPUT.rules[0]"
_SET = {"ipsets": {"six": {"type": "hash:net", "family": "inet6"}}}
BAD: list[tuple[dict[str, Any], str, str]] = [
    (_rules('-m comment --comment "open -j DROP'), _AT, "a quotation mark has no partner"),
    (_rules("-j ACCEPT\n-A INPUT -j DROP"), _AT, "is not one line"),
    (_rules("-j ACCEPT\x00"), _AT, "is not one line"),
    (_rules("-s router.example -j ACCEPT"), _AT, "'router.example' of -s is not an address"),
    (_rules("-s 192.0.2.1,host -j ACCEPT"), _AT, "'host' of -s is not an address"),
    (_rules("--destination=host -j ACCEPT"), _AT, "'host' of --destination is not an address"),
    (_rules("-shost -jACCEPT"), _AT, "'host' of -s is not an address"),
    (_rules("-s 192.0.2.0/x -j ACCEPT"), _AT, "'x' of -s is not a prefix length"),
    (_rules("-s fd00::1 -j ACCEPT"), _AT, "'fd00::1' is not of its family"),
    (_rules("-A INPUT -j DROP"), _AT, "-A is no part of one"),
    (_rules("-I INPUT 1 -j DROP"), _AT, "-I is no part of one"),
    (_rules("-t nat -j DROP"), _AT, "-t is no part of one"),
    (_rules("-tnat -j DROP"), _AT, "-tnat is no part of one"),
    (_rules("--table nat -j DROP"), _AT, "--table is no part of one"),
    (_rules("--table=nat -j DROP"), _AT, "--table is no part of one"),
    (_rules("--modprobe=/bin/sh -j DROP"), _AT, "--modprobe is no part of one"),
    (_rules("-6 -j DROP"), _AT, "put it under iptables or ip6tables"),
    (_rules("ACCEPT"), _AT, "it starts with 'ACCEPT'"),
    (_rules(""), _AT, "is empty"),
    (_rules(7), _AT, "7 is not a rule"),
    (_rules(f"-j LOG --log-prefix {'x' * 30}"), _AT, "30 characters, the kernel takes 29"),
    (_rules(f"-j {'C' * 29}"), _AT, "has 29 characters"),
    (_rules("-j FORWARD"), _AT, "no rule can lead to the built-in chain FORWARD"),
    ({"iptables": {"filter": {"C" * 29: []}}}, f"{_FILTER}.{'C' * 29}", "is not a chain's name"),
    ({"iptables": {"filter": {"ACCEPT": []}}}, f"{_FILTER}.ACCEPT", "is not a chain's name"),
    ({"iptables": {"filter": {"-x": []}}}, f"{_FILTER}.-x", "is not a chain's name"),
    ({"iptables": {"filter": {"PREROUTING": []}}}, f"{_FILTER}.PREROUTING", "is no chain of this"),
    ({"iptables": {"filters": {}}}, "iptables.filters", "is not one of"),
    (
        {"iptables": {"filter": {"MINE": {"policy": "DROP"}}}},
        f"{_FILTER}.MINE.policy",
        "is for built-in chains",
    ),
    ({"iptables": {"filter": {"MINE": {"at": "top"}}}}, f"{_FILTER}.MINE.at", "is for built-in"),
    (
        {"iptables": {"filter": {"INPUT": {"policy": "REJECT"}}}},
        f"{_FILTER}.INPUT.policy",
        "'REJECT' is not one of",
    ),
    (
        {"iptables": {"filter": {"INPUT": {"ignore": ["x"]}}}},
        f"{_FILTER}.INPUT.ignore",
        "exclusive isn't true",
    ),
    (
        {"iptables": {"filter": {"INPUT": {"exclusive": True, "ignore": ["("]}}}},
        f"{_FILTER}.INPUT.ignore[0]",
        "is not a regular expression",
    ),
    (
        {"iptables": {"filter": {"A": ["-j B"], "B": ["-p tcp -g A"]}}},
        f"{_FILTER}.A",
        "leads back to itself: A -> B -> A",
    ),
    ({"iptables": {"filter": {"A": ["-j A"]}}}, f"{_FILTER}.A", "leads back to itself: A -> A"),
    (
        {"iptables": {"filter": {"A": {"state": "absent"}, "INPUT": ["-j A"]}}},
        _AT,
        "the chain A is declared absent",
    ),
    (
        {**_rules("-m set --match-set six src -j DROP"), **_SET},
        _AT,
        "the set six is of family inet6, not inet",
    ),
    (
        {**_rules("-m set --match-set s src -j DROP"), "ipsets": {"s": {"state": "absent"}}},
        _AT,
        "the set s is declared absent",
    ),
    ({"ipsets": {"s": {"type": "hash:nets"}}}, "ipsets.s.type", "is not a type of ipset"),
    ({"ipsets": {"s": {}}}, "ipsets.s.type", "is missing"),
    ({"ipsets": {"s": {"type": "bitmap:port"}}}, "ipsets.s.range", "is missing"),
    (
        {"ipsets": {"s": {"type": "list:set", "family": "inet"}}},
        "ipsets.s.family",
        "doesn't belong",
    ),
    ({"ipsets": {"x" * 32: {"type": "hash:ip"}}}, f"ipsets.{'x' * 32}", "is not a set's name"),
    (
        {"ipsets": {"s": {"type": "hash:ip", "entries": ["1.2.3.4\nadd t 1.2.3.5"]}}},
        "ipsets.s.entries[0]",
        "is not an entry",
    ),
    (
        {"netns": {"blue": {"ip6tables": {"nat": {"PREROUTING": ["-s 10.0.0.1 -j DROP"]}}}}},
        "netns.blue.ip6tables.nat.PREROUTING.rules[0]",
        "'10.0.0.1' is not of its family",
    ),
]


@pytest.mark.parametrize(("document", "path", "what"), BAD, ids=[what for _, _, what in BAD])
def test_is_told_with_its_path(document: dict[str, Any], path: str, what: str) -> None:
    with pytest.raises(DeclarationError) as error:
        load(document)
    (problem,) = error.value.problems
    assert problem.path == path
    assert what in problem.what
    assert "\n" not in str(problem)


def test_all_of_it_is_told() -> None:
    with pytest.raises(DeclarationError) as error:
        load(_rules("-t nat", "-j ACCEPT", "-s host -j DROP", ""))
    places = [problem.path for problem in error.value.problems]
    assert places == [f"{_FILTER}.INPUT.rules[{index}]" for index in (0, 2, 3)]


GOOD = [
    "-p tcp -m comment --comment '-A INPUT' -j ACCEPT",
    '-m comment --comment "-t nat" -j ACCEPT',
    "! -s 10.0.0.0/255.0.0.0 -j DROP",
    "-s 10/8 -j DROP",
    "-m string --algo bm --string --table -j DROP",
    f"-j LOG --log-prefix {'x' * 29}",
]


@pytest.mark.parametrize("rule", GOOD)
def test_is_not_refused(rule: str) -> None:
    assert load(_rules(rule)).iptables is not None


def test_a_list_is_short_for_rules() -> None:
    short = load({"iptables": {"filter": {"MINE": ["-j DROP"], "EMPTY": None}}})
    full = load({"iptables": {"filter": {"MINE": {"rules": ["-j DROP"]}, "EMPTY": {}}}})
    assert short == full
