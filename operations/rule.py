"""Policy rules."""

from __future__ import annotations

from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.entry import declare_entry
from netwright.rule import Rule

__all__ = ["rule"]


def rule(
    priority: int,
    present: bool = True,
    netns: str = HOST,
    from_: str | None = None,
    to: str | None = None,
    iif: str | None = None,
    oif: str | None = None,
    fwmark: int | str | None = None,
    table: int | str | None = None,
    type: str | None = None,
    family: str | None = None,
    **arguments: Any,
) -> OperationMeta:
    """
    Make or remove a policy rule.

    + priority: 1 to 32765; lower comes first
    + present: False removes the rule that is like this in everything
    + netns: the namespace that it is in
    + from_, to: prefixes of the packet's source and destination (`from` is a word of Python)
    + iif, oif: the link that it came in on, that its socket is bound to
    + fwmark: its mark, like 0x1 or 0x1/0xff
    + table: the table to look it up in: main, local, default or a number
    + type: instead of a table: blackhole, unreachable or prohibit
    + family: inet or inet6, where nothing else tells it
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the rules; adds or deletes this one, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import rule

        rule.rule(name="A table of its own", priority=100, from_="10.77.0.0/16", table=100)
    """
    fields = {
        "priority": priority,
        "from": from_,
        "to": to,
        "iif": iif,
        "oif": oif,
        "fwmark": fwmark,
        "table": table,
        "type": type,
        "family": family,
    }
    return declare_entry("rules", Rule, fields, present, netns, arguments)
