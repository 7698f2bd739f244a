"""The benchmark's own arithmetic: what it prints must not flatter."""

from __future__ import annotations

import pytest

from benchmarks import pairs, report, workload
from benchmarks.check import expected
from benchmarks.goals import Goal, goals
from benchmarks.measure import Figures
from benchmarks.planner import exponent
from benchmarks.profile import Stage
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
    found = {goal.what: goal.figure for goal in goals(results, {}, fleet, 1, 1500.0)}
    assert found["from nothing, 50 hosts: times the controller's CPU of one"] == 4
    assert found["from nothing, n = 100: times the script by hand"] == 2
    assert found["from nothing, n = 100: times faster than Ansible"] == 150
    assert found["without change, n = 1000: commands"] is None
    assert found["make test, the last that was noted: minutes"] == 25


def test_a_host_that_waits_misses_the_goal():
    lines = [[str(goal) for goal in goals({}, {}, {}, number)] for number in (0, 1)]
    assert [line.split("  ")[0] for line in (found[-2] for found in lines)] == ["met", "NOT MET"]


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


def test_the_page_has_a_column_for_each_size_and_a_line_for_each_stage():
    results = {("netwright", 10, "cold"): _figures(2.0), ("by hand", 10, "cold"): _figures(1.0)}
    profiles = {
        number: [
            Stage("read", number / 10, 1000 * number, who="host"),
            Stage("planned", 0.5),
            Stage("without change: planned", 0.25),
            Stage("all verified", 4.0, who="verification"),
        ]
        for number in (10, 100)
    }
    left_out = {("Ansible", 10): "did not end within 60 s: TASK | shell"}
    measured = report.Measured(results, left_out, ({}, {}), profiles, {}, {})
    page = report.markdown(measured, [Goal("x", 2.0, 1.0)], 3)
    assert "| 10 | by hand | from nothing | 1.00 | 0.5 |" in page
    assert "| 10 | Ansible | not measured: did not end within 60 s |" in page
    assert "| stage | n = 10: s | kB | n = 100: s | kB |\n|---|---:|---:|---:|---:|\n" in page
    assert "| read | 1.00 | 10 | 10.00 | 100 |\n| planned | 0.50 |  | 0.50 |  |\n" in page
    assert (
        "- n = 10: start 0.00 s, the controller after that 0.50 s, the host, with two connections"
        " and what is read back, 1.00 s; by hand 1.00 s\n"
    ) in page
    assert "NOT MET       x: 2.00 (<= 1)" in page
