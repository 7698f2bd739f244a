"""Chains, rules and policies of iptables and ip6tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyinfra.api import OperationValueError
from pyinfra.api.operation import OperationMeta

from netwright.iptables import BUILTIN, is_builtin
from netwright.model import HOST
from netwright.operations.part import declare

__all__ = ["chain", "policy", "rules"]

_TOOLS = {4: "iptables", 6: "ip6tables"}


def _declare(
    chain: str,
    fields: dict[str, Any],
    table: str,
    version: int,
    netns: str,
    arguments: dict[str, Any],
) -> OperationMeta:
    if version not in _TOOLS:
        raise OperationValueError(f"version: {version!r} is neither 4 nor 6")
    given = {key: value for key, value in fields.items() if value is not None}
    entry = {table: {chain: given}}
    return declare(_TOOLS[version], entry, f"{table}.{chain}", netns, **arguments)


def _builtin(table: str, chain: str, wanted: bool) -> None:
    if table not in BUILTIN:
        raise OperationValueError(f"table: {table!r} is not one of {', '.join(BUILTIN)}")
    if is_builtin(table, chain) != wanted:
        kind = "a built-in chain" if not wanted else f"one of {', '.join(BUILTIN[table])}"
        raise OperationValueError(f"chain: {chain!r} is {'not ' if wanted else ''}{kind}")


def chain(
    chain: str,
    rules: Sequence[str] | None = None,
    present: bool = True,
    table: str = "filter",
    version: int = 4,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Make, fill or remove a chain of one's own.

    + chain: its name, at most 28 characters
    + rules: all its rules in order, in iptables' own words without `-A CHAIN`; left out: what is
      in it is left alone
    + present: False removes it
    + table: filter, nat, mangle, raw or security
    + version: 4 for iptables, 6 for ip6tables
    + netns: the namespace that it is in
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the tables, and the rules' canonical form from the host's own iptables; rewrites what
    differs in one transaction, and writes the ledger. A rule that the kernel refuses fails the host
    before anything is changed.

    **Example:**

    .. code:: python

        from netwright.operations import iptables

        iptables.chain(
            name="What may be reached from everywhere",
            chain="PUBLIC",
            rules=["-p tcp --dport 443 -j ACCEPT", "-j RETURN"],
        )
    """
    _builtin(table, chain, wanted=False)
    fields = {
        "rules": None if rules is None else list(rules),
        "state": None if present else "absent",
    }
    return _declare(chain, fields, table, version, netns, arguments)


def rules(
    chain: str,
    rules: Sequence[str] = (),
    present: bool = True,
    table: str = "filter",
    at: str | None = None,
    exclusive: bool | None = None,
    ignore: Sequence[str] | None = None,
    version: int = 4,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Put rules into a built-in chain, in this order, beside those of others.

    + chain: INPUT, FORWARD, OUTPUT, PREROUTING or POSTROUTING
    + rules: in iptables' own words without `-A CHAIN`
    + present: False takes away all rules in this chain that earlier runs under this name put there
    + table: filter, nat, mangle, raw or security
    + at: `top` or `bottom` (default): where they go when none of them is there yet
    + exclusive: True removes the rules of others
    + ignore: regular expressions of rules that `exclusive` leaves alone
    + version: 4 for iptables, 6 for ip6tables
    + netns: the namespace that it is in
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the tables, and the rules' canonical form from the host's own iptables; inserts and
    deletes what differs in one transaction, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import iptables

        iptables.rules(
            name="Who may come in",
            chain="INPUT",
            rules=[
                "-i lo -j ACCEPT",
                "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                "-p tcp -m multiport --dports 22,80 -j ACCEPT",
            ],
        )
    """
    _builtin(table, chain, wanted=True)
    fields: dict[str, Any] = {
        "rules": list(rules),
        "at": at,
        "exclusive": exclusive,
        "ignore": None if ignore is None else list(ignore),
    }
    return _declare(
        chain, fields if present else {"state": "absent"}, table, version, netns, arguments
    )


def policy(
    chain: str,
    policy: str,
    table: str = "filter",
    version: int = 4,
    netns: str = HOST,
    **arguments: Any,
) -> OperationMeta:
    """
    Set what becomes of packets that no rule of a built-in chain decides on.

    + chain: INPUT, FORWARD, OUTPUT, PREROUTING or POSTROUTING
    + policy: ACCEPT or DROP
    + table: filter, nat, mangle, raw or security
    + version: 4 for iptables, 6 for ip6tables
    + netns: the namespace that it is in
    + arguments: `network_name`, `persist`, and pyinfra's global arguments

    Reads the tables; sets the policy in the same transaction as the rules of neighbouring
    operations, and writes the ledger.

    **Example:**

    .. code:: python

        from netwright.operations import iptables

        iptables.policy(name="Nothing is forwarded", chain="FORWARD", policy="DROP")
    """
    _builtin(table, chain, wanted=True)
    return _declare(chain, {"policy": policy}, table, version, netns, arguments)
