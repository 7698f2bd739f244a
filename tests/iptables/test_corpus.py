"""The language: each rule declared, applied, a second run silent, removed; on both backends."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from netwright.errors import HostError
from tests.iptables.host import Host

pytestmark = pytest.mark.live

_SETS = {
    "addrs": {"type": "hash:ip", "timeout": 600},
    "pairs": {"type": "hash:ip,port"},
    "addrs6": {"type": "hash:net", "family": "inet6"},
}
_MADE = {
    "addrs": "hash:ip timeout 600",
    "pairs": "hash:ip,port",
    "addrs6": "hash:net family inet6",
}
_SINGLE, _DOUBLE = r"(?<=[a-z] )'([^']*)'(?= -)", r'"\1"'
_ANY = {"iptables": "0.0.0.0/0", "ip6tables": "::/0"}
_FOREIGN = "-m mark --mark 0x77777777"
Entry = tuple[str, str, str, str]


def _corpus() -> Iterator[Entry]:
    for line in Path(__file__).with_name("corpus.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            families, table, chain, rule = line.split(" ", 3)
            for family, sign in (("iptables", "4"), ("ip6tables", "6")):
                if families in (sign, "+"):
                    yield family, table, chain, rule.replace("ANY", _ANY[family])


CORPUS = list(dict.fromkeys(_corpus()))


@dataclass(frozen=True)
class Outcome:
    """What came of all rules of one table, declared together."""

    refused: Mapping[tuple[str, str], str]
    """Chain and rule -> the tool's words."""
    seen: Mapping[str, list[str]]
    """Chain -> its lines after the run."""
    expected: Mapping[str, list[str]]
    """Chain -> what the tool alone makes of the same rules."""
    again: int
    """Steps of a second run."""
    left: list[str]
    """Lines that are left when nothing is declared any more."""


@cache
def outcome(backend: str, family: str, table: str) -> Outcome:
    """Run everything once for all tests of one table."""
    chains: dict[str, list[str]] = {"OURS": []} if table == "filter" else {}
    for _, _, chain, rule in (entry for entry in CORPUS if entry[:2] == (family, table)):
        chains.setdefault(chain, []).append(rule)
    refused: dict[tuple[str, str], str] = {}
    with Host(backend) as host, Host(backend) as alone:
        for chain in chains:
            if chain != "OURS":
                host.sh(f"{family} -t {table} -A {chain} {_FOREIGN}")
        try:
            host.prepare(_document(family, table, chains))
        except HostError as error:
            for problem in error.problems:
                *_, chain, place = problem.path.split(".")
                index = int(place.removeprefix("rules[").removesuffix("]"))
                refused[chain, chains[chain][index]] = problem.what.split("refused: ")[-1]
        left = {
            chain: [rule for rule in rules if (chain, rule) not in refused]
            for chain, rules in chains.items()
        }
        host.converge(_document(family, table, left))
        again = host.converge(_document(family, table, left))
        seen = {chain: host.chain(chain, table, family) for chain in chains}
        expected = _alone(alone, family, table, left)
        host.converge({})
        return Outcome(refused, seen, expected, len(again), host.rules(family, "-t", table))


def _document(family: str, table: str, chains: Mapping[str, list[str]]) -> dict[str, object]:
    return {"ipsets": _SETS, family: {table: chains}}


def _alone(
    host: Host, family: str, table: str, chains: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    host.sh("".join(f"ipset create {name} {kind}\n" for name, kind in _MADE.items()))
    own = "".join(f"-N {chain}\n" for chain in chains if chain == "OURS")
    # The file form knows double quotes alone.
    lines = "".join(
        f"-A {chain} {re.sub(_SINGLE, _DOUBLE, rule)}\n"
        for chain, rules in chains.items()
        for rule in rules
    )
    host.sh(f"{family}-restore --noflush <<'END'\n*{table}\n{own}{lines}COMMIT\nEND")
    return {chain: host.chain(chain, table, family) for chain in chains}


@pytest.fixture(params=["nft", "legacy"])
def backend(request: pytest.FixtureRequest) -> str:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return str(request.param)


@pytest.mark.parametrize("entry", CORPUS, ids=[" ".join(entry) for entry in CORPUS])
def test_rule(backend: str, entry: Entry) -> None:
    family, table, chain, rule = entry
    found = outcome(backend, family, table)
    words = found.refused.get((chain, rule))
    if words is not None:
        assert "unknown option" not in words
        assert "Bad argument" not in words
        pytest.skip(f"{backend}: {words[:150]}")
    foreign = [] if chain == "OURS" else [_FOREIGN]
    assert found.seen[chain] == [*foreign, *found.expected[chain]]
    assert found.again == 0
    assert [line for line in found.left if line.startswith("-A")] == [
        f"-A {name} {_FOREIGN}" for name in _order(found.left) if name in found.seen
    ]
    assert ":OURS -" not in found.left


def _order(lines: list[str]) -> list[str]:
    return [line[1:].split(" ")[0] for line in lines if line.startswith(":")]


def test_what_was_run_is_large_enough(backend: str) -> None:
    """Beside what this kernel, or this tool, was built without."""
    refused = {
        (*place, *rule)
        for place in {entry[:2] for entry in CORPUS}
        for rule in outcome(backend, *place).refused
    }
    count = Counter(entry[0] for entry in CORPUS if entry not in refused)
    print(f"\nrules run on {backend}: {dict(count)}, refused {len(refused)} of {len(CORPUS)}")
    assert count["iptables"] >= 250
    assert count["ip6tables"] >= 200
    assert len(refused) < len(CORPUS) / 20
