"""How a declared state gets onto a host: read, plan, show, run one script, compare."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State

from netwright import iptables_scratch, script, snapshot
from netwright import run as runs
from netwright.errors import NetwrightError, Problem
from netwright.facts.snapshot import read, run_script
from netwright.operations import confirm
from netwright.operations.remote import fails
from netwright.snapshot import Snapshot, reads
from netwright.state import NetworkState
from netwright.step import Plan, Step

__all__ = ["Asked", "Wanted", "actual_host", "converge"]

Asked = tuple[tuple[str, ...], tuple[str, ...], str]


@dataclass(frozen=True)
class Wanted:
    """A declaration and how it is meant, see `network.state`."""

    declared: NetworkState
    name: str = "network"
    prune: bool = True
    persist: bool = True
    confirm: int = 0

    def asked(self) -> Asked:
        """What has to be known of the host: the arguments of `snapshot.script`."""
        rules = iptables_scratch.render(self.declared)
        return tuple(reads(self.declared)), runs.files(self.name), rules

    def script(self) -> str:
        """What asks it."""
        return snapshot.script(*self.asked())

    def read(self, host: Host) -> Snapshot:
        """The host as it is."""
        return read(host, *self.asked())

    def prepare(self, before: Snapshot) -> runs.Run:
        """What has to change."""
        return runs.prepare(self.name, self.declared, before, self.prune, self.persist)


def actual_host() -> Host:
    """The host of the context; what the context gives out is one proxy for all of them."""
    from pyinfra import host

    found = deploy_state.inventory.get_host(host.name)
    assert found is not None
    return found


def converge(
    host: Host,
    wanted: Wanted,
    read_before: Snapshot | None = None,
    only: Callable[[Step], bool] = lambda step: True,
    told: Callable[[Plan], None] = lambda plan: None,
) -> Generator[FunctionCommand, None, None]:
    """The commands of an operation that converges a host; none when nothing has to change.

    + read_before: what the host is like, if that was read already
    + only: which steps are this operation's to show
    + told: is given the plan
    """
    try:
        before = wanted.read(host) if read_before is None else read_before
        if wanted.name in before.undone:
            what = "the host has undone the last change by itself,"
            logger.warning(f"{host.print_prefix}{what} {before.undone[wanted.name]}")
        if wanted.name in before.interrupted:
            _warn_interrupted(host, before.interrupted[wanted.name])
            yield FunctionCommand(_recover, (wanted,), {})
            before = wanted.read(host)
        run = wanted.prepare(before)
    except NetwrightError as error:
        _say(host, error.problems)
        # For the exit status of a dry run, in which nothing below is executed.
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(fails, (), {})
        return
    for problem in run.warnings:
        logger.warning(f"{host.print_prefix}{problem}")
    told(run.plan)
    shown = [step for step in run.plan if only(step)]
    if not shown:
        host.noop(f"{wanted.name} is as declared")
        return
    for line in runs.lines(shown):
        logger.info(f"{host.print_prefix}{line}")
    yield FunctionCommand(_apply, (run, before, wanted.confirm), {})


def _warn_interrupted(host: Host, who: str) -> None:
    logger.warning(f"{host.print_prefix}an earlier run did not come to its end ({who});")
    logger.warning(f"{host.print_prefix}what it did is undone first")


def _say(host: Host, problems: Iterable[Problem]) -> None:
    for problem in problems:
        logger.error(f"{host.print_prefix}{problem}")


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"


def _recover(state: State, host: Host, wanted: Wanted) -> bool:
    """Undoes what an interrupted run left; False fails this host alone."""
    text = script.recovery(wanted.name, reads(wanted.declared), runs.files(wanted.name))
    ok, _, errors = run_script(host, text)
    if not ok:
        _say(host, [Problem("", f"the earlier run could not be undone: {'; '.join(errors)}")])
    return ok


def _apply(state: State, host: Host, run: runs.Run, before: Snapshot, seconds: int) -> bool:
    """Runs the script; False fails this host alone."""
    if seconds and run.network:
        problems, _ = confirm.apply(host, run, before, _who(), seconds)
        _say(host, problems)
        return not problems
    ok, output, errors = run_script(host, run.script(_who()))
    try:
        answer = runs.answer(run, output)
        problems = runs.outcome(run, before, answer)
    except NetwrightError as error:
        problems = runs.unanswered(error, output, errors)
    _say(host, problems)
    return ok and not problems
