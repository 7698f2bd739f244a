"""A host's etcd as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright.errors import SnapshotError
from netwright.installs import certificate, etcd_evidence
from netwright.installs.etcd_evidence import Evidence

__all__ = ["EtcdCertificate", "EtcdEvidence", "EtcdHealth", "EtcdMembers"]


class EtcdEvidence(FactBase[Evidence]):
    """All that a host shows of its etcd, for plans and gates.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdEvidence`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(etcd_evidence.script())

    @override
    def process(self, output: list[str]) -> Evidence:
        try:
            return etcd_evidence.parse(output)
        except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FactProcessError(str(error)) from None


class _Part(FactBase[Any]):
    abstract = True

    @override
    def command(self) -> StringCommand:
        return StringCommand(etcd_evidence.script())


class EtcdHealth(_Part):
    """Whether a linearizable read succeeds, version, leader, revision, size in bytes, alarms.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdHealth`
    """

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found = EtcdEvidence().process(output)
        return {
            "healthy": found.healthy,
            "leader": found.leads,
            "version": found.version,
            "revision": found.revision,
            "size": found.size,
            "alarms": list(found.alarms),
        }


class EtcdMembers(_Part):
    """Members by name: peer and client URLs, whether it is a learner; none without an answer.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdMembers`
    """

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found = EtcdEvidence().process(output)
        return {
            each.name or each.hex: {
                "id": each.hex,
                "peer_urls": list(each.peer_urls),
                "client_urls": list(each.client_urls),
                "learner": each.learner,
            }
            for each in found.members or ()
        }


class EtcdCertificate(_Part):
    """The member's certificate: its names and the days to its end; None if there is none.

    Example: `pyinfra INVENTORY fact netwright.facts.etcd.EtcdCertificate`
    """

    @override
    def process(self, output: list[str]) -> dict[str, Any] | None:
        found = EtcdEvidence().process(output)
        if found.certificate is None:
            return None
        leaf = certificate.look(found.certificate, found.ca)
        return {"names": list(leaf.names), "days": leaf.days, "trusted": leaf.trusted}
