"""Every fact's example, run by pyinfra in a sandbox and compared with what was made by hand."""

import re

import pytest

from netwright.facts import network
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
ip link add name v7 type veth peer name eth0 netns blue
ip link set dev v7 master br7
ip -n blue address add 10.7.0.2/24 dev eth0
ip route add 10.8.0.0/16 via 10.7.0.2 dev br7
ip rule add from 10.7.0.0/24 priority 77 table 100
ip neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev br7 nud permanent
ip neigh add proxy 10.7.0.10 dev br7
"""


def _fact(words):
    return read_fact(BY_HAND, words)


@pytest.mark.parametrize("name", network.__all__)
def test_example_runs(name):
    fact = getattr(network, name)
    assert re.search(r"^\s+\+ netns:", fact.__doc__, re.M)
    assert _fact(example(fact))


def test_links_of_a_namespace():
    links = _fact(example(network.Links))
    assert links["eth0"]["addresses"] == ["10.7.0.2/24"]
    assert links["eth0"]["veth"] == {"peer": {"name": "v7", "netns": "host"}}
    assert links["eth0"]["state"] == "down"


def test_links_of_the_host():
    links = _fact(["netwright.facts.network.Links"])
    assert links["br7"]["kind"] == "bridge"
    assert links["br7"]["bridge"]["stp_state"] is False
    assert links["v7"]["master"] == "br7"
    assert links["v7"]["port"]["hairpin"] is False


def test_lists():
    (route,) = [item for item in _fact(example(network.Routes)) if item["dst"] == "10.8.0.0/16"]
    assert (route["via"], route["dev"]) == ("10.7.0.2", "br7")
    (rule,) = _fact(example(network.Rules))
    assert (rule["priority"], rule["from"], rule["table"]) == (77, "10.7.0.0/24", 100)
    found = {item["dst"]: item for item in _fact(example(network.Neighbours))}
    assert found["10.7.0.9"]["mac"] == "02:00:00:00:00:09"
    assert found["10.7.0.10"]["proxy"] is True
