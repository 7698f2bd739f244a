"""From what users write to a type, with every problem named; and parts of a script's output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from netwright.errors import DeclarationError, Problem, SnapshotError
from netwright.model import Model

__all__ = ["MARK", "parts", "read", "unit"]

MARK = "=netwright-part= "

AnyModel = TypeVar("AnyModel", bound=Model)


def read(type_: type[AnyModel], key: str, data: Mapping[str, Any] | None) -> AnyModel:
    """The settings under a data key of the inventory.

    + type_: what they are
    + key: the data key, for messages
    + data: its value; None is all defaults

    Raises DeclarationError with everything that is wrong.
    """
    if data is not None and not isinstance(data, Mapping):
        raise DeclarationError([Problem(key, f"{data!r:.60} is not a mapping")])
    try:
        return type_.model_validate(dict(data or {}))
    except ValidationError as error:
        raise DeclarationError(_problems(type_, key, error)) from None


def _problems(type_: type[Model], key: str, error: ValidationError) -> Iterator[Problem]:
    for each in error.errors():
        path = ".".join([key, *(str(part) for part in each["loc"])])
        if each["type"] == "extra_forbidden":
            known = ", ".join(type_.model_fields) if len(each["loc"]) == 1 else "see the docs"
            yield Problem(path, f"is not a key here; accepted: {known}")
        elif each["type"] == "value_error":
            yield Problem(path, str(each["ctx"]["error"]))
        else:
            yield Problem(path, f"{each['input']!r:.60}: {each['msg']}")


def parts(output: list[str], what: str) -> dict[str, str]:
    """What a script printed, by the name after each mark.

    Raises SnapshotError with `what` if it did not come to its end, a part of that name.
    """
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in output:
        if line.startswith(MARK):
            lines = found.setdefault(line.removeprefix(MARK), [])
        else:
            lines.append(line)
    if "end" not in found:
        raise SnapshotError([Problem(what, f"the host could not be read: {output[-1:]}")])
    return {name: "\n".join(text).strip() for name, text in found.items()}


def unit(shown: str) -> dict[str, str]:
    """The properties that `systemctl show` printed."""
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
