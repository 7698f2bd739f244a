"""A host's etcd as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from netwright.facts.evidence import EvidenceFact
from netwright.installs import certificate, etcd_evidence
from netwright.installs.etcd_evidence import Evidence

__all__ = ["EtcdCertificate", "EtcdEvidence", "EtcdHealth", "EtcdMembers"]


class EtcdEvidence(EvidenceFact[Evidence]):
    """All that a host shows of its etcd, for plans and gates.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdEvidence`
    """

    room = etcd_evidence


class EtcdHealth(EvidenceFact[Any]):
    """Whether a linearizable read succeeds, version, leader, revision, size in bytes, alarms.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdHealth`
    """

    room = etcd_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found: Evidence = self.evidence(output)
        return {
            "healthy": found.healthy,
            "leader": found.leads,
            "version": found.version,
            "revision": found.revision,
            "size": found.size,
            "alarms": list(found.alarms),
        }


class EtcdMembers(EvidenceFact[Any]):
    """Members by name: peer and client URLs, whether it is a learner; none without an answer.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdMembers`
    """

    room = etcd_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found: Evidence = self.evidence(output)
        return {
            each.name or each.hex: {
                "id": each.hex,
                "peer_urls": list(each.peer_urls),
                "client_urls": list(each.client_urls),
                "learner": each.learner,
            }
            for each in found.members or ()
        }


class EtcdCertificate(EvidenceFact[Any]):
    """The member's certificate: its names and the days to its end; None if there is none.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdCertificate`
    """

    room = etcd_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any] | None:
        found: Evidence = self.evidence(output)
        if found.certificate is None:
            return None
        leaf = certificate.look(found.certificate, found.ca)
        return {"names": list(leaf.names), "days": leaf.days, "trusted": leaf.trusted}
