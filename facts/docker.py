"""A host's Docker as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from netwright.facts.evidence import EvidenceFact
from netwright.installs import docker_evidence
from netwright.installs.docker_evidence import Evidence

__all__ = ["DockerContainers", "DockerEngine", "DockerEvidence"]


class DockerEvidence(EvidenceFact[Evidence]):
    """All that a host shows of its Docker, for plans.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.docker.DockerEvidence`
    """

    room = docker_evidence


class DockerEngine(EvidenceFact[dict[str, Any]]):
    """Whether the daemon answers, its version, live-restore, containers that run.

    Example: `pyinfra INVENTORY fact netwright.facts.docker.DockerEngine`
    """

    room = docker_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found: Evidence = self.evidence(output)
        return {
            "answers": found.info is not None,
            "version": found.version,
            "live_restore": found.live_restore,
            "running": found.running,
            "held": list(found.held),
        }


class DockerContainers(EvidenceFact[dict[str, Any]]):
    """Containers by name: image, state, address on each network.

    Example: `pyinfra INVENTORY fact netwright.facts.docker.DockerContainers`
    """

    room = docker_evidence

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found: Evidence = self.evidence(output)
        return {
            name: {
                "image": each["Config"]["Image"],
                "state": each["State"]["Status"],
                "addresses": {
                    network: values["IPAddress"]
                    for network, values in each["NetworkSettings"]["Networks"].items()
                },
            }
            for name, each in found.containers.items()
        }
