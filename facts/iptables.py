"""The tables of iptables and ip6tables as pyinfra facts."""

from __future__ import annotations

from typing import Any

from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from netwright import iptables
from netwright.model import HOST

__all__ = ["Tables", "Tables6"]


class Tables(FactBase[dict[str, Any]]):
    """Table -> chain -> policy and rules, as `iptables-save` prints them.

    + netns: the namespace; `host` for the host's own

    Reads only; needs root. Raises FactProcessError for a host that holds rules which only nft can
    show, and for an answer that can't be read.

    Example: `pyinfra INVENTORY fact netwright.facts.iptables.Tables netns=blue`
    """

    tool = "iptables-save"

    @override
    def requires_command(self, *args: Any, **kwargs: Any) -> str:
        return self.tool

    @override
    def command(self, netns: str = HOST) -> StringCommand:
        place = () if netns == HOST else ("ip", "netns", "exec", QuoteString(netns))
        return StringCommand(*place, self.tool)

    @override
    def process(self, output: list[str]) -> dict[str, Any]:
        for line in output:
            # It says so among the rules and succeeds: an empty answer would be a lie.
            if line.startswith("# Table") and "incompatible" in line:
                raise FactProcessError(f"{self.tool}: {line.removeprefix('# ')}")
        try:
            found = iptables.parse(output)
        except (KeyError, ValueError) as error:
            raise FactProcessError(f"{self.tool} printed what can't be read: {error}") from None
        return {
            table: {
                name: chain.model_dump(exclude_none=True, mode="json")
                for name, chain in chains.items()
            }
            for table, chains in found.items()
        }


class Tables6(Tables):
    """The same as `ip6tables-save` prints it.

    + netns: the namespace; `host` for the host's own

    Reads only; needs root.

    Example: `pyinfra INVENTORY fact netwright.facts.iptables.Tables6`
    """

    tool = "ip6tables-save"
