"""A host's whole network, as one declaration."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Generator, Iterable, Mapping
from typing import Any

from pyinfra import host, logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State, operation

from netwright import run as runs
from netwright import script
from netwright.errors import NetwrightError, Problem
from netwright.facts.snapshot import read, run_script
from netwright.snapshot import Snapshot, reads
from netwright.state import NetworkState, load

__all__ = ["state"]


@operation()
def state(
    network: NetworkState | Mapping[str, Any] | str,
    network_name: str = "network",
    prune: bool = True,
    persist: bool = True,
) -> Generator[FunctionCommand, None, None]:
    """
    Converge a host to a declared network.

    + network: the declaration, as a mapping or as YAML text
    + network_name: whose it is; two names on one host live side by side
    + prune: whether what an earlier run under this name made, and nobody declares now, goes away
    + persist: whether the next boot shall have it too

    Reads the host in one command and changes it in one. Writes the ledger in /etc/netwright.
    Raises DeclarationError for a wrong declaration; a host that it doesn't fit fails alone.

    **Example:**

    .. code:: python

        from netwright.operations import network

        network.state(
            name="A bridge",
            network={"links": {"testbr": {"kind": "bridge", "addresses": ["172.16.0.1/24"]}}},
        )
    """
    declared = network if isinstance(network, NetworkState) else load(network)
    try:
        before = read(host, reads(declared), runs.files(network_name))
        run = runs.prepare(network_name, declared, before, prune, persist)
    except NetwrightError as error:
        _say(host, error.problems)
        # For the exit status of a dry run, in which nothing below is executed.
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(_fail, (), {})
        return
    if network_name in before.interrupted:
        who = before.interrupted[network_name]
        logger.warning(f"{host.print_prefix}an earlier run did not come to its end ({who});")
        logger.warning(f"{host.print_prefix}what it did is undone first")
        yield FunctionCommand(_recover, (network_name, declared), {})
        before = read(host, reads(declared), runs.files(network_name))
        run = runs.prepare(network_name, declared, before, prune, persist)
    if not run.plan:
        host.noop(f"the network {network_name} is as declared")
        return
    _show(host, run)
    yield FunctionCommand(_apply, (run, before), {})


def _show(host: Host, run: runs.Run) -> None:
    for line in runs.lines(run.plan):
        logger.info(f"{host.print_prefix}{line}")


def _say(host: Host, problems: Iterable[Problem]) -> None:
    for problem in problems:
        logger.error(f"{host.print_prefix}{problem}")


def _fail(state: State, host: Host) -> bool:
    """Fails this host, and no other, without a traceback."""
    return False


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"


def _recover(state: State, host: Host, name: str, declared: NetworkState) -> bool:
    """Undoes what an interrupted run left; False fails this host alone."""
    ok, _, errors = run_script(host, script.recovery(name, reads(declared), runs.files(name)))
    if not ok:
        _say(host, [Problem("", f"the earlier run could not be undone: {'; '.join(errors)}")])
    return ok


def _apply(state: State, host: Host, run: runs.Run, before: Snapshot) -> bool:
    """Runs the script; False fails this host alone."""
    ok, output, errors = run_script(host, run.script(_who()))
    try:
        answer = script.answer(run.plan, output)
    except NetwrightError as error:
        words = "; ".join(line for line in errors if line)
        _say(host, [*error.problems, Problem("", f"the script failed: {words}")])
        return False
    if answer.failed is not None:
        _say(host, runs.failure(run, before, answer))
        return False
    left = runs.verify(run, answer.snapshot)
    for step in left:
        what = f"did not take: it is {step.before!r}, not {step.after!r}"
        _say(host, [Problem(step.path, what)])
    return ok and not left
