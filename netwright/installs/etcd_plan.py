"""What has to be done to a cluster, one step at a time, and the gate between steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netwright.installs import etcd_version
from netwright.installs.certificate import mark
from netwright.installs.etcd import TRUST, Member, environment
from netwright.installs.etcd_evidence import Evidence
from netwright.installs.etcd_step import Plan, Step
from netwright.installs.etcd_trust import Trust, rollover

__all__ = ["Plan", "Step", "changed", "gate", "plan"]

Seen = Mapping[str, Evidence]
# Options that only a first start reads: another value is no reason to restart.
FIRST_ONLY = frozenset(f"ETCD_INITIAL_CLUSTER{part}" for part in ("", "_STATE", "_TOKEN"))

# An alarm stays until somebody says otherwise, also when its cause is gone.
ALARMS = "make room or mend the store, then `etcdctl alarm disarm`"


def plan(
    members: Sequence[Member],
    seen: Seen,
    versions: Mapping[str, str] | None = None,
    trust: Trust | None = None,
) -> Plan:
    """What to do, from what the hosts show.

    + members: the declared ones
    + seen: what each host shows
    + versions: what is about to be installed, by host, where that differs from what runs
    + trust: the CA that is declared, with TLS
    """
    far = tuple(etcd_version.problems(seen, versions or {}))
    if far:
        return Plan((), far)
    trapped = tuple(_trap(members, seen))
    if trapped:
        return trapped[0]
    reference = _reference(members, seen)
    if reference is None:
        return _without_quorum(members, seen)
    changes = rollover(members, seen, trust) if trust else Plan()
    if changes.problems:
        return changes
    restarted = {each.hosts for each in changes.steps if each.kind == "restart"}
    steps = (
        *_starts(members, seen),
        *changes.steps,
        *_memberships(members, seen, reference),
        *(each for each in _restarts(members, seen, versions or {}) if each.hosts not in restarted),
        *_removals(members, reference),
    )
    if steps:
        return Plan(steps)
    # Nothing is left to do, so what the gate still misses nobody here can mend.
    wrong = tuple(gate(members, seen))
    alarms = tuple(f"{each} ({ALARMS})" for each in wrong if ": alarm " in each)
    return Plan((), alarms or wrong, passing=not alarms)


def _trap(members: Sequence[Member], seen: Seen) -> Iterator[Plan]:
    """Hosts on which a package has started a cluster of one, each healthy by itself."""
    alone = [member for member in members if _alone(member, seen[member.host])]
    if len(members) == 1 or not alone:
        return
    full = [member.host for member in alone if seen[member.host].revision > 1]
    names = ", ".join(member.host for member in alone)
    if full:
        yield Plan(
            (),
            (
                f"{names}: a cluster of one member on each, and {', '.join(full)} has keys in it:"
                " save what you need and move the data aside by hand",
            ),
        )
    elif not all(member.settings.move_aside for member in alone):
        yield Plan(
            (),
            (
                f"{names}: a cluster of one member on each, as Debian's package starts it, without"
                " a key in it; `move_aside: true` moves that data aside and makes one cluster",
            ),
        )
    else:
        why = "an empty cluster of one, as the package started it; its data is moved aside"
        yield Plan(tuple(Step("aside", (member.host,), why) for member in alone))


def _alone(member: Member, evidence: Evidence) -> bool:
    """Whether it is in a cluster of one that nobody declared: its URL is not even its own."""
    if evidence.members is None or len(evidence.members) != 1:
        return False
    return member.peer_url not in evidence.members[0].peer_urls


def _reference(members: Sequence[Member], seen: Seen) -> Evidence | None:
    """What speaks for the cluster: a healthy answer, which needs a quorum."""
    healthy = [seen[member.host] for member in members if seen[member.host].healthy]
    return max(healthy, key=lambda each: len(each.members or ()), default=None)


def _without_quorum(members: Sequence[Member], seen: Seen) -> Plan:
    """Nobody serves: all new, or what has data is started; nothing else can be known."""
    having = [member for member in members if seen[member.host].data]
    if not having:
        if any(seen[member.host].masked for member in members):
            return Plan((), ("etcd.service is masked; nobody but this deploy does so for long",))
        hosts = tuple(member.host for member in members)
        return Plan((Step("bootstrap", hosts, "no data and no answer anywhere: a new cluster"),))
    need = len(members) // 2 + 1
    if len(having) < need:
        names = ", ".join(member.host for member in having)
        return Plan(
            (),
            (
                f"only {names} of {len(members)} members has data, {need} make a quorum: neither"
                " a new cluster nor the old one; start the others' data, or restore a snapshot"
                " (deploys/etcd_restore.py)",
            ),
        )
    idle = [member for member in having if not seen[member.host].running]
    if idle:
        hosts = tuple(member.host for member in idle)
        return Plan((Step("start", hosts, "it has data and does not run"),))
    other = [member for member in having if changed(member, seen[member.host])]
    if other:
        hosts = tuple(member.host for member in other)
        why = "nobody serves, and it runs with other settings"
        return Plan((Step("start", hosts, why),))
    states = tuple(f"{member.host}: {_state(seen[member.host])}" for member in members)
    return Plan((), states, passing=True)


def _starts(members: Sequence[Member], seen: Seen) -> Iterator[Step]:
    idle = [m.host for m in members if seen[m.host].data and not seen[m.host].running]
    if idle:
        yield Step("start", tuple(idle), "it has data and does not run")


def _memberships(members: Sequence[Member], seen: Seen, reference: Evidence) -> Iterator[Step]:
    """One at a time: who has no place, or lost what it had, joins as a learner."""
    listed = reference.members or ()
    for member in members:
        evidence = seen[member.host]
        found = next((each for each in listed if member.peer_url in each.peer_urls), None)
        if found is None:
            yield Step("join", (member.host,), "it is no member yet")
        elif not evidence.data:
            why = f"its data is gone: member {found.hex} goes, it joins anew"
            yield Step("join", (member.host,), why, found)
        elif found.name and found.name != member.name:
            why = f"it is {found.name} in the cluster: member {found.hex} goes, it joins anew"
            yield Step("join", (member.host,), why, found)
        elif found.learner:
            yield Step("promote", (member.host,), "it is a learner still", found)


def _restarts(members: Sequence[Member], seen: Seen, versions: Mapping[str, str]) -> Iterator[Step]:
    """Followers first, the leader last."""
    due = [
        (evidence.leads, index, member.host, why)
        for index, member in enumerate(members)
        for evidence in [seen[member.host]]
        if evidence.running and evidence.data
        for why in [changed(member, evidence, versions.get(member.host))]
        if why
    ]
    for leads, _, host, why in sorted(due):
        yield Step("restart", (host,), f"{why}{' (leader, last)' if leads else ''}")


def _removals(members: Sequence[Member], reference: Evidence) -> Iterator[Step]:
    declared = {member.peer_url for member in members}
    for each in reference.members or ():
        if not declared & set(each.peer_urls):
            yield Step("remove", (), "it is not declared", each)


def changed(member: Member, evidence: Evidence, version: str | None = None) -> str | None:
    """Why a running member has to be started again; None if it has not.

    + version: what is about to be installed
    """
    running = evidence.environment or {}
    wanted = environment(member)
    names = {name for name in {*wanted, *running} if name.startswith("ETCD_")} - FIRST_ONLY
    trusted = mark(evidence.ca) if member.settings.tls and evidence.ca else None
    differ = sorted(name for name in names if wanted.get(name) != running.get(name))
    if differ:
        shown = (
            f"{name} {running.get(name, 'unset')} -> {wanted.get(name, 'unset')}" for name in differ
        )
        return "; ".join(shown)
    if version is not None and evidence.version not in (None, version):
        return f"version {evidence.version} -> {version}"
    if evidence.stale:
        return "its program was replaced"
    if trusted is not None and running.get(TRUST) != trusted:
        return "it goes by the CAs that it was started with"
    return None


def gate(members: Sequence[Member], seen: Seen) -> list[str]:
    """What keeps this from being one healthy cluster of the declared members; empty if it is one.

    A linearizable read through every endpoint, the list equal to what is declared, one cluster,
    one leader: `member list` or a unit that is active prove nothing by themselves.
    """
    wrong = [
        f"{member.host}: {_state(seen[member.host])}"
        for member in members
        if not seen[member.host].healthy
    ]
    for name in ("cluster", "leader"):
        values = {getattr(seen[member.host], name) for member in members}
        if len(values) > 1:
            shown = ", ".join(f"{m.host} {getattr(seen[m.host], name) or 0:x}" for m in members)
            wrong.append(f"no single {name}: {shown}")
    declared = sorted((member.name, member.peer_url) for member in members)
    for member in members:
        listed = seen[member.host].members
        if listed is None:
            continue
        found = sorted((each.name, ",".join(each.peer_urls)) for each in listed)
        if found != declared or any(each.learner for each in listed):
            names = ", ".join(f"{name} {url}" for name, url in found)
            wrong.append(f"{member.host}: lists {names}; declared are the group's members")
        wrong += [f"{member.host}: alarm {alarm}" for alarm in seen[member.host].alarms]
    return wrong


def _state(evidence: Evidence) -> str:
    if evidence.installed is None:
        return "etcd is not installed"
    if not evidence.running:
        return f"etcd does not run ({evidence.active}, {evidence.sub})"
    return f"not healthy: {evidence.words or 'no answer'}"
