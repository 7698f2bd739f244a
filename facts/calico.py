"""A host's Calico as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright.errors import SnapshotError
from netwright.installs import calico_evidence
from netwright.installs.calico_evidence import Evidence

__all__ = ["CalicoEvidence", "CalicoNode", "CalicoPeers", "CalicoPools"]


class CalicoEvidence(FactBase[Evidence]):
    """All that a host shows of its Calico.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoEvidence`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(calico_evidence.script())

    @override
    def process(self, output: list[str]) -> Evidence:
        try:
            return calico_evidence.parse(output)
        except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FactProcessError(str(error)) from None


class _Part(FactBase[Any]):
    abstract = True

    @override
    def command(self) -> StringCommand:
        return StringCommand(calico_evidence.script())


class CalicoNode(_Part):
    """Whether calico/node runs, what it is called, calicoctl's version.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoNode`
    """

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found = CalicoEvidence().process(output)
        return {
            "running": found.active,
            "nodename": found.nodename,
            "calicoctl": found.version,
            "status": found.status,
        }


class CalicoPeers(_Part):
    """The lines of `calicoctl node status` by the peer's address: type, state, info.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoPeers`
    """

    @override
    def process(self, output: list[str]) -> dict[str, dict[str, str]]:
        return {
            each.address: {"type": each.kind, "state": each.state, "info": each.info}
            for each in CalicoEvidence().process(output).peers
        }


class CalicoPools(_Part):
    """The pools' specs by name; None when the datastore doesn't answer.

    Example: `pyinfra INVENTORY fact netwright.facts.calico.CalicoPools`
    """

    @override
    def process(self, output: list[str]) -> dict[str, Any] | None:
        found = CalicoEvidence().process(output).resources
        if found is None:
            return None
        return {name: each["spec"] for (kind, name), each in found.items() if kind == "IPPool"}
