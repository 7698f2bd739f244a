"""What needs another kernel, or a machine of its own, on the one lab of `conftest.py`.

In one file, since they share it, and in this order: the last ones end it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.vm.kinds import LOSSLESS, apart, everything, otherwise, tunnel, wrong_vlans
from tests.vm.machines import OWN, SUBNET, Machines

pytestmark = pytest.mark.lab


def test_hosts_on_two_kernels_share_a_network(machines: Machines) -> None:
    status = machines.lab("status")
    assert status.count(" up\n") == 2
    kernels = {host: machines.on(host, "uname -r").strip() for host in "ac"}
    assert kernels["a"].endswith("-cloud-amd64")
    assert kernels["a"] != kernels["c"] == os.uname().release
    (eth0,) = json.loads(machines.on("a", "ip -j address show dev eth0"))
    assert {each["local"] for each in eth0["addr_info"] if each["scope"] == "global"} == {*OWN}
    (route,) = json.loads(machines.on("a", "ip -j route show default"))
    assert route["gateway"] == f"{SUBNET}.1"
    assert machines.on("a", "ls /sys/class/net").split() == ["eth0", "lo"]
    assert machines.on("a", "systemctl is-system-running").strip() == "running"
    for source, target in (("a", "c"), ("c", "a")):
        machines.on(source, f"ping -c 1 -W 9 -4 {target} && ping -c 1 -W 9 -6 {target}")


def test_cards_hand_over_whole_streams(machines: Machines) -> None:
    """Segments and checksums that a card leaves unfinished are finished on the way."""
    machines.on("c", "timeout 100 nc -l -p 4000 >/tmp/got </dev/null 2>/dev/null & sleep 1")
    machines.on("a", "head -c 300000 /dev/zero | timeout 90 nc -q 5 c 4000; sleep 1")
    assert machines.on("c", "stat -c %s /tmp/got").strip() == "300000"


def test_a_way_in_without_the_network(machines: Machines) -> None:
    shell = ("netwright", "lab", "shell", machines.inventory, "a")
    machines.run(*shell, "iptables", "-P", "INPUT", "DROP")
    try:
        assert machines.run(*shell, "echo", "two  words").stdout == "two  words\n"
        machines.run(*shell, "false", ok=False)
    finally:
        machines.run(*shell, "iptables", "-P", "INPUT", "ACCEPT")
    assert machines.on("a", "hostname") == "a\n"


# What the vendor's globs say of each new link, and udev applies late.
VENDOR = "net.ipv4.conf.*.rp_filter = 2"
KEYS = """umask 077; mkdir -p /etc/wireguard; cd /etc/wireguard
[ -e between.psk ] || wg genpsk >between.psk
for name in here there; do
  [ -e $name.key ] || wg genkey >$name.key
  wg pubkey <$name.key
done"""


def _rp_filters(machines: Machines) -> dict[str, str]:
    read = "udevadm settle --timeout=120; cd /proc/sys/net/ipv4/conf; grep -H '' */rp_filter"
    lines = machines.on("a", read).splitlines()
    return {name: value for name, _, value in (re.split("[/:]", line) for line in lines)}


def _kinds(machines: Machines) -> set[str]:
    links = json.loads(machines.on("a", "ip -j -d link show"))
    return {link.get("linkinfo", {}).get("info_kind", "") for link in links}


def _looked_at(machines: Machines) -> None:
    """By other eyes than the project's."""
    made = {"vlan", "bridge", "veth", "bond", "vrf", "wireguard", "dummy", "ifb", "tun"}
    assert made <= _kinds(machines)
    (inner,) = json.loads(machines.on("a", "ip -j -d link show dev outer"))
    assert inner["linkinfo"]["info_data"]["protocol"] == "802.1ad"
    assert "203.0.113.80:80" in machines.on("a", "ipvsadm -Ln")
    assert "10.17.1.2:8080" in machines.on("a", "ipvsadm -Ln")
    # The way of the vrf is not one of the main table.
    machines.on("a", "ip vrf exec red ping -q -c 1 -W 20 10.13.0.2")
    machines.on("a", "! ip route get 10.14.0.1 | grep -w r0")
    machines.on("a", "ip route get 10.14.0.1 vrf red | grep -w r0")
    # The declared value of one link holds beside what the vendor says of others.
    found = _rp_filters(machines)
    assert found["trunk.3"] == "1"
    assert found["trunk.4"] == "2", "udev does here what it does elsewhere"


