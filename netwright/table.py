"""A routing table: a number, one of the kernel's names, or a name that the declaration gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from netwright.model import Range, Text

__all__ = ["LOCAL", "MAIN", "Number", "Table", "TableName", "names"]

MAIN, LOCAL = 254, 255
_KERNELS = {"default": 253, "main": MAIN, "local": LOCAL}
_HIGHEST = 0xFFFFFFFF

TableName = Annotated[
    str,
    Text(
        r"(?!(?:main|local|default|unspec)\Z)[A-Za-z_][A-Za-z0-9_.-]{0,31}",
        "a name of a table, other than main, local and default",
    ),
]
Number = Annotated[int, Range(1, _HIGHEST)]


def names(document: Mapping[str, Any]) -> dict[str, Any]:
    """The context in which a declaration's entries are read: the names of its tables."""
    given = document.get("tables")
    return {"tables": given if isinstance(given, Mapping) else {}}


def _table(value: object, info: ValidationInfo) -> int:
    declared = (info.context or {}).get("tables", {})
    known = {**declared, **_KERNELS}
    found = known.get(value) if isinstance(value, str) else value
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= _HIGHEST:
        return found
    told = f", {', '.join(declared)}" if declared else ""
    raise ValueError(f"is neither main, local, default{told} nor a number in 1..{_HIGHEST}")


Table = Annotated[int, BeforeValidator(_table)]
