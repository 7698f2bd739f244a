"""The tables of iptables and ip6tables: shown by `iptables-save`, changed by `iptables-restore`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, SerializeAsAny

from netwright.iptables_rule import RuleText
from netwright.model import Flag, Model, Text

__all__ = [
    "BUILTIN",
    "FAMILIES",
    "Chain",
    "ChainName",
    "OwnedChain",
    "Tables",
    "is_builtin",
    "parse",
]

FAMILIES = ("iptables", "ip6tables")
"""The two keys of a declaration, and the names of the two tools."""

BUILTIN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
"""Table -> its built-in chains; the tables in the order in which packets meet them."""

TableName = Literal["raw", "mangle", "nat", "filter", "security"]

# XT_EXTENSION_MAXNAMELEN of the kernel is 29, with the zero at the end.
ChainName = Annotated[
    str,
    Text(
        r"(?!(?:ACCEPT|DROP|RETURN|QUEUE)$)[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,27}",
        "a chain's name (1 to 28 of A-Z a-z 0-9 _ . : + -, not starting with a sign, not ACCEPT,"
        " DROP, RETURN or QUEUE)",
    ),
]


def _regex(value: object) -> object:
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


class Chain(Model):
    """One chain. A user chain's rules are the whole of it, a built-in one holds others' as well.

    `rules` None: what is in it is not managed.
    """

    policy: Literal["ACCEPT", "DROP"] | None = None
    rules: tuple[RuleText, ...] | None = None
    at: Literal["top", "bottom"] | None = None
    exclusive: Flag | None = None
    ignore: tuple[Annotated[str, BeforeValidator(_regex)], ...] | None = None
    state: Literal["present", "absent"] | None = None


class OwnedChain(Chain):
    """A built-in chain as it shall be, with what is known of its present lines."""

    ours: tuple[str, ...] = ()
    """Lines that an earlier run declared."""
    foreign: tuple[str, ...] = ()
    """Lines just like ours that were there before us: as many of them stay."""


def _chain(value: object) -> object:
    if value is None:
        return {}
    return {"rules": value} if isinstance(value, (list, tuple)) else value


def _empty(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: {} if item is None else item for key, item in value.items()}
    return value


Tables = Annotated[
    dict[
        TableName,
        Annotated[
            dict[ChainName, Annotated[SerializeAsAny[Chain], BeforeValidator(_chain)]],
            BeforeValidator(_empty),
        ],
    ],
    BeforeValidator(_empty),
]
"""Table -> chain -> what is declared of it, or what a host shows."""


def is_builtin(table: str, chain: str) -> bool:
    """Whether the kernel has the chain by itself."""
    return chain in BUILTIN[table]


def parse(lines: Iterable[str]) -> dict[str, dict[str, Chain]]:
    """From the output of `iptables-save`; a table that isn't there is not in it."""
    found: dict[str, dict[str, Any]] = {}
    rules: dict[str, dict[str, list[str]]] = {}
    table = ""
    for line in lines:
        if line.startswith("*"):
            table = line[1:].strip()
            found[table], rules[table] = {}, {}
        elif line.startswith(":"):
            name, policy = line[1:].split(" ")[:2]
            found[table][name] = None if policy == "-" else policy
            rules[table][name] = []
        elif line.startswith("-A "):
            name, _, text = line[3:].partition(" ")
            rules[table].setdefault(name, []).append(text.rstrip("\n"))
    return {
        table: {
            name: Chain.model_construct(policy=policy, rules=tuple(rules[table][name]))
            for name, policy in chains.items()
        }
        for table, chains in found.items()
        if table in BUILTIN
    }
