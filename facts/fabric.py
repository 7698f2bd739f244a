"""A fabric's host as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from netwright.facts.evidence import EvidenceFact, read
from netwright.installs import fabric_calico, fabric_evidence
from netwright.installs.fabric_evidence import Evidence

__all__ = ["FabricAsCalico", "FabricEvidence", "FabricRoutes", "FabricSessions"]


class FabricEvidence(EvidenceFact[Evidence]):
    """All that a host shows of its BIRD and its routes.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricEvidence`
    """

    room = fabric_evidence


class FabricSessions(EvidenceFact[Any]):
    """BGP sessions by peer: its address, the state, how many routes came and went.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricSessions`
    """

    room = fabric_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found: Evidence = self.evidence(output)
        return {
            name.removeprefix("peer_"): {
                "neighbor": each.neighbor,
                "state": each.state,
                "imported": each.imported,
                "exported": each.exported,
            }
            for name, each in found.sessions.items()
        }


class FabricRoutes(EvidenceFact[Any]):
    """The way to each block that BIRD has put into the kernel; `blackhole` for the host's own.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricRoutes`
    """

    room = fabric_evidence

    @override
    def process(self, output: list[str]) -> dict[str, str]:
        return {
            route["dst"]: str(route.get("gateway") or route.get("type", "unicast"))
            for route in self.evidence(output).routes
            if route.get("protocol") == "bird"
        }


class FabricAsCalico(EvidenceFact[list[str]]):
    """What of the host's workloads and routes Calico would have made otherwise; empty: nothing.

    Needs no declaration: links called cali* are workloads.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricAsCalico`
    """

    room = fabric_calico

    @override
    def process(self, output: list[str]) -> list[str]:
        return read(fabric_calico.differences, output)
