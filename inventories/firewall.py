"""A host that defends itself: the tasks of scenario S6, each with a packet that passes and one
that does not.

    good .2  bad .3  masked .4  quiet .5  dropped .6     far 192.168.200.2
        \\______\\_______|________/_______/                   |
                 lan 192.168.100.1 -------- fw -------- lan2 192.168.200.1
"""

from netwright.lab import lab

ADMIN = "198.18.101.0/24"
FW = "192.168.100.1"
_MAC = "02:00:00:00:64:04"
_CLIENTS = {"good": 2, "bad": 3, "masked": 4, "quiet": 5, "dropped": 6}

_INPUT = [
    "-i lo -j ACCEPT",
    "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    # The admin's own way in, before anything is closed.
    f"-s {ADMIN} -p tcp --dport 22 -j ACCEPT",
    "-s 192.168.100.3 -j REJECT",
    f"-m mac --mac-source {_MAC} -j REJECT",
    "-s 192.168.100.5 -p icmp --icmp-type echo-request -j DROP",
    "-s 192.168.100.6 -i lan -j DROP",
    "-p tcp --dport 80 -j WEB",
    "-s 192.168.100.0/24 -p tcp --dport 22 -m state --state NEW,ESTABLISHED -j ACCEPT",
    "-p icmp -j ACCEPT",
]
_TABLES = {
    "filter": {
        "INPUT": {"policy": "DROP", "rules": _INPUT},
        "FORWARD": {
            "policy": "DROP",
            "rules": [
                "-i lan -o lan2 -j ACCEPT",
                "-i lan2 -o lan -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ],
        },
        "WEB": ["-m limit --limit 25/minute --limit-burst 100 -j ACCEPT", "-j DROP"],
    },
    "nat": {"PREROUTING": [f"-i lan -p tcp --dport 422 -j DNAT --to-destination {FW}:22"]},
}


def _port(name):
    return {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": name}}}


def _client(number):
    link = {"addresses": [f"192.168.100.{number}/24"]}
    return {
        "links": {"lo": {}, "eth0": {**link, "mac": _MAC} if number == 4 else link},
        "routes": [{"dst": "default", "via": FW}],
    }


def _tcp(place, port, expect="ok", listen=True, **more):
    check = {"from": place, "tcp": f"{FW}:{port}", "expect": expect, **more}
    return {**check, "listen": {"netns": "host", "port": port}} if listen else check


_TIGHT = {"iptables": {"filter": {"WEB": ["-p tcp -m tcp --dport 81 -j ACCEPT", "-j DROP"]}}}

_CHECKS = [
    # 1 and 2: one source, one MAC address
    _tcp("good", 80),
    _tcp("bad", 80, "refused"),
    _tcp("masked", 80, "refused"),
    # 3: only HTTP is open; the admin's session is what this verification runs over
    _tcp("far", 80),
    _tcp("good", 8080, "timeout"),
    # 4: no answer to ping from one address, which can be pinged
    {"from": "quiet", "ping": FW, "expect": "timeout"},
    {"from": "host", "ping": "192.168.100.5"},
    {"from": "good", "ping": FW},
    # 5
    _tcp("dropped", 80, "timeout"),
    {"from": "good", "ping": "192.168.200.2"},
    {"from": "far", "ping": "192.168.100.2", "expect": "timeout"},
    _tcp("good", 22, listen=False),
    {"from": "far", "tcp": "192.168.200.1:22", "expect": "timeout"},
    _tcp("good", 422, listen=False),
    _tcp("good", 80, count=50),
    _tcp("good", 80, "timeout", **{"with": _TIGHT}),
]

hosts = lab(
    __file__,
    subnet="198.18.101.0/24",
    hosts={
        "fw": {
            "network": {
                "sysctl": {"net.ipv4.ip_forward": 1},
                "links": {
                    "lan": {
                        "kind": "bridge",
                        "bridge": {"stp_state": False},
                        "addresses": [f"{FW}/24"],
                    },
                    **{f"p-{name}": {**_port(name), "master": "lan"} for name in _CLIENTS},
                    "lan2": {**_port("far"), "addresses": ["192.168.200.1/24"]},
                },
                "iptables": _TABLES,
                "netns": {
                    **{name: _client(number) for name, number in _CLIENTS.items()},
                    "far": {
                        "links": {"lo": {}, "eth0": {"addresses": ["192.168.200.2/24"]}},
                        "routes": [{"dst": "default", "via": "192.168.200.1"}],
                    },
                },
                "checks": _CHECKS,
            }
        }
    },
)
