"""Five hundred workloads on a lab host: how many commands a run of the deploy is, told by sshd."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installs.bench import Bench
from tests.installs.workloads import sh

pytestmark = [pytest.mark.lab, pytest.mark.slow]

COUNT = 500
NAMES = [f"w{n}" for n in range(COUNT)]
HOSTS = ("f0", "f1")
# In an earlier operation of the same run: what was read before it is no longer so.
BREAKS = """
from pyinfra.operations import server

server.shell(name="By hand", commands=["ip -n w7 route del default || ip -n one route del default"])
"""


def _declare(bench: Bench, workloads: list[str]) -> None:
    groups = ["even", "odd"]
    nodes: dict[str, Any] = {
        "f0": {"workloads": {name: {"groups": [groups[len(name) % 2]]} for name in workloads}},
        "f1": {"workloads": {"one": {"groups": ["odd"]}}},
    }
    # Groups' addresses are in sets, which every host has.
    policy = {"rules": [{"action": "allow", "from": "even", "to": "odd"}]}
    fabric = {"pool": "10.66.0.0/16", "block_size": 22, "hosts": nodes, "policy": policy}
    # What makes five hundred takes its time on a machine that has other things to do.
    bench.declare({host: {} for host in HOSTS}, fabric=fabric, confirm=300)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "fb8s", "198.18.85.0/24", "fabric", ("bird2",))
    _declare(made, NAMES)
    made.up()
    for host in HOSTS:
        log = "echo LogLevel VERBOSE >/etc/ssh/sshd_config.d/log.conf; systemctl restart ssh"
        sh(made, host, log)
    yield made
    made.down()


def _sessions(bench: Bench, host: str) -> int:
    """How many commands came over SSH so far."""
    count = "journalctl --sync; journalctl -q -u ssh -t sshd -o cat | grep -c '^Starting session'"
    return int(sh(bench, host, f"{count} || true"))


def _cost(bench: Bench, what: str) -> tuple[str, list[int]]:
    """A run's output, and how many commands each host has got."""
    before = [_sessions(bench, host) for host in HOSTS]
    began = time.monotonic()
    output = bench.deploy("fabric", "-y")
    seconds = time.monotonic() - began
    cost = [_sessions(bench, host) - had for host, had in zip(HOSTS, before, strict=True)]
    print(f"{COUNT} workloads, {what}: {cost[0]} commands, {seconds:.1f} s")
    return output, cost


def test_a_run_without_change_is_one_command(bench: Bench) -> None:
    print()
    _cost(bench, "from nothing")
    output, cost = _cost(bench, "again")
    assert "No changes" in output
    assert cost == [1, 1]
    # The first: by its place in the declaration, all the others would have other addresses.
    _declare(bench, ["new", *NAMES])
    output, cost = _cost(bench, "one more")
    assert output.count("(veth)") == 1, output
    # One reads, one changes, one confirms over a new connection. The other has its group's new
    # address.
    assert cost == [3, 3]
    output, cost = _cost(bench, "and again")
    assert "No changes" in output
    assert cost == [1, 1]
    _after_another_operation(bench)


def _after_another_operation(bench: Bench) -> None:
    """What was read ahead is not what the host is like by then."""
    breaks = bench.path / "breaks.py"
    breaks.write_text(BREAKS)
    output = bench.deploy("fabric", "-y", first=(str(breaks),))
    assert "[f0] + netns.w7.routes.default: via 169.254.1.1 dev eth0" in output, output
    assert "default via 169.254.1.1" in sh(bench, "f0", "ip -n w7 route")
