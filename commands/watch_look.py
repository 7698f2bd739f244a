"""One look at a host: what it is like, against what is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netwright import iptables_scratch, ledger, snapshot
from netwright import run as runs
from netwright.commands.watch_host import Look, Transport
from netwright.drift import drifts
from netwright.errors import HostError
from netwright.state import NetworkState
from netwright.watch import Drift, fingerprint

__all__ = ["Declared", "look"]


@dataclass(frozen=True)
class Declared:
    """What a host is held against."""

    network: NetworkState
    prune: bool = True


def look(transport: Transport, declared: Mapping[str, Declared] | None = None) -> Look:
    """What a host is like now.

    + declared: by its name; None: all that the host's own ledgers say

    Raises SnapshotError when it can't be read, and the transport's own errors.
    """
    read: dict[str, int] = {}

    def parsed(script: str) -> snapshot.Snapshot:
        lines = transport.run(script)
        read[script] = fingerprint(lines)
        return snapshot.parse(lines)

    wanted = _of_ledgers(parsed) if declared is None else declared
    found: dict[str, Drift] = {}
    working = False
    for name, item in wanted.items():
        text = snapshot.script(
            snapshot.reads(item.network), runs.files(name), iptables_scratch.render(item.network)
        )
        now = parsed(text)
        working = working or bool(now.working)
        try:
            found |= drifts(runs.prepare(name, item.network, now, item.prune))
        except HostError as error:
            found |= drifts(error)
    states = [item.network for item in wanted.values()]
    return Look(None if working else found, _namespaces(states), _neighbours(states), read)


def _of_ledgers(parsed: Callable[[str], snapshot.Snapshot]) -> Mapping[str, Declared]:
    ledgers = parsed(snapshot.script(())).ledgers
    return {name: Declared(ledger.parse(name, text).declared) for name, text in ledgers.items()}


def _namespaces(states: list[NetworkState]) -> tuple[str, ...]:
    return tuple(sorted({name for state in states for name in state.netns or ()}))


def _neighbours(states: list[NetworkState]) -> frozenset[str]:
    return frozenset(
        item.dst
        for state in states
        for _, space in state.namespaces()
        for item in space.neighbours or ()
    )
