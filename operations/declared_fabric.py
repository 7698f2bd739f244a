"""From an inventory's data to a fabric: one declaration for all of its hosts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from gevent.lock import BoundedSemaphore
from pyinfra.api import Host, State

from netwright.errors import DeclarationError, Problem
from netwright.installs.fabric import Fabric, problems
from netwright.installs.read import read
from netwright.operations.declared_installs import address_of
from netwright.operations.fabric_run import Fleet

__all__ = ["declared", "fleet"]


def declared(hosts: Sequence[Host]) -> tuple[Fabric, dict[str, str]] | None:
    """The declared fabric, and its hosts' addresses by name; None where there is none.

    Raises DeclarationError with everything that is wrong.
    """
    if not hosts:
        return None
    data = [host.data.get("fabric") for host in hosts]
    for host, other in zip(hosts, data, strict=True):
        if other != data[0]:
            what = f"is not that of {hosts[0].name}: a fabric is declared once, for the group"
            raise DeclarationError([Problem(f"{host.name}: fabric", what)])
    fabric = read(Fabric, "fabric", data[0])
    names = [host.name for host in hosts]
    found = {host.name: fabric.node(host.name).address or address_of(host) for host in hosts}
    wrong = list(problems(fabric, names))
    taken: dict[str, str] = {}
    for name, address in found.items():
        path = f"fabric.hosts.{name}.address"
        if address is None or ":" in address:
            wrong.append(Problem(path, "is missing: the inventory tells no IPv4 address of it"))
        elif taken.setdefault(address, name) != name:
            wrong.append(Problem(path, f"{address} is that of {taken[address]}"))
    if wrong:
        raise DeclarationError(wrong)
    return fabric, {name: address or "" for name, address in found.items()}


_fleets: WeakKeyDictionary[State, Fleet] = WeakKeyDictionary()
_one_at_a_time = BoundedSemaphore()  # type: ignore[no-untyped-call]


def fleet(state: State, hosts: Sequence[Host], templates: Path) -> Fleet | None:
    """The hosts of this run's fabric, the same for each of them: all are read once.

    + templates: the directory that has BIRD's

    Raises DeclarationError with everything that is wrong.
    """
    with _one_at_a_time:
        if state not in _fleets and (found := declared(hosts)) is not None:
            made = Fleet(state, *found, templates)
            made.look()
            _fleets[state] = made
        return _fleets.get(state)
