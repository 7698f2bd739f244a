"""Whose line is whose, on the real kernel."""

from __future__ import annotations

from typing import Any

import pytest

from netwright.errors import HostError
from tests.iptables.host import Host

pytestmark = pytest.mark.live


def _input(*rules: str, **more: Any) -> dict[str, Any]:
    return {"iptables": {"filter": {"INPUT": {"rules": list(rules), **more}}}}


_A, _B, _C = (f"-s 10.0.0.{number}/32 -j ACCEPT" for number in (1, 2, 3))
_X, _Y = (f"-s 192.0.2.{number}/32 -j DROP" for number in (1, 2))


def _others(host: Host, *rules: str) -> None:
    host.sh("".join(f"iptables -A INPUT {rule}\n" for rule in rules))


def test_others_keep_their_place_and_their_counters(host: Host) -> None:
    host.sh("iptables -A INPUT -s 127.0.0.1/32; iptables -A INPUT -i lo; ip link set lo up")
    host.sh("ping -qc1 127.0.0.1")
    counted = host.sh("iptables-save -c | grep -e '-A INPUT'")
    assert "[0:0]" not in counted
    host.converge(_input(_A, _B, at="top"))
    host.converge(_input(_B, _C))
    assert host.chain("INPUT") == [_B, _C, "-s 127.0.0.1/32", "-i lo"]
    assert host.sh("iptables-save -c | grep -e '-A INPUT' | tail -2") == counted
    host.converge({})
    assert host.sh("iptables-save -c | grep -e '-A INPUT'") == counted


def test_ours_keep_their_counters_beside_a_change(host: Host) -> None:
    first = {"iptables": {"filter": {"INPUT": ["-i lo -j MINE"], "MINE": ["-p icmp", "-p tcp"]}}}
    host.converge(first)
    host.sh("ip link set lo up; ping -qc1 127.0.0.1")
    counted = host.sh("iptables-save -c | grep -e '-A MINE -p icmp' -e '-A INPUT'")
    assert "[0:0]" not in counted
    second = {
        "iptables": {
            "filter": {"INPUT": ["-p udp", "-i lo -j MINE"], "MINE": ["-p udp", "-p icmp"]}
        }
    }
    host.converge(second)
    assert host.sh("iptables-save -c | grep -e '-A MINE -p icmp' -e '-A INPUT -i'") == counted


def test_identical_ones_are_adopted_and_stay_when_ours_go(host: Host) -> None:
    _others(host, _X, _A, _Y)
    assert not host.converge(_input(_A)) or host.chain("INPUT") == [_X, _A, _Y]
    assert host.chain("INPUT") == [_X, _A, _Y]
    host.converge(_input(_A, _B))
    assert host.chain("INPUT") == [_X, _A, _B, _Y]
    host.converge({})
    assert host.chain("INPUT") == [_X, _A, _Y]


def test_the_same_rule_twice_is_twice(host: Host) -> None:
    host.converge(_input(_A, _A))
    assert host.chain("INPUT") == [_A, _A]
    _others(host, _A)
    assert host.converge(_input(_A, _A))
    assert host.chain("INPUT") == [_A, _A]
    host.converge(_input(_A))
    assert host.chain("INPUT") == [_A]


def test_exclusive_and_ignore(host: Host) -> None:
    _others(host, _X, "-i cali+ -j ACCEPT", _Y)
    document = _input(_A, exclusive=True, ignore=["cali"])
    host.converge(document)
    assert host.chain("INPUT") == ["-i cali+ -j ACCEPT", _A]
    assert not host.converge(document)
    _others(host, _X)
    assert host.converge(document)
    assert host.chain("INPUT") == ["-i cali+ -j ACCEPT", _A]


