"""A service as Kubernetes makes one of iptables: scenario S5.

    a/ns1 10.10.15.2:12345 --+                   +-- a/ns1, a, outside: 2.2.2.2:88
                             +-- Test-Service  --+
    b/ns1 10.10.14.2:12345 --+                   +-- outside: a:30001, b:30001

Each of two endpoints gets half of the connections, from wherever they come. One that calls the
service and lands on itself is translated, or its answer would not come back to it.
"""

from netwright.lab import lab

A, B, OUTSIDE = "198.18.100.10", "198.18.100.11", "198.18.100.12"
SERVICE = "2.2.2.2"
_ENDPOINTS = ("10.10.15.2", "10.10.14.2")
_EVERYWHERE = [{"at": "a/ns1", "port": 12345}, {"at": "b/ns1", "port": 12345}]


def _endpoint(address):
    return [
        f"-s {address}/32 -j Test-Mark",
        f"-p tcp -j DNAT --to-destination {address}:12345",
    ]


_NAT = {
    "PREROUTING": ["-j Test-Service"],
    "OUTPUT": ["-j Test-Service"],
    "POSTROUTING": [
        "-j Test-PostRouting",
        "! -s 10.10.0.0/16 -d 10.10.0.0/16 -j MASQUERADE",
    ],
    "Test-Service": [
        f"-d {SERVICE}/32 -p tcp --dport 88 -j Test-SVC-1",
        "-m addrtype --dst-type LOCAL -j Test-Nodeport",
    ],
    "Test-Nodeport": ["-p tcp --dport 30001 -j Test-Mark", "-p tcp --dport 30001 -j Test-SVC-1"],
    "Test-SVC-1": ["-m statistic --mode random --probability 0.5 -j Test-SEP-1", "-j Test-SEP-2"],
    "Test-SEP-1": _endpoint(_ENDPOINTS[0]),
    "Test-SEP-2": _endpoint(_ENDPOINTS[1]),
    "Test-Mark": ["-j MARK --set-mark 0x1/0x1"],
    "Test-PostRouting": ["-m mark --mark 0x1/0x1 -j MASQUERADE"],
}


def _itself(host, marked):
    """Every connection lands on the host's own endpoint."""
    own = _ENDPOINTS["ab".index(host)]
    rules = _endpoint(own)
    return {
        "iptables": {
            "nat": {
                "Test-SVC-1": [f"-j Test-SEP-{'ab'.index(host) + 1}"],
                f"Test-SEP-{'ab'.index(host) + 1}": rules if marked else rules[1:],
            }
        }
    }


def _checks(host):
    service = f"http://{SERVICE}:88/hello"
    local = f"{SERVICE}:88"
    own = {"netns": "ns1", "port": 12345}
    return [
        {"from": "host", "http": service, "listen": _EVERYWHERE},
        {"from": "ns1", "http": service, "listen": _EVERYWHERE},
        {"from": "host", "tcp": local, "listen": _EVERYWHERE, "count": 200, "spread": 2},
        {"from": "ns1", "tcp": local, "listen": _EVERYWHERE, "count": 50, "spread": 2},
        {"from": "ns1", "tcp": local, "listen": own, "with": _itself(host, marked=True)},
        {
            "from": "ns1",
            "tcp": local,
            "listen": own,
            "with": _itself(host, marked=False),
            "expect": "timeout",
        },
    ]


def _node(host, number, routes):
    own = f"10.10.{number}"
    return {
        "sysctl": {"net.ipv4.ip_forward": 1},
        "links": {
            "mydocker": {
                "kind": "bridge",
                "bridge": {"stp_state": False},
                "addresses": [f"{own}.1/24"],
            },
            "machine1": {
                "kind": "veth",
                "veth": {"peer": {"name": "eth0", "netns": "ns1"}},
                "master": "mydocker",
                # With bridge-nf-call-iptables the way back to itself is the bridge's, not routed.
                "port": {"hairpin": True},
            },
        },
        "routes": [{"dst": dst, "via": via} for dst, via in routes.items()],
        "iptables": {"nat": _NAT},
        "netns": {
            "ns1": {
                "links": {"lo": {}, "eth0": {"addresses": [f"{own}.2/24"]}},
                "routes": [{"dst": "default", "via": f"{own}.1"}],
            }
        },
        "checks": _checks(host),
    }


_NODE_PORTS = [
    {"from": "host", "http": f"http://{node}:30001/hello", "listen": _EVERYWHERE} for node in (A, B)
]

hosts = lab(
    __file__,
    subnet="198.18.100.0/24",
    hosts={
        "a": {"network": _node("a", 15, {"10.10.14.0/24": B})},
        "b": {"network": _node("b", 14, {"10.10.15.0/24": A})},
        "outside": {
            "network": {
                "routes": [{"dst": f"{SERVICE}/32", "via": A}],
                "checks": [
                    *_NODE_PORTS,
                    {"from": "host", "tcp": f"{A}:30001", "listen": _EVERYWHERE, "count": 40}
                    | {"spread": 2},
                    {"from": "host", "tcp": f"{SERVICE}:88", "listen": _EVERYWHERE},
                    {"from": "host", "tcp": f"{A}:30002", "expect": "refused"},
                ],
            }
        },
    },
)
