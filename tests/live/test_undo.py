"""A namespace that went comes back with its tables and sets, when the run is undone."""

from __future__ import annotations

import re

import pytest

from netwright import run as runs
from netwright import script
from netwright.snapshot import reads
from netwright.state import load
from netwright.step import undo
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live

RED = {
    "links": {"lo": {}},
    "ipsets": {"bad": {"type": "hash:net", "family": "inet", "entries": ["198.51.100.0/24"]}},
    "iptables": {
        "filter": {
            "INPUT": {
                "policy": "DROP",
                "rules": ["-m set --match-set bad src -j DROP", "-i lo -j ACCEPT"],
            },
            "MINE": ["-p tcp --dport 80 -j ACCEPT"],
        },
        "nat": {"POSTROUTING": ["-s 10.0.0.0/8 -j MASQUERADE"]},
    },
    "ip6tables": {"filter": {"INPUT": ["-p ipv6-icmp -j ACCEPT"]}},
}
SHOW = "; ".join(
    f"ip netns exec red {tool} | grep -v '^#'"
    for tool in ("iptables-save", "ip6tables-save", "ipset save")
)


def _shown(sandbox):
    # The seed of a set's hash is chosen anew each time.
    return [re.sub(r" initval \S+", "", line) for line in sandbox.sh(SHOW).out]


def test_a_namespace_comes_back_with_its_tables_and_sets():
    with Sandbox() as sandbox:
        sandbox.converge({"netns": {"red": RED}})
        before = _shown(sandbox)
        assert sum(line.startswith(("-A ", "add ")) for line in before) == 6
        nothing = load({})
        run = sandbox.prepare(nothing)
        assert sandbox.execute(run).failed is None
        assert sandbox.sh("ip netns list").out == []
        read = reads(nothing), runs.files("network")
        text = script.render("network", undo(run.network), [], *read)
        assert sandbox.sh(text).status == 0
        assert _shown(sandbox) == before


def test_a_pair_that_came_back_is_not_said_to_be_lost():
    """The end that the kernel made first is the other one now; nothing else has changed."""
    pair = {
        name: {"kind": "veth", "veth": {"peer": {"name": other}}}
        for name, other in (("e1", "v1"), ("v1", "e1"))
    }
    bad = {"kind": "bridge", "ipv4": {"no_such_parameter": 1}}
    with Sandbox() as sandbox:
        sandbox.converge({"netns": {"red": {"links": pair}}})
        before = sandbox.read()["red"]["links"]
        declared = load({"netns": {"red": {}}, "links": {"br7": bad}})
        snapshot = sandbox.snapshot(declared)
        run = runs.prepare("network", declared, snapshot)
        answer = sandbox.execute(run)
        assert answer.failed is not None
        assert sandbox.read()["red"]["links"] == before
        (_, undone) = map(str, runs.outcome(run, snapshot, answer))
        assert undone == "all that had been done is undone; the host is as it was"
