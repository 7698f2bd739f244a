"""An overlay over three machines: scenario S12, what flannel and weave make for containers.

    a/n1 a/n2 a/n3 -- pods -- vx42 --+          +-- vx42 -- pods -- b/n1 b/n2 b/n3
                                     +-- eth0 --+
                                                +-- vx42 -- pods -- c/n1 c/n2 c/n3

Nine namespaces on three hosts have one subnet. Each host's bridge has a VXLAN link as one of its
ports; whom it does not know yet it asks at the two other hosts, which are named one by one: no
multicast in the underlay, and no learning of addresses that somebody made up. A packet grows by 50
bytes on its way, so what is on the overlay has an MTU of 1450.
"""

from netwright.lab import lab

_HOSTS = {"a": "198.18.178.10", "b": "198.18.178.11", "c": "198.18.178.12"}
_NUMBERS = (1, 2, 3)
_EVERYBODY = "00:00:00:00:00:00"


def _address(host, number):
    return f"10.42.{[*_HOSTS].index(host)}.{number}"


def _namespace(host, number):
    return {
        "links": {
            "lo": {},
            "eth0": {"mtu": 1450, "addresses": [f"{_address(host, number)}/16"]},
        }
    }


def _port(number):
    return {
        "kind": "veth",
        "veth": {"peer": {"name": "eth0", "netns": f"n{number}"}},
        "mtu": 1450,
        "master": "pods",
    }


def _tunnel(host, others):
    return {
        "kind": "vxlan",
        "vxlan": {
            "id": 42,
            "local": _HOSTS[host],
            "dstport": 4789,
            "link": "eth0",
            "learning": False,
            "fdb": [{"mac": _EVERYBODY, "dst": _HOSTS[other]} for other in others],
        },
        "mtu": 1450,
        "master": "pods",
    }


def _checks(host):
    other = next(name for name in _HOSTS if name != host)
    far = _address(other, 1)
    pairs = [
        {"from": f"n{number}", "ping": _address(target, there)}
        for number in _NUMBERS
        for target in _HOSTS
        for there in _NUMBERS
        if (target, there) != (host, number)
    ]
    return [
        *pairs,
        # 28 bytes are the headers of IP and ICMP.
        {"from": "n1", "ping": far, "size": 1450 - 28, "dont_fragment": True},
        {
            "from": "n1",
            "ping": far,
            "size": 1451 - 28,
            "dont_fragment": True,
            "expect": "unreachable",
        },
        {
            "from": "n1",
            "tcp": f"{far}:12345",
            "listen": {"at": f"{other}/n1", "port": 12345},
            "source_seen": _address(host, 1),
        },
        {
            "from": "n1",
            "ping": far,
            "with": {"links": {"vx42": {"vxlan": {"fdb": []}}}},
            "expect": "timeout",
        },
    ]


def _host(host):
    others = [name for name in _HOSTS if name != host]
    return {
        "links": {
            "pods": {"kind": "bridge", "bridge": {"stp_state": False}, "mtu": 1450},
            "vx42": _tunnel(host, others),
            **{f"pod{number}": _port(number) for number in _NUMBERS},
        },
        "netns": {f"n{number}": _namespace(host, number) for number in _NUMBERS},
        "checks": _checks(host),
    }


hosts = lab(
    __file__,
    subnet="198.18.178.0/24",
    hosts={name: {"network": _host(name)} for name in _HOSTS},
)
