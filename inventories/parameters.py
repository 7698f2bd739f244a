"""ARP and reverse-path parameters, each with a packet that tells: scenario S2.

    client c0 10.2.0.2 ===== s0 10.2.0.1 server     server also answers to 10.2.9.1 (on lo)
           c1 10.2.1.2 ===== s1 10.2.1.1            and knows 10.9.9.9 behind c1
                                    s2 10.2.2.1 ===== b0 10.2.2.2 behind
    loop   p0 10.1.0.1 ===== p1 10.1.0.2            both ends in one namespace

All is off in the base; each proof is a variation with its counterpart in the base.
"""

from netwright.lab import lab

_OFF = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.all.arp_ignore": 0,
    "net.ipv4.conf.all.arp_filter": 0,
    "net.ipv4.conf.all.arp_announce": 0,
    "net.ipv4.conf.all.proxy_arp": 0,
    "net.ipv4.conf.all.accept_local": 0,
    "net.ipv4.conf.default.rp_filter": 0,
}
_PLAIN = {"rp_filter": 0, "arp_ignore": 0, "arp_filter": 0, "proxy_arp": 0}


def _veth(peer, netns, *addresses, **parameters):
    return {
        "kind": "veth",
        "veth": {"peer": {"name": peer, "netns": netns}},
        "addresses": list(addresses),
        "ipv4": {**_PLAIN, **parameters},
    }


def _end(*addresses, **parameters):
    return {"addresses": list(addresses), "ipv4": {**_PLAIN, **parameters}}


def _server(**parameters):
    """A variation on the server's link to the client."""
    return {"netns": {"server": {"links": {"s0": {"ipv4": parameters}}}}}


def _loop(everywhere, both, accept):
    """A variation on the pair whose ends are in one namespace."""
    link = {"ipv4": {"rp_filter": both, "accept_local": accept}}
    sysctl = {"net.ipv4.conf.all.rp_filter": everywhere}
    return {"netns": {"loop": {"sysctl": sysctl, "links": {"p0": link, "p1": link}}}}


_NETNS = {
    "client": {
        "sysctl": _OFF,
        "links": {
            "lo": {"addresses": ["10.9.9.9/32"]},
            "c0": _veth("s0", "server", "10.2.0.2/24", arp_announce=0),
            "c1": _veth("s1", "server", "10.2.1.2/24"),
        },
        "routes": [
            {"dst": "10.2.9.0/24", "via": "10.2.0.1"},
            {"dst": "10.2.2.0/24", "via": "10.2.0.1"},
        ],
    },
    "server": {
        "sysctl": {**_OFF, "net.ipv4.ip_forward": 1},
        "links": {
            "lo": {"addresses": ["10.2.9.1/32"]},
            # .5 and .6 are asked for once each, so that no older answer is remembered.
            "s0": _end("10.2.0.1/24", "10.2.0.5/24", "10.2.0.6/24"),
            "s1": _end("10.2.1.1/24"),
            "s2": _veth("b0", "behind", "10.2.2.1/24"),
        },
        "routes": [
            {"dst": "10.9.9.9/32", "via": "10.2.1.2"},
            # Local without being the address of a link: of scope host, which arp_ignore 3 heeds.
            {"dst": "10.2.9.9/32", "type": "local", "dev": "lo"},
        ],
    },
    "behind": {
        "sysctl": _OFF,
        "links": {"lo": {}, "b0": _end("10.2.2.2/24")},
        "routes": [{"dst": "default", "via": "10.2.2.1"}],
    },
    "loop": {
        "sysctl": _OFF,
        "links": {
            "lo": {},
            "p0": _veth("p1", "loop", "10.1.0.1/24", accept_local=0),
            "p1": _end("10.1.0.2/24", accept_local=0),
        },
    },
}


def _arping(target, expect="ok", **variation):
    check = {"from": "client", "arping": target, "dev": "c0", "expect": expect}
    return {**check, **variation}


