"""The engine of virtual machines: another kernel, on one network with containers."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.vm.machines import Machines

pytestmark = pytest.mark.lab


def qemus(machines: Machines) -> list[int]:
    """The qemu processes of the lab."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_text().split("\0") if entry.name.isdigit() else [""]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[0].endswith("qemu-system-x86_64") and str(machines.state) in " ".join(words):
            found.append(int(entry.name))
    return found


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


def test_the_kernel_has_what_containers_lack(machines: Machines) -> None:
    for kind in ("dummy", "bond", "ifb", "vrf type vrf table 7", "vlan link eth0 type vlan id 7"):
        name, _, rest = kind.partition(" ")
        words = rest or f"type {name}"
        words = words.removeprefix("link eth0 ")
        parent = "link eth0 " if name == "vlan" else ""
        machines.ssh("a", f"ip link add {parent}name x0 {words} && ip link delete dev x0")


def test_a_way_in_without_the_network(machines: Machines) -> None:
    shell = ("netwright", "lab", "shell", machines.inventory, "a")
    machines.run(*shell, "iptables", "-P", "INPUT", "DROP")
    try:
        assert machines.run(*shell, "echo", "two  words").stdout == "two  words\n"
        machines.run(*shell, "false", ok=False)
    finally:
        machines.run(*shell, "iptables", "-P", "INPUT", "ACCEPT")
    assert machines.ssh("a", "hostname") == "a\n"


def test_udev_does_not_have_the_last_word(machines: Machines) -> None:
    """A vendor's glob sets each new link's parameter, late; declared ones end as declared."""
    machines.ssh("a", "echo 'net.ipv4.conf.*.rp_filter = 2' >/usr/lib/sysctl.d/60-vendor.conf")
    settled = "udevadm settle --timeout=60; cat /proc/sys/net/ipv4/conf/{}/rp_filter"
    machines.ssh("a", "ip link add name foreign type bridge")
    assert machines.ssh("a", settled.format("foreign")) == "2\n", "udev does what it does elsewhere"
    machines.ssh("a", "ip link delete dev foreign; sysctl -qw net.ipv4.conf.all.rp_filter=0")
    links = {
        f"v{number}": {
            "kind": "veth",
            "veth": {"peer": {"name": f"w{number}"}},
            "ipv4": {"rp_filter": number % 2},
        }
        for number in range(4)
    }
    network = {"sysctl": {"net.ipv4.conf.all.rp_filter": 0}, "links": links}
    machines.declare("a", network)
    machines.deploy("a")

    def values() -> list[str]:
        return [machines.ssh("a", settled.format(name)).strip() for name in links]

    assert values() == ["0", "1", "0", "1"]
    assert "No changes" in machines.deploy("a")

    before = machines.ssh("a", "cat /proc/sys/kernel/random/boot_id")
    machines.lab("reboot", "a")
    assert machines.ssh("a", "cat /proc/sys/kernel/random/boot_id") != before
    assert values() == ["0", "1", "0", "1"]
    assert "No changes" in machines.deploy("a")
    machines.declare("a", {})
    machines.deploy("a")
    assert machines.ssh("a", "ls /sys/class/net").split() == ["eth0", "lo"]
    machines.ssh("a", "rm /usr/lib/sysctl.d/60-vendor.conf")


def test_a_power_cut_keeps_the_disk_and_nothing_else(machines: Machines) -> None:
    machines.ssh("a", "echo kept >/root/file; sync; ip link add name gone type bridge")
    machines.lab("reboot", "a", "--hard")
    assert machines.ssh("a", "cat /root/file; ls /sys/class/net").split() == ["kept", "eth0", "lo"]


def test_a_killed_machine_is_brought_up_again(machines: Machines) -> None:
    (pid,) = qemus(machines)
    os.kill(pid, signal.SIGKILL)
    gone(machines)
    done = machines.run("netwright", "lab", "status", machines.inventory, ok=False)
    assert done.stdout.count(" up\n") == 1
    # Reading the inventory brings it up, as it does for containers.
    machines.run("python", machines.inventory)
    assert machines.ssh("a", "cat /root/file") == "kept\n"
    # Its supervisor dies: qemu goes with it.
    (cgroup,) = Path("/sys/fs/cgroup").rglob("netwright-lab/vm-tests-*/a/supervisor")
    for line in (cgroup / "cgroup.procs").read_text().split():
        os.kill(int(line), signal.SIGKILL)
    gone(machines)
    machines.lab("down")
    assert not list((machines.state / "labs").iterdir())


def gone(machines: Machines) -> None:
    """Wait until no qemu of the lab is left."""
    deadline = time.monotonic() + 30
    while qemus(machines):
        assert time.monotonic() < deadline, "qemu outlives its lab"
        time.sleep(0.1)
