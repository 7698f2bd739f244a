"""What is declared once for all hosts of a group: a fabric, a Calico."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from gevent.lock import BoundedSemaphore
from pyinfra.api import Host, State

from netwright.errors import DeclarationError, Problem
from netwright.installs.read import read
from netwright.model import Model
from netwright.operations.declared_installs import address_of

__all__ = ["Once", "one_for_all"]

AnyModel = TypeVar("AnyModel", bound=Model)
T = TypeVar("T")


class Once(Generic[T]):
    """What is made once in a run, whichever of its hosts asks first; they ask at the same time."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[State, T] = WeakKeyDictionary()
        self._turn = BoundedSemaphore()

    def get(self, state: State, make: Callable[[], T | None]) -> T | None:
        """It, or what `make` makes now; None is asked for again."""
        with self._turn:
            if state not in self._made and (made := make()) is not None:
                self._made[state] = made
            return self._made.get(state)


def one_for_all(
    hosts: Sequence[Host],
    key: str,
    type_: type[AnyModel],
    problems: Callable[[AnyModel, Sequence[str]], Iterable[Problem]],
    own: Callable[[AnyModel, str], str | None],
) -> tuple[AnyModel, dict[str, str]] | None:
    """What a group declares, and its hosts' addresses by name; None without hosts.

    + key: the data key
    + problems: what is wrong with it, given the hosts' names
    + own: a host's address as it is declared, if it is

    Raises DeclarationError with everything that is wrong.
    """
    if not hosts:
        return None
    data = hosts[0].data.get(key)
    for host in hosts:
        if host.data.get(key) != data:
            what = f"is not that of {hosts[0].name}: it is declared once, for the group"
            raise DeclarationError([Problem(f"{host.name}: {key}", what)])
    declared = read(type_, key, data)
    found = {host.name: own(declared, host.name) or address_of(host) for host in hosts}
    wrong = list(problems(declared, list(found)))
    taken: dict[str, str] = {}
    for name, address in found.items():
        path = f"{key}.hosts.{name}.address"
        if address is None or ":" in address:
            wrong.append(Problem(path, "is missing: the inventory tells no IPv4 address of it"))
        elif taken.setdefault(address, name) != name:
            wrong.append(Problem(path, f"{address} is that of {taken[address]}"))
    if wrong:
        raise DeclarationError(wrong)
    return declared, {name: address or "" for name, address in found.items()}
