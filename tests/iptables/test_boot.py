"""The tables after a boot: what the script brings back, beside what others have put there."""

from __future__ import annotations

import pytest

from tests.iptables.host import Host
from tests.iptables.test_spine import DOCUMENT

pytestmark = pytest.mark.live

_BOOT = "sh /etc/netwright/network/boot"
_FORGET = (
    "ip netns delete blue; iptables -P INPUT ACCEPT; ip6tables -P FORWARD ACCEPT;"
    " for tool in iptables ip6tables; do $tool -F; $tool -X; done; iptables -t nat -F;"
    " ipset destroy"
)


def test_all_comes_back(host: Host) -> None:
    host.converge(DOCUMENT)
    before = host.rules(), host.rules("ip6tables"), host.rules(netns="blue")
    host.sh(_FORGET)
    host.sh(_BOOT)
    assert (host.rules(), host.rules("ip6tables"), host.rules(netns="blue")) == before
    assert not host.converge(DOCUMENT)
    host.sh(_BOOT)
    assert not host.converge(DOCUMENT)


def test_beside_others_who_were_first(host: Host) -> None:
    document = {
        "iptables": {
            "filter": {
                "INPUT": {"at": "top", "rules": ["-i lo -j ACCEPT", "-p tcp -j MINE"]},
                "MINE": ["-p tcp --dport 22 -j ACCEPT", "-j DROP"],
                "FORWARD": ["-s 10.0.0.0/8 -j ACCEPT"],
            }
        }
    }
    host.converge(document)
    host.sh("iptables -F; iptables -X")
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP; iptables -A FORWARD -j DROP; iptables -N MINE")
    host.sh("iptables -A MINE -j DROP; iptables -A INPUT -i lo -j ACCEPT")
    host.sh(_BOOT)
    assert host.chain("MINE") == ["-p tcp -m tcp --dport 22 -j ACCEPT", "-j DROP"]
    assert host.chain("INPUT") == ["-s 9.9.9.9/32 -j DROP", "-p tcp -j MINE", "-i lo -j ACCEPT"]
    assert host.chain("FORWARD") == ["-j DROP", "-s 10.0.0.0/8 -j ACCEPT"]
