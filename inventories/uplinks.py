"""Two uplinks, and who takes which: policy routing by source, by mark, and not at all.

    a/office 10.1.1.2 --+      +-- isp1 --+
                        +-- a -+          +-- outside
    a/guests 10.1.2.2 --+      +-- isp2 --+

The office goes by the main table over isp1, guests by a table of their own over isp2, and so does
what the office sends to port 8443, which a mark tells. Each provider translates to its own address:
that is how the outside host tells which way a packet took.
"""

from netwright.lab import lab

A, ISP1, ISP2, OUTSIDE = (f"198.18.176.{number}" for number in (10, 11, 12, 13))


def _seen(source, start, port=12346, **more):
    """From a namespace of `a` to the outside host, which sees this address."""
    return {
        "from": start,
        "tcp": f"{OUTSIDE}:{port}",
        "listen": {"at": "outside/host", "port": port},
        "source_seen": source,
        **more,
    }


def _side(name, number):
    return {
        f"to-{name}": {
            "kind": "veth",
            "veth": {"peer": {"name": "eth0", "netns": name}},
            "addresses": [f"10.1.{number}.1/24"],
        }
    }


def _inside(number):
    return {
        "links": {"lo": {}, "eth0": {"addresses": [f"10.1.{number}.2/24"]}},
        "routes": [{"dst": "default", "via": f"10.1.{number}.1"}],
    }


_GUESTS = {"priority": 100, "from": "10.1.2.0/24", "table": "isp2"}
_MARKED = {"priority": 101, "fwmark": "0x2/0xf", "table": "isp2"}
# What the rules must not send to a provider: a guest who calls the office, and the answers.
_HERE = {"priority": 90, "to": "10.1.0.0/16", "table": "main"}

_ROUTER = {
    "tables": {"isp2": 102},
    "sysctl": {
        "net.ipv4.ip_forward": 1,
        # What comes back over the other uplink than the main table's is welcome.
        "net.ipv4.conf.all.rp_filter": 2,
    },
    "links": {**_side("office", 1), **_side("guests", 2)},
    "routes": [
        {"dst": f"{OUTSIDE}/32", "via": ISP1},
        {"dst": "default", "via": ISP2, "table": "isp2"},
        {"dst": "203.0.113.0/24", "type": "prohibit", "table": "isp2"},
    ],
    "rules": [_HERE, _GUESTS, _MARKED],
    "iptables": {
        "mangle": {
            "PREROUTING": ["-s 10.1.1.0/24 -p tcp -m tcp --dport 8443 -j MARK --set-mark 0x2/0xf"]
        }
    },
    "netns": {"office": _inside(1), "guests": _inside(2)},
    "checks": [
        _seen(ISP1, "office"),
        _seen(ISP2, "guests"),
        _seen(ISP2, "office", 8443),
        _seen(ISP1, "guests", **{"with": {"rules": [{**_GUESTS, "state": "absent"}]}}),
        _seen(ISP1, "office", 8443, **{"with": {"rules": [{**_MARKED, "state": "absent"}]}}),
        {"from": "guests", "ping": "10.1.1.2"},
        {"from": "guests", "ping": "203.0.113.1", "expect": "unreachable"},
        {
            "from": "guests",
            "ping": OUTSIDE,
            "with": {"rules": [{"priority": 80, "iif": "to-guests", "type": "prohibit"}]},
            "expect": "unreachable",
        },
    ],
}


def _provider():
    return {
        # All of them share one network here: nobody shall be told of a shorter way.
        "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0},
        "links": {"eth0": {"ipv4": {"send_redirects": 0}}},
        "routes": [{"dst": "10.1.0.0/16", "via": A}],
        "iptables": {"nat": {"POSTROUTING": [f"-s 10.1.0.0/16 -d {OUTSIDE}/32 -j MASQUERADE"]}},
    }


hosts = lab(
    __file__,
    subnet="198.18.176.0/24",
    hosts={
        "a": {"network": _ROUTER},
        "isp1": {"network": _provider()},
        "isp2": {"network": _provider()},
        "outside": {"network": {"checks": [{"from": "host", "ping": A}]}},
    },
)
