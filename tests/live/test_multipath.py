"""Routes with several ways on the real kernel: as declared, silent, changed, used, undone."""

from __future__ import annotations

import copy
import json

import pytest

from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live

# Two cables to `far`, whose address beyond both is reached over either.
NETWORK = {
    "links": {
        f"v{number}": {
            "kind": "veth",
            "veth": {"peer": {"name": "w0" if number == 0 else "w1", "netns": "far"}},
            "addresses": [f"10.{number}.0.1/24", f"fd00:{number + 1}::1/64"],
            "ipv6": {"accept_dad": 0},
        }
        for number in (0, 1)
    },
    "sysctl": {"net.ipv4.fib_multipath_hash_policy": 1},
    "routes": [
        {
            "dst": "192.0.2.0/24",
            "nexthops": [{"via": "10.0.0.2", "weight": 3}, {"via": "10.1.0.2", "dev": "v1"}],
        },
        {
            "dst": "2001:db8::/64",
            "nexthops": [{"via": "fd00:1::2"}, {"via": "fd00:2::2"}],
        },
    ],
    "netns": {
        "far": {
            "links": {
                "lo": {"addresses": ["192.0.2.1/32"]},
                **{
                    f"w{number}": {
                        "addresses": [f"10.{number}.0.2/24", f"fd00:{number + 1}::2/64"],
                        "ipv6": {"accept_dad": 0},
                    }
                    for number in (0, 1)
                },
            }
        }
    },
}


def _shown(sandbox, dst, family=4):
    """Gateway and weight of each way, as ip shows them."""
    (route,) = json.loads("".join(sandbox.sh(f"ip -{family} -j route show {dst}").out))
    return sorted((hop["gateway"], hop["weight"]) for hop in route.get("nexthops", ()))


def _ways(sandbox):
    """Over which links flows to different ports leave."""
    lines = sandbox.sh(
        "for port in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do"
        " ip route get 192.0.2.1 ipproto tcp sport 1000 dport $port; done"
    ).out
    return {word for line in lines for word in line.split() if word in ("v0", "v1")}


def _routes(steps):
    """What changes beside the files for the next boot."""
    return [step.thing for step in steps if not step.thing.startswith("files.")]


def _made_again(network):
    """With another name for the other end of v1."""
    again = copy.deepcopy(network)
    again["links"]["v1"]["veth"]["peer"]["name"] = "w9"
    inside = again["netns"]["far"]["links"]
    inside["w9"] = inside.pop("w1")
    return again


def test_several_ways():
    with Sandbox() as sandbox:
        sandbox.converge(NETWORK)
        assert sandbox.prepare(load(NETWORK)).plan == []
        assert _shown(sandbox, "192.0.2.0/24") == [("10.0.0.2", 3), ("10.1.0.2", 1)]
        assert _shown(sandbox, "2001:db8::/64", 6) == [("fd00:1::2", 1), ("fd00:2::2", 1)]
        assert _ways(sandbox) == {"v0", "v1"}
        assert sandbox.sh("ping -q -c 2 -W 5 192.0.2.1").status == 0

        fewer = copy.deepcopy(NETWORK)
        fewer["routes"][0] = {"dst": "192.0.2.0/24", "via": "10.1.0.2"}
        fewer["routes"][1]["nexthops"][0]["weight"] = 7
        steps = sandbox.converge(fewer)
        assert _routes(steps) == ["routes.192.0.2.0/24", "routes.2001:db8::/64"]
        assert _shown(sandbox, "192.0.2.0/24") == []
        assert _shown(sandbox, "2001:db8::/64", 6) == [("fd00:1::2", 7), ("fd00:2::2", 1)]
        assert _ways(sandbox) == {"v1"}

        assert len(_routes(sandbox.converge(NETWORK))) == 2
        assert _ways(sandbox) == {"v0", "v1"}
        # A link that is made again takes its routes along, and they come back with it.
        again = _made_again(NETWORK)
        sandbox.converge(again)
        assert sandbox.prepare(load(again)).plan == []
        assert _shown(sandbox, "192.0.2.0/24") == [("10.0.0.2", 3), ("10.1.0.2", 1)]

        sandbox.converge({})
        assert sandbox.sh("ip route show; ip -6 route show 2001:db8::/64").out == []


def test_others_routes_with_several_ways_come_back_with_their_link():
    with Sandbox() as sandbox:
        network = {"links": NETWORK["links"], "netns": NETWORK["netns"]}
        sandbox.converge(network)
        sandbox.ip("route add 198.51.100.0/24 nexthop via 10.0.0.2 weight 2 nexthop via 10.1.0.2")
        sandbox.converge(_made_again(network))
        assert _shown(sandbox, "198.51.100.0/24") == [("10.0.0.2", 2), ("10.1.0.2", 1)]


def test_the_boot_script_brings_them_back():
    with Sandbox() as sandbox:
        sandbox.converge(NETWORK)
        sandbox.sh("ip netns delete far; ip link delete dev v0; ip link delete dev v1")
        assert sandbox.sh("sh /etc/netwright/network/boot").status == 0
        assert sandbox.prepare(load(NETWORK)).plan == []
        assert _shown(sandbox, "192.0.2.0/24") == [("10.0.0.2", 3), ("10.1.0.2", 1)]
