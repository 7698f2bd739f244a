"""One bridge, two namespaces: scenario S1.

    host -- testbr --+-- br-veth1 == veth1 172.16.0.2 (test1)
                     +-- br-veth2 == veth2 172.16.0.3 (test2)

The steps exclude each other, so each is a variation on the base, in which the bridge has no
address and each namespace takes everything for its neighbour.
"""

from netwright.lab import lab

HOST, OUTSIDE = "198.18.1.10", "198.18.1.11"

# Step 2: the host is the gateway. Outside knows the way back, so it works untranslated as well.
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
_TRANSLATED = {
    **_ROUTED,
    "iptables": {
        "nat": {"POSTROUTING": ["-s 172.16.0.0/24 ! -d 172.16.0.0/24 -j MASQUERADE"]},
    },
}


def _service(hairpin, bridged, accept_local=1):
    """Steps 3 and 4: 2.2.2.2:80 is test1 itself, 2.2.2.2:81 is its neighbour on the bridge.

    + hairpin: whether a port sends back what came in on it
    + bridged: whether bridged packets meet iptables, and so are translated on the bridge
    """
    port = {"port": {"hairpin": hairpin}}
    test1 = {
        **_ROUTED["netns"]["test1"],
        "sysctl": {"net.ipv4.conf.all.accept_local": accept_local},
    }
    return {
        "sysctl": {
            "net.ipv4.ip_forward": 1,
            "net.bridge.bridge-nf-call-iptables": bridged,
            "net.bridge.bridge-nf-call-ip6tables": bridged,
        },
        "links": {**_ROUTED["links"], "br-veth1": port, "br-veth2": port},
        "netns": {"test1": test1, "test2": _ROUTED["netns"]["test2"]},
        "iptables": {
            "nat": {
                "PREROUTING": [
                    "-d 2.2.2.2/32 -p tcp --dport 80 -j DNAT --to-destination 172.16.0.2:8080",
                    "-d 2.2.2.2/32 -p tcp --dport 81 -j DNAT --to-destination 172.16.0.3:8080",
                    "-d 2.2.2.2/32 -p icmp -j DNAT --to-destination 172.16.0.2",
                ],
                # A connection to oneself is answered over `lo`, from an address that was not asked;
                # from the host's address, the answer comes back the same way and is translated.
                "POSTROUTING": ["-s 172.16.0.2/32 -d 172.16.0.2/32 -p tcp -j MASQUERADE"],
            }
        },
    }


def _itself(expect, **service):
    check = {"from": "test1", "tcp": "2.2.2.2:80", "listen": {"netns": "test1", "port": 8080}}
    return {**check, "expect": expect, "with": _service(**service)}


def _ping_itself(expect, **service):
    """Not masqueraded: the ping comes back with the namespace's own address as its source."""
    return {"from": "test1", "ping": "2.2.2.2", "expect": expect, "with": _service(**service)}


def _neighbour(expect, **service):
    check = {"from": "test1", "tcp": "2.2.2.2:81", "listen": {"netns": "test2", "port": 8080}}
    return {**check, "expect": expect, "with": _service(**service)}


# Step 5: an address on a bridge's port; only the host itself reaches it, over `lo`.
_PORT_ADDRESS = {"links": {"br-veth2": {"addresses": ["192.168.10.3/32"]}}}
_ROUTED_TO_PORT = {
    **_ROUTED,
    "links": {**_ROUTED["links"], "br-veth2": {"addresses": ["192.168.10.3/32"]}},
}
# What the host sends to itself goes over `lo`: past PREROUTING, but not past INPUT.
_DEAD_FOR_OUTSIDERS = {
    **_ROUTED_TO_PORT,
    "routes": [{"dst": "203.0.113.9/32", "type": "blackhole"}],
    "iptables": {
        "nat": {"PREROUTING": ["-d 192.168.10.3/32 -j DNAT --to-destination 203.0.113.9"]},
    },
}
_DEAD_FOR_ALL = {
    **_ROUTED_TO_PORT,
    "iptables": {"filter": {"INPUT": ["-d 192.168.10.3/32 -j DROP"]}},
}
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
    # Step 2, translated: the far side sees the host's address
    {
        "from": "test1",
        "tcp": f"{OUTSIDE}:8080",
        "listen": {"at": "outside/host", "port": 8080},
        "source_seen": HOST,
        "with": _TRANSLATED,
    },
    # Step 3: itself under another address: needs hairpin, and accept_local if it sees its own
    _itself("ok", hairpin=True, bridged=1),
    _itself("timeout", hairpin=False, bridged=1),
    _ping_itself("ok", hairpin=True, bridged=1),
    _ping_itself("timeout", hairpin=False, bridged=1),
    _ping_itself("timeout", hairpin=True, bridged=1, accept_local=0),
    # Step 4: its neighbour under another address, which needs bridged packets to meet iptables
    _neighbour("ok", hairpin=True, bridged=1),
    _neighbour("timeout", hairpin=True, bridged=0),
    # Step 5
    {"from": "test1", "ping": "192.168.10.3", "with": _ROUTED_TO_PORT},
    {"from": "test1", "ping": "192.168.10.3", "with": _DEAD_FOR_OUTSIDERS, "expect": "timeout"},
    {"from": "host", "ping": "192.168.10.3", "with": _DEAD_FOR_OUTSIDERS},
    {"from": "test1", "ping": "192.168.10.3", "with": _DEAD_FOR_ALL, "expect": "timeout"},
    {"from": "host", "ping": "192.168.10.3", "with": _DEAD_FOR_ALL, "expect": "timeout"},
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
