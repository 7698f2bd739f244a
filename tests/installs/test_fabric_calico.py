"""A host that is not as Calico would have it: each thing is told, by what the tools print."""

import json

import pytest

from netwright.errors import SnapshotError
from netwright.installs.fabric_calico import differences
from netwright.installs.read import MARK

NAME = "cali0123456789a"
LINK = {
    "ifname": NAME, "address": "ee:ee:ee:ee:ee:ee", "operstate": "UP", "link_netnsid": 1,
}  # fmt: skip
ROUTE = {"dst": "10.66.0.1", "dev": NAME, "scope": "link", "metric": 1024, "protocol": "static"}
BLOCK = {"type": "blackhole", "dst": "10.66.0.0/26", "protocol": "bird", "metric": 32}
OTHER = {"dst": "10.66.0.64/26", "gateway": "192.0.2.2", "dev": "eth0", "protocol": "bird"}
PARAMETERS = {
    "conf/{}/proxy_arp": 1, "conf/{}/forwarding": 1, "conf/{}/route_localnet": 1,
    "conf/{}/rp_filter": 1, "neigh/{}/proxy_delay": 0,
}  # fmt: skip
INSIDE = [
    {"dst": "default", "gateway": "169.254.1.1", "dev": "eth0"},
    {"dst": "169.254.1.1", "dev": "eth0", "scope": "link"},
]


def _shown(
    links=(LINK,),
    routes=(ROUTE, BLOCK, OTHER),
    forward="1",
    inside=INSIDE,
    local="10.66.0.1",
    **wrong,
):
    values = {key: wrong.get(key.rpartition("/")[2], value) for key, value in PARAMETERS.items()}
    shown = "\n".join(f"/proc/sys/net/ipv4/{k.format(NAME)}:{v}" for k, v in values.items())
    addresses = [{}, {"addr_info": [{"local": local, "prefixlen": 32}]}]
    found = {
        "links": json.dumps([*links, {"ifname": "veth0", "address": "02:00:00:00:00:01"}]),
        "routes": json.dumps([*routes, {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"}]),
        "netns": json.dumps([{"name": "web", "id": 1}, {"name": "idle"}]),
        "forward": forward,
        "parameters": shown,
        "addresses web": json.dumps(addresses),
        "routes web": json.dumps(inside),
        "end": "",
    }
    return "".join(f"\n{MARK}{name}\n{text}\n" for name, text in found.items()).splitlines()


def test_a_host_as_calico_makes_it():
    assert differences(_shown()) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"forward": "0"}, "ip_forward is 0"),
        ({"links": [{**LINK, "address": "02:00:00:00:00:01"}]}, "its address is 02:00"),
        ({"links": [{**LINK, "operstate": "DOWN"}]}, f"{NAME}: it is DOWN"),
        ({"links": [{**LINK, "link_netnsid": 7}]}, "in no namespace that has a name"),
        ({"links": [{**LINK, "ifname": "calix"}]}, "eleven hexadecimal digits"),
        ({"proxy_arp": 0}, "proxy_arp is 0, not 1"),
        ({"rp_filter": 2}, "rp_filter is 2, not 1"),
        ({"proxy_delay": 80}, "proxy_delay is 80, not 0"),
        ({"routes": [BLOCK, OTHER]}, "0 routes lead to it"),
        ({"routes": [{**ROUTE, "metric": 0}, BLOCK]}, "is not a /32 of scope link and metric 1024"),
        ({"routes": [{**ROUTE, "scope": "global"}, BLOCK]}, "is not a /32 of scope link"),
        ({"routes": [ROUTE, OTHER]}, "10.66.0.1: no blackhole route of the host's block holds it"),
        ({"local": "10.66.0.2"}, "web: eth0 has 10.66.0.2/32, not 10.66.0.1/32"),
        ({"inside": INSIDE[1:]}, "route default via 169.254.1.1 dev eth0: missing"),
        ({"inside": INSIDE[:1]}, "route 169.254.1.1 dev eth0: missing"),
        ({"inside": [*INSIDE, {"dst": "10.0.0.0/8", "dev": "eth0"}]}, "dev eth0: not Calico's"),
    ],
)  # fmt: skip
def test_what_is_otherwise_is_told(wrong, said):
    found = differences(_shown(**wrong))
    assert any(said in line for line in found), found


def test_an_answer_that_breaks_off():
    with pytest.raises(SnapshotError):
        differences(_shown()[:-2])
