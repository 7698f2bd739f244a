"""What is allowed and will bite is said before it does; and nothing is said of what won't."""

import pytest

from netwright.state import load
from netwright.traps import traps

UP = "{state: up, mtu: 1500}"
CASES = {
    "links: {b: {kind: bridge}, p: {master: b, addresses: [10.0.0.1/24]}}": (
        "links.p.addresses",
        "on a port of b an address works for what this host sends itself alone; put it on b",
    ),
    "links: {b: {kind: bridge}, p: {master: b, port: {vlans: [{vid: 3}]}}}": (
        "links.p.port.vlans",
        "have no effect until b has vlan_filtering: true",
    ),
    "links: {b: {kind: bridge, bridge: {stp_state: true}}, v: {kind: veth, master: b,"
    " veth: {peer: {name: w}}}}": (
        "links.b.bridge.stp_state",
        "a port that has just gone up forwards nothing for 30 s, and with veths alone there is no"
        " loop to be found",
    ),
    "sysctl: {net.ipv6.conf.p.mtu: 1400}": (
        "sysctl.net/ipv6/conf/p/mtu",
        "the kernel sets it to the link's own mtu whenever the link goes up, or gets another;"
        " an mtu of the link or of routes stays",
    ),
    "links: {p: {state: down}, m: {kind: macvlan, macvlan: {link: p}}}": (
        "links.m.macvlan.link",
        "p is down, so nothing gets out or in",
    ),
    "links: {p: {mtu: 1500}, x: {kind: vxlan, mtu: 1500, vxlan: {id: 1, link: p}}}": (
        "links.x.mtu",
        "1500 and 50 for the VXLAN are more than p takes, which is 1500; 1450 fits",
    ),
    "links: {o: {kind: vlan, vlan: {link: p, id: 1}}, i: {kind: vlan, vlan: {link: o, id: 2}}}": (
        "links.i.mtu",
        "two tags make frames of 1504 octets and more, which many switches drop; 1496 fits"
        " everywhere",
    ),
    "{sysctl: {net.ipv4.conf.all.rp_filter: 1}, links: {a: {addresses: [10.1.0.1/24]},"
    " b: {addresses: [10.2.0.1/24]}}, routes: [{dst: default, via: 10.1.0.9},"
    " {dst: default, via: 10.2.0.9, table: 2}]}": (
        "sysctl.net/ipv4/conf/all/rp_filter",
        "1 is strict: packets that come in on a and are answered by b are dropped; 2 takes them",
    ),
}
HARMLESS = [
    "links: {b: {kind: bridge, addresses: [10.0.0.1/24]}, p: {master: b}}",
    "links: {b: {kind: bridge, bridge: {vlan_filtering: true}}, p: {master: b,"
    " port: {vlans: [{vid: 3}]}}}",
    "links: {b: {kind: bridge, bridge: {stp_state: true}}, e: {master: b}}",
    "links: {b: {kind: bridge, bridge: {stp_state: true, forward_delay: 0}}, v: {kind: veth,"
    " master: b, veth: {peer: {name: w}}}}",
    "links: {p: {mtu: 1550}, x: {kind: vxlan, mtu: 1500, vxlan: {id: 1, link: p}}}",
    "links: {p: {}, m: {kind: macvlan, macvlan: {link: p}}}",
    "{sysctl: {net.ipv4.conf.all.rp_filter: 2}, links: {a: {addresses: [10.1.0.1/24]},"
    " b: {addresses: [10.2.0.1/24]}}, routes: [{dst: default, via: 10.1.0.9},"
    " {dst: default, via: 10.2.0.9, table: 2}]}",
    "sysctl: {net.ipv4.conf.default.rp_filter: 1}",
]


@pytest.mark.parametrize("document", CASES)
def test_is_told(document):
    found = [(item.path, item.what) for item in traps(load({}), load(document))]
    assert CASES[document] in found
    assert len(found) <= 2, found


@pytest.mark.parametrize("document", HARMLESS)
def test_is_not_told(document):
    assert traps(load({}), load(document)) == []


def test_a_default_that_is_meant_for_a_link_that_is_there():
    declared = load("sysctl: {net.ipv4.conf.default.rp_filter: 1}")
    found = traps(load("links: {lo: {}, eth0: {}}"), declared)
    assert [item.path for item in found] == ["sysctl.net/ipv4/conf/default/rp_filter"]
    assert "links.IF.ipv4.rp_filter" in found[0].what
