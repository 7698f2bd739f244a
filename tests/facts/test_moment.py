"""What the kernel knows at this moment: FIB look-ups, connections, members, neighbours, tables."""

import re

import pytest

from netwright.facts import reading
from tests.facts.reading import example, read_fact

pytestmark = pytest.mark.live

BY_HAND = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
ip link set dev lo up
ip netns add blue
ip link add name br7 type bridge stp_state 0
ip address add 10.7.0.1/24 dev br7
ip link set dev br7 up
ip route add 10.8.0.0/16 via 10.7.0.2 dev br7
ip route add blackhole 10.66.0.0/16
ip rule add fwmark 7 priority 78 table 101
ip route add default via 10.7.0.3 dev br7 table 101
ip neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev br7 nud permanent
ipset create blocked hash:net
ipset add blocked 10.9.0.0/16
iptables -A INPUT -m conntrack --ctstate NEW
conntrack -I -p udp -s 10.7.0.8 -d 10.7.0.9 --sport 1 --dport 2 -t 600 > /dev/null
"""


def _fact(words):
    return read_fact(BY_HAND, words)


@pytest.mark.parametrize("name", reading.__all__)
def test_example_runs(name):
    fact = getattr(reading, name)
    assert re.search(r"^\s+\+ netns:", fact.__doc__, re.M)
    assert _fact(example(fact))


def test_what_the_kernel_would_do():
    lookup = "netwright.facts.reading.Lookup"
    found = _fact([lookup, "dst=10.8.0.1"])
    assert (found["dev"], found["gateway"], found["prefsrc"]) == ("br7", "10.7.0.2", "10.7.0.1")
    # A rule decides.
    assert _fact([lookup, "dst=10.8.0.1", "mark=7"])["gateway"] == "10.7.0.3"
    assert "error" in _fact([lookup, "dst=10.66.0.1"])
    assert "error" in _fact([lookup, "dst=10.8.0.1", "netns=blue"])


def test_members_are_asked_of_the_kernel():
    member = "netwright.facts.reading.Member"
    assert _fact([member, "ipset=blocked", "entry=10.9.3.4"]) is True
    assert _fact([member, "ipset=blocked", "entry=10.10.3.4"]) is False


def test_connections_are_counted():
    found = _fact(example(reading.Conntrack))
    assert found["count"] >= 1
    assert found["max"] > 1000
    assert "insert_failed" in found


def test_all_neighbours_and_all_tables():
    (seen,) = [item for item in _fact(example(reading.SeenNeighbours)) if "lladdr" in item]
    assert (seen["dst"], seen["state"]) == ("10.7.0.9", ["PERMANENT"])
    tables = _fact(example(reading.Tables))
    assert {"main", "local", "101"} <= set(tables)
    assert "10.7.0.1" in [route["dst"] for route in tables["local"]]
