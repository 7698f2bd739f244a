"""From one random state to another on the real kernel: foretold, silent then, and back."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netwright import run as runs
from netwright import script
from netwright.errors import HostError
from netwright.snapshot import reads
from netwright.state import load
from netwright.step import undo
from tests.core.compare import gone
from tests.core.documents import pairs
from tests.live.sandbox import Sandbox
from tests.live.settled import settled, several_ways

pytestmark = pytest.mark.live

COUNT = int(os.environ.get("PAIRS", "200"))
FOREIGN = (
    "link add foreign0 type bridge",
    "link add foreign1 type veth peer name foreign2",
    "link set foreign1 master foreign0",
    "link set foreign0 up",
    "address add 198.51.100.1/24 dev foreign0",
    "route add 203.0.113.0/24 via 198.51.100.9",
    "route add unreachable 203.0.113.0/25 table 7",
    "rule add from 198.51.100.0/24 table 7 priority 30",
    "neighbour add 198.51.100.9 lladdr 02:00:00:00:00:99 dev foreign0",
)


def _silent(sandbox, document):
    left = sandbox.prepare(load(document)).plan
    assert not left, [step.path for step in left]


def _try(sandbox, run, before):
    """A change that is never confirmed, and the host's own undo of it."""
    answer = runs.answer(run, sandbox.sh(run.script("test", confirm=600)).out)
    problems = runs.outcome(run, before, answer)
    assert not problems, [str(problem) for problem in problems]
    # What the plan leaves alone is not read again: it has to be as it was.
    whole = sandbox.snapshot(run.desired).state
    assert _ends(answer.snapshot.state) == _ends(whole)
    done = sandbox.sh(run.recovery())
    assert done.status == 0, done.out[-20:] + done.err


def _ends(state):
    """Every namespace's links, with what lies in others."""
    return {
        name: {
            ifname: (link.kind, link.veth, link.link_netns, link.parent)
            for ifname, link in (space.links or {}).items()
        }
        for name, space in state.namespaces()
    }


def _undo(sandbox, run, declared):
    read = reads(declared), runs.files("network")
    done = sandbox.sh(script.render("network", undo(run.network), [], *read))
    assert done.status == 0, done.out[-20:] + done.err


def _flat(value, path=""):
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for name, item in value.items() for k, v in _flat(item, f"{path} {name}").items()}


def _same(one, other):
    one, other = _flat(one), _flat(other)
    differences = {
        path: (one.get(path), other.get(path))
        for path in one | other
        if one.get(path) != other.get(path)
    }
    assert not differences, differences


def _parameters_of_all(state):
    """Switching one of these switches it for all links, and none of them back."""
    switches = ("/forwarding", "/accept_redirects", "/rp_filter")
    for name, space in state.items():
        if name != "files":
            space["sysctl"] = {
                key: value
                for key, value in space["sysctl"].items()
                if not key.endswith(switches) or "/all/" in key
            }
    return state


def _without(again, state):
    """Without the parameters, which nobody reads, of links that were made again."""
    for name, space in state.items():
        if name != "files":
            space["sysctl"] = {
                key: value
                for key, value in space["sysctl"].items()
                if f"{name} {key.split('/')[3:4][0] if key.count('/') > 3 else ''}" not in again
            }
    return state


def _read(sandbox):
    return _parameters_of_all(sandbox.read())


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as made:
        yield made


@pytest.mark.parametrize(("count", "form"), [(COUNT, dict), (COUNT // 8, several_ways)])
def test_random_pairs(sandbox, count, form):
    tried = ways = 0

    @settings(
        max_examples=count + count // 4, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(pairs())
    def try_one(pair):
        nonlocal tried, ways
        if tried == count:
            return
        first, second = (form(settled(document)) for document in pair)
        sandbox.reset()
        sandbox.ip(*FOREIGN)
        empty = _read(sandbox)
        declared = load(second)
        try:
            sandbox.converge(first)
            snapshot = sandbox.snapshot(declared)
            run = runs.prepare("network", declared, snapshot)
        except HostError:
            return
        _silent(sandbox, first)
        before = _read(sandbox)
        if run.plan:
            _try(sandbox, run, snapshot)
        again = gone(run.plan)
        _same(_without(again, before), _without(again, _read(sandbox)))
        sandbox.converge(second)
        _silent(sandbox, second)
        sandbox.converge({})
        _same(empty, _read(sandbox))
        tried += 1
        ways += "nexthops" in str(pair)

    try_one()
    print(f"\npairs of states tried on the real kernel: {tried}, {ways} with several ways")
    assert tried >= count
    assert form is dict or ways >= count // 4


def test_a_new_ipv6_address_is_a_source(sandbox):
    """The kernel refuses it for as long as it looks for others with that address."""
    route = {"dst": "2001:db8:1::/48", "via": "fd00::c8", "src": "fd00::2", "dev": "v2"}
    peer = {"name": "e2", "netns": "red"}
    link = {"kind": "veth", "veth": {"peer": peer}, "addresses": ["fd00::2/64"]}
    document = {
        "links": {"v2": link},
        "routes": [route],
        "netns": {"red": {"links": {"e2": {}}}},
    }
    sandbox.reset()
    sandbox.converge(document)
    _silent(sandbox, document)
    shown = sandbox.sh("ip -6 route show 2001:db8:1::/48").out
    assert shown == [
        "2001:db8:1::/48 via fd00::c8 dev v2 proto static src fd00::2 metric 1024 pref medium"
    ]
    # Back: the address that was taken away is new again.
    moved = {**document, "routes": [], "links": {"v2": {**link, "addresses": []}}}
    run = sandbox.prepare(load(moved))
    assert sandbox.execute(run).failed is None
    assert not sandbox.sh("ip -6 route show 2001:db8:1::/48").out
    _undo(sandbox, run, load(moved))
    assert sandbox.sh("ip -6 route show 2001:db8:1::/48").out == shown
