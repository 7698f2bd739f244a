"""What a document alone shows to be wrong about links: path, value, what is accepted."""

import pytest

from netwright.errors import DeclarationError
from netwright.state import load

# ruff: noqa: E501
PROBLEMS = {
    "links: {e: {kind: vlan, vlan: {link: p, id: 5000}}}": [
        "links.e.vlan.id: 5000 is not in 1..4094",
    ],
    "links: {e: {kind: vlan, vlan: {id: 3}}}": [
        "links.e.vlan.link: is missing; kind vlan needs it",
    ],
    "links: {p: {state: absent}, e: {kind: vlan, vlan: {link: p, id: 3}}}": [
        "links.e.vlan.link: 'p' is declared absent",
    ],
    "links: {e: {kind: vlan, vlan: {link: e, id: 3}}}": [
        "links.e: stands on itself: e -> e",
    ],
    "links: {e: {kind: vlan, vlan: {link: f, id: 3}}, f: {kind: vlan, vlan: {link: e, id: 3}}}": [
        "links.e: stands on itself: e -> f -> e",
        "links.f: stands on itself: f -> e -> f",
    ],
    "links: {e: {kind: vlan, vlan: {link: p, id: 3}}, f: {kind: vlan, vlan: {link: p, id: 3}}}": [
        "links.e.vlan.id: 3 is also that of f on p",
        "links.f.vlan.id: 3 is also that of e on p",
    ],
    'links: {e: {kind: vlan, vlan: {link: p, id: 3, egress_qos_map: ["1:9"]}}}': [
        "links.e.vlan.egress_qos_map[0]: '1:9' is not FROM:TO with FROM in 0..4294967295 and TO in 0..7",
    ],
    'links: {e: {kind: vlan, vlan: {link: p, id: 3, egress_qos_map: ["1:2", "1:3"]}}}': [
        "links.e.vlan.egress_qos_map: maps 1 twice",
    ],
    "links: {p: {mtu: 1400}, e: {kind: vlan, mtu: 1500, vlan: {link: p, id: 3}}}": [
        "links.e.mtu: 1500 is more than p has, which is 1400",
    ],
    "links: {p: {state: down}, e: {kind: vlan, vlan: {link: p, id: 3}}}": [
        "links.e.state: can't be up: p is down, and loose_binding is off",
    ],
    "links: {e: {kind: macvlan, macvlan: {link: p, mode: foo}}}": [
        "links.e.macvlan.mode: 'foo' is not one of 'bridge', 'vepa', 'private' or 'passthru'",
    ],
    "links: {e: {kind: macvlan, macvlan: {link: p}}, f: {kind: ipvlan, ipvlan: {link: p}}}": [
        "links.e.macvlan.link: 'p' can have but one of both; f is of kind ipvlan",
        "links.f.ipvlan.link: 'p' can have but one of both; e is of kind macvlan",
    ],
    "links: {e: {kind: macvlan, macvlan: {link: p, mode: passthru}}, f: {kind: macvtap, macvtap: {link: p}}}": [
        "links.e.macvlan.mode: passthru is for the only one on p; there is f",
    ],
    "links: {e: {kind: ipvlan, ipvlan: {link: p, mode: l2}}, f: {kind: ipvlan, ipvlan: {link: p, mode: l3}}}": [
        "links.e.ipvlan.mode: l2: all on one parent have it in common; f has l3",
        "links.f.ipvlan.mode: l3: all on one parent have it in common; e has l2",
    ],
    "links: {e: {kind: macvlan, macvlan: {link: p}}, f: {kind: macvlan, macvlan: {link: e}}}": [
        "links.f.macvlan.link: 'e' is a macvlan itself, and the kernel puts both on its parent; say p",
    ],
    "links: {b: {kind: bridge}, p: {master: b}, e: {kind: macvlan, macvlan: {link: p}}}": [
        "links.p.master: 'b' takes all that comes in, and so does e, a macvlan on this link; the kernel lets only one of them",
    ],
    "links: {b: {kind: bridge}, c: {kind: bridge, master: b}}": [
        "links.c.master: a bridge can't belong to a bridge, as 'b' is one",
    ],
    "links: {e: {kind: vxlan, vxlan: {id: 16777216}}}": [
        "links.e.vxlan.id: 16777216 is not in 0..16777215",
    ],
    "links: {e: {kind: vxlan, vxlan: {id: 1, group: 239.0.0.1}}}": [
        "links.e.vxlan.group: needs link: where the group is joined",
    ],
    "links: {e: {kind: vxlan, vxlan: {id: 1, remote: 239.0.0.1}}}": [
        "links.e.vxlan.remote: 239.0.0.1 is a multicast address; say group",
    ],
    'links: {e: {kind: vxlan, vxlan: {id: 1, remote: 192.0.2.1, local: "fd00::1"}}}': [
        "links.e.vxlan: fd00::1 and 192.0.2.1 are not of one family",
    ],
    "links: {e: {kind: vxlan, vxlan: {id: 1, fdb: [{mac: 02:00:00:00:00:01, dst: 192.0.2.1}, {mac: 02:00:00:00:00:01, dst: 192.0.2.2}]}}}": [
        "links.e.vxlan.fdb[1]: 02:00:00:00:00:01 is also fdb[0]",
    ],
    "links: {e: {kind: vxlan, vxlan: {id: 1}}, f: {kind: vxlan, vxlan: {id: 1}}}": [
        "links.e.vxlan.id: 1 is also that of f",
        "links.f.vxlan.id: 1 is also that of e",
    ],
    "links: {e: {kind: vxlan, vxlan: {id: 1, fdb: [{mac: 02:00, dst: 192.0.2.1}]}}}": [
        "links.e.vxlan.fdb[0].mac: '02:00' is not a MAC address like 02:00:00:00:00:01 (six hexadecimal pairs)",
    ],
    "links: {b: {kind: bridge}, e: {master: b, port: {vlans: [{vid: 0}]}}}": [
        "links.e.port.vlans[0].vid: 0 is not in 1..4094, nor a range like 10-20 in it",
    ],
    "links: {b: {kind: bridge}, e: {master: b, port: {vlans: [{vid: 3}, {vid: 2-5}]}}}": [
        "links.e.port.vlans[1]: 3 is also in vlans[0]",
    ],
    "links: {b: {kind: bridge}, e: {master: b, port: {vlans: [{vid: 2-5, pvid: true}]}}}": [
        "links.e.port.vlans[0].pvid: is for one VLAN, not for 2-5",
    ],
    "links: {b: {kind: bridge}, e: {master: b, port: {vlans: [{vid: 2, pvid: true}, {vid: 3, pvid: true}]}}}": [
        "links.e.port.vlans[1].pvid: is vlans[0] already; a port has one",
    ],
    "links: {e: {kind: bond, bond: {mode: active-backup, updelay: 200}}}": [
        "links.e.bond.updelay: 200 has no effect without miimon",
    ],
    "links: {e: {kind: bond, bond: {mode: active-backup, lacp_rate: fast}}}": [
        "links.e.bond.lacp_rate: is for mode 802.3ad, not for active-backup",
    ],
    "links: {e: {kind: vrf}}": [
        "links.e.vrf.table: is missing; kind vrf needs it",
    ],
    'links: {e: {kind: wireguard, wireguard: {private_key_file: "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="}}}': [
        "links.e.wireguard.private_key_file: a key is given by the absolute path of a file on the host that it stands in",
    ],
    'links: {e: {kind: wireguard, wireguard: {private_key: "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="}}}': [
        "links.e.wireguard.private_key: is not a key here; did you mean private_key_file? accepted: fwmark, listen_port, peers, private_key_file",
    ],
    "links: {e: {kind: wireguard, wireguard: {private_key_file: /k, peers: [{public_key: foo}]}}}": [
        "links.e.wireguard.peers[0].public_key: a public key is 44 characters of base64, as `wg pubkey` prints it",
    ],
    "links: {e: {kind: wireguard, wireguard: {private_key_file: /k, listen_port: 1}}, f: {kind: wireguard, wireguard: {private_key_file: /k, listen_port: 1}}}": [
        "links.e.wireguard.listen_port: 1 is also that of f",
        "links.f.wireguard.listen_port: 1 is also that of e",
    ],
    "links: {e: {kind: tap, tap: {owner: root}}}": [
        "links.e.tap.owner: 'root' is not a whole number in 0..4294967294",
    ],
    "netns: {a: {links: {e: {kind: macvlan, link_netns: b, macvlan: {link: p}}}}}": [
        "netns.a.links.e.link_netns: 'b' is no declared namespace and not host",
    ],
}


@pytest.mark.parametrize("document", PROBLEMS)
def test_says_where_and_what(document):
    with pytest.raises(DeclarationError) as caught:
        load(document)
    assert [str(item) for item in caught.value.problems] == PROBLEMS[document]


def test_a_key_in_the_wrong_place_is_not_repeated():
    key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
    for name in ("private_key_file", "private_key"):
        with pytest.raises(DeclarationError) as caught:
            load({"links": {"wg0": {"kind": "wireguard", "wireguard": {name: key}}}})
        assert key not in str(caught.value)
