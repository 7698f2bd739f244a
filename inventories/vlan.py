"""One cable for several networks: scenario S3, a trunk between two machines and a bridge on it.

    a/web -- sw0 (3) -- eth0.3 --+           +-- eth0.3 in b/three
                                 +-- eth0 ---+
    a/db --- sw0 (4) -- eth0.4 --+           +-- eth0.4 in b/four

All four have addresses of one subnet, so nothing but the tag keeps them apart. On `a` both VLANs
are ports of one bridge that knows VLANs; on `b` each goes straight into a namespace. Both hosts are
virtual machines with Debian's own kernel.
"""

from netwright.lab import lab

_WEB, _DB, _THREE, _FOUR = (f"10.3.0.{number}" for number in (11, 12, 21, 22))


def _port(vid, **fields):
    return {
        "master": "sw0",
        "port": {"vlans": [{"vid": vid, "pvid": True, "untagged": True}]},
        **fields,
    }


def _namespace(name, vid):
    veth = {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": name}}}
    return {f"to-{name}": _port(vid, **veth)}


def _tag(vid):
    return {"kind": "vlan", "vlan": {"link": "eth0", "id": vid}}


def _end(address):
    return {"links": {"lo": {}, "eth0": {"addresses": [f"{address}/24"]}}}


_A = {
    "links": {
        "sw0": {
            "kind": "bridge",
            "bridge": {"stp_state": False, "vlan_filtering": True, "vlan_default_pvid": 0},
        },
        **{f"eth0.{vid}": {**_tag(vid), **_port(vid)} for vid in (3, 4)},
        **_namespace("web", 3),
        **_namespace("db", 4),
    },
    "netns": {"web": _end(_WEB), "db": _end(_DB)},
    "checks": [
        {"from": "web", "ping": _THREE, "size": 1472, "dont_fragment": True},
        {"from": "db", "ping": _FOUR},
        {"from": "web", "ping": _FOUR, "expect": "timeout"},
        {"from": "web", "ping": _DB, "expect": "timeout"},
        {"from": "web", "ping": _DB, "with": {"links": {"to-db": _port(3)}}},
        {
            "from": "web",
            "tcp": f"{_THREE}:12345",
            "listen": {"at": "b/three", "port": 12345},
            "source_seen": _WEB,
        },
    ],
}


def _moved(vid, address):
    """The VLAN of the host's link, in a namespace."""
    return {
        "links": {
            "lo": {},
            f"eth0.{vid}": {**_tag(vid), "link_netns": "host", "addresses": [f"{address}/24"]},
        }
    }


_B = {
    "netns": {"three": _moved(3, _THREE), "four": _moved(4, _FOUR)},
    "checks": [
        {"from": "three", "ping": _WEB},
        {"from": "three", "ping": _DB, "expect": "timeout"},
        {"from": "four", "ping": _DB},
    ],
}

hosts = lab(
    __file__,
    subnet="198.18.180.0/24",
    hosts={
        "a": {"engine": "vm", "confirm": 300, "network": _A},
        "b": {"engine": "vm", "confirm": 300, "network": _B},
    },
)
