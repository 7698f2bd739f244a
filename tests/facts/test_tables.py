"""Tables and sets that were made by hand, as the facts tell them."""

import json

import pytest

from netwright.facts import ipset, iptables
from tests.facts.reading import example, read_fact, run_fact

pytestmark = pytest.mark.live

BY_HAND = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
ip netns add blue
iptables -N MINE
iptables -A MINE -p tcp --dport 80 -j ACCEPT
iptables -A INPUT -j MINE
iptables -P FORWARD DROP
ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
ip netns exec blue iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE
ipset create bad hash:net
ipset add bad 198.51.100.0/24
ipset create ports bitmap:port range 1-1024
"""

ONLY_NFT = """
set -e
mount -t tmpfs none /run
nft add table ip filter
nft 'add chain ip filter INPUT { type filter hook input priority 0; }'
nft add rule ip filter INPUT meta mark set ct mark
"""


@pytest.mark.parametrize("fact", [iptables.Tables, iptables.Tables6, ipset.Sets])
def test_example_runs(fact):
    assert read_fact(BY_HAND, example(fact))


def test_tables_of_the_host():
    tables = read_fact(BY_HAND, ["netwright.facts.iptables.Tables"])
    assert set(tables) == {"filter"}
    assert tables["filter"]["MINE"] == {"rules": ["-p tcp -m tcp --dport 80 -j ACCEPT"]}
    assert tables["filter"]["INPUT"] == {"policy": "ACCEPT", "rules": ["-j MINE"]}
    assert tables["filter"]["FORWARD"] == {"policy": "DROP", "rules": []}


def test_tables_of_a_namespace_and_of_ipv6():
    tables = read_fact(BY_HAND, ["netwright.facts.iptables.Tables", "netns=blue"])
    assert tables["nat"]["POSTROUTING"]["rules"] == ["-s 10.0.0.0/8 -j MASQUERADE"]
    tables = read_fact(BY_HAND, ["netwright.facts.iptables.Tables6"])
    assert tables["filter"]["INPUT"]["rules"] == ["-p ipv6-icmp -j ACCEPT"]


def test_sets():
    sets = read_fact(BY_HAND, ["netwright.facts.ipset.Sets"])
    assert set(sets) == {"bad", "ports"}
    assert (sets["bad"]["type"], sets["bad"]["entries"]) == ("hash:net", ["198.51.100.0/24"])
    assert (sets["ports"]["type"], sets["ports"]["range"]) == ("bitmap:port", "1-1024")


def test_what_only_nft_can_show_is_no_empty_answer():
    done = run_fact(ONLY_NFT, ["netwright.facts.iptables.Tables"])
    assert "Table `filter' is incompatible, use 'nft' tool" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads(done.stdout) == {"netwright.facts.iptables.Tables": {"@local": None}}
