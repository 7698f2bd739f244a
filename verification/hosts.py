"""The hosts of one pytest session: read all at once, when the first item asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gevent.pool import Pool

from netwright.operations.declared import Settings
from netwright.verification import reading, tools
from netwright.verification.connection import TIMEOUT, Connection, NotReached
from netwright.verification.inventory import Target
from netwright.verification.seen import Seen

__all__ = ["Hosts"]

PARALLEL = 40


class Hosts:
    """What the items ask: a host as it was read, and its connection for the checks."""

    def __init__(self, targets: Mapping[str, Target], grace: float) -> None:
        self.targets = targets
        self.grace = grace
        self._tools: dict[str, frozenset[str]] = {}
        self._seen: dict[str, Seen | NotReached] = {}

    def seen(self, name: str) -> Seen:
        """A host's state, read once. Raises NotReached, each time the same."""
        if not self._seen:
            self._read(target for target in self.targets.values() if target.settings is not None)
        found = self._seen[name]
        if isinstance(found, NotReached):
            raise found
        return found

    def connection(self, name: str) -> Connection:
        """For commands to any host of the inventory, also one that declares nothing."""
        return self.targets[name].connection

    def tools(self, name: str) -> frozenset[str]:
        """What a host has for the checks, asked once. Raises NotReached."""
        if name not in self._tools:
            self._tools[name] = tools.there(self.targets[name].connection)
        return self._tools[name]

    def close(self) -> None:
        """Disconnect from all."""
        for target in self.targets.values():
            target.connection.disconnect()

    def _read(self, targets: Iterable[Target]) -> None:
        pool = Pool(PARALLEL)
        for name, found in pool.imap_unordered(_named, targets):
            self._seen[name] = found


def _named(target: Target) -> tuple[str, Seen | NotReached]:
    assert target.settings is not None
    try:
        return target.name, _read(target.connection, target.settings)
    except NotReached as error:
        return target.name, error


def _read(connection: Connection, settings: Settings) -> Seen:
    state, boots = settings.network, settings.name if settings.persist else ""
    # A namespace costs some hundredths of a second on a slow host.
    timeout = TIMEOUT + 0.1 * len(state.netns or ())
    general, spaces = reading.parse(connection.script(reading.script(state, boots), timeout).stdout)
    if "netns" not in general.parts:
        words = general.failed.get("netns", "") or general.words
        why = " ".join(words.split()) or "it printed nothing"
        raise NotReached(f"{connection.hostname} can't be read: {why}")
    return Seen(general, spaces)