def _loses_nothing(machines: Machines, network: dict[str, Any]) -> None:
    """Attributes of every kind are changed at once, under packets over each of them."""
    pings = "\n".join(
        f"ip netns exec {netns} ping -i 0.05 {address} >/run/{netns}.pinged 2>&1 &"
        for netns, address in LOSSLESS.items()
    )
    machines.on("a", f"nohup sh -c '{pings}\nwait' >/dev/null 2>&1 </dev/null & sleep 2")
    machines.declare("a", network)
    said = machines.deploy("a")
    for thing in ("trunk.3", "port1", "bond0", "wg0", "netns.iv1.links.iv0"):
        assert re.search(rf"\W{re.escape(thing)}$", said, re.MULTILINE), thing
    assert "-/+" not in said
    machines.on("a", "sleep 1; pkill -INT -x ping; sleep 3")
    for netns in LOSSLESS:
        report = machines.on("a", f"cat /run/{netns}.pinged")
        answered = {int(seq) for seq in re.findall(r"bytes from .* icmp_seq=(\d+)", report)}
        assert len(answered) > 50, report
        # Those after the last answer may be on their way when ping is stopped.
        lost = set(range(1, max(answered))) - answered
        assert not lost, (netns, sorted(lost), report[-300:])
        print(f"\n{netns}: packets answered {len(answered)}, lost {len(lost)}", end="")


def test_every_kind(machines: Machines) -> None:
    machines.on("a", f"echo '{VENDOR}' >/usr/lib/sysctl.d/60-vendor.conf")
    keys = dict(zip(("here", "there"), machines.on("a", KEYS).split(), strict=True))
    machines.declare("a", everything(keys))
    first = machines.deploy("a")
    assert "No changes" not in first
    _looked_at(machines)
    assert "No changes" in machines.deploy("a")
    network = otherwise(everything(keys))
    _loses_nothing(machines, network)
    assert "No changes" in machines.deploy("a")
    items = machines.verify()
    assert items > 150

    before = machines.on("a", "cat /proc/sys/kernel/random/boot_id")
    machines.lab("reboot", "a")
    assert machines.on("a", "cat /proc/sys/kernel/random/boot_id") != before
    _looked_at(machines)
    assert machines.is_silent("a")
    assert machines.verify() == items

    machines.declare("a", {})
    machines.deploy("a")
    assert machines.on("a", "ip netns list") == ""
    assert not _kinds(machines) & {"vlan", "bond", "vrf", "wireguard", "dummy"}
    machines.on("a", "rm /usr/lib/sysctl.d/60-vendor.conf")
    print(f"\n{items} items verified, before and after a reboot")


PACKETS = """
reaches() { ip netns exec $1 ping -q -c 1 -W 20 $2 >/dev/null || echo "$1 does not reach $2"; }
lost() { ! ip netns exec $1 ping -q -c 2 -W 3 $2 >/dev/null || echo "$1 reaches $2"; }
for net in 18 19; do
  reaches v$net-1 10.$net.2.1
  reaches v$net-1 10.$net.0.9
  reaches by$net 10.$net.1.1
done
reaches by18 10.18.2.1
lost by19 10.19.2.1
reaches grfar 10.21.0.1
"""
# This kernel can't flush the entries of a VXLAN.
FORGET = """ip neigh flush all
for mac in $(bridge fdb show dev vxg | grep -v permanent | cut -d" " -f1); do
  bridge fdb del $mac dev vxg
done"""


def test_routed_ipvlans_and_a_group(machines: Machines) -> None:
    network = apart()
    machines.declare("a", network)
    machines.deploy("a")
    assert machines.on("a", PACKETS) == ""
    assert machines.is_silent("a")
    # Another group for both ends: not said alone, but joined.
    for place in (network, network["netns"]["grfar"]):
        place["links"]["vxg"]["vxlan"]["group"] = "239.1.1.21"
    machines.declare("a", network)
    assert "239.1.1.20, gr0 -> 239.1.1.21, gr0" in machines.deploy("a")
    machines.on("a", f"{FORGET}; ip netns exec grfar sh -c '{FORGET}'")
    assert machines.on("a", PACKETS) == ""
    machines.declare("a", {})
    machines.deploy("a")


# The kernel itself tells the first sixteen words of each program that is started.
_WORDS = " ".join(f"w{n}=+u0(+u{8 * n}(+0x68(%di))):ustring" for n in range(16))
WATCH_PROGRAMS = f"""mount -t tracefs none /sys/kernel/tracing; cd /sys/kernel/tracing
echo 8192 >buffer_size_kb
echo 'p:programs __x64_sys_execve {_WORDS}' >kprobe_events
echo 1 >events/kprobes/programs/enable"""
WATCHED = """cd /sys/kernel/tracing
echo 0 >events/kprobes/programs/enable; cat trace per_cpu/*/stats | tr -cd '[:print:]\n'
echo >kprobe_events"""
# All that a key could have been left in, but for its own file.
LEFT = """cat /etc/wireguard/*.key /etc/wireguard/*.psk >/tmp/keys
grep -rlFf /tmp/keys /etc /run /var /root /tmp/[!k]* --exclude-dir=wireguard; rm /tmp/keys"""


