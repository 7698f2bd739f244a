"""A fabric's host as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright.errors import SnapshotError
from netwright.installs import fabric_calico, fabric_evidence
from netwright.installs.fabric_evidence import Evidence

__all__ = ["FabricAsCalico", "FabricEvidence", "FabricRoutes", "FabricSessions"]


class FabricEvidence(FactBase[Evidence]):
    """All that a host shows of its BIRD and its routes.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricEvidence`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(fabric_evidence.script())

    @override
    def process(self, output: list[str]) -> Evidence:
        try:
            return fabric_evidence.parse(output)
        except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FactProcessError(str(error)) from None


class _Part(FactBase[Any]):
    abstract = True

    @override
    def command(self) -> StringCommand:
        return StringCommand(fabric_evidence.script())


class FabricSessions(_Part):
    """BGP sessions by peer: its address, the state, how many routes came and went.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricSessions`
    """

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found = FabricEvidence().process(output)
        return {
            name.removeprefix("peer_"): {
                "neighbor": each.neighbor,
                "state": each.state,
                "imported": each.imported,
                "exported": each.exported,
            }
            for name, each in found.sessions.items()
        }


class FabricRoutes(_Part):
    """The way to each block that BIRD has put into the kernel; `blackhole` for the host's own.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricRoutes`
    """

    @override
    def process(self, output: list[str]) -> dict[str, str]:
        return {
            route["dst"]: str(route.get("gateway") or route.get("type", "unicast"))
            for route in FabricEvidence().process(output).routes
            if route.get("protocol") == "bird"
        }


class FabricAsCalico(FactBase[list[str]]):
    """What of the host's workloads and routes Calico would have made otherwise; empty: nothing.

    Needs no declaration: links called cali* are workloads.

    Example: `pyinfra INVENTORY fact netwright.facts.fabric.FabricAsCalico`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(fabric_calico.script())

    @override
    def process(self, output: list[str]) -> list[str]:
        try:
            return fabric_calico.differences(output)
        except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FactProcessError(str(error)) from None
