"""A host's Docker as it is: one command, read by the room's parse."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright.errors import SnapshotError
from netwright.installs import docker_evidence
from netwright.installs.docker_evidence import Evidence

__all__ = ["DockerContainers", "DockerEngine", "DockerEvidence"]


class DockerEvidence(FactBase[Evidence]):
    """All that a host shows of its Docker, for plans.

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.docker.DockerEvidence`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(docker_evidence.script())

    @override
    def process(self, output: list[str]) -> Evidence:
        try:
            return docker_evidence.parse(output)
        except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FactProcessError(str(error)) from None


class DockerEngine(FactBase[dict[str, Any]]):
    """Whether the daemon answers, its version, live-restore, containers that run.

    Example: `pyinfra INVENTORY fact netwright.facts.docker.DockerEngine`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(docker_evidence.script())

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found = DockerEvidence().process(output)
        return {
            "answers": found.info is not None,
            "version": found.version,
            "live_restore": found.live_restore,
            "running": found.running,
            "held": list(found.held),
        }


class DockerContainers(FactBase[dict[str, Any]]):
    """Containers by name: image, state, address on each network.

    Example: `pyinfra INVENTORY fact netwright.facts.docker.DockerContainers`
    """

    @override
    def command(self) -> StringCommand:
        return StringCommand(docker_evidence.script())

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        found = DockerEvidence().process(output)
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
