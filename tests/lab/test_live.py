"""Real labs: up, used, broken and gone, looked at by other means than the lab's own."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab.bench import Bench

pytestmark = pytest.mark.lab


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def machine() -> dict[str, Any]:
    """The machine's network, without what changes by itself and without the labs' links."""
    links = [
        {key: link.get(key) for key in ("ifname", "address", "mtu", "flags", "master", "addr_info")}
        for link in json.loads(output("ip", "-j", "address"))
        if not link["ifname"].startswith("nwlab-")
    ]
    for link in links:
        for address in link["addr_info"]:
            address.pop("valid_life_time", None)
            address.pop("preferred_life_time", None)
    routes = json.loads(output("ip", "-j", "route", "show", "table", "all"))
    return {
        "links": links,
        "routes": [route for route in routes if not route["dev"].startswith("nwlab-")],
        "rules": json.loads(output("ip", "-j", "rule")),
        "netns": output("ip", "netns"),
        "iptables": re.sub(r"(?m)^#.*\n|\[\d+:\d+\]", "", output("iptables-save")),
        "forward": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "forward6": Path("/proc/sys/net/ipv6/conf/all/forwarding").read_text(),
    }


def wired(bench: Bench, lab: str) -> bool:
    """Whether the machine has the lab's link; others' come and go."""
    return Path("/sys/class/net", bench.link(lab)).exists()


def processes(word: str) -> list[int]:
    """Processes with the word in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [pid for pid in found if pid != os.getpid()]


def cgroups(lab: str) -> list[str]:
    found = output("find", "/sys/fs/cgroup", "-type", "d", "-path", f"*netwright-lab/{lab}-*")
    return found.split()


def traces(bench: Bench, lab: str) -> list[object]:
    """All that a lab could have left."""
    mounts = [
        line
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if str(bench.state) in line
    ]
    left = list((bench.state / "labs").iterdir()) if (bench.state / "labs").exists() else []
    return [*processes(str(bench.state)), *mounts, *left, *cgroups(lab)]


