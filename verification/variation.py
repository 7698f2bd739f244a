"""`with` of a check: a variation on the declaration, converged for the time of the check.

The host itself takes it back: the undo is armed on it before the first change, and the run that
brings the variation is never confirmed. Here it is only asked to do so at once. So a check that
fails, a run that is killed and a connection that is cut all end in the declared state.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from netwright import iptables_scratch, snapshot
from netwright import run as runs
from netwright.errors import HostError, NetwrightError, Problem
from netwright.file import Files
from netwright.operations.declared import Settings
from netwright.snapshot import Snapshot
from netwright.state import NetworkState, vary
from netwright.verification.connection import Connection, NotReached

__all__ = ["VariationFailed", "varied"]


class VariationFailed(Exception):
    """A variation that can't be made, or that couldn't be taken back; one line."""


@contextmanager
def varied(
    connection: Connection, settings: Settings, variation: Mapping[str, Any], life: int
) -> Iterator[None]:
    """Inside, the host has the variation.

    + variation: part of a declaration, see `state.vary`
    + life: seconds after which the host takes it back by itself

    Raises VariationFailed, NotReached.
    """
    try:
        wanted = vary(settings.network, variation)
        before = _read(connection, settings.name, wanted)
        run = runs.prepare(settings.name, wanted, before, settings.prune, keep=False)
        # Under a name of its own: an undo that was armed for an earlier check still runs out, and
        # must find nothing.
        name = f"{settings.name}-check-{secrets.token_hex(4)}"
        run = replace(run, name=name, files=Files(), stamp="")
    except NetwrightError as error:
        raise VariationFailed(f"with: {_line(error.problems)}") from None
    if not run.network:
        yield
        return
    _change(connection, run, before, life)
    try:
        yield
    finally:
        _take_back(connection, run, life)


def _read(connection: Connection, name: str, wanted: NetworkState) -> Snapshot:
    rules = iptables_scratch.render(wanted)
    text = snapshot.script(snapshot.reads(wanted), runs.files(name), rules)
    found = snapshot.parse(connection.script(text).stdout.splitlines())
    if name in found.interrupted:
        what = "an earlier run did not come to its end; converge the host first"
        raise HostError([Problem("", what)])
    return found


def _change(connection: Connection, run: runs.Run, before: Snapshot, life: int) -> None:
    who = f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}, for a check"
    result = connection.script(f"{_TIDY}{run.script(who, life)}")
    try:
        answer = runs.answer(run, result.stdout.splitlines())
        problems = runs.outcome(run, before, answer)
    except NetwrightError as error:
        problems = [*error.problems, Problem("", " ".join(result.stderr.split()))]
    else:
        if problems and answer.failed is None:
            _take_back(connection, run, life)
    if problems:
        raise VariationFailed(f"with can't be made: {_line(problems)}")


# What the host notes of a check's variation that it took back by itself, since nobody was left.
_TIDY = "rm -f /run/netwright/*-check-*.undone\n"
_PENDING = """if [ ! -f /run/netwright/{name}/pending ]; then
  echo 'the host took it back by itself' >&2
  exit 1
fi
"""


def _take_back(connection: Connection, run: runs.Run, life: int) -> None:
    try:
        result = connection.script(_PENDING.format(name=run.name) + run.recovery())
    except NotReached as error:
        raise VariationFailed(f"{error}; the host takes `with` back within {life} s") from None
    if result.rc:
        words = " ".join(result.stderr.split())
        raise VariationFailed(f"with was taken back before the check was over: {words}")


def _line(problems: Any) -> str:
    return "; ".join(str(problem) for problem in problems)
