"""Namespaces straight on the wire, by macvlan: scenario S3, its modes and what each lets through.

    a/one a/two (bridge) a/alone a/apart (private) a/around (vepa)   -- a:eth0 --+
                                                                                 +-- outside
Each namespace has a MAC and an address of its own on the machines' network. Those in mode bridge
hear each other; a private one hears nobody on the same parent; what a vepa one sends to a neighbour
goes out, and does not come back by a switch that does not send packets back where they came from.
No mode lets a namespace reach the host that it is on.
"""

from netwright.lab import lab

A, OUTSIDE = "198.18.179.10", "198.18.179.11"
_ADDRESSES = {"one": 101, "two": 102, "alone": 103, "apart": 104, "around": 105, "tapped": 106}


def _at(name):
    return f"198.18.179.{_ADDRESSES[name]}"


def _namespace(name, mode, kind="macvlan"):
    return {
        "links": {
            "lo": {},
            "mv0": {
                "kind": kind,
                "link_netns": "host",
                kind: {"link": "eth0", "mode": mode},
                "addresses": [f"{_at(name)}/24"],
            },
        }
    }


def _mode(name, mode):
    return {"netns": {name: {"links": {"mv0": {"macvlan": {"mode": mode}}}}}}


_CHECKS = [
    *({"from": name, "ping": OUTSIDE} for name in _ADDRESSES),
    {"from": "one", "ping": _at("two")},
    {"from": "one", "ping": _at("tapped")},
    {"from": "one", "ping": A, "expect": "timeout"},
    {"from": "one", "ping": _at("alone"), "expect": "timeout"},
    {"from": "alone", "ping": _at("apart"), "expect": "timeout"},
    {"from": "around", "ping": _at("two"), "expect": "timeout"},
    {"from": "one", "ping": _at("two"), "with": _mode("two", "private"), "expect": "timeout"},
    {"from": "one", "ping": _at("around"), "with": _mode("around", "bridge")},
    {
        "from": "one",
        "tcp": f"{OUTSIDE}:12345",
        "listen": {"at": "outside/host", "port": 12345},
        "source_seen": _at("one"),
    },
]

hosts = lab(
    __file__,
    subnet="198.18.179.0/24",
    hosts={
        "a": {
            "network": {
                "netns": {
                    "one": _namespace("one", "bridge"),
                    "two": _namespace("two", "bridge"),
                    "alone": _namespace("alone", "private"),
                    "apart": _namespace("apart", "private"),
                    "around": _namespace("around", "vepa"),
                    "tapped": _namespace("tapped", "bridge", "macvtap"),
                },
                "checks": _CHECKS,
            }
        },
        "outside": {
            "network": {"checks": [{"from": "host", "ping": _at(name)} for name in _ADDRESSES]}
        },
    },
)
