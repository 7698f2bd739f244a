"""What a host with many namespaces costs the controller: processor time, the best of three."""

from __future__ import annotations

import time

import pytest

from netwright.plan import plan
from netwright.state import load
from tests.core.kernel import Host

pytestmark = pytest.mark.slow


def _network(number):
    """So many namespaces, each with a veth on one bridge, an address, a route and a parameter."""
    links = {"br0": {"kind": "bridge", "addresses": ["10.0.0.1/8"]}}
    spaces = {}
    for index in range(number):
        peer = {"name": "eth0", "netns": f"n{index}"}
        links[f"v{index}"] = {
            "kind": "veth", "veth": {"peer": peer}, "master": "br0", "port": {"hairpin": True}
        }  # fmt: skip
        address = f"10.1.{index // 250}.{index % 250 + 1}/8"
        spaces[f"n{index}"] = {
            "links": {"lo": {}, "eth0": {"addresses": [address]}},
            "routes": [{"dst": "default", "via": "10.0.0.1"}],
            "sysctl": {"net.ipv4.conf.all.accept_local": 1},
        }
    return load({"links": links, "netns": spaces})


def _seconds(current, desired, steps):
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        assert bool(plan(current, desired)) is steps
        best = min(best, time.process_time() - started)
    return best


@pytest.fixture(scope="module")
def figures():
    found = {}
    for number in (250, 1000):
        desired, host = _network(number), Host()
        empty = host.snapshot(desired).state
        cold = _seconds(empty, desired, True)
        host.run(plan(empty, desired))
        found[number] = cold, _seconds(host.snapshot(desired).state, desired, False)
        print(f"\n{number} namespaces: planned in {found[number][0]:.2f} s from nothing,"
              f" in {found[number][1]:.2f} s without change")  # fmt: skip
    return found


def test_a_thousand_namespaces_are_planned_within_a_second(figures):
    assert max(figures[1000]) < 1


def test_the_time_grows_with_the_number(figures):
    for few, many in zip(figures[250], figures[1000], strict=True):
        assert many < few * 4 * 1.75
