"""The benchmark's own arithmetic: what it prints must not flatter."""

from __future__ import annotations

import pytest

from benchmarks import pairs, workload
from benchmarks.check import expected
from benchmarks.goals import Goal, goals
from benchmarks.measure import Figures
from benchmarks.planner import exponent
from netwright.state import load


def _figures(seconds, commands=1):
    return Figures(seconds, seconds, 0.0, commands, 0)


def test_the_workload_is_what_it_says():
    state = load(workload.declaration(10))
    assert len(state.netns) == 10
    assert sum(len(chain.rules) for chain in state.iptables["filter"].values()) == 50
    assert len(workload.HOST_PARAMETERS) == 20
    wanted = expected(10, False)
    assert wanted.total() == 10 + 10 + 50 + 20
    assert (expected(10, True) - wanted).total() == 1


def test_a_plan_that_takes_the_square_of_the_time_is_told():
    squared = {size: ((size / 1000) ** 2, 1.0) for size in (100, 1000, 10_000, 100_000)}
    assert exponent(squared) == pytest.approx(2)


def test_a_goal_that_is_missed_says_so():
    assert str(Goal("x", 2.0, 1.0)).startswith("NOT MET")
    assert str(Goal("x", 2.0, 1.0, least=True)).startswith("met")
    assert str(Goal("x", None, 1.0)).startswith("not measured")


def test_ratios_have_the_slower_one_above():
    results = {
        ("netwright", 100, "cold"): _figures(2.0),
        ("by hand", 100, "cold"): _figures(1.0),
        ("Ansible", 100, "cold"): _figures(300.0),
    }
    fleet = {1: (_figures(1.0), _figures(1.0)), 50: (_figures(4.0), _figures(2.0))}
    found = {goal.what: goal.figure for goal in goals(results, {}, fleet)}
    assert found["from nothing, 50 hosts: times the controller's CPU of one"] == 4
    assert found["from nothing, n = 100: times the script by hand"] == 2
    assert found["from nothing, n = 100: times faster than Ansible"] == 150
    assert found["without change, n = 1000: commands"] is None


def test_the_pairs_of_managers_are_the_same_for_all():
    state = load(pairs.declaration(300, True))
    ports = {name: link.mtu for name, link in state.links.items() if link.master}
    addresses = {
        f"address {name} {address}"
        for name, link in state.links.items()
        for address in link.addresses or ()
    }
    assert len(ports) == 300
    assert len(addresses) == 301
    declared = addresses | {f"port {name} {mtu}" for name, mtu in ports.items()}
    assert declared == pairs.expected(300, True)
    for text in (pairs.floor(300, False), pairs.ifupdown2(300, True), pairs.networkd(300, True)):
        assert all(line.split()[2] in text for line in addresses)
