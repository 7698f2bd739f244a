"""From one CA to another while the cluster serves: shown by what members were started with.

A member reads its CAs at its start and its own certificate at each handshake. So both CAs are
trusted everywhere first, then certificates are replaced, then only the declared CAs are trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netwright.installs.certificate import bundle, look, mark, prints
from netwright.installs.etcd import TRUST, Member
from netwright.installs.etcd_evidence import Evidence
from netwright.installs.etcd_step import Plan, Step

__all__ = ["Trust", "lost", "mine", "rollover"]

Seen = Mapping[str, Evidence]


@dataclass(frozen=True)
class Trust:
    """The CA that signs, and what is trusted beside it; PEM."""

    own: str
    others: str = ""

    @property
    def pem(self) -> str:
        """All that members are to trust."""
        return bundle(self.own, self.others)


def mine(evidence: Evidence, trust: Trust) -> bool:
    """Whether a host's CAs and certificate are its own affair, not one of the whole cluster:
    nobody relies on them yet, or the CAs are those that are declared."""
    if evidence.ca is None or not (evidence.running or evidence.data):
        return True
    same = prints(evidence.ca) == prints(trust.pem)
    return same and (_by(evidence, trust.own) or not _by(evidence, evidence.ca))


def lost(seen: Seen, directory: str) -> Plan | None:
    """Why a CA must not be made where there is none: members have certificates of one already.

    + directory: where the CA is looked for
    """
    hosts = [host for host, each in seen.items() if each.ca and (each.running or each.data)]
    if not hosts:
        return None
    why = f"{directory} has no CA, and {', '.join(hosts)} have certificates of one"
    return Plan((), (f"etcd.tls.ca: {why}: bring it there, or one that is meant to follow it",))


def rollover(members: Sequence[Member], seen: Seen, trust: Trust) -> Plan:
    """What is left to do until members trust what is declared, and are what its CA has signed.

    Only the first step is carried out, then all is looked at again; the others are foreseen.
    """
    having = {member.host: seen[member.host].ca or "" for member in members}
    wanted = prints(trust.pem)
    foreign = [m.host for m in members if not _by(seen[m.host], trust.own)]
    differ = [host for host, pem in having.items() if prints(pem) != wanted]
    old = [host for host in foreign if having[host]]
    if not old and not [host for host in differ if having[host]]:
        return Plan()
    broken = tuple(f"{m.host} is not healthy" for m in members if not seen[m.host].healthy)
    if broken:
        passing = all(seen[member.host].running and seen[member.host].data for member in members)
        why = "the CA changes only while all members are; heal it with the CA that it had"
        return Plan((), (f"etcd.tls.ca: {', '.join(broken)}: {why}",), passing)
    both = bundle(*having.values(), trust.pem) if old else trust.pem
    steps = _trusting(members, seen, having, both)
    if old:
        why = "a certificate by the declared CA, served without a restart"
        steps.append(Step("leaf", tuple(old), why))
        if prints(both) != wanted:
            steps += _trusting(members, seen, dict.fromkeys(having, both), trust.pem)
    return Plan(tuple(steps))


def _trusting(
    members: Sequence[Member], seen: Seen, having: Mapping[str, str], pem: str
) -> list[Step]:
    """Every member is told and, since it reads that only then, started again; the leader last."""
    lacking = [host for host, each in having.items() if prints(each) != prints(pem)]
    count = len(prints(pem))
    steps = []
    if lacking:
        steps.append(Step("trust", tuple(lacking), f"{count} CA{'s' * (count > 1)}", None, pem))
    order = sorted((member.host for member in members), key=lambda host: seen[host].leads)
    for host in order:
        evidence = seen[host]
        stale = (evidence.environment or {}).get(TRUST) != mark(having[host])
        if host in lacking or stale:
            last = " (leader, last)" if evidence.leads else ""
            steps.append(Step("restart", (host,), f"to trust what it was told{last}"))
    return steps


def _by(evidence: Evidence, ca: str) -> bool:
    return bool(evidence.certificate and look(evidence.certificate, ca).trusted)
