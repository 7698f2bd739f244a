"""Kinds of links that this kernel has: made, silent, changed in place, with packets, gone."""

from __future__ import annotations

import copy
import re
from contextlib import contextmanager

import pytest

from netwright import run
from netwright.errors import HostError
from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live


def _site(name, own, other, inside):
    """A namespace with one end of the underlay, and a tunnel to the other over it."""
    tunnel = {
        "id": 42, "local": own, "dstport": 4789, "learning": False,
        "fdb": [{"mac": "00:00:00:00:00:00", "dst": other}],
    }  # fmt: skip
    return {
        "links": {
            "lo": {},
            f"under{name}": {"addresses": [f"{own}/24"]},
            "vx0": {"kind": "vxlan", "vxlan": tunnel, "mtu": 1450, "addresses": [inside]},
        }
    }


OVERLAY = {
    "netns": {
        "a": _site("a", "192.0.2.1", "192.0.2.2", "10.42.0.1/24"),
        "b": _site("b", "192.0.2.2", "192.0.2.1", "10.42.0.2/24"),
    }
}
OVERLAY["netns"]["a"]["links"]["undera"] |= {
    "kind": "veth", "veth": {"peer": {"name": "underb", "netns": "b"}}
}  # fmt: skip

MACVLAN = {
    "links": {"v0": {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": "out"}}}},
    "netns": {
        "out": {"links": {"eth0": {"addresses": ["10.9.0.9/24"]}}},
        **{
            name: {
                "links": {
                    "mv0": {
                        "kind": "macvlan", "link_netns": "host", "addresses": [address],
                        "macvlan": {"link": "v0", "mode": "bridge"},
                    }
                }
            }
            for name, address in (("one", "10.9.0.1/24"), ("two", "10.9.0.2/24"))
        },
    },
}  # fmt: skip


def _reaches(sandbox, netns, address, *how):
    command = f"ip netns exec {netns} ping -q -c 1 -W 2 {' '.join(how)} {address}"
    return sandbox.sh(command).status == 0


def _silent(sandbox, document):
    assert sandbox.prepare(load(document)).plan == []


def _boots(sandbox, before):
    """Everything goes as by a reboot, and the boot script alone brings it back."""
    sandbox.sh("for n in $(ip netns list | cut -d' ' -f1); do ip netns delete $n; done")
    sandbox.sh("ip link delete v0")
    # The kernel takes a while to take a namespace's ends of pairs away.
    gone = "until ! ip -o link | grep -q @; do sleep 0.1; done"
    assert sandbox.sh(f"timeout 30 sh -c '{gone}'").status == 0
    assert sandbox.sh("sh /etc/netwright/network/boot").status == 0
    assert sandbox.prepare(load(before)).plan == []


def test_an_overlay():
    with Sandbox() as sandbox:
        sandbox.converge(OVERLAY)
        _silent(sandbox, OVERLAY)
        assert _reaches(sandbox, "a", "10.42.0.2", "-s", "1422", "-M", "do")
        assert not _reaches(sandbox, "a", "10.42.0.2", "-s", "1423", "-M", "do")
        cut = copy.deepcopy(OVERLAY)
        cut["netns"]["a"]["links"]["vx0"]["vxlan"]["fdb"] = []
        steps = sandbox.converge(cut)
        assert not [step for step in steps if step.thing == "links.vx0" and not step.attribute]
        _silent(sandbox, cut)
        sandbox.sh("ip -n a neigh flush all; ip -n b neigh flush all")
        assert not _reaches(sandbox, "a", "10.42.0.2")
        sandbox.converge(OVERLAY)
        _boots(sandbox, OVERLAY)
        assert _reaches(sandbox, "b", "10.42.0.1")
        sandbox.converge({})
        assert sandbox.sh("ip netns list").out == []


def test_macvlan_modes():
    with Sandbox() as sandbox:
        sandbox.converge(MACVLAN)
        _silent(sandbox, MACVLAN)
        assert _reaches(sandbox, "one", "10.9.0.2")
        assert _reaches(sandbox, "one", "10.9.0.9")
        private = copy.deepcopy(MACVLAN)
        for name in ("one", "two"):
            private["netns"][name]["links"]["mv0"]["macvlan"]["mode"] = "private"
        steps = sandbox.converge(private)
        assert not [step for step in steps if step.thing == "links.mv0" and not step.attribute]
        _silent(sandbox, private)
        assert not _reaches(sandbox, "one", "10.9.0.2")
        assert _reaches(sandbox, "one", "10.9.0.9")
        _boots(sandbox, private)
        assert _reaches(sandbox, "two", "10.9.0.9")
        sandbox.converge({})
        assert sandbox.sh("ip netns list; ip -br link show v0").out == []


def test_a_macvlan_that_takes_all_of_its_parent():
    """`passthru`: with the parent's MAC, and for no second one; no mode changes into it."""
    alone = copy.deepcopy(MACVLAN)
    del alone["netns"]["two"]
    options = alone["netns"]["one"]["links"]["mv0"]["macvlan"]
    with Sandbox() as sandbox:
        sandbox.converge(alone)
        options["mode"] = "passthru"
        plan = sandbox.prepare(load(alone)).plan
        assert [line for line in run.lines(plan) if line.startswith("-/+ netns.one.links.mv0")]
        sandbox.converge(alone)
        _silent(sandbox, alone)
        assert _reaches(sandbox, "one", "10.9.0.9")
        found = sandbox.read()
        assert found["one"]["links"]["mv0"]["mac"] == found["host"]["links"]["v0"]["mac"]
        _boots(sandbox, alone)
        assert _reaches(sandbox, "one", "10.9.0.9")
        second = {"one": {"links": {"mv1": alone["netns"]["one"]["links"]["mv0"]}}}
        with pytest.raises(HostError, match=r"one\.links\.mv1.*passthru is for the only one on v0"):
            sandbox.prepare(load({"netns": second}), "another")
        options["mode"] = "bridge"
        sandbox.converge(alone)
        _silent(sandbox, alone)
        assert _reaches(sandbox, "one", "10.9.0.9")
        sandbox.converge({})
        assert sandbox.sh("ip netns list; ip -br link show v0").out == []


def _in_group(group):
    """Three ends on one wire; nobody is told where the others are."""

    def end(number):
        tunnel = {"id": 7, "group": group, "link": "wire", "local": f"192.0.2.{number}"}
        return {
            "links": {
                "lo": {},
                "wire": {"addresses": [f"192.0.2.{number}/24"]},
                "vx0": {
                    "kind": "vxlan", "vxlan": tunnel, "mtu": 1450,
                    "addresses": [f"10.7.0.{number}/24"],
                },
            }
        }  # fmt: skip

    ports = {
        f"p{number}": {
            "kind": "veth", "veth": {"peer": {"name": "wire", "netns": f"e{number}"}},
            "master": "v0",
        }
        for number in (1, 2, 3)
    }  # fmt: skip
    bridge = {"kind": "bridge", "bridge": {"stp_state": False, "mcast_snooping": False}}
    return {
        "links": {"v0": bridge, **ports},
        "netns": {f"e{number}": end(number) for number in (1, 2, 3)},
    }


def _forget(sandbox):
    for name in ("e1", "e2", "e3"):
        forget = f"ip -n {name} neigh flush all; bridge -n {name} fdb flush dev vx0 dynamic"
        assert sandbox.sh(forget).status == 0


def test_an_overlay_by_a_multicast_group():
    network = _in_group("239.1.1.7")
    with Sandbox() as sandbox:
        sandbox.converge(network)
        _silent(sandbox, network)
        for address in ("10.7.0.2", "10.7.0.3"):
            assert _reaches(sandbox, "e1", address)
        joined = sandbox.sh("ip netns exec e1 ip -4 maddress show dev wire").out
        assert any("239.1.1.7" in line for line in joined), joined
        # One that has joined another group is not found; nor does it find.
        apart = copy.deepcopy(network)
        apart["netns"]["e2"]["links"]["vx0"]["vxlan"]["group"] = "239.1.1.8"
        sandbox.converge(apart)
        _silent(sandbox, apart)
        _forget(sandbox)
        assert not _reaches(sandbox, "e1", "10.7.0.2")
        assert _reaches(sandbox, "e1", "10.7.0.3")
        sandbox.converge(network)
        _forget(sandbox)
        assert _reaches(sandbox, "e1", "10.7.0.2")
        _boots(sandbox, network)
        assert _reaches(sandbox, "e3", "10.7.0.2")


@contextmanager
def _pinging(sandbox, netns, address):
    """Pings for as long as the block lasts; the counts of sent and received come afterwards."""
    counts = []
    ping = f"ip netns exec {netns} ping -q -i 0.01 {address}"
    assert _reaches(sandbox, netns, address)
    sandbox.sh(f"{ping} >/run/pinged 2>&1 </dev/null & echo $! >/run/pinging; sleep 0.3")
    yield counts
    report = "\n".join(
        sandbox.sh(
            "sleep 0.7; kill -INT $(cat /run/pinging)\n"
            "until grep -q received /run/pinged; do sleep 0.1; done; cat /run/pinged"
        ).out
    )
    counts += map(int, re.search(r"(\d+) packets transmitted, (\d+) received", report).groups())


def _in_place(sandbox, base, change):
    """What a run changes, beside files: one thing of vx0 or mv0 and nothing else."""
    changed = copy.deepcopy(base)
    change(changed)
    steps = [step for step in sandbox.converge(changed) if not step.thing.startswith("files.")]
    assert steps
    assert {step.thing for step in steps} <= {"links.vx0", "links.mv0"}
    assert all(step.attribute for step in steps), "made again"
    _silent(sandbox, changed)


def test_one_attribute_of_a_live_tunnel_loses_nothing():
    with Sandbox() as sandbox:
        sandbox.converge(OVERLAY)
        with _pinging(sandbox, "a", "10.42.0.2") as counts:
            for change in (
                lambda one: one["netns"]["a"]["links"]["vx0"]["vxlan"].update(learning=True),
                lambda one: one["netns"]["a"]["links"]["vx0"]["vxlan"].update(ttl=9),
                lambda one: one["netns"]["a"]["links"]["vx0"].update(mtu=1400),
                lambda one: one["netns"]["a"]["links"]["vx0"].update(txqueuelen=77),
            ):
                _in_place(sandbox, OVERLAY, change)
        sent, received = counts
        assert sent > 50
        assert received >= sent - 1, counts  # one may be on its way when ping is stopped
        print(f"packets sent {sent}, lost {sent - received}")


def test_one_attribute_of_a_live_macvlan_loses_nothing():
    with Sandbox() as sandbox:
        sandbox.converge(MACVLAN)
        with _pinging(sandbox, "one", "10.9.0.9") as counts:
            for mode in ("private", "vepa"):
                _in_place(
                    sandbox,
                    MACVLAN,
                    lambda one, mode=mode: one["netns"]["one"]["links"]["mv0"]["macvlan"].update(
                        mode=mode
                    ),
                )
        sent, received = counts
        assert sent > 50
        assert received >= sent - 1, counts


def test_what_has_to_be_made_again_is_said_before():
    with Sandbox() as sandbox:
        sandbox.converge(OVERLAY)
        other = copy.deepcopy(OVERLAY)
        other["netns"]["a"]["links"]["vx0"]["vxlan"]["id"] = 43
        plan = sandbox.prepare(load(other)).plan
        assert [line for line in run.lines(plan) if line.startswith("-/+ netns.a.links.vx0")]
        # And the counter above can count.
        with _pinging(sandbox, "a", "10.42.0.2") as counts:
            sandbox.converge(other)
        sent, received = counts
        assert received < sent - 5