def _worked() -> float:
    """Processor time of what was run: how long it takes depends on what runs beside it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_lab_from_pyinfra_to_down(bench: Bench) -> None:
    before = machine()
    inventory = bench.inventory("t-life", "198.18.210.0/24", "a b outside")

    said = bench.run("pyinfra", "-y", inventory, "exec", "--", "hostname")
    names = re.findall(r"^\[\w+\] +(\w+)$", said.stdout + said.stderr, re.M)
    assert sorted(names) == ["a", "b", "outside"]
    assert machine() == before, "only the lab's own link may come"
    assert wired(bench, "t-life")

    # Whole hosts: systemd is up, the network is there, packets get through by name and family.
    assert bench.ssh("t-life", "a", "systemctl is-system-running").strip() == "running"
    addresses = json.loads(bench.ssh("t-life", "b", "ip -j address show dev eth0"))
    assert {each["local"] for each in addresses[0]["addr_info"] if each["scope"] == "global"} == {
        "198.18.210.11",
        "fd00:198:18:210::11",
    }
    bench.ssh("t-life", "a", "ping -c 1 -W 2 -4 outside && ping -c 1 -W 2 -6 outside")
    route = json.loads(bench.ssh("t-life", "a", "ip -j route show default"))
    assert route[0]["gateway"] == "198.18.210.1"
    bench.ssh("t-life", "a", "sysctl -w net.ipv4.ip_forward=1")

    # Reuse is a matter of file reads: it starts nothing and waits for nobody.
    boots = [path.read_text() for path in bench.state.glob("labs/*/hosts/*/boots")]
    took = []
    with (bench.state / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in range(3):
            began = _worked()
            bench.run("python", inventory)
            took.append(_worked() - began)
    assert min(took) < 0.5
    assert [path.read_text() for path in bench.state.glob("labs/*/hosts/*/boots")] == boots

    assert "3/3 up" in bench.run("netwright", "lab", "list").stdout
    assert bench.run("netwright", "lab", "status", inventory).stdout.count(" up\n") == 3

    bench.run("netwright", "lab", "down", inventory)
    assert traces(bench, "t-life") == []
    assert not wired(bench, "t-life")
    assert machine() == before
    bench.run("netwright", "lab", "status", inventory, ok=False)


def test_what_is_on_a_host(bench: Bench) -> None:
    inventory = bench.inventory("t-host", "198.18.211.0/24", "a")
    bench.run("netwright", "lab", "up", inventory)

    python = bench.ssh("t-host", "a", "find / -xdev -iname '*python3*' -perm /111 -type f")
    assert python == "", "the target needs no Python, and the lab has none to prove it"
    tools = "ip bridge ss sysctl iptables ip6tables ipset nft arping ping tcpdump curl nc"
    tools += " conntrack socat busybox sudo modprobe nsenter"
    bench.ssh("t-host", "a", f"for tool in {tools}; do command -v $tool || exit 1; done")
    assert bench.ssh("t-host", "admin@a", "id -un; sudo -n id -un").split() == ["admin", "root"]
    key = bench.state / "ssh" / "id_ed25519"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700

    # Root inside without the host's network, and with the exit status of what ran.
    bench.ssh("t-host", "a", "iptables -P INPUT DROP & sleep 0.2")
    shell = ("netwright", "lab", "shell", "t-host", "a")
    assert bench.run(*shell, "hostname").stdout == "a\n"
    bench.run(*shell, "iptables", "-P", "INPUT", "ACCEPT")
    bench.run(*shell, "false", ok=False)
    assert bench.ssh("t-host", "a", "hostname") == "a\n"


def test_a_reboot_keeps_the_disk_and_nothing_else(bench: Bench) -> None:
    inventory = bench.inventory("t-boot", "198.18.212.0/24", "a b")
    bench.run("netwright", "lab", "up", inventory)
    bench.ssh("t-boot", "a", "echo kept >/root/file; ip link add gone type bridge; sync")

    def check(host: str, boot: str) -> str:
        now, file, links = bench.ssh(
            "t-boot",
            host,
            "cat /proc/sys/kernel/random/boot_id; cat /root/file; ls /sys/class/net",
        ).split("\n", 2)
        assert now != boot
        assert file == "kept"
        assert links.split() == ["eth0", "lo"]
        bench.ssh("t-boot", host, "ip link add gone type bridge")
        return now

    bench.run("netwright", "lab", "reboot", inventory, "a")
    boot = check("a", "")
    bench.run("netwright", "lab", "reboot", inventory, "a", "--hard")
    boot = check("a", boot)
    # Typed on the host itself: the inventory waits until it is back.
    subprocess.run(
        ["ssh", "-F", bench.state / "labs/t-boot/ssh_config", "a", "reboot"],
        capture_output=True,
        check=False,
    )
    deadline = time.monotonic() + 20
    while (bench.state / "labs/t-boot/hosts/a/boots").stat().st_size < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    bench.run("python", inventory)
    check("a", boot)
    assert (bench.state / "labs/t-boot/hosts/b/boots").stat().st_size == 1
    # Powered off, it stays off until somebody wants it.
    subprocess.run(
        ["ssh", "-F", bench.state / "labs/t-boot/ssh_config", "a", "poweroff"],
        capture_output=True,
        check=False,
    )
    deadline = time.monotonic() + 20
    while " off" not in bench.run("netwright", "lab", "status", inventory, ok=None).stdout:
        assert time.monotonic() < deadline
    bench.run("netwright", "lab", "status", inventory, ok=False)
    bench.run("python", inventory)
    assert bench.ssh("t-boot", "a", "cat /root/file") == "kept\n"


@pytest.mark.parametrize("victim", ["unshare", "supervise.sh", "systemd-nspawn"])
def test_a_killed_host_is_brought_up_again(bench: Bench, victim: str) -> None:
    inventory = bench.inventory("t-kill", "198.18.213.0/24", "a")
    bench.run("netwright", "lab", "up", inventory)
    bench.ssh("t-kill", "a", "echo kept >/root/file; sync")
    all_of_it = processes(str(bench.state))
    (pid, *_) = [
        pid
        for pid in all_of_it
        if Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0].endswith(victim)
        or Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1].endswith(victim)
    ]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes(str(bench.state)):
        assert time.monotonic() < deadline, "the rest went with it"
    bench.run("netwright", "lab", "status", inventory, ok=False)
    bench.run("python", inventory)
    assert bench.ssh("t-kill", "a", "cat /root/file") == "kept\n"
    bench.run("netwright", "lab", "down", inventory)
    assert traces(bench, "t-kill") == []


@pytest.mark.parametrize("after", [0.25, 0.3, 0.35, 0.45, 0.6, 0.8, 1.0])
def test_a_controller_that_dies_halfway_leaves_nothing_that_cannot_be_repaired(
    bench: Bench, after: float
) -> None:
    inventory = bench.inventory("t-half", "198.18.214.0/24", "a b")
    controller = subprocess.Popen(
        [Path(sys.executable).with_name("netwright"), "lab", "up", inventory],
        env=bench.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after)
    os.killpg(controller.pid, signal.SIGKILL)
    controller.wait()
    if after != 0.6:
        bench.run("netwright", "lab", "up", inventory)
        assert bench.ssh("t-half", "b", "hostname") == "b\n"
    bench.run("netwright", "lab", "down", "--all")
    assert traces(bench, "t-half") == []
    assert not wired(bench, "t-half")


def test_what_is_lost_of_the_wiring_is_made_again(bench: Bench) -> None:
    inventory = bench.inventory("t-wire", "198.18.215.0/24", "a")
    bench.run("netwright", "lab", "up", inventory)
    output("ip", "link", "del", bench.link("t-wire"))
    bench.run("python", inventory)
    assert bench.ssh("t-wire", "a", "hostname") == "a\n"
    # As a controller leaves it that died between the machine's link and the switch.
    lab = bench.state / "labs" / "t-wire"
    (lab / "wired").unlink()
    output("nsenter", f"--net={lab / 'switch'}", "ip", "link", "del", "lab")
    bench.run("python", inventory)
    assert bench.ssh("t-wire", "a", "hostname") == "a\n"


def test_two_labs_side_by_side(bench: Bench) -> None:
    one = bench.inventory("t-one", "198.18.216.0/24", "a b")
    two = bench.inventory("t-two", "198.18.217.0/24", "a b")
    running = [
        subprocess.Popen(
            [Path(sys.executable), inventory], env=bench.environment, stderr=subprocess.PIPE
        )
        for inventory in (one, two, one)
    ]
    assert [process.communicate(timeout=120)[1] and process.returncode for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    bench.ssh("t-one", "a", "echo one >/root/file")
    bench.ssh("t-two", "a", "echo two >/root/file")
    assert bench.ssh("t-one", "a", "cat /root/file") == "one\n"
    for host in ("a", "b"):
        boots = bench.state / "labs" / "t-one" / "hosts" / host / "boots"
        assert boots.stat().st_size == 1, "two calls for one lab start it once"
    # The machine is no router between them.
    with pytest.raises(AssertionError, match="100% packet loss"):
        bench.ssh("t-one", "a", "ping -c 1 -W 1 198.18.217.10")
    bench.run("netwright", "lab", "down", one)
    assert traces(bench, "t-one") == [
        trace for trace in traces(bench, "t-two") if "t-two-" not in str(trace)
    ]
    assert bench.ssh("t-two", "b", "hostname") == "b\n"


def test_a_machine_that_forwards_nothing_does_not_keep_hosts_apart(bench: Bench) -> None:
    inventory = bench.inventory("t-drop", "198.18.217.0/24", "a b")
    # A network namespace in place of the machine; its policies are those that Docker leaves.
    script = """
        set -e
        iptables -P FORWARD DROP
        ip6tables -P FORWARD DROP
        test "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1
        "$0" lab up "$1"
        "$0" lab shell "$1" a ping -c 1 -W 2 -4 b
        "$0" lab shell "$1" a ping -c 1 -W 2 -6 b
        "$0" lab down "$1"
    """
    if not Path("/proc/sys/net/bridge").exists():
        pytest.skip("the kernel has no br_netfilter: bridges do not ask iptables")
    done = subprocess.run(
        [
            "unshare",
            "-n",
            "sh",
            "-c",
            script,
            Path(sys.executable).with_name("netwright"),
            inventory,
        ],
        env=bench.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_data_of_a_host_is_enough_for_testinfra(bench: Bench) -> None:
    inventory = bench.inventory("t-infra", "198.18.216.0/24", "a")
    done = bench.run(
        "python",
        "-c",
        f"""
