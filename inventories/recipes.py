"""Recipes that people look up: scenario S7. Matching text, knocking, and rates for each address.

friend .2   stranger .3   busy .4 -- lan 192.168.110.1 -- host -- eth0 192.168.120.2 (web)
"""

from netwright.lab import lab

HERE, WEB = "192.168.110.1", "192.168.120.2"
_CLIENTS = {"friend": 2, "stranger": 3, "busy": 4}

_KNOCK = [
    # A ping of just this size opens the door for 15 seconds.
    "-p icmp --icmp-type echo-request -m length --length 1078 -m recent --name knock --set",
    "-p tcp --dport 2222 -m recent --name knock --rcheck --seconds 15 -j ACCEPT",
    "-p tcp --dport 2222 -j DROP",
]


def _rates(web, shell):
    """At most 8 connections to port 80 a minute, and 5 to port 22 an hour, for each address."""
    return [
        f"-p tcp --dport 80 -m conntrack --ctstate NEW -m recent --name {web} --set",
        f"-p tcp --dport 80 -m conntrack --ctstate NEW -m recent --name {web} --update"
        " --seconds 60 --hitcount 9 -j DROP",
        f"-p tcp --dport 22 -m conntrack --ctstate NEW -m recent --name {shell} --set",
        f"-p tcp --dport 22 -m conntrack --ctstate NEW -m recent --name {shell} --update"
        " --seconds 3600 --hitcount 6 -j DROP",
    ]


_LAN = "-i lan -j LAN"
_FORWARD = [
    '-p udp --dport 53 -m string --algo bm --hex-string "|03|bad|07|example|" -j DROP',
    '-p tcp --dport 80 -m string --algo bm --string "Host: 192.168.120.2:80" -j REJECT',
    "-p tcp -m string --algo kmp --string /forbidden -j DROP",
]


def _fresh(name, hits=None):
    """The same rules with lists of their own, so that earlier packets don't count."""
    rules = _rates(f"w{name}", f"s{name}")
    if hits is not None:
        rules = [rule.replace("--hitcount 9", f"--hitcount {hits}") for rule in rules]
        rules = [rule.replace("--hitcount 6", f"--hitcount {hits}") for rule in rules]
    return {"iptables": {"filter": {"LAN": [*_KNOCK, *rules]}}}


def _port(name):
    return {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": name}}}


def _client(number):
    return {
        "links": {"lo": {}, "eth0": {"addresses": [f"192.168.110.{number}/24"]}},
        "routes": [{"dst": "default", "via": HERE}],
    }


_OPEN = {"iptables": {"filter": {"FORWARD": []}}}
_WEB = {"netns": "web", "port": 8080}
_HERE80 = {"netns": "host", "port": 80}
_DOOR = {"netns": "host", "port": 2222}

_CHECKS = [
    # Text in packets
    {"from": "friend", "http": f"http://{WEB}:8080/welcome", "listen": _WEB},
    {"from": "friend", "http": f"http://{WEB}:8080/forbidden", "listen": _WEB, "expect": "timeout"},
    {
        "from": "friend",
        "http": f"http://{WEB}:8080/forbidden",
        "listen": _WEB,
        "with": _OPEN,
    },
    # Knocking
    {"from": "stranger", "tcp": f"{HERE}:2222", "listen": _DOOR, "expect": "timeout"},
    {"from": "stranger", "ping": HERE, "size": 1000},
    {"from": "stranger", "tcp": f"{HERE}:2222", "listen": _DOOR, "expect": "timeout"},
    {"from": "friend", "ping": HERE, "size": 1050},
    {"from": "friend", "tcp": f"{HERE}:2222", "listen": _DOOR},
    # Rates
    {"from": "busy", "tcp": f"{HERE}:80", "listen": _HERE80, "count": 8, "with": _fresh(1)},
    {
        "from": "busy",
        "tcp": f"{HERE}:80",
        "listen": _HERE80,
        "expect": "timeout",
        "with": _fresh(2, hits=1),
    },
    {"from": "busy", "tcp": f"{HERE}:22", "count": 5, "with": _fresh(3)},
    {"from": "busy", "tcp": f"{HERE}:22", "expect": "timeout", "with": _fresh(4, hits=1)},
]

hosts = lab(
    __file__,
    subnet="198.18.102.0/24",
    hosts={
        "host": {
            "network": {
                "sysctl": {"net.ipv4.ip_forward": 1},
                "links": {
                    "lan": {
                        "kind": "bridge",
                        "bridge": {"stp_state": False},
                        "addresses": [f"{HERE}/24"],
                    },
                    **{f"p-{name}": {**_port(name), "master": "lan"} for name in _CLIENTS},
                    "wan": {**_port("web"), "addresses": ["192.168.120.1/24"]},
                },
                "iptables": {
                    "filter": {
                        "INPUT": [_LAN],
                        "FORWARD": _FORWARD,
                        "LAN": [*_KNOCK, *_rates("web", "shell")],
                    }
                },
                "netns": {
                    **{name: _client(number) for name, number in _CLIENTS.items()},
                    "web": {
                        "links": {"lo": {}, "eth0": {"addresses": [f"{WEB}/24"]}},
                        "routes": [{"dst": "default", "via": "192.168.120.1"}],
                    },
                },
                "checks": _CHECKS,
            }
        }
    },
)
