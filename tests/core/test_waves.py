"""What is changed in many namespaces at once, and what has to go one after the other."""

from __future__ import annotations

import re

import pytest

from netwright import run, snapshot
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
    parts = batches(_made(_document()).network)
    late = [part for part in parts if part.wave is Phase.ROUTE_LATE]
    assert {part.netns for part in late} == {*NAMES}
    for part in parts:
        if part.netns != "host":
            assert len({step.phase is Phase.ROUTE_LATE for step, _ in part.lines}) == 1
