"""The engine of virtual machines: another kernel, on one network with containers."""

from __future__ import annotations

import json
import os

import pytest

from tests.vm.machines import Machines

pytestmark = pytest.mark.lab


def test_hosts_on_two_kernels_share_a_network(machines: Machines) -> None:
    status = machines.lab("status")
    assert status.count(" up\n") == 2
    kernels = {host: machines.ssh(host, "uname -r").strip() for host in "ac"}
    assert kernels["a"].endswith("-cloud-amd64")
    assert kernels["a"] != kernels["c"] == os.uname().release
    (eth0,) = json.loads(machines.ssh("a", "ip -j address show dev eth0"))
    assert {each["local"] for each in eth0["addr_info"] if each["scope"] == "global"} == {
        "198.18.171.10",
        "fd00:198:18:171::10",
    }
    (route,) = json.loads(machines.ssh("a", "ip -j route show default"))
    assert route["gateway"] == "198.18.171.1"
    assert machines.ssh("a", "ls /sys/class/net").split() == ["eth0", "lo"]
    assert machines.ssh("a", "systemctl is-system-running").strip() == "running"
    for source, target in (("a", "c"), ("c", "a")):
        machines.ssh(source, f"ping -c 1 -W 9 -4 {target} && ping -c 1 -W 9 -6 {target}")


def test_cards_hand_over_whole_streams(machines: Machines) -> None:
    """Segments and checksums that a card leaves unfinished are finished on the way."""
    machines.ssh("c", "timeout 100 nc -l -p 4000 >/tmp/got </dev/null 2>/dev/null & sleep 1")
    machines.ssh("a", "head -c 300000 /dev/zero | timeout 90 nc -q 5 c 4000; sleep 1")
    assert machines.ssh("c", "stat -c %s /tmp/got").strip() == "300000"


def test_a_way_in_without_the_network(machines: Machines) -> None:
    shell = ("netwright", "lab", "shell", machines.inventory, "a")
    machines.run(*shell, "iptables", "-P", "INPUT", "DROP")
    try:
        assert machines.run(*shell, "echo", "two  words").stdout == "two  words\n"
        machines.run(*shell, "false", ok=False)
    finally:
        machines.run(*shell, "iptables", "-P", "INPUT", "ACCEPT")
    assert machines.ssh("a", "hostname") == "a\n"
