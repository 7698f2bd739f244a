"""Network namespaces."""

from __future__ import annotations

from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.operations.part import declare

__all__ = ["netns"]


def netns(netns: str, present: bool = True, **arguments: Any) -> OperationMeta:
    """
    Make or remove a network namespace.

    + netns: its name; `host` is reserved
    + present: False removes it with all that is in it
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the namespace; makes it if it isn't there, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import netns

        netns.netns(name="A namespace", netns="blue")
    """
    return declare("netns", {netns: {} if present else {"state": "absent"}}, netns, **arguments)
