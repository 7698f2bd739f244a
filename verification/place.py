"""Where a check starts or listens: a namespace of a host of the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote

from netwright.check import Check
from netwright.errors import Problem
from netwright.model import HOST
from netwright.state import NetworkState

__all__ = ["Place", "reference_problems", "resolve"]


@dataclass(frozen=True)
class Place:
    """A namespace, `host` for the host's own, of a host of the inventory."""

    host: str
    netns: str

    def __str__(self) -> str:
        return f"{self.host}/{self.netns}"

    @property
    def prefix(self) -> str:
        """What a command line starts with to run there: nothing, or `ip netns exec NAME `."""
        return "" if self.netns == HOST else f"ip netns exec {quote(self.netns)} "


def resolve(text: str, host: str, hosts: Iterable[str]) -> Place:
    """A place as a declaration writes it.

    + text: `host`, a namespace, or HOST/NAMESPACE
    + host: whose declaration it stands in
    + hosts: all hosts of the inventory, whose names may contain slashes themselves

    Raises LookupError with what is wrong.
    """
    if "/" not in text:
        return Place(host, text)
    name, _, netns = text.rpartition("/")
    if name not in hosts:
        raise LookupError(f"{name!r} is no host of the inventory; its hosts: {', '.join(hosts)}")
    return Place(name, netns)


def reference_problems(state: NetworkState, host: str, hosts: Iterable[str]) -> Iterator[Problem]:
    """Checks that name a host which the inventory doesn't have."""
    for number, check in enumerate(state.checks or ()):
        for name, text in _places(check):
            try:
                resolve(text, host, hosts)
            except LookupError as error:
                yield Problem(f"network.checks[{number}].{name}", str(error.args[0]))


def _places(check: Check) -> Iterator[tuple[str, str]]:
    yield "from", check.from_
    for item in check.listen or ():
        if item.at is not None:
            yield "listen.at", item.at
