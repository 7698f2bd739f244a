"""From one CA to another, and from one version to another: what is done, what is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from netwright.installs.certificate import Authority, authority, bundle, issue, look, mark, prints
from netwright.installs.etcd import TRUST, Member, Settings, environment
from netwright.installs.etcd_evidence import Evidence, Listed
from netwright.installs.etcd_plan import plan
from netwright.installs.etcd_step import Plan
from netwright.installs.etcd_trust import Trust, lost, mine

SETS = (("old",), ("new",), ("old", "new"))
MEMBERS = [Member.of(f"n{n}", Settings(), f"192.0.2.{n + 1}") for n in range(3)]


@cache
def _ca(name):
    return authority(name)


def _leaf(ca, member):
    return issue(Authority(_ca(ca)), member.name, member.names).certificate


def _cluster(trusts, by, leader=1):
    """A healthy one: whose CAs each host has in its file and was started with, who signed."""
    text = bundle(*(_ca(each).certificate for each in trusts))
    listed = tuple(
        Listed(number, each.name, (each.peer_url,), (each.client_url,), False)
        for number, each in enumerate(MEMBERS)
    )
    return {
        each.host: Evidence(
            installed="3.4.23", active="active", sub="running", data=True, healthy=True,
            environment={**environment(each), TRUST: mark(text)}, version="3.4.23", cluster=7,
            member=number, leader=leader, revision=9, members=listed,
            certificate=_leaf(by, each), ca=text,
        )
        for number, each in enumerate(MEMBERS)
    }  # fmt: skip


def _apply(step, seen):
    """What a step does to the hosts, as etcd has it: CAs are read at a start only."""
    seen = dict(seen)
    for host in step.hosts:
        evidence = seen[host]
        (member,) = (each for each in MEMBERS if each.host == host)
        if step.kind == "trust":
            seen[host] = replace(evidence, ca=step.pem)
        elif step.kind == "leaf":
            seen[host] = replace(evidence, certificate=_leaf("new", member))
        else:
            assert step.kind == "restart"
            told = {**evidence.environment, TRUST: mark(evidence.ca)}
            seen[host] = replace(evidence, environment=told)
    return seen


def _know_each_other(seen):
    """Each member's certificate is by a CA that each other one was started with."""
    texts = [bundle(*(_ca(each).certificate for each in names)) for names in SETS]
    told = {mark(text): text for text in texts}
    for evidence in seen.values():
        trusted = told[evidence.environment[TRUST]]
        assert all(look(other.certificate, trusted).trusted for other in seen.values())


@pytest.mark.parametrize("others", [(), ("old",)])
def test_every_step_of_a_rollover_leaves_members_that_know_each_other(others):
    trust = Trust(_ca("new").certificate, bundle(*(_ca(each).certificate for each in others)))
    seen, kinds = _cluster(["old"], "old"), []
    foreseen = plan(MEMBERS, seen, trust=trust)
    while steps := plan(MEMBERS, seen, trust=trust).steps:
        seen = _apply(steps[0], seen)
        kinds.append((steps[0].kind, steps[0].hosts))
        _know_each_other(seen)
        assert len(kinds) < 20
    assert kinds == [(each.kind, each.hosts) for each in foreseen.steps]
    once = [("trust", ("n0", "n1", "n2"))]
    once += [("restart", (host,)) for host in ("n0", "n2", "n1")]
    leaves = [("leaf", ("n0", "n1", "n2"))]
    assert kinds == (once + leaves + once if not others else once + leaves)
    assert {prints(each.ca) for each in seen.values()} == {prints(trust.pem)}


def test_a_rollover_waits_for_all_members():
    trust = Trust(_ca("new").certificate)
    seen = _cluster(["old"], "old")
    seen["n2"] = replace(seen["n2"], healthy=False, environment=None, data=False)
    found = plan(MEMBERS, seen, trust=trust)
    assert not found.steps
    assert not found.passing
    assert "n2 is not healthy: the CA changes only while all members are" in found.problems[0]


def test_the_same_cas_are_no_change_however_they_are_written():
    seen = _cluster(["new", "old"], "new")
    text = _ca("old").certificate + "\n" + _ca("new").certificate
    seen = {host: replace(each, ca=text) for host, each in seen.items()}
    trust = Trust(_ca("new").certificate, _ca("old").certificate)
    assert plan(MEMBERS, seen, trust=trust) == Plan((), (), True)


def test_a_host_on_which_nobody_relies_takes_its_certificate_by_itself():
    trust = Trust(_ca("new").certificate)
    old, new = _cluster(["old"], "old")["n0"], _cluster(["new"], "new")["n0"]
    assert mine(Evidence(), trust)
    assert mine(new, trust)
    assert not mine(old, trust)
    assert mine(replace(old, environment=None, data=False), trust)
    # Both are trusted, and the certificate is the old CA's still: all members' affair.
    assert not mine(replace(_cluster(["new", "old"], "old")["n0"]), Trust(trust.own, old.ca))


def test_no_ca_is_made_for_members_that_have_certificates_of_one():
    assert lost({"n0": Evidence(), "n1": Evidence(data=True)}, "pki") is None
    found = lost(_cluster(["old"], "old"), "pki")
    assert not found.passing
    assert "pki has no CA, and n0, n1, n2 have certificates of one" in found.problems[0]


@pytest.mark.parametrize(
    ("running", "wanted", "said"),
    [
        ("3.4.23", "3.6.1", "one minor version at a time, 3.5 is the next"),
        ("3.5.20", "3.6.1", "first to 3.5.26 or later"),
        ("3.5.26", "3.4.23", "etcd does not go back"),
        ("3.5.26", "4.0.0", "one minor version at a time"),
        ("3.4.23", "3.5.1", None),
        ("3.5.27", "3.6.1", None),
        ("3.4.23", "3.4.20", None),
        (None, "3.6.1", None),
    ],
)
def test_one_minor_version_at_a_time_and_never_back(running, wanted, said):
    seen = {host: replace(each, version=running) for host, each in _cluster(["new"], "new").items()}
    found = plan(MEMBERS, seen, {"n0": wanted}).problems
    if said is None:
        assert not found
    else:
        assert found == (f"n0: version {running} -> {wanted}: {found[0].split(': ', 2)[2]}",)
        assert said in found[0]