def test_two_names_live_side_by_side(host: Host) -> None:
    host.converge(_input(_A), name="one")
    host.converge(_input(_B), name="two")
    assert not host.converge(_input(_A), name="one")
    assert host.chain("INPUT") == [_A, _B]
    with pytest.raises(HostError) as error:
        host.prepare(_input("-s 10.0.0.1 -j ACCEPT", policy="DROP"), name="two")
    (problem,) = error.value.problems
    assert problem.path == f"iptables.filter.INPUT.rules.{_A}"
    assert "under the name 'one' too" in problem.what
    host.converge({}, name="one")
    assert host.chain("INPUT") == [_B]


def test_a_chain_of_others_is_filled_anew_and_given_back(host: Host) -> None:
    host.sh(f"iptables -N THEIRS; iptables -A THEIRS {_X}; iptables -A INPUT -j THEIRS")
    before = host.rules()
    host.converge({"iptables": {"filter": {"THEIRS": [_A]}}})
    assert host.chain("THEIRS") == [_A]
    host.converge({})
    assert host.rules() == before


def test_a_chain_without_rules_declared_keeps_what_others_put_there(host: Host) -> None:
    document = {"iptables": {"filter": {"THEIRS": {}, "INPUT": ["-j THEIRS"]}}}
    host.converge(document)
    host.sh(f"iptables -A THEIRS {_X}")
    assert not host.converge(document)
    assert host.chain("THEIRS") == [_X]


def test_chains_go_with_what_leads_to_them(host: Host) -> None:
    document = {
        "iptables": {
            "filter": {"INPUT": ["-p tcp -j ONE"], "ONE": ["-j TWO"], "TWO": ["-g THREE"]},
            "nat": {"PREROUTING": ["-p tcp -j ONE"], "ONE": ["-j ACCEPT"]},
        }
    }
    document["iptables"]["filter"]["THREE"] = ["-j DROP"]
    host.converge(document)
    del document["iptables"]["filter"]["THREE"]
    document["iptables"]["filter"]["TWO"] = ["-j DROP"]
    host.converge(document)
    assert ":THREE -" not in host.rules()
    host.converge({"iptables": {"filter": {"ONE": {"state": "absent"}, "INPUT": []}}})
    assert [line for line in host.rules() if line.endswith(" -")] == []


def test_declared_absent(host: Host) -> None:
    host.sh(f"iptables -N OLD; iptables -A OLD {_X}; iptables -A OLD -j DROP")
    _others(host, _X)
    document = {"iptables": {"filter": {"OLD": {"state": "absent"}}}}
    host.converge(document)
    assert ":OLD -" not in host.rules()
    assert not host.converge(document)
    host.converge(_input(_A, policy="DROP"))
    host.converge({"iptables": {"filter": {"INPUT": {"state": "absent"}}}})
    assert host.chain("INPUT") == [_X]
    assert ":INPUT ACCEPT" in host.rules()


def test_without_prune_all_stays(host: Host) -> None:
    host.converge(_input(_A, _B))
    host.converge(_input(_C), prune=False)
    assert host.chain("INPUT") == [_A, _B, _C]
    for document in (_input(_A, _B), _input(_C), _input(_A, _B, _C)):
        assert not host.converge(document, prune=False)


def test_undo_is_exact(host: Host) -> None:
    _others(host, _X, _A)
    host.sh(f"iptables -N THEIRS; iptables -A THEIRS {_X}; iptables -P FORWARD DROP")
    host.converge({"iptables": {"filter": {"INPUT": [_A, _B], "MINE": [_C]}}})
    before = host.rules("iptables", "-t", "filter")
    document: dict[str, Any] = {
        "iptables": {
            "filter": {
                "INPUT": {"policy": "DROP", "rules": [_C, _A], "exclusive": True},
                "FORWARD": {"policy": "ACCEPT"},
                "THEIRS": [_B],
                "NEW": ["-j THEIRS"],
            },
            "nat": {"PREROUTING": ["-p tcp -j REDIRECT"]},
        },
        "sysctl": {"net.ipv4.no_such_parameter": 1},
    }
    answer = host.execute(host.prepare(document))
    assert answer.failed is not None
    assert answer.left == ()
    assert host.rules("iptables", "-t", "filter") == before
    assert host.chain("PREROUTING", "nat") == []
