"""Whole runs, one after the other, on the fake kernel: what is ours comes and goes, and what was
there first comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from netwright import ledger, persist, run, script
from netwright.errors import HostError
from netwright.plan import plan
from netwright.snapshot import DIRECTORY
from netwright.state import load
from netwright.step import Plan, undo
from tests.core.compare import differences, facts, gone
from tests.core.documents import documents, runs, shuffled
from tests.core.fib import KernelError
from tests.core.kernel import Host

LASTING = {"host", "host lo"}
"""Whose parameters nobody gives back that were never declared, but changed along."""


def converge(host: Host, document: Mapping[str, Any], name: str = "network", **how: bool) -> Plan:
    """A run as an operation does it, and the same again, which has to be silent."""
    declared = load(document)
    done = run.prepare(name, declared, host.snapshot(declared), **how)
    host.run(done.plan)
    again = run.prepare(name, declared, host.snapshot(declared), **how)
    assert [(step.path, step.before, step.after) for step in again.plan] == []
    return done.plan


@given(runs())
def test_a_sequence_of_runs_ends_with_nothing_of_ours(sequence):
    """On a host with nothing on it, so that all is ours."""
    host = Host()
    before = host.state()
    for document in sequence:
        converge(host, document)
    converge(host, {})
    assert not differences(facts(before, LASTING), facts(host.state(), LASTING))
    assert not host.files


@given(runs())
def test_what_was_there_first_is_there_in_the_end(sequence):
    """Attributes, parameters, rules and neighbours of others."""
    host, declared = Host(), load(sequence[0])
    host.run(plan(host.snapshot(declared).state, declared))
    before = host.state()
    links = {f"{name} {link}" for name, space in before.namespaces() for link in space.links or {}}
    for document in [*sequence[1:], {}]:
        try:
            taken = gone(converge(host, document))
        except HostError:
            event("a name of an end that is not declared is taken by a link of others")
            return
        if taken & links:
            event("links of others were made again or taken away as declared")
            return
    assert not differences(_given_back(facts(before)), _given_back(facts(host.state())))
    assert not host.files


def _given_back(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the kernel does along for good: routes go with addresses and with links that go
    down, `forwarding` and IPv4's `default` go for all links, a bridge is like its ports."""
    parameters = ("/forwarding", "/accept_redirects", "/rp_filter")
    return {
        key: {**value, "mac": None, "mtu": None} if _is_bridge(value) else value
        for key, value in found.items()
        if " route " not in key and not key.endswith(parameters)
    }


