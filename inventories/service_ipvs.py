"""A service as Kubernetes makes one of IPVS: scenario S5, on a host whose kernel has it.

    a/ns1 10.10.15.2:12345 --+             +-- a/ns1, a, outside: 2.2.2.2:88
                             +-- IPVS rr --+
    b/ns1 10.10.14.2:12345 --+             +-- outside: a:30001

The service's address is the host's own, on lo, so its packets come to IPVS wherever they are from.
An endpoint sees who calls it, if that is another container; others have no way back but by the
host that they called, so they are translated. `a` is a virtual machine with Debian's own kernel,
the others are containers with the machine's.
"""

from netwright.lab import lab

A, B = "198.18.182.10", "198.18.182.11"
SERVICE = "2.2.2.2"
_ENDPOINTS = {"a": "10.10.15.2", "b": "10.10.14.2"}
_EVERYWHERE = [{"at": "a/ns1", "port": 12345}, {"at": "b/ns1", "port": 12345}]


def _service(address, *hosts):
    """A service that the endpoints of these hosts answer, each in its turn."""
    servers = [{"address": f"{_ENDPOINTS[host]}:12345"} for host in hosts]
    return {"tcp": address, "scheduler": "rr", "servers": servers}


_LOCAL = f"{SERVICE}:88"
_CHECKS = [
    {"from": "host", "http": f"http://{_LOCAL}/hello", "listen": _EVERYWHERE},
    {"from": "host", "tcp": _LOCAL, "listen": _EVERYWHERE, "count": 10, "spread": 2},
    {"from": "ns1", "tcp": _LOCAL, "listen": _EVERYWHERE, "count": 10, "spread": 2},
    {
        "from": "ns1",
        "tcp": _LOCAL,
        "listen": {"at": "b/ns1", "port": 12345},
        "source_seen": _ENDPOINTS["a"],
        "with": {"ipvs": [_service(_LOCAL, "b")]},
    },
    {
        "from": "host",
        "tcp": _LOCAL,
        "listen": _EVERYWHERE,
        "with": {"ipvs": [{"tcp": _LOCAL, "state": "absent"}]},
        "expect": "refused",
    },
]


def _node(host, route, **more):
    """A machine with one container on a bridge; `more` is what it has beside that."""
    endpoint = _ENDPOINTS[host]
    bridge = endpoint.removesuffix("2") + "1"
    links = {
        "mydocker": {
            "kind": "bridge",
            "bridge": {"stp_state": False},
            "addresses": [f"{bridge}/24"],
        },
        "machine1": {
            "kind": "veth",
            "veth": {"peer": {"name": "eth0", "netns": "ns1"}},
            "master": "mydocker",
        },
    }
    inside = {
        "links": {"lo": {}, "eth0": {"addresses": [f"{endpoint}/24"]}},
        "routes": [{"dst": "default", "via": bridge}],
    }
    return {
        **more,
        "sysctl": {"net.ipv4.ip_forward": 1, **more.get("sysctl", {})},
        "links": {**links, **more.get("links", {})},
        "routes": [route],
        "netns": {"ns1": inside},
    }


_A = _node(
    "a",
    {"dst": "10.10.14.0/24", "via": B},
    # Else iptables never sees what IPVS has translated.
    sysctl={"net.ipv4.vs.conntrack": 1},
    links={"lo": {"addresses": [f"{SERVICE}/32"]}},
    ipvs=[_service(_LOCAL, "a", "b"), _service(f"{A}:30001", "a", "b")],
    iptables={
        "nat": {
            "POSTROUTING": [
                # An endpoint that calls the service and lands on itself.
                f"-s {_ENDPOINTS['a']}/32 -d {_ENDPOINTS['a']}/32 -j MASQUERADE",
                "! -s 10.10.0.0/16 -d 10.10.0.0/16 -j MASQUERADE",
            ]
        }
    },
    checks=_CHECKS,
)
_OUTSIDE = {
    "routes": [{"dst": f"{SERVICE}/32", "via": A}],
    "checks": [
        {"from": "host", "http": f"http://{A}:30001/hello", "listen": _EVERYWHERE},
        {"from": "host", "tcp": f"{A}:30001", "listen": _EVERYWHERE, "count": 10, "spread": 2},
        {"from": "host", "tcp": _LOCAL, "listen": _EVERYWHERE},
        {"from": "host", "tcp": f"{A}:30002", "expect": "refused"},
    ],
}

hosts = lab(
    __file__,
    subnet="198.18.182.0/24",
    hosts={
        "a": {"engine": "vm", "confirm": 300, "network": _A},
        "b": {"network": _node("b", {"dst": "10.10.15.0/24", "via": A})},
        "outside": {"network": _OUTSIDE},
    },
)
