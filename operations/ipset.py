"""Sets of addresses, networks and ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyinfra.api.operation import OperationMeta

from netwright.model import HOST
from netwright.operations.part import declare

__all__ = ["set"]


def set(
    set: str,
    type: str | None = None,
    entries: Sequence[str] | None = None,
    present: bool = True,
    netns: str = HOST,
    family: str | None = None,
    range: str | None = None,
    timeout: int | None = None,
    maxelem: int | None = None,
    comment: bool | None = None,
    counters: bool | None = None,
    **arguments: Any,
) -> OperationMeta:
    """
    Make, fill or remove an ipset.

    + set: its name, at most 31 characters
    + type: like hash:ip, hash:net, hash:ip,port or bitmap:port
    + entries: all of them, as `ipset add` takes them; left out: what is in it is left alone
    + present: False removes it
    + netns: the namespace that it is in
    + family: inet (default) or inet6, for hashes of addresses
    + range: for bitmaps, like 0-65535
    + timeout: seconds after which an entry goes
    + maxelem: how many entries it can hold
    + comment, counters: whether its entries have comments and counters
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the sets; adds and removes just the entries that differ, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import ipset

        ipset.set(
            name="Who is not welcome",
            set="blocked",
            type="hash:net",
            entries=["198.51.100.0/24", "203.0.113.7"],
        )
    """
    fields = {
        "type": type,
        "family": family,
        "range": range,
        "timeout": timeout,
        "maxelem": maxelem,
        "comment": comment,
        "counters": counters,
        "entries": None if entries is None else list(entries),
    }
    given = {key: value for key, value in fields.items() if value is not None}
    entry = given if present else {"state": "absent"}
    return declare("ipsets", {set: entry}, set, netns, **arguments)
