"""From an inventory's data to a fabric: one declaration for all of its hosts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyinfra.api import Host, State

from netwright.installs.fabric import Fabric
from netwright.installs.fabric_problems import problems
from netwright.operations.declared_once import Once, one_for_all
from netwright.operations.fabric_run import Fleet

__all__ = ["declared", "fleet"]


def declared(hosts: Sequence[Host]) -> tuple[Fabric, dict[str, str]] | None:
    """The declared fabric, and its hosts' addresses by name; None where there is none.

    Raises DeclarationError with everything that is wrong.
    """
    return one_for_all(
        hosts, "fabric", Fabric, problems, lambda fabric, host: fabric.node(host).address
    )


_fleet: Once[Fleet] = Once()


def fleet(state: State, hosts: Sequence[Host], templates: Path) -> Fleet | None:
    """The hosts of this run's fabric, the same for each of them: all are read once.

    + templates: the directory that has BIRD's

    Raises DeclarationError with everything that is wrong.
    """

    def made() -> Fleet | None:
        found = declared(hosts)
        if found is None:
            return None
        fleet = Fleet(state, *found, templates)
        fleet.look_first()
        return fleet

    return _fleet.get(state, made)
