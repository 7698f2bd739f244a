"""One declaration with every kind of link that takes a kernel of its own, and packets over each."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

__all__ = ["LOSSLESS", "apart", "everything", "otherwise", "tunnel", "wrong_vlans"]


def _veth(ifname: str, netns: str, **fields: Any) -> dict[str, Any]:
    peer = {"name": ifname, "netns": netns}
    return {ifname: {"kind": "veth", "veth": {"peer": peer}, **fields}}


def _vlans() -> dict[str, Any]:
    """A trunk to `far`: VLAN 3 has both ends, 4 and 5 one each, 7 lies in 100 of 802.1ad."""

    def tags(number: int, only: int) -> dict[str, Any]:
        def tag(parent: str, vid: int, subnet: int, **more: Any) -> dict[str, Any]:
            more = {"mtu": 1500, "addresses": [f"10.{subnet}.0.{number}/24"], **more}
            options = {"link": parent, "id": vid, **more.pop("vlan", {})}
            return {"kind": "vlan", "vlan": options, **more}

        outer = {"protocol": "802.1ad"}
        qos = {"egress_qos_map": ["0:5", "1:3"], "ingress_qos_map": ["5:1"]}
        # Dots in names are what parameters of links are read by.
        return {
            "trunk.3": tag("trunk", 3, 3, vlan=qos, ipv4={"rp_filter": 1}),
            f"trunk.{only}": tag("trunk", only, 4, vlan={"loose_binding": True}),
            "outer": tag("trunk", 100, 0, vlan=outer, mtu=1504, addresses=[]),
            "inner": tag("outer", 7, 7, vlan={"reorder_hdr": False}),
        }

    far = {"links": {"lo": {}, "trunk": {"mtu": 1508}, **tags(2, 5)}}
    checks = [
        {"from": "host", "ping": "10.3.0.2"},
        {"from": "far", "ping": "10.7.0.1", "size": 1472},
        {"from": "far", "ping": "10.4.0.1", "expect": "timeout"},
    ]
    links = {**_veth("trunk", "far", mtu=1508), **tags(1, 4)}
    return {"links": links, "netns": {"far": far}, "checks": checks}


def _bridge_vlans() -> dict[str, Any]:
    """Ports of VLAN 10 hear each other; that of VLAN 20 with the same subnet hears nobody."""
    links: dict[str, Any] = {
        "sw0": {
            "kind": "bridge",
            "bridge": {"stp_state": False, "vlan_filtering": True, "vlan_default_pvid": 0},
        }
    }
    spaces = {}
    for number, vid in ((1, 10), (2, 10), (3, 20)):
        port = {"vlans": [{"vid": vid, "pvid": True, "untagged": True}, {"vid": "100-110"}]}
        links |= _veth(f"port{number}", f"sw{number}", master="sw0", port=port)
        end = {"addresses": [f"10.10.0.{number}/24"]}
        spaces[f"sw{number}"] = {"links": {"lo": {}, f"port{number}": end}}
    checks = [
        {"from": "sw1", "ping": "10.10.0.2"},
        {"from": "sw1", "ping": "10.10.0.3", "expect": "timeout"},
    ]
    return {"links": links, "netns": spaces, "checks": checks}


def _ipvlans() -> dict[str, Any]:
    """Two on one parent; they hear each other and what is behind the parent."""
    spaces: dict[str, Any] = {"behind": {"links": {"lo": {}, "under": _end("10.11.0.9/24")}}}
    for number in (1, 2):
        link = {"kind": "ipvlan", "link_netns": "host", "ipvlan": {"link": "under", "mode": "l2"}}
        space = {"lo": {}, "iv0": {**link, **_end(f"10.11.0.{number}/24")}}
        spaces[f"iv{number}"] = {"links": space}
    checks = [{"from": "iv1", "ping": "10.11.0.2"}, {"from": "iv2", "ping": "10.11.0.9"}]
    return {"links": _veth("under", "behind"), "netns": spaces, "checks": checks}


def apart() -> dict[str, Any]:
    """What takes no reboot: ipvlans that are routed, and a VXLAN whose ends meet in a group."""
    links: dict[str, Any] = {}
    spaces: dict[str, Any] = {}
    for net, mode in ((18, "l3"), (19, "l3s")):
        behind = {"lo": {}, f"up{net}": _end(f"10.{net}.0.9/24")}
        routes = [{"dst": f"10.{net}.{number}.0/24", "via": f"10.{net}.0.1"} for number in (1, 2)]
        spaces[f"by{net}"] = {"links": behind, "routes": routes}
        links |= _veth(f"up{net}", f"by{net}", **_end(f"10.{net}.0.1/24"))
        for number in (1, 2):
            link = {"kind": "ipvlan", "link_netns": "host"}
            link["ipvlan"] = {"link": f"up{net}", "mode": mode}
            inside = {"lo": {}, "iv0": {**link, **_end(f"10.{net}.{number}.1/24")}}
            routes = [{"dst": "default", "dev": "iv0", "scope": "link"}]
            spaces[f"v{net}-{number}"] = {"links": inside, "routes": routes}
    for number, place in ((1, links), (2, {"lo": {}})):
        options = {"id": 20, "group": "239.1.1.20", "link": "gr0", "local": f"10.20.0.{number}"}
        cable = _veth("gr0", "grfar")["gr0"] if place is links else {}
        place["gr0"] = {**cable, **_end(f"10.20.0.{number}/24")}
        place["vxg"] = {"kind": "vxlan", "vxlan": options, **_end(f"10.21.0.{number}/24")}
    spaces["grfar"] = {"links": place}
    # In l3s the host's own rules see what is for a namespace.
    rules = [f"-i up{net} -d 10.{net}.2.1 -j DROP" for net in (18, 19)]
    return {"links": links, "netns": spaces, "iptables": {"filter": {"INPUT": rules}}}


def _end(address: str) -> dict[str, Any]:
    return {"addresses": [address]}


def _bond() -> dict[str, Any]:
    """Two cables to a switch: one that is cut is no loss."""
    bond = {"mode": "active-backup", "miimon": 100, "num_grat_arp": 2}
    links = {
        "bond0": {"kind": "bond", "bond": bond, **_end("10.12.0.1/24")},
        **_veth("m0", "rack", master="bond0"),
        **_veth("m1", "rack", master="bond0"),
    }
    switch = {"kind": "bridge", "bridge": {"stp_state": False}, **_end("10.12.0.2/24")}
    rack = {"lo": {}, "br0": switch, "m0": {"master": "br0"}, "m1": {"master": "br0"}}
    cut = {"netns": {"rack": {"links": {"m0": {"state": "down"}}}}}
    checks = [
        {"from": "host", "ping": "10.12.0.2"},
        {"from": "rack", "ping": "10.12.0.1", "with": cut},
    ]
    return {"links": links, "netns": {"rack": {"links": rack}}, "checks": checks}


def _vrf() -> dict[str, Any]:
    """A table that links bring along: its way is no way of the main one."""
    links = {
        "red": {"kind": "vrf", "vrf": {"table": 10}},
        **_veth("r0", "redfar", master="red", **_end("10.13.0.1/24")),
    }
    space = {"links": {"lo": {}, "r0": _end("10.13.0.2/24")}}
    space["routes"] = [{"dst": "default", "via": "10.13.0.1"}]
    routes = [
        {"dst": "10.14.0.0/24", "via": "10.13.0.2", "dev": "r0", "table": 10},
        {"dst": "default", "type": "unreachable", "table": 10, "metric": 4278198272},
    ]
    return {
        "links": links,
        "netns": {"redfar": space},
        "routes": routes,
        "checks": [{"from": "redfar", "ping": "10.13.0.1"}],
    }


def tunnel(keys: dict[str, str]) -> dict[str, Any]:
    """A tunnel over a cable of its own, with keys as `everything` takes them."""

    def wg(own: str, other: str, number: int) -> dict[str, Any]:
        peer = {
            "public_key": keys[other],
            "preshared_key_file": "/etc/wireguard/between.psk",
            "allowed_ips": [f"10.16.0.{3 - number}/32"],
            "endpoint": f"10.15.0.{3 - number}:51820",
            "persistent_keepalive": 25,
        }
        options = {
            "private_key_file": f"/etc/wireguard/{own}.key",
            "listen_port": 51820,
            "peers": [peer],
        }
        return {"kind": "wireguard", "wireguard": options, "mtu": 1420}

    links = {
        **_veth("cable", "wgfar", **_end("10.15.0.1/24")),
        "wg0": {**wg("here", "there", 1), **_end("10.16.0.1/24")},
    }
    space = {
        "lo": {},
        "cable": _end("10.15.0.2/24"),
        "wg0": {**wg("there", "here", 2), **_end("10.16.0.2/24")},
    }
    checks = [{"from": "wgfar", "ping": "10.16.0.1"}]
    return {"links": links, "netns": {"wgfar": {"links": space}}, "checks": checks}


def _plain() -> dict[str, Any]:
    """Those that stand alone."""
    return {
        "links": {
            "dum0": {"kind": "dummy", "addresses": ["192.0.2.1/32", "2001:db8::1/128"]},
            "ifb7": {"kind": "ifb", "txqueuelen": 64},
            "tap7": {"kind": "tap", "tap": {"owner": 1000}},
            "tun7": {"kind": "tun", "state": "down"},
        },
        "checks": [{"from": "host", "ping": "192.0.2.1"}],
    }


def _ipvs() -> dict[str, Any]:
    """Two servers of one service, each in its turn."""
    links, spaces, listen = {}, {}, []
    for number in (1, 2):
        links |= _veth(f"real{number}", f"real{number}", **_end(f"10.17.{number}.1/24"))
        inside = {"lo": {}, f"real{number}": _end(f"10.17.{number}.2/24")}
        routes = [{"dst": "default", "via": f"10.17.{number}.1"}]
        spaces[f"real{number}"] = {"links": inside, "routes": routes}
        listen.append({"at": f"real{number}", "port": 8080})
    links["lo"] = {"addresses": ["203.0.113.80/32"]}
    servers = [{"address": f"10.17.{number}.2:8080", "weight": 1} for number in (1, 2)]
    service = {"tcp": "203.0.113.80:80", "scheduler": "rr", "servers": servers}
    check = {"from": "host", "tcp": "203.0.113.80:80", "listen": listen, "count": 4, "spread": 2}
    return {"links": links, "netns": spaces, "ipvs": [service], "checks": [check]}


def everything(keys: dict[str, str]) -> dict[str, Any]:
    """The declaration.

    Args:
        keys: the public keys of /etc/wireguard/NAME.key on the host, by NAME.
    """
    whole: dict[str, Any] = {
        "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.rp_filter": 0},
        "links": {},
        "netns": {},
        "routes": [],
        "checks": [],
    }
    parts = (_vlans(), _bridge_vlans(), _ipvlans(), _bond(), _vrf(), tunnel(keys))
    for part in (*parts, _plain(), _ipvs()):
        for name, value in part.items():
            if isinstance(value, dict):
                assert not whole[name].keys() & value.keys()
                whole[name] |= value
            else:
                whole[name] = [*whole.get(name, []), *value]
    return whole


LOSSLESS = {
    "far": "10.3.0.1",
    "sw1": "10.10.0.2",
    "iv1": "10.11.0.2",
    "rack": "10.12.0.1",
    "redfar": "10.13.0.1",
    "wgfar": "10.16.0.1",
}
"""Namespace -> whom it reaches over each kind of `everything`."""


def otherwise(network: dict[str, Any]) -> dict[str, Any]:
    """`everything` with what the kernel changes in place, of links that packets pass."""
    changed = deepcopy(network)
    links = changed["links"]
    links["trunk.3"]["vlan"]["egress_qos_map"] = ["0:4", "1:3"]
    links["trunk.3"]["txqueuelen"] = 500
    links["sw0"]["bridge"]["ageing_time"] = 200
    links["port1"]["port"]["vlans"] = [{"vid": 10, "pvid": True, "untagged": True}, {"vid": 77}]
    changed["netns"]["iv1"]["links"]["iv0"]["mtu"] = 1400
    links["bond0"]["bond"] |= {"miimon": 200, "num_grat_arp": 1}
    links["r0"]["addresses"] = ["10.13.0.1/24", "10.13.9.1/32"]
    links["wg0"]["wireguard"]["peers"][0]["persistent_keepalive"] = 20
    return changed


def wrong_vlans(*addresses: str) -> dict[str, dict[str, Any]]:
    """Declarations by which a host's untagged card ends in another VLAN than its addresses."""
    bridge = {"stp_state": False, "vlan_filtering": True, "vlan_default_pvid": 0}

    def on_bridge(vid: int) -> dict[str, Any]:
        def untagged(vid: int) -> dict[str, Any]:
            return {"vlans": [{"vid": vid, "pvid": True, "untagged": True}]}

        own = {**bridge, **untagged(3)}
        br9 = {"kind": "bridge", "bridge": own, "addresses": [*addresses]}
        eth0 = {"addresses": [], "master": "br9", "port": untagged(vid)}
        return {"links": {"br9": br9, "eth0": eth0}}

    tagged = {"kind": "vlan", "vlan": {"link": "eth0", "id": 3}, "addresses": [*addresses]}
    return {
        "right": on_bridge(3),
        "a port in another VLAN than the bridge": on_bridge(4),
        "tags where the switch has none": {"links": {"eth0": {"addresses": []}, "eth0.3": tagged}},
    }
