"""A provider that carries its customers' VLANs in VLANs of its own: scenario S3, QinQ.

    left1 (7) --+                                              +-- right1 (7)
                +-- edge1 -- core1 == 802.1ad == core2 -- edge2 --+
    left2 (7) --+                                              +-- right2 (7)

Two customers use the same tag 7 and the same addresses. The edge bridges put each customer's
frames, tag and all, behind an outer tag: 100 for the first, 200 for the second. The core carries
two tags, so its MTU is 4 bytes larger. All of it is one virtual machine with Debian's own kernel.
"""

from netwright.lab import lab

_EDGE = {
    "kind": "bridge",
    "bridge": {
        "stp_state": False,
        "vlan_filtering": True,
        "vlan_protocol": "802.1ad",
        "vlan_default_pvid": 0,
    },
    "mtu": 1504,
}
_OUTER = {"1": 100, "2": 200}
_SIDES = {"left": ("edge1", "10.7.0.1"), "right": ("edge2", "10.7.0.2")}


def _access(vid):
    return {"vlans": [{"vid": vid, "pvid": True, "untagged": True}]}


def _links():
    links = {"edge1": _EDGE, "edge2": _EDGE}
    for number, other in ((1, 2), (2, 1)):
        links[f"core{number}"] = {
            "kind": "veth",
            "veth": {"peer": {"name": f"core{other}"}},
            "mtu": 1504,
            "master": f"edge{number}",
            "port": {"vlans": [{"vid": vid} for vid in _OUTER.values()]},
        }
    for side, (edge, _) in _SIDES.items():
        for customer, vid in _OUTER.items():
            links[f"to-{side}{customer}"] = {
                "kind": "veth",
                "veth": {"peer": {"name": "cable", "netns": f"{side}{customer}"}},
                "mtu": 1504,
                "master": edge,
                "port": _access(vid),
            }
    return links


def _customer(address):
    return {
        "links": {
            "lo": {},
            "cable": {"mtu": 1504},
            "cable.7": {
                "kind": "vlan",
                "vlan": {"link": "cable", "id": 7},
                "mtu": 1500,
                "addresses": [f"{address}/24"],
            },
        }
    }


_LEFT, _RIGHT = (address for _, address in _SIDES.values())
# In the other customer's VLAN nobody of its own hears it.
_CUT = {"links": {"to-right1": {"port": _access(200)}}}

hosts = lab(
    __file__,
    subnet="198.18.181.0/24",
    hosts={
        "a": {
            "engine": "vm",
            "confirm": 300,
            "network": {
                "links": _links(),
                "netns": {
                    f"{side}{customer}": _customer(address)
                    for side, (_, address) in _SIDES.items()
                    for customer in _OUTER
                },
                "checks": [
                    {"from": "left1", "ping": _RIGHT, "size": 1472, "dont_fragment": True},
                    {"from": "right2", "ping": _LEFT},
                    {"from": "left1", "ping": _RIGHT, "with": _CUT, "expect": "timeout"},
                    {
                        "from": "left2",
                        "tcp": f"{_RIGHT}:12345",
                        "listen": {"netns": "right2", "port": 12345},
                    },
                    # The first customer's right is another host with the same address.
                    {
                        "from": "left1",
                        "tcp": f"{_RIGHT}:12345",
                        "listen": {"netns": "right2", "port": 12345},
                        "expect": "refused",
                    },
                ],
            },
        }
    },
)
