"""A container network over two machines, by hand-written routes: scenario S4, the default lab.

    a/ns1 10.10.15.2 -- mydocker 10.10.15.1 -- a ---+
                                                    +--- outside
    b/ns1 10.10.14.2 -- mydocker 10.10.14.1 -- b ---+

Each container host has a bridge and a namespace on it, forwards, and knows the way to the other's
containers. Between containers nothing is translated, so each end sees the other's own address; what
leaves them for elsewhere has its host's address, since nobody outside knows the way to them.
"""

from netwright.lab import lab

A, B, OUTSIDE = "198.18.0.10", "198.18.0.11", "198.18.0.12"


def _container_host(own, routes, checks):
    """One container host: `own` is the first three numbers of its containers' addresses."""
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
            },
        },
        "routes": [{"dst": dst, "via": via} for dst, via in routes.items()],
        "iptables": {
            "nat": {
                "POSTROUTING": [
                    "-s 10.10.0.0/16 -d 10.10.0.0/16 -j RETURN",
                    "-s 10.10.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE",
                ]
            }
        },
        "netns": {
            "ns1": {
                "links": {"lo": {}, "eth0": {"addresses": [f"{own}.2/24"]}},
                "routes": [{"dst": "default", "via": f"{own}.1"}],
            }
        },
        "checks": checks,
    }


_NO_FORWARDING = {"sysctl": {"net.ipv4.ip_forward": 0}}
_NO_TRANSLATION = {"iptables": {"nat": {"POSTROUTING": {"state": "absent"}}}}


def _outside_sees(source):
    """From the namespace to the outside host, which sees this address."""
    return {
        "from": "ns1",
        "tcp": f"{OUTSIDE}:12346",
        "listen": {"at": "outside/host", "port": 12346},
        "source_seen": source,
    }


hosts = lab(
    __file__,
    subnet="198.18.0.0/24",
    hosts={
        "a": {
            "network": _container_host(
                "10.10.15",
                {"10.10.14.0/24": B},
                [
                    {"from": "ns1", "ping": "10.10.15.1"},
                    {"from": "ns1", "ping": "10.10.14.2"},
                    {"from": "ns1", "ping": OUTSIDE},
                    {"from": "ns1", "ping": OUTSIDE, "with": _NO_TRANSLATION, "expect": "timeout"},
                    _outside_sees(A),
                    {
                        "from": "ns1",
                        "tcp": "10.10.14.2:12345",
                        "listen": {"at": "b/ns1", "port": 12345},
                        "source_seen": "10.10.15.2",
                    },
                    {"from": "ns1", "tcp": "10.10.14.2:12345", "expect": "refused"},
                    {
                        "from": "ns1",
                        "ping": "10.10.14.2",
                        "with": _NO_FORWARDING,
                        "expect": "timeout",
                    },
                ],
            )
        },
        "b": {
            "network": _container_host(
                "10.10.14",
                {"10.10.15.0/24": A},
                [
                    {"from": "ns1", "ping": "10.10.15.2"},
                    {
                        "from": "ns1",
                        "tcp": "10.10.15.2:12345",
                        "listen": {"at": "a/ns1", "port": 12345},
                        "source_seen": "10.10.14.2",
                    },
                    _outside_sees(B),
                ],
            )
        },
        "outside": {
            "network": {
                "checks": [
                    {"from": "host", "ping": A},
                    {"from": "host", "ping": B},
                ],
            }
        },
    },
)
