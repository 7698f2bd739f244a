"""A host's Calico as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from netwright.facts.evidence import EvidenceFact
from netwright.installs import calico_evidence
from netwright.installs.calico_evidence import Evidence

__all__ = ["CalicoEvidence", "CalicoNode", "CalicoPeers", "CalicoPools"]


class CalicoEvidence(EvidenceFact[Evidence]):
    """All that a host shows of its Calico.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoEvidence`
    """

    room = calico_evidence


class CalicoNode(EvidenceFact[Any]):
    """Whether calico/node runs, what it is called, calicoctl's version.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoNode`
    """

    room = calico_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found: Evidence = self.evidence(output)
        return {
            "running": found.active,
            "nodename": found.nodename,
            "calicoctl": found.version,
            "status": found.status,
        }


class CalicoPeers(EvidenceFact[Any]):
    """The lines of `calicoctl node status` by the peer's address: type, state, info.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoPeers`
    """

    room = calico_evidence

    @override
    def process(self, output: list[str]) -> dict[str, dict[str, str]]:
        return {
            each.address: {"type": each.kind, "state": each.state, "info": each.info}
            for each in self.evidence(output).peers
        }


class CalicoPools(EvidenceFact[Any]):
    """The pools' specs by name; None when the datastore doesn't answer.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoPools`
    """

    room = calico_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any] | None:
        found = self.evidence(output).resources
        if found is None:
            return None
        return {name: each["spec"] for (kind, name), each in found.items() if kind == "IPPool"}
