"""Watching this host, for months: what reads declarations and makes plans is large, so it is loaded
by a fork that ends with its answer, and only if what the host prints is not what it was."""

from __future__ import annotations

import gc
import os
import pickle
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from netwright.commands.watch_host import Local, Look
from netwright.errors import NetwrightError, Problem, SnapshotError
from netwright.watch import fingerprint

__all__ = ["Here", "apart"]

R = TypeVar("R")


class Here:
    """How this host is looked at."""

    def __init__(self, file: Path | None = None) -> None:
        """+ file: its declaration; without one, what its ledgers say"""
        self._declared = None if file is None else apart(lambda: _declared(file))
        self._last: Look | None = None

    def look(self) -> Look:
        """What the host is like now. Raises what `watch_look.look` does."""
        last = self._last
        said = {} if last is None else {script: Local().run(script) for script in last.read}
        if last is None or last.found is None or _is_new(last, said):
            last = self._last = apart(lambda: _look(_Read(said), self._declared))
        return last


def _is_new(last: Look, said: Mapping[str, list[str]]) -> bool:
    return any(fingerprint(lines) != last.read[script] for script, lines in said.items())


class _Read(Local):
    """This host, of which something has been read just now."""

    def __init__(self, said: Mapping[str, list[str]]) -> None:
        self._said = said

    def run(self, script: str) -> list[str]:
        return self._said[script] if script in self._said else super().run(script)


def _declared(file: Path) -> bytes:
    """What a file declares, in a form that needs nothing to be kept."""
    from netwright.operations.declared import settings

    found = settings({"network": file}, file.parent)
    return pickle.dumps(None if found is None else found.network)


def _look(host: Local, declared: bytes | None) -> Look:
    # It ends before there is any garbage worth collecting; and to find that pydantic has no plugins
    # takes a look at every package that is installed.
    gc.disable()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"
    from netwright.commands import watch_look

    if declared is None:
        return watch_look.look(host)
    return watch_look.look(host, {"network": watch_look.Declared(pickle.loads(declared))})


def apart(ask: Callable[[], R]) -> R:
    """What `ask` says in a fork of this process; what that has loaded is gone with it.

    Raises what it raises of ours and of the system, and SnapshotError if it comes to a bad end.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _answer(ask, writing)
        finally:
            # Nothing of what this process was doing is the fork's to end.
            os._exit(1)
    os.close(writing)
    try:
        with open(reading, "rb") as pipe:
            said = pipe.read()
    finally:
        _, status = os.waitpid(child, 0)
    if not said:
        how = os.waitstatus_to_exitcode(status)
        raise SnapshotError([Problem("", f"reading this host came to a bad end ({how})")])
    answer, error = pickle.loads(said)
    if error is not None:
        raise error
    return answer  # type: ignore[no-any-return]


def _answer(ask: Callable[[], Any], writing: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    told: tuple[Any, Exception | None]
    try:
        told = (ask(), None)
    except (NetwrightError, OSError) as error:
        told = (None, error)
    with open(writing, "wb") as pipe:
        pipe.write(pickle.dumps(told))
