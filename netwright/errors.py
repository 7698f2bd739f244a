"""What can be wrong, and how it is said: one line each, with path, value and what is accepted.

NetwrightError (ValueError)
+-- DeclarationError   the document alone shows it; no host is contacted
+-- HostError          the live host shows it; that host fails alone, unchanged
+-- SnapshotError      a host's answer could not be read
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = [
    "DeclarationError",
    "HostError",
    "NetwrightError",
    "Problem",
    "Problems",
    "SnapshotError",
]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: where, and what about it."""

    path: str
    what: str

    def __str__(self) -> str:
        text = f"{self.path}: {self.what}" if self.path else self.what
        # One line, whatever somebody has put into a key.
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class NetwrightError(ValueError):
    """The root of all errors here. `problems` holds every one that was found, not the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[NetwrightError], tuple[tuple[Problem, ...]]]:
        """For pickle, which would make it of its text."""
        return type(self), (self.problems,)


class DeclarationError(NetwrightError):
    """The declaration is wrong in itself."""


class HostError(NetwrightError):
    """The declaration doesn't fit this host."""


class SnapshotError(NetwrightError):
    """What the host printed is not what the snapshot script prints."""


@dataclass
class Problems:
    """Collects problems under a path, so that a check never stops at the first."""

    found: list[Problem] = field(default_factory=list)
    path: tuple[str, ...] = ()

    def add(self, path: str, what: str) -> None:
        """Note one problem at `path` below the present one."""
        self.found.append(Problem(".".join(filter(None, (*self.path, path))), what))

    @contextmanager
    def under(self, *path: str) -> Iterator[None]:
        """What is added inside stands below `path`."""
        before, self.path = self.path, (*self.path, *path)
        try:
            yield
        finally:
            self.path = before
