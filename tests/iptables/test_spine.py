"""A declared firewall, on the real kernel and on both backends: made, kept, mended, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from netwright import run as runs
from netwright.errors import HostError
from netwright.iptables import FAMILIES
from tests.iptables.host import Host

pytestmark = pytest.mark.live

DOCUMENT: dict[str, Any] = {
    "ipsets": {"blocked": {"type": "hash:net", "entries": ["198.51.100.0/24", "10.9.0.0/16"]}},
    "iptables": {
        "filter": {
            "INPUT": {
                "policy": "DROP",
                "rules": [
                    "-i lo -j ACCEPT",
                    "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                    "-p tcp -m multiport --dports 22,80 -j ACCEPT",
                    "-s 10.0.0.1,10.0.0.2 -j MY_WEB",
                    "-m set --match-set blocked src -j DROP",
                ],
            },
            "MY_WEB": ["-p tcp --dport http -j ACCEPT", "-j RETURN"],
        },
        "nat": {"POSTROUTING": ["-s 172.16.0.0/24 ! -d 172.16.0.0/24 -j MASQUERADE"]},
    },
    "ip6tables": {"filter": {"FORWARD": {"policy": "DROP", "rules": ["-s fd00::/64 -j ACCEPT"]}}},
    "netns": {
        "blue": {
            "iptables": {"nat": {"PREROUTING": ["-p tcp --dport 88 -j REDIRECT --to-ports 8080"]}}
        }
    },
}


def test_made_kept_and_taken_away(host: Host) -> None:
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP; ip6tables -A INPUT -p udp -j DROP")
    before = [host.rules(tool, "-t", "filter") for tool in FAMILIES]
    assert host.converge(DOCUMENT)
    assert host.chain("INPUT") == [
        "-s 9.9.9.9/32 -j DROP",
        "-i lo -j ACCEPT",
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-p tcp -m multiport --dports 22,80 -j ACCEPT",
        "-s 10.0.0.1/32 -j MY_WEB",
        "-s 10.0.0.2/32 -j MY_WEB",
        "-m set --match-set blocked src -j DROP",
    ]
    assert host.chain("MY_WEB") == ["-p tcp -m tcp --dport 80 -j ACCEPT", "-j RETURN"]
    assert ":INPUT DROP" in host.rules()
    host.sh("iptables -t nat -C POSTROUTING -s 172.16.0.0/24 ! -d 172.16.0.0/24 -j MASQUERADE")
    redirect = "-A PREROUTING -p tcp -m tcp --dport 88 -j REDIRECT --to-ports 8080"
    assert redirect in host.rules(netns="blue")
    assert not host.converge(DOCUMENT)
    assert host.converge({})
    assert [host.rules(tool, "-t", "filter") for tool in FAMILIES] == before
    assert host.chain("POSTROUTING", "nat") == []
    assert host.sh("ip netns; ipset save") == ""


@pytest.mark.parametrize(
    "drift",
    [
        "iptables -D INPUT 3",
        "iptables -A INPUT -i lo -j ACCEPT",
        "iptables -P INPUT ACCEPT",
        "iptables -F MY_WEB",
        "iptables -I MY_WEB -s 1.1.1.1 -j DROP",
        "iptables -A MY_WEB -j RETURN",
        "iptables -D INPUT 1; iptables -A INPUT -i lo -j ACCEPT",
        "iptables -t nat -F",
        "ip6tables -P FORWARD ACCEPT; ip6tables -F",
        "ip netns exec blue iptables -t nat -F",
        "ipset del blocked 10.9.0.0/16; ipset add blocked 10.8.0.0/16",
        "iptables -F; iptables -X; ipset destroy blocked",
    ],
)
def test_drift_is_mended(host: Host, drift: str) -> None:
    host.converge(DOCUMENT)
    before = host.rules(), host.rules("ip6tables"), host.rules(netns="blue")
    sets = sorted(host.sh("ipset save | grep add").splitlines())
    host.sh(drift)
    assert host.converge(DOCUMENT)
    assert (host.rules(), host.rules("ip6tables"), host.rules(netns="blue")) == before
    assert sorted(host.sh("ipset save | grep add").splitlines()) == sets
    assert not host.converge(DOCUMENT)


def test_a_run_that_fails_leaves_the_tables_as_they_were(host: Host) -> None:
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP; iptables -N OTHER")
    before = host.rules("iptables", "-t", "filter")
    document = {**DOCUMENT, "sysctl": {"net.ipv4.no_such_parameter": 1}}
    run = host.prepare(document)
    answer = host.execute(run)
    assert answer.failed is not None
    assert answer.failed.path == "sysctl.net/ipv4/no_such_parameter"
    assert answer.left == ()
    assert host.rules("iptables", "-t", "filter") == before
    assert [line for line in host.rules() if line.startswith("-A")] == before[5:6]
    assert host.sh("ipset save; ip netns") == ""


def test_others_who_write_meanwhile_are_not_overwritten(host: Host) -> None:
    run = host.prepare(DOCUMENT)
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP")
    before = host.rules("iptables", "-t", "filter")
    answer = host.execute(run)
    assert answer.failed is not None
    assert "others have changed the table filter meanwhile" in answer.words
    assert answer.left == ()
    assert host.rules("iptables", "-t", "filter") == before


def test_refused_rules_are_told_all_at_once(host: Host) -> None:
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP")
    before = host.rules()
    document = {
        "iptables": {
            "filter": {
                "INPUT": ["-j MASQUERADE", "-i lo -j ACCEPT", "-p tcp --no-such -j DROP"],
                "MINE": ["-j NOWHERE", "-m set --match-set nothing src -j DROP"],
            },
            "nat": {"PREROUTING": ["-j SNAT --to-source 1.2.3.4"]},
        }
    }
    with pytest.raises(HostError) as error:
        host.prepare(document)
    found = {problem.path: problem.what for problem in error.value.problems}
    assert sorted(found) == [
        "iptables.filter.INPUT.rules[0]",
        "iptables.filter.INPUT.rules[2]",
        "iptables.filter.MINE.rules[0]",
        "iptables.filter.MINE.rules[1]",
        "iptables.nat.PREROUTING.rules[0]",
    ]
    assert "unknown option" in found["iptables.filter.INPUT.rules[2]"]
    assert "NOWHERE" in found["iptables.filter.MINE.rules[0]"]
    assert "Set nothing doesn't exist" in found["iptables.filter.MINE.rules[1]"]
    assert all("\n" not in what for what in found.values())
    assert host.rules() == before


def test_the_plan_tells_rule_by_rule(host: Host) -> None:
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP; iptables -N MINE; iptables -A MINE -j ACCEPT")
    run = host.prepare({"iptables": {"filter": {"INPUT": {"policy": "DROP"}, "MINE": ["-j DROP"]}}})
    assert list(runs.lines(run.network)) == [
        "~ iptables.filter.INPUT: policy ACCEPT -> DROP",
        "~ iptables.filter.MINE",
        "    - 1: -j ACCEPT",
        "    + 1: -j DROP",
    ]
