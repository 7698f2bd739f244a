"""What is done to a cluster, from what its hosts show; no host is needed."""

from dataclasses import replace

from netwright.installs.etcd import Member, Settings, environment
from netwright.installs.etcd_evidence import Evidence, Listed
from netwright.installs.etcd_plan import gate, plan

HOSTS = ("n0", "n1", "n2")


def _members(hosts=HOSTS, **settings):
    return [
        Member.of(host, Settings(**settings), f"192.0.2.{number}")
        for number, host in enumerate(hosts, 1)
    ]


def _listed(members):
    return tuple(
        Listed(number, each.name, (each.peer_url,), (each.client_url,), False)
        for number, each in enumerate(members, 1)
    )


def _healthy(members, leader=1):
    return {
        each.host: Evidence(
            installed="3.4.23", active="active", sub="running", data=True, healthy=True,
            environment=environment(each), version="3.4.23", cluster=7, member=number,
            leader=leader, revision=9, members=_listed(members),
        )
        for number, each in enumerate(members, 1)
    }  # fmt: skip


def _kinds(found):
    return [(step.kind, step.hosts) for step in found.steps]


GONE = Evidence(installed="3.4.23")
TRAPPED = Evidence(
    installed="3.4.23", active="active", data=True, healthy=True, environment={}, revision=1,
    cluster=1, member=5, leader=5, version="3.4.23",
    members=(Listed(5, "default", ("http://localhost:2380",), ("http://localhost:2379",), False),),
)  # fmt: skip


def test_nothing_to_do_for_a_healthy_cluster():
    members = _members()
    found = plan(members, _healthy(members))
    assert (found.steps, found.problems) == ((), ())
    assert gate(members, _healthy(members)) == []


def test_a_new_cluster_only_where_there_is_no_data_and_no_answer():
    members = _members()
    nothing = dict.fromkeys(HOSTS, GONE)
    assert _kinds(plan(members, nothing)) == [("bootstrap", HOSTS)]
    one = {**nothing, "n1": replace(GONE, data=True)}
    found = plan(members, one)
    assert found.steps == ()
    assert "only n1 of 3 members has data, 2 make a quorum" in found.problems[0]


def test_stopped_members_are_started_and_no_member_is_made_new_before_there_is_a_quorum():
    members = _members()
    stopped = replace(GONE, data=True)
    found = plan(members, {"n0": stopped, "n1": stopped, "n2": GONE})
    assert _kinds(found) == [("start", ("n0", "n1"))]


def test_a_member_whose_data_is_gone_is_replaced():
    members = _members()
    seen = {**_healthy(members), "n1": GONE}
    (step,) = plan(members, seen).steps
    assert (step.kind, step.hosts, step.member.id) == ("join", ("n1",), 2)
    # Also while its process still runs on files that have no name any more.
    seen["n1"] = replace(_healthy(members)["n1"], data=False)
    assert plan(members, seen).steps == (step,)


def test_the_leader_is_the_last_to_restart():
    before, after = _members(), _members(options={"snapshot-count": 5000})
    for leader, order in ((1, ["n1", "n2", "n0"]), (2, ["n0", "n2", "n1"]), (3, list(HOSTS))):
        found = plan(after, _healthy(before, leader))
        assert [step.hosts[0] for step in found.steps] == order
        assert {step.kind for step in found.steps} == {"restart"}
        assert "ETCD_SNAPSHOT_COUNT unset -> 5000" in found.steps[0].why
        assert all(step.risky for step in found.steps)


def test_another_version_or_a_replaced_program_is_a_restart():
    members = _members()
    seen = _healthy(members)
    found = plan(members, seen, {"n2": "3.4.24"})
    assert [str(step) for step in found.steps] == ["restart n2: version 3.4.23 -> 3.4.24"]
    found = plan(members, {**seen, "n0": replace(seen["n0"], stale=True)})
    assert _kinds(found) == [("restart", ("n0",))]


def test_members_come_and_go_as_declared_the_new_ones_first():
    before, after = _members(), _members(("n0", "n1", "n3"))
    # n3 has the address of n2 in this numbering: give it its own.
    after = [*after[:2], Member.of("n3", Settings(), "192.0.2.9")]
    seen = {**_healthy(before), "n3": GONE}
    found = plan(after, seen)
    assert [(step.kind, step.hosts) for step in found.steps] == [("join", ("n3",)), ("remove", ())]
    assert found.steps[1].member.name == "n2"
    assert "n0: lists n0" in "; ".join(gate(after, seen))


def test_the_trap_is_said_and_only_an_empty_store_is_moved_aside():
    trapped = dict.fromkeys(HOSTS, TRAPPED)
    found = plan(_members(), trapped)
    assert found.steps == ()
    assert found.problems[0].startswith("n0, n1, n2: a cluster of one member on each")
    allowed = _members(move_aside=True)
    assert _kinds(plan(allowed, trapped)) == [("aside", (host,)) for host in HOSTS]
    found = plan(allowed, {**trapped, "n1": replace(TRAPPED, revision=2)})
    assert found.steps == ()
    assert "n1 has keys in it" in found.problems[0]


def test_the_gate_wants_one_cluster_one_leader_and_every_read():
    members = _members()
    seen = _healthy(members)
    assert gate(members, {**seen, "n1": replace(seen["n1"], healthy=False, words="timeout")}) == [
        "n1: not healthy: timeout"
    ]
    assert "no single cluster" in gate(members, {**seen, "n1": replace(seen["n1"], cluster=8)})[0]
    assert "no single leader" in gate(members, {**seen, "n1": replace(seen["n1"], leader=0)})[0]
    assert gate(members, {**seen, "n1": replace(seen["n1"], alarms=("NOSPACE on 2",))}) == [
        "n1: alarm NOSPACE on 2"
    ]
    learner = (*_listed(members)[:2], replace(_listed(members)[2], learner=True))
    assert gate(members, {**seen, "n1": replace(seen["n1"], members=learner)})


def test_what_nobody_here_can_mend_is_a_problem_and_no_silence():
    members = _members()
    seen = _healthy(members)
    ill = replace(seen["n2"], healthy=False, words="corrupt", sub="auto-restart")
    assert plan(members, {**seen, "n2": ill}).problems


def test_an_alarm_does_not_pass_and_does_not_keep_its_cure_away():
    members = _members()
    seen = _healthy(members)
    full = {**seen, "n1": replace(seen["n1"], alarms=("NOSPACE on 2",))}
    found = plan(members, full)
    assert not found.passing
    assert found.problems[0].startswith("n1: alarm NOSPACE on 2 (make room")
    more = _members(options={"quota-backend-bytes": 4 << 30})
    assert [step.kind for step in plan(more, full).steps] == ["restart"] * 3
