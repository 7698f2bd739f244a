"""Sets of addresses, networks and ports as a pyinfra fact."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright import ipset
from netwright.model import HOST

__all__ = ["Sets"]


class Sets(FactBase[dict[str, Any]]):
    """Name -> type, options and entries, as `ipset save` prints them.

    + netns: the namespace; `host` for the host's own

    Reads only; needs root. Raises FactProcessError for an answer that can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.ipset.Sets`
    """

    @override
    def requires_command(self, *args: Any, **kwargs: Any) -> str:
        return "ipset"

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        place = () if netns == HOST else ("ip", "netns", "exec", QuoteString(netns))
        return StringCommand(*place, "ipset", "save")

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        try:
            found = ipset.parse(output)
        except (IndexError, KeyError, ValueError) as error:
            raise FactProcessError(f"ipset printed what can't be read: {error}") from None
        return {
            name: item.model_dump(exclude_none=True, mode="json") for name, item in found.items()
        }
