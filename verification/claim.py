"""A claim: one declared thing, and how to find out what the host has in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netwright.verification.seen import NotThere, Seen

__all__ = ["Claim", "Value", "show", "unreadable"]

Value = str | int | bool | tuple[str, ...] | None


@dataclass(frozen=True)
class Claim:
    """`path` as the declaration names it; it holds if what `find` finds equals `declared`."""

    path: str
    declared: Value
    find: Callable[[Seen], Value]

    def failure(self, seen: Seen) -> str | None:
        """None if it holds, else one line: what is declared and what is found."""
        try:
            found = self.find(seen)
        except NotThere as reason:
            return f"declared {show(self.declared)}, found: {reason}"
        if found == self.declared and type(found) is type(self.declared):
            return None
        text = f"declared {show(self.declared)}, found {show(found)}"
        return f"{text}{_difference(self.declared, found)}"


def unreadable(path: str) -> Claim:
    """For what is declared and not known here: it fails, nothing declared is passed over."""

    def find(seen: Seen) -> bool:
        raise NotThere("the verification does not know how to read this")

    return Claim(path, True, find)


def show(value: Value) -> str:
    """A value as the declaration writes it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value) if value != "" else "none"


def _difference(declared: Value, found: Value) -> str:
    """What differs between two lists; a reader shouldn't have to compare them."""
    if not isinstance(declared, tuple) or not isinstance(found, tuple):
        return ""
    missing = [item for item in declared if item not in found]
    extra = [item for item in found if item not in declared]
    words = [("missing", missing), ("not declared", extra)]
    return "".join(f"; {word}: {', '.join(items)}" for word, items in words if items)
