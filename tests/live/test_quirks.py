"""What the kernel does by itself for a while, and is no drift."""

from __future__ import annotations

import json
import time

import pytest

from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live

STP = {
    "links": {
        "stp0": {
            "kind": "bridge",
            "bridge": {"stp_state": True, "forward_delay": 2, "ageing_time": 300},
        },
        "port0": {"kind": "veth", "veth": {"peer": {"name": "port1"}}, "master": "stp0"},
        "port1": {},
    }
}


def _shown(sandbox):
    (link,) = json.loads("".join(sandbox.sh("ip -d -j link show dev stp0").out))
    return link["linkinfo"]["info_data"]


def test_a_bridge_that_tells_of_a_change_forgets_sooner():
    """Once its port forwards, it is the root and tells so; then its ageing time is another one."""
    with Sandbox() as sandbox:
        sandbox.converge(STP)
        until = time.monotonic() + 60
        while not (shown := _shown(sandbox))["topology_change"]:
            assert time.monotonic() < until, shown
            time.sleep(0.2)
        assert shown["ageing_time"] == 400
        assert sandbox.prepare(load(STP)).plan == []
        other = {"links": {**STP["links"], "stp0": {"kind": "bridge", "mtu": 1400}}}
        assert sandbox.prepare(load(other)).plan != []


def test_a_route_keeps_its_own_mtu_when_its_link_gets_another():
    """The kernel raises an IPv6 route's MTU with its link's where the two were the same."""
    route = {"dst": "2001:db8:9::/48", "dev": "br9", "mtu": 1400}

    def document(mtu):
        bridge = {"kind": "bridge", "mtu": mtu, "addresses": ["fd09::1/64"]}
        return {"links": {"br9": bridge}, "routes": [route]}

    with Sandbox() as sandbox:
        for mtu in (1400, 1500, 1300, 1500):
            if mtu < route["mtu"]:
                # It is lowered with the link, whatever was declared; here it is raised again.
                sandbox.ip(f"link set dev br9 mtu {mtu}")
                assert f"mtu {mtu}" in "".join(sandbox.sh("ip -6 route show 2001:db8:9::/48").out)
            else:
                sandbox.converge(document(mtu))
                assert "mtu 1400" in "".join(sandbox.sh("ip -6 route show 2001:db8:9::/48").out)
                assert sandbox.prepare(load(document(mtu))).plan == []


def test_the_kernel_gives_a_link_another_ipv6_mtu_when_it_goes_up():
    """So it is written after that; a link whose carrier comes later has the warning alone."""
    key = "net.ipv6.conf.br9.mtu"
    document = {"links": {"br9": {"kind": "bridge"}}, "sysctl": {key: 1400}}
    read = f"cat /proc/sys/{key.replace('.', '/')}"
    with Sandbox() as sandbox:
        sandbox.converge(document)
        assert sandbox.sh(read).out == ["1400"]
        # What the warning says of it.
        sandbox.ip("link set dev br9 down")
        sandbox.ip("link set dev br9 up")
        assert sandbox.sh(read).out == ["1500"]
        run = sandbox.prepare(load(document))
        assert [step.path for step in run.network] == ["sysctl.net/ipv6/conf/br9/mtu"]
        assert "whenever the link goes up" in " ".join(map(str, run.warnings))
        sandbox.converge(document)
        assert sandbox.sh(read).out == ["1400"]


def test_ipv4_in_ipv6_is_known_again():
    """ip shows it with dots, ipaddress without."""
    document = {
        "links": {
            "br9": {"kind": "bridge", "addresses": ["::ffff:10.9.0.1/120", "::10.8.0.1/120"]}
        },
        "routes": [
            {"dst": "::ffff:0:0/96", "type": "unreachable"},
            {"dst": "::ffff:192.0.2.0/120", "via": "::ffff:10.9.0.9", "src": "::ffff:10.9.0.1"},
        ],
        "rules": [{"priority": 99, "from": "::ffff:10.9.0.0/120", "table": 99}],
        "neighbours": [{"dst": "::ffff:10.9.0.8", "mac": "02:00:00:00:00:08", "dev": "br9"}],
    }
    with Sandbox() as sandbox:
        sandbox.converge(document)
        shown = "\n".join(sandbox.sh("ip -6 route; ip -6 rule; ip neigh show nud permanent").out)
        for text in ("::ffff:0.0.0.0/96", "::ffff:192.0.2.0/120", "::ffff:10.9.0.8"):
            assert text in shown
        left = sandbox.prepare(load(document)).plan
        assert not left, [step.path for step in left]
        assert sandbox.converge({})
        assert "ffff" not in "".join(sandbox.sh("ip -6 route; ip -6 rule; ip neigh").out)
