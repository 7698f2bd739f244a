"""A host's network that was read before its operation's turn, together with what else was asked.

It serves once, and for the very question that it answers, and not when an operation of this run
has changed anything in between.
"""

from __future__ import annotations

from contextlib import suppress
from weakref import WeakKeyDictionary

from pyinfra import state as deploy_state
from pyinfra.api import Host

from netwright import snapshot
from netwright.errors import NetwrightError
from netwright.operations.converge import Asked, Wanted
from netwright.snapshot import Snapshot

__all__ = ["changed", "keep", "take"]

_READ: WeakKeyDictionary[Host, dict[str, tuple[Asked, Snapshot]]] = WeakKeyDictionary()


def keep(host: Host, wanted: Wanted, output: list[str]) -> None:
    """Keep what `wanted.script()` has printed; what can't be read is asked for again in its turn,
    and then told."""
    with suppress(NetwrightError, KeyError, IndexError, TypeError, ValueError):
        _READ.setdefault(host, {})[wanted.name] = wanted.asked(), snapshot.parse(output)


def take(host: Host, wanted: Wanted) -> Snapshot | None:
    """What was kept, if it answers what `wanted` would ask, and is still so."""
    asked, found = _READ.get(host, {}).pop(wanted.name, (None, None))
    return found if asked == wanted.asked() and not changed(host) else None


def changed(host: Host) -> bool:
    """Whether another operation has run a command on any host: some are one for all hosts."""
    return any(
        op_hash != host.current_op_hash and data.operation_meta.executed
        for ops in deploy_state.ops.values()
        for op_hash, data in ops.items()
    )
