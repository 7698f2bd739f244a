"""A file of ours on the host: read by the snapshot, written whole or removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netwright.model import HOST
from netwright.step import Command, Phase, Step

__all__ = ["plan"]


def plan(
    current: Mapping[str, str], desired: Mapping[str, str], ours: Mapping[str, Phase]
) -> Iterator[Step]:
    """The steps that make the files of ours just what is desired.

    + current, desired: path -> content
    + ours: every path that may be ours, and the phase it belongs to
    """
    for path, phase in ours.items():
        before, after = current.get(path), desired.get(path)
        if before != after:
            yield Step(phase, HOST, f"files.{path}", "", before, after, _render)


def _render(step: Step) -> Iterator[Command]:
    path = step.thing.removeprefix("files.")
    directory, _, name = path.rpartition("/")
    if step.after is None:
        yield Command("file", HOST, f"remove {path}")
    elif directory.endswith(".wants"):
        yield Command("file", HOST, f"enable ../{name} {path}")
    else:
        yield Command("file", HOST, f"write {_mode(path)} {path}", step.after)


def _mode(path: str) -> str:
    # A ledger tells more about a host than its users need to know.
    return "0600" if path.startswith("/etc/netwright/") else "0644"
