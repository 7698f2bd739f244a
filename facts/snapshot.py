"""A host as it is: one command, its script on standard input, whatever is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyinfra.api import Host, StringCommand
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS

from netwright import snapshot
from netwright.errors import Problem, SnapshotError
from netwright.snapshot import Snapshot

__all__ = ["read", "run_script"]

_OURS = ("_stdin", "_timeout", "_success_exit_codes")


def run_script(
    host: Host, script: str, timeout: int | None = None
) -> tuple[bool, list[str], list[str]]:
    """Run a script in one command, with the global arguments (sudo and so on) of the operation.

    pyinfra drops a fact's standard input, and a command line holds less than 200 kB.

    + timeout: seconds after which TimeoutError is raised

    Returns whether it succeeded, and the lines of its output and of its errors.
    """
    arguments = dict(host.current_op_global_arguments or {})
    keep: Any = {
        key: arguments[key]
        for key in CONNECTOR_ARGUMENT_KEYS
        if key not in _OURS and arguments.get(key)
    }
    ok, output = host.run_shell_command(
        StringCommand("sh"),
        print_input=host.state.print_input,
        _stdin=script.removesuffix("\n"),
        _timeout=timeout,
        **keep,
    )
    return ok, output.stdout_lines, output.stderr_lines


def read(host: Host, wanted: Iterable[str], files: Iterable[str], rules: str = "") -> Snapshot:
    """A host's snapshot; the arguments are those of `snapshot.script`.

    Raises SnapshotError with the host's own words when it can't be had.
    """
    ok, output, errors = run_script(host, snapshot.script(wanted, files, rules))
    if not ok:
        words = "; ".join(line for line in errors if line) or "no reason given"
        raise SnapshotError([Problem("", f"the host could not be read: {words}")])
    return snapshot.parse(output)
