"""Operations that each declare one thing: neighbouring ones in a deploy are one run of the host.

Those that follow each other, with nothing else in between, are read together and changed together,
as if they stood in one document. Things of earlier runs stay until an operation with
`present=False` takes them away.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from pyinfra import state as deploy_state
from pyinfra.api import DeployError, FunctionCommand, Host, State, operation
from pyinfra.api.operation import OperationMeta

from netwright import iptables_scratch
from netwright.errors import DeclarationError
from netwright.model import HOST
from netwright.operations.converge import Wanted, actual_host, converge
from netwright.snapshot import Snapshot, reads
from netwright.state import load
from netwright.step import Plan, Step

__all__ = ["NAME", "declare"]

NAME = "operations"
"""The ledger's name when an operation is given none."""


@dataclass
class Part:
    """What one operation declares: a document with one thing, and how a plan calls that thing."""

    document: Mapping[str, Any]
    thing: str
    name: str
    persist: bool
    op_hash: str = ""
    done: bool = False
    changed: bool = False

    def has(self, step: Step) -> bool:
        """Whether a step is about this thing."""
        return any(path == self.thing or path.startswith(f"{self.thing}.") for path in step.paths)


@dataclass
class Prepared:
    """A host's parts so far, and what it was like when they were prepared."""

    parts: list[Part] = field(default_factory=list)
    snapshot: Snapshot | None = None
    read: frozenset[str] = frozenset()


_HOSTS: WeakKeyDictionary[Host, Prepared] = WeakKeyDictionary()


def declare(
    room: str,
    entry: Any,
    key: str,
    netns: str = HOST,
    network_name: str = NAME,
    persist: bool = True,
    **arguments: Any,
) -> OperationMeta:
    """Declare one thing in the present deploy; what every operation for one kind does.

    + room: the declaration's key that it stands under: links, routes, sysctl, ...
    + entry: what stands there
    + key: how a plan calls the thing, below its room
    + netns: the namespace that it is in; `host` for the host's own
    + network_name: the ledger's name
    + persist: whether the next boot shall have it too
    + arguments: pyinfra's global arguments (`name`, `_sudo` and so on)
    """
    document: dict[str, Any] = {room: entry}
    thing = f"{room}.{key}"
    if netns != HOST:
        document, thing = {"netns": {netns: document}}, f"netns.{netns}.{thing}"
    part = Part(document, thing, network_name, persist)
    # pyinfra's own choice is all of the arguments.
    arguments.setdefault("name", thing)
    _HOSTS.setdefault(actual_host(), Prepared()).parts.append(part)
    meta: OperationMeta = _part(part=part, **arguments)
    part.op_hash = meta._hash
    return meta


@operation()
def _part(part: Part) -> Generator[FunctionCommand, None, None]:
    here = actual_host()
    if part.done:
        if part.changed:
            yield FunctionCommand(_already, (), {})
        return
    group = _group(here, part)
    wanted = _wanted(group)
    if not deploy_state.is_executing:
        yield from converge(here, wanted, _read_once(here, wanted), only=part.has)
        return

    def told(plan: Plan) -> None:
        for other in group:
            other.done = True
            other.changed = any(other.has(step) for step in plan)

    yield from converge(here, wanted, told=told)


def _already(state: State, host: Host) -> bool:
    """The first operation of the group has made the change."""
    return True


def _group(here: Host, part: Part) -> list[Part]:
    """The operations that are one run: while preparing, those so far; while executing, this one
    and those that follow it directly, under the same name."""
    parts = [item for item in _HOSTS[here].parts if item.name == part.name]
    if not deploy_state.is_executing:
        return parts[: parts.index(part) + 1]
    by_hash = {item.op_hash: item for item in parts if item.persist == part.persist}
    order = list(here.op_hash_order)
    group = []
    for op_hash in order[order.index(part.op_hash) :]:
        if op_hash not in by_hash:
            break
        group.append(by_hash[op_hash])
    return group


def _wanted(group: list[Part]) -> Wanted:
    document: dict[str, Any] = {}
    for part in group:
        document = _joined(document, part.document)
    try:
        declared = load(document)
    except DeclarationError as error:
        # Raised while the deploy file is read, before any host is changed.
        raise DeployError(f"the declaration is wrong:\n{error}") from None
    return Wanted(declared, group[0].name, prune=False, persist=group[0].persist)


def _joined(base: Any, top: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(top, Mapping):
        return {**base, **{key: _joined(base.get(key), value) for key, value in top.items()}}
    if isinstance(base, list) and isinstance(top, list):
        return [*base, *top]
    return top


def _read_once(here: Host, wanted: Wanted) -> Snapshot:
    """While preparing nothing changes, so what was read for one operation serves the next."""
    prepared = _HOSTS[here]
    rules = iptables_scratch.render(wanted.declared)
    needed = frozenset([*reads(wanted.declared), *filter(None, [rules])])
    if prepared.snapshot is None or not needed <= prepared.read:
        prepared.snapshot, prepared.read = wanted.read(here), needed
    return prepared.snapshot
