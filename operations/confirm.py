"""Commit-confirm: a change stays only if the controller can come back over a new connection.

The host arms its own undo before the first change. An established connection can outlive a
lock-out, so it proves nothing; what counts is a whole command over a new one.
"""

from __future__ import annotations

import time

import gevent
from paramiko import SSHException
from pyinfra import logger
from pyinfra.api import Host
from pyinfra.api.exceptions import ConnectError

from netwright import run as runs
from netwright import script
from netwright.errors import NetwrightError, Problem
from netwright.facts.snapshot import run_script
from netwright.snapshot import Snapshot
from netwright.snapshot import script as snapshot_script

__all__ = ["apply"]

_LOST = (TimeoutError, OSError, EOFError, SSHException, ConnectError, gevent.Timeout)
"""What a connection that the change cut off may raise."""
_GRACE = 5
"""Seconds that a host may take for its undo."""


def apply(
    host: Host, run: runs.Run, before: Snapshot, who: str, confirm: int
) -> tuple[list[Problem], Snapshot | None]:
    """Run a change that undoes itself after `confirm` seconds unless it is confirmed.

    Returns what is wrong, and the host as it is then.
    """
    deadline = time.monotonic() + confirm
    try:
        ok, output, errors = run_script(host, run.script(who, confirm), confirm)
        answer = runs.answer(run, output)
    except _LOST:
        logger.warning(f"{host.print_prefix}the connection is lost; trying a new one")
    except NetwrightError as error:
        return runs.unanswered(error, output, errors), None
    else:
        problems = runs.outcome(run, before, answer)
        if problems and answer.failed is None:
            problems += _take_back(host, run)
        if problems or not ok:
            return problems, None
    return _confirm(host, run, deadline, confirm)


def _take_back(host: Host, run: runs.Run) -> list[Problem]:
    ok, _, errors = run_script(host, run.recovery())
    what = "all that had been done is undone" if ok else f"could not be undone: {errors}"
    return [Problem("", what)]


def _confirm(
    host: Host, run: runs.Run, deadline: float, confirm: int
) -> tuple[list[Problem], Snapshot | None]:
    left = deadline - time.monotonic()
    cut = False
    while left > 0:
        try:
            _reconnect(host, left)
            # One that came about only after the time did so because the undo let it.
            cut = cut or time.monotonic() >= deadline
            ok, output, errors = run_script(host, run.confirmation(), max(1, int(left)))
        except _LOST:
            cut = True
            time.sleep(0.5)
            left = deadline - time.monotonic()
            continue
        if not ok:
            words = "; ".join(line for line in errors if line)
            if cut and script.TOO_LATE in words:
                break
            return [Problem("", f"the change could not be confirmed: {words}")], None
        answer = runs.answer(run, output)
        return runs.outcome(run, answer.snapshot, answer), answer.snapshot
    return _wait_for_undo(host, confirm), None


def _reconnect(host: Host, limit: float) -> None:
    with gevent.Timeout(max(1.0, limit)):
        host.connector.disconnect()
        host.connector.connect()


def _wait_for_undo(host: Host, confirm: int) -> list[Problem]:
    """The change has cut the controller off: see that the host is back."""
    found = [
        Problem("", f"the change cut this connection off; it was not confirmed in {confirm} s")
    ]
    until = time.monotonic() + 2 * _GRACE
    while time.monotonic() < until:
        try:
            _reconnect(host, _GRACE)
            ok, output, _ = run_script(host, snapshot_script(()), _GRACE)
        except _LOST:
            time.sleep(0.5)
            continue
        if ok and any(line.startswith("@@ undone ") for line in output):
            return [*found, Problem("", "the host has undone it by itself, and answers again")]
        time.sleep(0.5)
    return [*found, Problem("", "the host does not answer yet; it undoes the change by itself")]