def test_no_key_is_told_to_anybody(machines: Machines) -> None:
    """Not in a plan, what a debugging run prints, a file, a log, or a list of processes."""
    keys = dict(zip(("here", "there"), machines.on("a", KEYS).split(), strict=True))
    secrets = machines.on("a", "cat /etc/wireguard/*.key /etc/wireguard/*.psk").split()
    assert len(secrets) == 3
    machines.declare("a", tunnel(keys))
    machines.on("a", WATCH_PROGRAMS)
    said = machines.dry("a", "-vvv", "--debug")
    said += machines.deploy("a", "-vvv", "--debug")
    said += machines.verification("-vv", "-rA")
    programs = machines.on("a", WATCHED)
    assert "overrun: 0" in programs
    for word in ("between.psk", "here.key"):
        assert word in said
        assert f'/{word}"' in programs
    left = machines.on("a", LEFT)
    assert left == ""
    for secret in secrets:
        assert secret not in said
        assert secret not in programs
    machines.on("a", "ip netns exec wgfar ping -c 1 -W 20 10.16.0.1")
    machines.declare("a", {})
    machines.deploy("a")


def _network(machines: Machines) -> list[str]:
    """What a lock-out would have changed, in ip's own words; without what the kernel does alone."""
    text = machines.on(
        "a",
        "ip -d -o link show; ip -o address show scope global; bridge vlan show;"
        " ip route; ip -6 route | grep -v fe80",
    )
    return sorted(re.sub(r"^\d+: | expires \w+|sec", "", line) for line in text.splitlines())


def test_wrong_vlans_are_undone(machines: Machines) -> None:
    """A host cut off by a VLAN; with the right one it is not, and stays."""
    machines.declare("a", {})
    machines.deploy("a")
    before = _network(machines)
    kinds = wrong_vlans(f"{OWN[0]}/24", f"{OWN[1]}/64")
    right = kinds.pop("right")
    for kind, document in kinds.items():
        machines.declare("a", document)
        machines.is_cut_off("a", 20)
        assert _network(machines) == before, kind
    machines.declare("a", right)
    way = f"default via {SUBNET}.1 dev eth0"
    # What hangs on the address that moves away goes with it, and the plan says so.
    assert f"- routes.default: via {SUBNET}.1 dev eth0 (goes along)" in machines.deploy("a")
    assert machines.is_silent("a")
    assert "master br9" in machines.on("a", "ip link show dev eth0")
    machines.declare("a", {})
    machines.deploy("a")
    machines.on("a", f"ip route add {way}")
    assert _network(machines) == before


CONFIRM = 30
# Both ways, and by far more than the time that is waited.
JUMPS = "sleep 8; date -s '+3 hours'; sleep 6; date -s '-9 hours'"
WATCH = """
until iptables -S INPUT | grep -q DROP; do sleep 0.1; done; cat /proc/uptime
while iptables -S INPUT | grep -q DROP; do sleep 0.1; done; cat /proc/uptime
"""


def test_the_undo_comes_in_time(machines: Machines) -> None:
    machines.declare("a", {"iptables": {"filter": {"INPUT": ["-p tcp --dport 22 -j DROP"]}}})
    for name, text in (("jumps", JUMPS), ("watch", WATCH)):
        machines.on("a", f"cat > /root/{name} <<'END'\n{text}\nEND")
    machines.on("a", "nohup sh /root/watch > /root/times 2>&1 < /dev/null &")
    machines.on("a", "nohup sh /root/jumps > /root/dates 2>&1 < /dev/null &")
    try:
        machines.is_cut_off("a", CONFIRM)
        assert len(machines.on("a", "cat /root/dates").splitlines()) == 2, "it has jumped"
        armed, undone = (
            float(line.split()[0]) for line in machines.on("a", "cat /root/times").splitlines()
        )
        # The rule is there some time after the undo was armed.
        assert CONFIRM - 10 < undone - armed < CONFIRM + 5
    finally:
        machines.on("a", f"date -s @{int(time.time())}")
        machines.declare("a", {})


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
    machines.on("a", "echo kept >/root/file; sync; ip link add name gone type bridge")
    machines.lab("reboot", "a", "--hard")
    assert machines.on("a", "cat /root/file; ls /sys/class/net").split() == ["kept", "eth0", "lo"]


def test_a_killed_machine_is_brought_up_again(machines: Machines) -> None:
    (pid,) = qemus(machines)
    os.kill(pid, signal.SIGKILL)
    gone(machines)
    done = machines.run("netwright", "lab", "status", machines.inventory, ok=False)
    assert done.stdout.count(" up\n") == 1
    # Reading the inventory brings it up, as it does for containers.
    machines.run("python", machines.inventory)
    assert machines.on("a", "cat /root/file") == "kept\n"
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