_CHECKS = [
    # arp_ignore: which of its addresses a link answers for
    _arping("10.2.0.1"),
    _arping("10.2.9.1"),
    _arping("10.2.1.1"),
    _arping("10.2.0.1", **{"with": _server(arp_ignore=1)}),
    _arping("10.2.9.1", "timeout", **{"with": _server(arp_ignore=1)}),
    _arping("10.2.0.1", **{"with": _server(arp_ignore=2)}),
    _arping("10.2.0.1", "timeout", source="10.9.9.9", **{"with": _server(arp_ignore=2)}),
    _arping("10.2.0.1", source="10.9.9.9", **{"with": _server(arp_ignore=1)}),
    _arping("10.2.1.1", **{"with": _server(arp_ignore=3)}),
    _arping("10.2.9.9"),
    _arping("10.2.9.9", "timeout", **{"with": _server(arp_ignore=3)}),
    _arping("10.2.0.1", "timeout", **{"with": _server(arp_ignore=8)}),
    # arp_filter: only where the answer's way goes out over the link that was asked
    _arping("10.2.0.1", source="10.9.9.9"),
    _arping("10.2.0.1", "timeout", source="10.9.9.9", **{"with": _server(arp_filter=1)}),
    _arping("10.2.0.1", **{"with": _server(arp_filter=1)}),
    # proxy_arp: an answer for an address that is behind it
    _arping("10.2.2.2", "timeout"),
    _arping("10.2.2.2", **{"with": _server(proxy_arp=1)}),
    # arp_announce, seen by a server that heeds only askers of its own subnet
    {
        "from": "client",
        "ping": "10.2.0.5",
        "source": "10.9.9.9",
        "with": _server(arp_ignore=2),
        "expect": "timeout",
    },
    {
        "from": "client",
        "ping": "10.2.0.6",
        "source": "10.9.9.9",
        "with": {
            "netns": {
                "server": {"links": {"s0": {"ipv4": {"arp_ignore": 2}}}},
                "client": {"links": {"c0": {"ipv4": {"arp_announce": 2}}}},
            }
        },
    },
    # rp_filter: 1 drops what would be answered over another link, 2 does not
    {"from": "client", "ping": "10.2.0.1", "source": "10.9.9.9"},
    {
        "from": "client",
        "ping": "10.2.0.1",
        "source": "10.9.9.9",
        "with": _server(rp_filter=1),
        "expect": "timeout",
    },
    {"from": "client", "ping": "10.2.0.1", "source": "10.9.9.9", "with": _server(rp_filter=2)},
    {"from": "client", "ping": "10.2.0.1", "with": _server(rp_filter=1)},
    # forwarding, of the link that the packet comes in on
    {"from": "client", "ping": "10.2.2.2"},
    {"from": "client", "ping": "10.2.2.2", "with": _server(forwarding=0), "expect": "timeout"},
    # Two ends in one namespace: rp_filter 0 everywhere and accept_local on both ends, or nothing
    {"from": "loop", "ping": "10.1.0.2", "dev": "p0", "expect": "timeout"},
    {"from": "loop", "ping": "10.1.0.2", "dev": "p0", "with": _loop(0, 0, 1)},
    {"from": "loop", "ping": "10.1.0.2", "dev": "p0", "with": _loop(0, 1, 1), "expect": "timeout"},
    {"from": "loop", "ping": "10.1.0.2", "dev": "p0", "with": _loop(1, 1, 1), "expect": "timeout"},
    # The host's own
    {"from": "host", "arping": "10.3.0.2", "dev": "h0"},
    {
        "from": "peer",
        "arping": "10.3.9.1",
        "dev": "h1",
        "with": {"links": {"h0": {"ipv4": {"arp_ignore": 1}}}},
        "expect": "timeout",
    },
    {"from": "peer", "arping": "10.3.9.1", "dev": "h1"},
]

hosts = lab(
    __file__,
    subnet="198.18.2.0/24",
    hosts={
        "a": {
            "network": {
                "sysctl": {
                    "net.ipv4.conf.all.arp_ignore": 0,
                    "net.ipv4.conf.all.rp_filter": 0,
                    "net.ipv4.conf.all.arp_filter": 0,
                    "net.ipv4.conf.all.proxy_arp": 0,
                },
                "links": {
                    "h0": _veth("h1", "peer", "10.3.0.1/24"),
                    # Where 10.3.9.1 is, which h0 answers for unless it is told otherwise.
                    "h2": {
                        "kind": "bridge",
                        "bridge": {"stp_state": False},
                        "addresses": ["10.3.9.1/32"],
                    },
                },
                "netns": {
                    **_NETNS,
                    "peer": {"sysctl": _OFF, "links": {"lo": {}, "h1": _end("10.3.0.2/24")}},
                },
                "checks": _CHECKS,
            }
        }
    },
)
