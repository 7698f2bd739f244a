"""Scripts on any host of the run: what concerns several hosts is one operation for all of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from gevent import Timeout
from paramiko import SSHException
from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import Host, State, StringCommand
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.exceptions import PyinfraError

from netwright.errors import NetwrightError

__all__ = ["carried_out", "named", "reached", "run"]

T = TypeVar("T")
RECONNECT = 30
_OURS = ("_stdin", "_timeout", "_success_exit_codes", "_get_pty")


class Failed(Exception):
    """What could not be done, on whichever host; the text is one line."""


def fails(state: State, host: Host) -> bool:
    """For a FunctionCommand: fails this host, and no other, without a traceback."""
    return False


def attempt(host: Host, do: Callable[[], None]) -> bool:
    """Whether it was done; why not is said with the host's name."""
    try:
        do()
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        return False
    return True


def last(*outputs: list[str]) -> str:
    """The last line that says something, of the first output that has one."""
    lines = (line.strip() for output in outputs for line in reversed(output))
    return next(filter(None, lines), "")


def look(name: str, script: str, parse: Callable[[list[str]], T], timeout: int) -> T:
    """What a host shows.

    + name: of the host
    + parse: what is made of the output
    + timeout: seconds

    Raises Failed if it can't be asked, or understood.
    """
    ok, output, errors = run(named(name), script, timeout, again=True)
    if not ok:
        raise Failed(f"{name} could not be read: {last(errors)}")
    try:
        return parse(output)
    except (NetwrightError, KeyError, IndexError, TypeError, ValueError) as error:
        raise Failed(f"{name} could not be read: {error}") from None


def named(name: str) -> Host:
    """The host of that name in the inventory of this run."""
    found = deploy_state.inventory.get_host(name)
    assert found is not None
    return found


def reached(state: State, name: str) -> bool:
    """Whether a host is still part of the run: connected, and nothing of it has failed."""
    return named(name) in state.active_hosts


def run(
    host: Host, script: str, timeout: int = 120, again: bool = False
) -> tuple[bool, list[str], list[str]]:
    """Run a script with the rights that the inventory gives on that host; it goes by stdin.

    + timeout: seconds, after which the connection is given up
    + again: try once more over a new connection, for scripts that only read

    Returns whether it succeeded, and the lines of its output and of its errors.
    """
    given, _ = pop_global_arguments(host.state, host, {})
    keep: Any = {
        key: value
        for key, value in given.items()
        if key in CONNECTOR_ARGUMENT_KEYS and key not in _OURS
    }
    # A function: nothing of it runs before the last line has arrived.
    text = f"main() {{\n{script}\n}}\nmain </dev/null"
    if not host.connected:
        _reconnect(host)
    try:
        # Around all of it: a connection that is dead may not even open a channel.
        with Timeout(timeout):
            ok, output = host.run_shell_command(StringCommand("sh"), _stdin=text, **keep)
    except (Timeout, PyinfraError, SSHException, OSError, EOFError) as error:
        _reconnect(host)
        if again:
            return run(host, script, timeout)
        return False, [], [f"no answer: {error}"]
    return ok, output.stdout_lines, output.stderr_lines


def carried_out(state: State, host: Host, script: str) -> bool:
    """For a FunctionCommand: run a script; what it says against it is the error."""
    ok, _, errors = run(named(host.name), script)
    for line in filter(None, errors if not ok else ()):
        logger.error(f"{host.print_prefix}{line}")
    return ok


def _reconnect(host: Host) -> None:
    """A new connection. The old one is not closed: that waits for a thread that may never end."""
    connector: Any = host.connector
    connector.client = None
    host.connected = False
    failed = (Timeout, PyinfraError, SSHException, OSError, EOFError)
    with suppress(*failed), Timeout(RECONNECT):
        host.connect(show_errors=False, raise_exceptions=True)
