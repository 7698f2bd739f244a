"""Every kind of link that takes a kernel of its own, at once: made, verified, rebooted."""

from __future__ import annotations

import json
import re

import pytest

from tests.vm.kinds import everything
from tests.vm.machines import Machines

pytestmark = pytest.mark.lab

# What the vendor's globs say of each new link, and udev applies late.
VENDOR = "net.ipv4.conf.*.rp_filter = 2"
KEYS = """umask 077; mkdir -p /etc/wireguard; cd /etc/wireguard
for name in here there; do wg genkey >$name.key; wg pubkey <$name.key; done"""


def _rp_filters(machines: Machines) -> dict[str, str]:
    read = "udevadm settle --timeout=120; cd /proc/sys/net/ipv4/conf; grep -H '' */rp_filter"
    lines = machines.ssh("a", read).splitlines()
    return {name: value for name, _, value in (re.split("[/:]", line) for line in lines)}


def _kinds(machines: Machines) -> set[str]:
    links = json.loads(machines.ssh("a", "ip -j -d link show"))
    return {link.get("linkinfo", {}).get("info_kind", "") for link in links}


def _looked_at(machines: Machines) -> None:
    """By other eyes than the project's."""
    made = {"vlan", "bridge", "veth", "bond", "vrf", "wireguard", "dummy", "ifb", "tun"}
    assert made <= _kinds(machines)
    (inner,) = json.loads(machines.ssh("a", "ip -j -d link show dev outer"))
    assert inner["linkinfo"]["info_data"]["protocol"] == "802.1ad"
    assert "203.0.113.80:80" in machines.ssh("a", "ipvsadm -Ln")
    assert "10.17.1.2:8080" in machines.ssh("a", "ipvsadm -Ln")
    # The way of the vrf is not one of the main table.
    machines.ssh("a", "ip vrf exec red ping -q -c 1 -W 20 10.13.0.2")
    machines.ssh("a", "! ip route get 10.14.0.1 | grep -w r0")
    machines.ssh("a", "ip route get 10.14.0.1 vrf red | grep -w r0")
    # The declared value of one link holds beside what the vendor says of others.
    found = _rp_filters(machines)
    assert found["trunk.3"] == "1"
    assert found["trunk.4"] == "2", "udev does here what it does elsewhere"


def test_every_kind(machines: Machines) -> None:
    machines.ssh("a", f"echo '{VENDOR}' >/usr/lib/sysctl.d/60-vendor.conf")
    keys = dict(zip(("here", "there"), machines.ssh("a", KEYS).split(), strict=True))
    machines.declare("a", everything(keys))
    first = machines.deploy("a")
    assert "No changes" not in first
    _looked_at(machines)
    for _ in range(2):
        assert "No changes" in machines.deploy("a")
    items = machines.verify()
    assert items > 150

    before = machines.ssh("a", "cat /proc/sys/kernel/random/boot_id")
    machines.lab("reboot", "a")
    assert machines.ssh("a", "cat /proc/sys/kernel/random/boot_id") != before
    _looked_at(machines)
    assert machines.is_silent("a")
    assert machines.verify() == items

    machines.declare("a", {})
    machines.deploy("a")
    assert machines.ssh("a", "ip netns list") == ""
    assert not _kinds(machines) & {"vlan", "bond", "vrf", "wireguard", "dummy"}
    machines.ssh("a", "rm /usr/lib/sysctl.d/60-vendor.conf")
    print(f"\n{items} items verified, before and after a reboot")
