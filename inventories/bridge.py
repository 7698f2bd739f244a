"""One bridge, two namespaces: scenario S1, as far as it needs no rules.

    host -- testbr --+-- br-veth1 == veth1 172.16.0.2 (test1)
                     +-- br-veth2 == veth2 172.16.0.3 (test2)

The steps exclude each other, so each is a variation on the base, in which the bridge has no
address and each namespace takes everything for its neighbour.
"""

from netwright.lab import lab

HOST, OUTSIDE = "198.18.1.10", "198.18.1.11"

# Step 2: the host is the gateway. What leaves it is not translated here; outside knows the way.
_ROUTED = {
    "sysctl": {"net.ipv4.ip_forward": 1},
    "links": {"testbr": {"addresses": ["172.16.0.1/24"]}},
    "netns": {
        "test1": {"routes": [{"dst": "default", "via": "172.16.0.1", "src": "172.16.0.2"}]},
        "test2": {"routes": [{"dst": "default", "via": "172.16.0.1", "src": "172.16.0.3"}]},
    },
}
_ROUTED_NOT_FORWARDING = {**_ROUTED, "sysctl": {"net.ipv4.ip_forward": 0}}
_ISOLATED = {
    "links": {
        "br-veth1": {"port": {"isolated": True}},
        "br-veth2": {"port": {"isolated": True}},
    }
}
_PORT_DOWN = {"links": {"br-veth2": {"state": "down"}}}
# Step 5: an address on a bridge's port; only the host itself reaches it, over `lo`.
_PORT_ADDRESS = {"links": {"br-veth2": {"addresses": ["192.168.10.3/32"]}}}
_PROMISC = {"links": {"testbr": {"promisc": True}}}


def _end(number):
    """The host's end of a pair, a port of the bridge."""
    return {
        "kind": "veth",
        "veth": {"peer": {"name": f"veth{number}", "netns": f"test{number}"}},
        "master": "testbr",
    }


def _namespace(number):
    own = f"172.16.0.{number + 1}"
    return {
        "links": {"lo": {}, f"veth{number}": {"addresses": [f"{own}/24"]}},
        "routes": [{"dst": "default", "dev": f"veth{number}", "src": own}],
    }


_CHECKS = [
    # Step 1
    {"from": "test1", "ping": "172.16.0.3"},
    {"from": "test2", "ping": "172.16.0.2"},
    {"from": "test1", "arping": "172.16.0.3", "dev": "veth1"},
    {
        "from": "test1",
        "tcp": "172.16.0.3:8080",
        "listen": {"netns": "test2", "port": 8080},
        "source_seen": "172.16.0.2",
    },
    {"from": "test1", "tcp": "172.16.0.3:8080", "expect": "refused"},
    {"from": "test1", "arping": OUTSIDE, "dev": "veth1", "expect": "timeout"},
    {"from": "test1", "ping": "172.16.0.3", "with": _ISOLATED, "expect": "timeout"},
    {
        "from": "test1",
        "arping": "172.16.0.3",
        "dev": "veth1",
        "with": _PORT_DOWN,
        "expect": "timeout",
    },
    {"from": "test1", "ping": "172.16.0.3", "with": _PROMISC},
    # Step 2, without translation
    {"from": "test1", "ping": "172.16.0.1", "with": _ROUTED},
    {"from": "test1", "ping": OUTSIDE, "with": _ROUTED},
    {"from": "test1", "ping": OUTSIDE, "with": _ROUTED_NOT_FORWARDING, "expect": "timeout"},
    {
        "from": "test1",
        "tcp": f"{OUTSIDE}:8080",
        "listen": {"at": "outside/host", "port": 8080},
        "source_seen": "172.16.0.2",
        "with": _ROUTED,
    },
    # Step 5, without rules
    {"from": "host", "ping": "192.168.10.3", "with": _PORT_ADDRESS},
    {
        "from": "host",
        "tcp": "192.168.10.3:8080",
        "listen": {"netns": "host", "port": 8080},
        "source_seen": "192.168.10.3",
        "with": _PORT_ADDRESS,
    },
]

hosts = lab(
    __file__,
    subnet="198.18.1.0/24",
    hosts={
        "a": {
            "network": {
                "links": {
                    "testbr": {"kind": "bridge", "bridge": {"stp_state": False}},
                    "br-veth1": _end(1),
                    "br-veth2": _end(2),
                },
                "netns": {"test1": _namespace(1), "test2": _namespace(2)},
                "checks": _CHECKS,
            }
        },
        "outside": {"network": {"routes": [{"dst": "172.16.0.0/24", "via": HOST}]}},
    },
)
