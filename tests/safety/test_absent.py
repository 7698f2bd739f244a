"""What is taken off leaves a host as it was found; what is not persisted leaves nothing in /etc."""

from __future__ import annotations

import os

import pytest

from netwright.state import load
from tests.safety.killing import BY_HAND, Victim, document

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

# On things that nobody declares, so that nothing of ours takes them along.
_FOUND = """
ip link set lo up
ip link add kh0 type veth peer name kh1
ip link set kh0 up
ip address add 192.0.2.9/24 dev kh0
iptables -A FORWARD -s 9.9.9.9 -j DROP
echo 1 > /proc/sys/net/ipv4/conf/all/arp_announce
"""
_LEFT = "ls -A /run/netwright /etc/netwright 2> /dev/null || :; find /etc -name '*netwright*' || :"


def test_a_host_is_as_it_was_found() -> None:
    with Victim() as victim:
        victim.sh(_FOUND)
        before = victim.fingerprint()
        for kind in ("old", "new"):
            victim.converge(document(kind))
            assert victim.fingerprint() != before
        victim.converge({})
        assert victim.fingerprint() == before
        assert victim.sh(_LEFT) == ""


def test_what_is_not_persisted_leaves_nothing_in_etc() -> None:
    with Victim() as victim:
        victim.converge(document("old"), keep=False)
        assert victim.sh("find /etc -name '*netwright*'") == ""
        assert "network.json" in victim.sh("ls /run/netwright")
        victim.converge(document("new"), keep=True)
        assert "network.json" not in victim.sh("ls /run/netwright 2> /dev/null || :")
        victim.sh(BY_HAND)
        victim.converge(document("new"), keep=False)
        assert victim.sh("find /etc -name '*netwright*'") == ""
        assert not victim.prepare(document("new"), keep=False).plan


def test_nothing_of_it_is_for_others() -> None:
    with Victim() as victim:
        victim.converge(document("old"))
        modes = victim.sh("find -L /etc/netwright -printf '%m %p\\n'").split()
        assert {"700", "600"} == set(modes[::2])


def test_every_name_of_which_something_is_left_is_known() -> None:
    with Victim() as victim:
        nothing = load({})
        assert victim.snapshot(nothing).names == set()
        victim.converge({"links": {"ba0": {"kind": "bridge"}}}, "base")
        victim.converge({"sysctl": {"net.ipv4.ip_forward": 1}}, "other")
        victim.converge({"rules": [{"priority": 7, "table": 7}]}, "fleeting", keep=False)
        assert victim.snapshot(nothing).names == {"base", "other", "fleeting"}
        victim.sh("rm -r /etc/netwright")
        assert victim.snapshot(nothing).names == {"base", "other", "fleeting"}
        for name in ("base", "other", "fleeting"):
            victim.converge({}, name)
        assert victim.snapshot(nothing).names == set()
        assert victim.sh(_LEFT) == ""
