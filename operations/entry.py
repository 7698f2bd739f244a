"""What operations for the entries of a list share: the entry's key, and its errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pyinfra.api import OperationValueError
from pyinfra.api.operation import OperationMeta

from netwright.document import problems_of
from netwright.model import Model
from netwright.operations.part import declare

__all__ = ["declare_entry"]


def declare_entry(
    room: str,
    entry: type[Model],
    fields: Mapping[str, Any],
    present: bool,
    netns: str,
    arguments: Mapping[str, Any],
) -> OperationMeta:
    """Declare one entry of `routes`, `rules` or `neighbours`.

    Raises OperationValueError with everything that is wrong with it.
    """
    state = None if present else "absent"
    given = {key: value for key, value in {**fields, "state": state}.items() if value is not None}
    try:
        key = str(entry.model_validate(given).normal().key)  # type: ignore[attr-defined]
    except ValidationError as error:
        text = "; ".join(str(problem) for problem in problems_of(error, entry, given))
        raise OperationValueError(f"{room}: {text}") from None
    return declare(room, [given], key, netns, **arguments)
