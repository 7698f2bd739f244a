"""What the facts of installs share: a room's script in one command, read by that room's parse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright.errors import SnapshotError

__all__ = ["EvidenceFact", "read"]

T = TypeVar("T")


class EvidenceFact(FactBase[T]):
    """A fact that is told by what a room's script prints."""

    abstract = True
    room: Any
    """The module in netwright.installs that has `script` and `parse`."""

    @override
    def command(self) -> StringCommand:
        return StringCommand(self.room.script())

    def evidence(self, output: list[str]) -> Any:
        """What the room makes of it."""
        return read(self.room.parse, output)

    @override
    def process(self, output: list[str]) -> T:
        found: T = self.evidence(output)
        return found


def read(parse: Callable[[list[str]], T], output: list[str]) -> T:
    """Raises FactProcessError for a host whose answer can't be read."""
    try:
        return parse(output)
    except (SnapshotError, KeyError, IndexError, TypeError, ValueError) as error:
        raise FactProcessError(str(error)) from None