def _is_bridge(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == "bridge"


@given(runs(2), runs(2), st.data())
def test_two_names_do_not_disturb_each_other(ones, others, data):
    """Those of one in a namespace that the other doesn't have, in any order among each other."""
    host = Host()
    before = host.state()
    todo = [("one", item) for item in ones] + [("other", _elsewhere(item)) for item in others]
    order = data.draw(st.permutations(range(len(todo))))
    of_other: dict[str, Any] = {}
    for name, document in [*(todo[index] for index in order), ("one", {})]:
        converge(host, document, name)
        if name == "other":
            of_other = _green(facts(host.state()))
        assert not differences(of_other, _green(facts(host.state())))
    converge(host, {}, "other")
    assert not differences(facts(before, LASTING), facts(host.state(), LASTING))
    assert not host.files


def _elsewhere(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says of the host's own namespace alone, in `green`."""
    links = {
        name: link
        for name, link in document.get("links", {}).items()
        if name != "lo" and link.get("kind") is not None
        if link.get("veth", {}).get("peer", {}).get("netns") is None
    }
    kept = {key: document[key] for key in ("sysctl", "rules") if key in document}
    return {"netns": {"green": {**kept, "links": links}}}


def _green(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key.startswith("green ")}


@given(runs(2))
def test_undo_of_a_run_gives_back_the_files_too(sequence):
    host = Host()
    for document in sequence[:-1]:
        converge(host, document)
    before, files = host.state(), dict(host.files)
    steps = converge(host, sequence[-1])
    lines = sum(len(step.commands()) for step in steps)
    # Files go back to what the host has kept of them, by the script's own undo alone.
    host.run([step for step in undo(steps) if not step.thing.startswith("files.")])
    host.files = dict(files)
    assert not differences(facts(before, gone(steps)), facts(host.state(), gone(steps)))
    assert lines == 0 or host.attempt(steps, lines - 1) == []
    assert host.files == files


@given(runs(3))
def test_without_pruning_nothing_goes(sequence):
    host = Host()
    made: set[str] = set()
    for document in sequence:
        try:
            converge(host, document, prune=False)
        except (HostError, KernelError):
            return  # the declarations together may be impossible
        things = {key for key in facts(host.state()) if key.split(" ")[1] in ("rule", "neighbour")}
        assert made <= things
        made = things


@given(documents())
def test_a_ledger_read_back_is_the_ledger(document):
    host = Host()
    converge(host, document)
    files = {path: text for path, text in host.files.items() if path.startswith(DIRECTORY)}
    if not files:
        assert load(document).document() in ({}, {"netns": {}})
        return
    text = files[f"{DIRECTORY}/network/ledger.json"]
    again = ledger.parse("network", text).files("network")
    assert {path: files[path] for path in again} == again
    assert len(again) == 2


@given(documents(), st.data())
def test_the_order_of_a_document_is_no_change(document, data):
    host = Host()
    converge(host, document)
    declared = load(data.draw(shuffled(document)))
    again = run.prepare("network", declared, host.snapshot(declared))
    assert [step.path for step in again.plan] == []


@pytest.mark.parametrize("family", ["iptables", "ip6tables"])
def test_the_order_of_chains_is_no_change(family):
    chains = {"filter": {"B": ["-j DROP"], "INPUT": ["-j B"], "A": []}, "nat": {"C": []}}
    turned = {table: dict(reversed(here.items())) for table, here in reversed(chains.items())}
    init = Host().snapshot(load({})).site.init
    files = [persist.files("one", load({family: it}).ordered(), init) for it in (chains, turned)]
    assert "-A INPUT -j B" in "".join(files[0].values())
    assert files[0] == files[1]


def test_a_namespace_of_ours_stays_for_what_others_have_in_it():
    host = Host()
    space = {"links": {"ours": {"kind": "bridge"}}, "rules": [{"priority": 9, "table": 9}]}
    theirs = {"netns": {"blue": {"links": {"theirs": {"kind": "bridge"}}}}}
    converge(host, {"netns": {"blue": space}})
    before = load(theirs)
    host.run(plan(host.snapshot(before).state, before))
    gone = run.prepare("network", load({}), host.snapshot(load({})))
    assert [str(it) for it in gone.warnings if it.path.startswith("netns")] == [
        "netns.blue: stays, since others' links are in it: theirs"
    ]
    converge(host, {})
    found = facts(host.state())
    assert "blue link theirs" in found
    assert "blue link ours" not in found
    assert not [key for key in found if key.startswith("blue rule")]
    assert not host.files


def test_a_namespace_of_ours_stays_for_another_name():
    host = Host()
    converge(host, {"netns": {"blue": {"links": {"ours": {"kind": "bridge"}}}}}, "one")
    converge(host, {"netns": {"blue": {"links": {"lo": {}}}}}, "other")
    converge(host, {}, "one")
    found = facts(host.state())
    assert "blue link ours" not in found
    assert found["blue link lo"]["state"] == "up"
    converge(host, {"netns": {"blue": {"links": {"lo": {}}}}}, "other")


def test_a_parameter_that_is_empty_at_first():
    """/proc/sys/net/ipv4/ip_local_reserved_ports is an empty line."""
    key = "net/ipv4/ip_local_reserved_ports"
    host, declared = load({"sysctl": {key: ""}}), load({"sysctl": {key: "8080,9000-9010"}})
    new = ledger.record(declared, ledger.Ledger(), host)
    assert (new.first.sysctl or {})[key] == ""
    back = ledger.prune(load({}), new, declared)
    assert (back.sysctl or {})[key] == ""


def test_a_parameter_that_does_not_take_is_told_with_both_values():
    """The kernel has the last word on some, as on the MTU of IPv6 when a link goes up."""
    host, declared = Host(), load({"sysctl": {"net.ipv4.conf.lo.rp_filter": 2}})
    before = host.snapshot(declared)
    done = run.prepare("network", declared, before)
    (problem,) = run.outcome(done, before, script.Answer(before))
    assert str(problem) == "sysctl.net/ipv4/conf/lo/rp_filter: did not take: it is 0, not 2"


def test_a_pair_of_others_that_was_led_elsewhere_is_led_back():
    host, first = (
        Host(),
        load({"links": {"v0": {"kind": "veth", "veth": {"peer": {"name": "e0"}}}}}),
    )
    host.run(plan(host.snapshot(first).state, first))
    elsewhere = {"kind": "veth", "veth": {"peer": {"name": "e0", "netns": "blue"}}, "mtu": 1400}
    converge(host, {"links": {"v0": elsewhere}, "netns": {"blue": {}}})
    assert facts(host.state())["host link v0 peer"] == ("blue", "e0")
    converge(host, {})
    found = facts(host.state())
    assert found["host link v0 peer"] == ("host", "e0")
    assert found["host link v0"]["mtu"] == 1500
    assert "blue" not in host.spaces


def test_another_kind_under_a_name_of_others_goes_back_to_what_it_was():
    host, first = Host(), load({"links": {"x": {"kind": "bridge", "bridge": {"hello_time": 1}}}})
    host.run(plan(host.snapshot(first).state, first))
    converge(host, {"links": {"x": {"kind": "veth", "veth": {"peer": {"name": "y"}}}}})
    converge(host, {})
    found = facts(host.state())["host link x"]
    assert (found["kind"], found["bridge"].hello_time) == ("bridge", 1)


def test_a_value_that_was_the_declared_one_already_is_a_first_value():
    """Declared as it was, then otherwise, then no more: it is as it was."""
    host, first = Host(), load({"links": {"br0": {"kind": "bridge", "mtu": 1450}}})
    host.run(plan(host.snapshot(first).state, first))
    for mtu in (1450, 1400):
        converge(host, {"links": {"br0": {"mtu": mtu}}})
    converge(host, {})
    assert facts(host.state())["host link br0"]["mtu"] == 1450


def test_a_value_of_ours_is_no_first_value():
    """Declared, then otherwise, then no more, on a link that is ours: it is the kernel's."""
    host = Host()
    for hello in (1, 3):
        converge(host, {"links": {"br0": {"kind": "bridge", "bridge": {"hello_time": hello}}}})
    converge(host, {"links": {"br0": {"kind": "bridge"}}})
    assert facts(host.state())["host link br0"]["bridge"].hello_time == 2


def test_a_parameter_comes_back_when_it_can_come_true():
    host, key = Host(), "net/ipv4/conf/lo/proxy_arp"
    converge(host, {"links": {"lo": {"ipv4": {"proxy_arp": 1}}}})
    converge(host, {"sysctl": {"net.ipv4.conf.all.proxy_arp": 1}})
    assert host.spaces["host"].parameters()[key] == "1"
    converge(host, {})
    assert host.spaces["host"].parameters()[key] == "0"


def test_options_are_changed_on_a_link_that_is_declared_without_its_kind():
    host, first = Host(), load({"links": {"br0": {"kind": "bridge"}}})
    host.run(plan(host.snapshot(first).state, first))
    converge(host, {"links": {"br0": {"bridge": {"forward_delay": 4}}}})
    assert facts(host.state())["host link br0"]["bridge"].forward_delay == 4
    converge(host, {})
    assert facts(host.state())["host link br0"]["bridge"].forward_delay == 15


@given(documents())
def test_a_lost_ledger_is_said_and_rebuilt(document):
    """On a host with nothing else on it, so that what is rebuilt has to be what was lost."""
    host = Host()
    converge(host, document)
    if not host.files:
        return
    path = f"{DIRECTORY}/network/ledger.json"
    lost = host.files.pop(path)
    declared = load(document)
    found = run.prepare("network", declared, host.snapshot(declared))
    assert [problem.path for problem in found.warnings].count(path) == 1
    assert not found.network, "nothing of the network changes for it"
    host.run(found.plan)
    again = run.prepare("network", declared, host.snapshot(declared))
    assert path not in [problem.path for problem in again.warnings]
    assert (
        ledger.parse("network", host.files[path]).created == ledger.parse("network", lost).created
    )
    converge(host, {})
    assert not host.files
    assert _things(host) == _things(Host()), "values are lost, things are not"


def _things(host: Host) -> set[tuple[str, str]]:
    return {(name, link) for name, space in host.state().namespaces() for link in space.links or {}}


def test_a_damaged_ledger_is_an_error_that_names_its_file():
    with pytest.raises(HostError) as caught:
        ledger.parse("network", "{")
    assert "/etc/netwright/network/ledger.json" in str(caught.value)
    assert "is damaged; move it away" in str(caught.value)
