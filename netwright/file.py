"""The files of ours on the host: what the next boot reads, and the ledger.

Those in /etc/netwright/NAME change together, by one rename, see `file_shell`. The others are links
into that directory, or do nothing without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netwright.model import HOST
from netwright.step import Command, Phase, Plan, Step

__all__ = ["LINK", "Files", "plan"]

LINK = "-> "
"""What the content of a link starts with; its target follows."""


@dataclass(frozen=True)
class Files:
    """The steps that make the files of ours just what is desired."""

    staged: Plan = field(default_factory=list)
    """Before the network is touched: a full disk is seen then."""
    switched: Plan = field(default_factory=list)
    """Last of all."""


def plan(
    current: Mapping[str, str], desired: Mapping[str, str], base: str, phases: Mapping[str, Phase]
) -> Files:
    """What has to be written.

    + current, desired: path -> content
    + base: the directory whose files change together
    + phases: every path that may be ours, and the phase of its step
    """
    inside: Plan = []
    made: Plan = []
    gone: Plan = []
    for path, phase in phases.items():
        before, after = current.get(path), desired.get(path)
        if before != after:
            step = Step(phase, HOST, f"files.{path}", "", before, after, _render)
            if path.startswith(f"{base}/"):
                inside.append(step)
            else:
                (gone if after is None else made).append(step)
    if inside:
        inside.insert(0, _hidden(f"begin {base}"))
        made.append(_hidden(f"switch {base}"))
    # While a file of another directory is there and its version is not, it does nothing.
    return Files(inside, [*made, *gone])


def _hidden(line: str) -> Step:
    def render(step: Step) -> Iterator[Command]:
        yield Command("file", HOST, line)

    return Step(Phase.LEDGER, HOST, f"files.{line}", "", None, True, render)


def _render(step: Step) -> Iterator[Command]:
    path = step.thing.removeprefix("files.")
    staged = path.startswith("/etc/netwright/")
    if step.after is None:
        yield Command("file", HOST, f"{'unstage' if staged else 'remove'} {path}")
    elif step.after.startswith(LINK):
        yield Command("file", HOST, f"link {step.after[len(LINK) :].strip()} {path}")
    elif staged:
        # All of it tells more about a host than its users need to know.
        yield Command("file", HOST, f"stage 0600 {path}", step.after)
    else:
        mode = "0755" if step.after.startswith("#!") else "0644"
        mode = "0600" if path.startswith("/run/") else mode
        yield Command("file", HOST, f"put {mode} {path}", step.after)
