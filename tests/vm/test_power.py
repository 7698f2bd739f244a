"""Power cuts of a virtual machine, and the death of what runs it; last, since the lab goes."""

from __future__ import annotations

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
