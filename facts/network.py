"""A host as it is, for people and for deploys: the snapshot's parts as pyinfra facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright import snapshot
from netwright.errors import SnapshotError
from netwright.model import HOST

__all__ = ["Links", "Neighbours", "Network", "Routes", "Rules"]


class Network(FactBase[dict[str, Any]]):
    """All of it, as a declaration would say it.

    + netns: names of namespaces to read besides the host's own

    Reads only; needs root. Raises FactProcessError for a host whose answer can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.network.Network`
    """

    @override
    def command(self, netns: Iterable[str] = ()) -> StringCommand:
        return StringCommand(snapshot.script([HOST, *netns]))

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        try:
            return snapshot.parse(output).state.document()
        except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
            raise FactProcessError(str(error)) from None


class _Part(FactBase[Any]):
    """One part of one namespace."""

    abstract = True
    room: str

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        self.netns = netns
        return StringCommand(snapshot.script([HOST, netns]))

    @override
    def process(self, output: list[str]) -> Any:
        document = Network().process(output)
        space = document if self.netns == HOST else document.get("netns", {}).get(self.netns, {})
        return space.get(self.room, {} if self.room == "links" else [])


class Links(_Part):
    """Links by name: kind, state, mtu, addresses, master, what they are like as a port.

    + netns: the namespace; `host` for the host's own

    Example: `pyinfra INVENTORY fact netwright.facts.network.Links netns=blue`
    """

    room = "links"


class Routes(_Part):
    """Routes of every table, without those of the kernel's table `local`.

    + netns: the namespace; `host` for the host's own

    Example: `pyinfra INVENTORY fact netwright.facts.network.Routes`
    """

    room = "routes"


class Rules(_Part):
    """Policy rules, without the kernel's own three.

    + netns: the namespace; `host` for the host's own

    Example: `pyinfra INVENTORY fact netwright.facts.network.Rules`
    """

    room = "rules"


class Neighbours(_Part):
    """Permanent and proxy neighbours.

    + netns: the namespace; `host` for the host's own

    Example: `pyinfra INVENTORY fact netwright.facts.network.Neighbours`
    """

    room = "neighbours"
