"""From an inventory to targets: each host with its connection and its declaration."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from click import ClickException
from pyinfra.api import Config, State
from pyinfra.api.exceptions import PyinfraError
from pyinfra.context import ctx_config, ctx_state
from pyinfra_cli.exceptions import UnexpectedExternalError
from pyinfra_cli.inventory import make_inventory
from pyinfra_cli.util import exec_file

from netwright.errors import DeclarationError, Problem
from netwright.operations.declared import Settings, settings
from netwright.state import NetworkState, vary
from netwright.verification import installs
from netwright.verification.connection import Connection
from netwright.verification.installs import InstallClaim
from netwright.verification.place import reference_problems

__all__ = ["InventoryError", "Target", "read"]


class InventoryError(ValueError):
    """An inventory that can't be used; the text says why, for the user."""


@dataclass(frozen=True)
class Target:
    """One host of the inventory."""

    name: str
    connection: Connection
    settings: Settings | None
    """None when the host declares no network; other hosts' checks may still start from it."""
    problems: tuple[Problem, ...] = ()
    installs: tuple[InstallClaim, ...] = ()


def read(inventory: str, undeclared: bool = False) -> Mapping[str, Target]:
    """The hosts of an inventory by name, in its order. No host is contacted.

    + inventory: what `pyinfra` takes: a file, `@local`, names with commas, `module.function`
    + undeclared: whether an inventory will do in which no host declares a network

    Raises InventoryError.
    """
    state = _state(inventory)
    if not len(state.inventory):
        raise InventoryError(f"{inventory} names no hosts")
    path = Path(inventory)
    base = path.resolve().parent if path.is_file() else Path.cwd()
    targets = {}
    claims, wrong = installs.read(state.inventory)
    for host in state.inventory:
        declared: Settings | None = None
        problems: tuple[Problem, ...] = ()
        try:
            declared = settings(host.data.dict(), base)  # type: ignore[no-untyped-call]
        except DeclarationError as error:
            problems = error.problems
        if declared is not None:
            hosts = [other.name for other in state.inventory]
            problems = (
                *reference_problems(declared.network, host.name, hosts),
                *_variation_problems(declared.network),
            )
        # What is wrong between hosts is told with the first.
        problems, wrong = (*problems, *wrong), []
        found = tuple(claims.get(host.name, ()))
        targets[host.name] = Target(host.name, Connection(state, host), declared, problems, found)
    declares = any(
        item.settings is not None or item.problems or item.installs for item in targets.values()
    )
    if not declares and not undeclared:
        names = ", ".join(list(targets)[:5])
        raise InventoryError(f"{inventory} declares no `network` for any host ({names})")
    return targets


def _variation_problems(state: NetworkState) -> Iterator[Problem]:
    """What is wrong with a declaration once the `with` of a check is on top of it."""
    for number, check in enumerate(state.checks or ()):
        try:
            if check.with_ is not None:
                vary(state, check.with_)
        except DeclarationError as error:
            for problem in error.problems:
                yield Problem(f"network.checks[{number}].with.{problem.path}", problem.what)


def _state(inventory: str) -> State:
    """pyinfra's own reading: group data, config.py, connectors, all as `pyinfra` has it."""
    if "/" in inventory.partition("@")[0] and not Path(inventory).exists():
        raise InventoryError(f"{inventory}: no such file")
    state, config = State(), Config()  # type: ignore[no-untyped-call]
    state.cwd = str(Path.cwd())
    ctx_state.set(state)  # type: ignore[no-untyped-call]
    ctx_config.set(config)  # type: ignore[no-untyped-call]
    try:
        if Path("config.py").is_file():
            exec_file("config.py")
        state.init(make_inventory(inventory, cwd=state.cwd), config)
    except UnexpectedExternalError as error:
        raise InventoryError(_in_user_code(error)) from None
    except (PyinfraError, ClickException, SyntaxError, OSError) as error:
        raise InventoryError(f"{inventory} can't be read: {' '.join(str(error).split())}") from None
    return state


def _in_user_code(error: UnexpectedExternalError) -> str:
    """Where an inventory or its group data went wrong, and why."""
    frames = traceback.extract_tb(error.exception.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == error.filename]
    place = f"{error.filename}, line {lines[-1]}" if lines else str(error.filename)
    reason = " ".join(str(error.exception).split())
    return f"{place}: {type(error.exception).__name__}: {reason}"
