"""What holds of every plan, on a small fake kernel: from any state of a host to any declaration.

`tests/live` does the same on the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.plan import plan
from netwright.state import NetworkState, load
from netwright.step import Plan, undo
from tests.core.compare import differences, facts, gone
from tests.core.documents import documents, pairs, shuffled
from tests.core.kernel import Host, KernelError


def host_of(document: Mapping[str, Any]) -> Host:
    """A host that is as a document says."""
    host, declared = Host(), load(document)
    host.run(plan(host.snapshot(declared).state, declared))
    return host


def plan_for(host: Host, document: Mapping[str, Any]) -> tuple[NetworkState, Plan]:
    declared = load(document)
    return declared, plan(host.snapshot(declared).state, declared)


def same(one: NetworkState, other: NetworkState, steps: Plan) -> None:
    """All of a host, but for parameters that nobody reads, of links that were made again."""
    assert not differences(facts(one, gone(steps)), facts(other, gone(steps)))


@given(documents())
def test_a_host_that_is_as_declared_has_an_empty_plan(document):
    host, declared = host_of(document), load(document)
    assert plan(host.snapshot(declared).state, declared) == []


@given(documents())
def test_a_state_has_no_plan_to_itself(document):
    seen = host_of(document).state()
    # But for what the kernel makes by itself, and whether a declaration could ask for it.
    spaces = {
        name: space.but(routes=tuple(item for item in space.routes or () if not item.is_kernels))
        for name, space in seen.namespaces()
    }
    assert plan(seen, seen.with_namespaces(spaces), checked=False) == []


@given(pairs())
def test_every_command_succeeds_and_leads_to_the_declaration(pair):
    host = host_of(pair[0])
    declared, steps = plan_for(host, pair[1])
    host.run(steps)
    assert plan(host.snapshot(declared).state, declared) == []


@given(pairs())
def test_undo_gives_back_all_there_was(pair):
    host = host_of(pair[0])
    before = host.state()
    _, steps = plan_for(host, pair[1])
    host.run(steps)
    host.run(undo(steps))
    same(before, host.state(), steps)


@given(pairs(), st.data())
def test_a_script_that_fails_anywhere_leaves_the_host_as_it_was(pair, data):
    host = host_of(pair[0])
    before = host.state()
    _, steps = plan_for(host, pair[1])
    lines = sum(len(step.commands()) for step in steps)
    failed_at = data.draw(st.integers(0, max(lines - 1, 0)))
    left = host.attempt(steps, failed_at)
    assert (left is None) == (lines == 0)
    same(before, host.state(), steps)


FOREIGN: Mapping[str, Any] = {
    "links": {
        "fbr": {"kind": "bridge", "addresses": ["172.20.0.1/24", "fd20::1/64"], "mtu": 1450},
        "fv": {"kind": "veth", "veth": {"peer": {"name": "fe"}}, "master": "fbr",
               "port": {"hairpin": True}, "ipv4": {"proxy_arp": 1}},
        "fe": {"addresses": ["172.20.0.2/24", "172.20.0.3/24"]},
    },
    "routes": [
        {"dst": "198.51.100.0/24", "via": "172.20.0.9", "dev": "fbr", "src": "172.20.0.1"},
        {"dst": "2001:db8:99::/48", "via": "fd20::9", "dev": "fbr"},
        {"dst": "198.51.100.9/32", "type": "blackhole", "table": 77},
    ],
    "rules": [
        {"priority": 150, "from": "172.20.0.0/16", "table": 77},
        {"priority": 151, "family": "inet6", "from": "fd20::/16", "table": 77},
    ],
    "neighbours": [
        {"dst": "172.20.0.66", "dev": "fbr", "mac": "02:00:00:00:00:66"},
        {"dst": "172.20.0.67", "dev": "fe", "proxy": True},
    ],
}  # fmt: skip


def foreign_facts(state: NetworkState) -> dict[str, Any]:
    """What of a host is of FOREIGN; but for what `ip_forward` and `default` do to every link."""
    words = ("fbr", "fv", "fe", "172.20", "fd20", "198.51.100", "2001:db8:99")
    return {
        key: value
        for key, value in facts(state).items()
        if any(f" {word}" in key or f"/{word}/" in key for word in words)
        # The kernel's own, of whichever link.
        and "fe80" not in key
        and not key.endswith(("/forwarding", "/rp_filter"))
    }


@given(pairs())
def test_what_is_not_named_stays(pair):
    host = host_of(pair[0])
    host.run(plan_for(host, FOREIGN)[1])
    before = foreign_facts(host.state())
    assert len(before) == 38
    host.run(plan_for(host, pair[1])[1])
    assert not differences(before, foreign_facts(host.state()))


@given(pairs(), st.data())
def test_the_order_of_a_document_says_nothing(pair, data):
    first, second = host_of(pair[0]), host_of(pair[0])
    _, steps = plan_for(first, pair[1])
    _, others = plan_for(second, data.draw(shuffled(pair[1])))
    first.run(steps)
    second.run(others)
    one, other = facts(first.state()), facts(second.state())
    for found in (one, other):
        for key, value in found.items():
            if isinstance(value, dict):
                # Bridges take a MAC address of their ports, which are numbered as they are made.
                found[key] = {**value, "mac": None}
    assert not differences(one, other)


@given(documents())
def test_a_declaration_written_out_is_the_same_declaration(document):
    state = load(document)
    assert load(state.document()) == state


def test_the_fake_kernel_refuses_what_is_out_of_order():
    """Else it could not show that a plan is in the right order."""
    document = {
        "links": {
            "br0": {"kind": "bridge"},
            "v0": {"kind": "veth", "veth": {"peer": {"name": "e0"}}, "master": "br0",
                   "port": {"hairpin": True}, "addresses": ["10.0.0.1/24"]},
        },
        "routes": [{"dst": "default", "via": "10.0.0.2"}],
    }  # fmt: skip
    host = Host()
    _, steps = plan_for(host, document)
    refused = {}
    for step in steps:
        others = Host()
        try:
            others.run([step])
        except KernelError as error:
            refused[f"{step.path} {step.after}"] = str(error).rpartition(": ")[2]
    assert refused == {
        "links.br0.state up": 'Cannot find device "br0"',
        "links.v0.master br0": 'Cannot find device "v0"',
        "links.v0.port.hairpin True": 'Cannot find device "v0"',
        "links.v0.state up": 'Cannot find device "v0"',
        "links.v0.addresses 10.0.0.1/24": 'Cannot find device "v0"',
        "routes.default via 10.0.0.2": "Nexthop has invalid gateway.",
    }
    host.run(steps)
    with pytest.raises(KernelError, match="File exists"):
        host.run(steps)
    host.run(undo(steps))
    with pytest.raises(KernelError, match="No such process"):
        host.run(undo(steps))
