"""After a change only what it touched is read again; the rest is known from before."""

from __future__ import annotations

import pytest

from netwright import run as runs
from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live


def _pair(number, **more):
    peer = {"name": "eth0", "netns": f"n{number}"}
    return {"kind": "veth", "veth": {"peer": peer}, "master": "br0", **more}


def _document(*numbers, **more):
    links = {"br0": {"kind": "bridge"}, **{f"v{number}": _pair(number) for number in numbers}}
    spaces = {f"n{number}": {"links": {"eth0": {"state": "up"}}} for number in numbers}
    return {"links": {**links, **more}, "netns": spaces}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as made:
        yield made


def _change(sandbox, document):
    """The namespaces that a change reads again, and whether all came true."""
    declared = load(document)
    before = sandbox.snapshot(declared)
    run = runs.prepare("network", declared, before)
    out = sandbox.sh(run.script("test")).out
    problems = runs.outcome(run, before, runs.answer(run, out))
    assert not problems, list(map(str, problems))
    assert not sandbox.prepare(declared).plan
    return {line.removeprefix("@@ netns ") for line in out if line.startswith("@@ netns ")}


def test_what_a_change_reads_again(sandbox):
    sandbox.reset()
    assert _change(sandbox, _document(1, 2, 3)) == {"host", "n1", "n2", "n3"}
    assert _change(sandbox, _document(1, 2, 3, v2=_pair(2, mtu=1400))) == {"host", "n2"}
    more = _document(1, 2, 3, 4, v2=_pair(2, mtu=1400))
    assert _change(sandbox, more) == {"host", "n4"}
    more["netns"]["n3"]["sysctl"] = {"net.ipv4.ip_forward": 1}
    assert _change(sandbox, more) == {"host", "n3"}
    del more["links"]["v1"], more["netns"]["n1"]["links"]
    assert _change(sandbox, more) == {"host", "n1"}
    del more["netns"]["n3"], more["links"]["v3"]
    assert _change(sandbox, more) == {"host"}, "n3 is gone, and its link with it"


def test_what_did_not_take_is_still_found(sandbox):
    """The namespace of a step is read, so that a kernel that says yes and does nothing is seen."""
    sandbox.reset()
    sandbox.converge(_document(1, 2))
    document = _document(1, 2)
    document["netns"]["n2"]["links"]["eth0"]["mtu"] = 1400
    declared = load(document)
    before = sandbox.snapshot(declared)
    run = runs.prepare("network", declared, before)
    script = run.script("test").replace("link set dev eth0 mtu 1400", "link set dev eth0 mtu 1399")
    problems = runs.outcome(run, before, runs.answer(run, sandbox.sh(script).out))
    # 1500 is what was known from before.
    assert list(map(str, problems)) == [
        "netns.n2.links.eth0.mtu: did not take: it is 1399, not 1400"
    ]
