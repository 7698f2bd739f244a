"""What is changed in many namespaces at once, and what has to go one after the other."""

from __future__ import annotations

import re

import pytest

from netwright import run, snapshot
from netwright.plan import plan
from netwright.script import batches
from netwright.state import load
from netwright.step import Phase

NAMES = [f"n{number}" for number in range(1, 25)]


def _document(**more):
    links = {f"v{name}": {"veth": {"peer": {"name": "eth0", "netns": name}}} for name in NAMES}
    links = {ifname: {"kind": "veth", **link} for ifname, link in links.items()}
    spaces = {
        name: {
            "links": {"eth0": {"addresses": ["10.9.0.1/24"], "ipv6": {"mtu": 1400}}},
            "sysctl": {"net.ipv4.ip_forward": 1},
        }
        for name in NAMES
    }
    spaces["n1"]["links"] |= more
    return load({"links": links, "netns": spaces})


def _made(document):
    return run.prepare("network", document, snapshot.Snapshot(load({"links": {"lo": {}}})))


def _groups(made):
    return re.findall(r"^  nw_each (\S+) <<", made.script("test"), re.MULTILINE)


@pytest.mark.parametrize(
    ("parent", "groups"),
    [("host", ["apart", "apart", "''"]), ("n2", ["''", "''", "''"])],
)
def test_a_link_on_one_of_another_namespace_forbids_it(parent, groups):
    """Parameters, then links with what hangs on them, then what waits for both ends."""
    macvlan = {"kind": "macvlan", "link_netns": parent, "macvlan": {"link": "eth0"}}
    if parent == "host":
        macvlan["macvlan"]["link"] = "vn2"
    assert _groups(_made(_document(mv0=macvlan))) == groups


def test_a_batch_is_of_one_wave():
    """Lines of one tool for one namespace, of which the second waits for both ends."""
    have = {"addresses": ["fd00::1/64"], "state": "up"}
    want = {"addresses": ["fd00::1/64", "10.9.0.1/24"]}
    route = {"dst": "fd01::/64", "via": "fd00::2", "src": "fd00::1"}
    current, desired = (
        load({"links": {"lo": {}}, "netns": {"n1": {"links": {"eth0": link}, "routes": routes}}})
        for link, routes in ((have, []), (want, [route]))
    )
    parts = [part for part in batches(plan(current, desired)) if part.netns == "n1"]
    assert [(part.tool, part.wave) for part in parts] == [
        ("ip", Phase.LINK_SYSCTL),
        ("ip", Phase.ROUTE_LATE),
    ]
