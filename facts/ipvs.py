"""Virtual services of the kernel's load balancer as a pyinfra fact."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright import ipvs
from netwright.model import HOST

__all__ = ["Services"]


class Services(FactBase[list[dict[str, Any]]]):
    """Services with their real servers, as a declaration would say it.

    + netns: the namespace; `host` for the host's own

    Reads only; needs root and the package ipvsadm.

    Example: `pyinfra INVENTORY fact netwright.facts.ipvs.Services`
    """

    @override
    def requires_command(self, *args: Any, **kwargs: Any) -> str:
        return "ipvsadm"

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        place = () if netns == HOST else ("ip", "netns", "exec", QuoteString(netns))
        return StringCommand(*place, "ipvsadm", "-Sn")

    @override
    def process(self, output: list[str]) -> list[dict[str, Any]]:
        try:
            found = ipvs.parse(output)
        except (KeyError, StopIteration, ValueError) as error:
            raise FactProcessError(f"not what ipvsadm prints: {error!r}") from None
        return [item.model_dump(exclude_none=True, mode="json") for item in found]