import runpy, testinfra
(name, data), = runpy.run_path({str(inventory)!r})["hosts"]
host = testinfra.get_host(
    f"ssh://{{data['ssh_user']}}@{{data['ssh_hostname']}}:{{data['ssh_port']}}",
    ssh_identity_file=data["ssh_key"],
    ssh_extra_args="-o StrictHostKeyChecking=" + data["ssh_strict_host_key_checking"]
    + " -o UserKnownHostsFile=" + data["ssh_known_hosts_file"],
    controlpersist=0,
)
print(host.interface("eth0").addresses)
""",
    )
    assert "198.18.216.10" in done.stdout


def test_overlapping_networks_are_refused(bench: Bench) -> None:
    bench.run("netwright", "lab", "up", bench.inventory("t-one", "198.18.218.0/24", "a"))
    clash = bench.inventory("t-two", "198.18.218.0/24", "a")
    said = bench.run("netwright", "lab", "up", clash, ok=False)
    assert said.stderr.count("\n") == 1
    assert "lab t-two: subnet 198.18.218.0/24 overlaps 198.18.218.0/24 of lab t-one" in said.stderr
    said = bench.run("pyinfra", "-y", clash, "exec", "--", "true", ok=False)
    assert "overlaps" in said.stdout + said.stderr
    assert "Traceback" not in said.stdout + said.stderr
    # 127.0.0.0/8 stands for any address of the machine: every machine has it.
    own = bench.inventory("t-own", "127.0.0.0/16", "a")
    assert "of link lo of this machine" in bench.run("netwright", "lab", "up", own, ok=False).stderr
    assert traces(bench, "t-two") != []
    assert not (bench.state / "labs" / "t-two").exists()


def test_hosts_come_and_go_with_the_inventory(bench: Bench) -> None:
    inventory = bench.inventory("t-more", "198.18.219.0/24", "a b")
    bench.run("netwright", "lab", "up", inventory)
    bench.inventory("t-more", "198.18.219.0/24", "a b c")
    bench.run("netwright", "lab", "up", inventory)
    assert bench.ssh("t-more", "c", "ping -c 1 -W 2 198.18.219.10 >/dev/null && hostname") == "c\n"
    bench.inventory("t-more", "198.18.219.0/24", "a")
    bench.run("netwright", "lab", "up", inventory)
    hosts = bench.state / "labs" / "t-more" / "hosts"
    assert [path.name for path in hosts.iterdir()] == ["a"]
    assert (hosts / "a" / "boots").stat().st_size == 1
    assert not [cgroup for cgroup in cgroups("t-more") if cgroup.endswith("/b")]


def test_off_starts_nothing(bench: Bench) -> None:
    inventory = bench.inventory("t-off", "198.18.219.0/24", "a")
    bench.environment["NETWRIGHT_LAB"] = "off"
    said = bench.run(
        "python", "-c", f"import runpy; print(runpy.run_path({str(inventory)!r})['hosts'])"
    )
    assert "'ssh_hostname': '198.18.219.10'" in said.stdout
    assert not bench.state.exists()


def test_errors_are_one_line(bench: Bench) -> None:
    for arguments in (
        ("up", "nowhere.py"),
        ("status", "nowhere.py"),
        ("shell", "nowhere.py", "a"),
        ("reboot", str(bench.inventory("t-err", "198.18.219.0/24", "a"))),
        ("up", str(bench.inventory("t-bad", "198.18.219.7/24", "a"))),
    ):
        said = bench.run("netwright", "lab", *arguments, ok=False)
        assert said.stderr.count("\n") == 1, said.stderr
        assert said.stderr.startswith("Error: ")
