"""A file of `iptables-save` as a declaration, for sites that start with what they have."""

from __future__ import annotations

import re
from typing import Any

from netwright.errors import DeclarationError, Problem

__all__ = ["parse"]

_CHAIN = re.compile(r":(\S+) (\S+)(?: \[\d+:\d+\])?")
_RULE = re.compile(r"(?:\[\d+:\d+\] )?-A (\S+)(?: (.*))?")


def parse(text: str, path: str) -> dict[str, dict[str, Any]]:
    """Table -> chain -> what the file says of it, as a declaration would.

    + path: the file's name, for errors

    Raises DeclarationError with every line that can't be in such a file.
    """
    found: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    table = ""
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#") or line == "COMMIT":
            continue
        if line.startswith("*"):
            table = line[1:].strip()
            found.setdefault(table, {})
        elif not table or not _take(found[table], line):
            what = "is not a line of iptables-save: `*TABLE`, `:CHAIN POLICY`, `-A CHAIN RULE`"
            problems.append(Problem(f"{path}, line {number}", f"{line!r:.60} {what}"))
    if problems:
        raise DeclarationError(problems)
    return found


def _take(chains: dict[str, Any], line: str) -> bool:
    chain, rule = _CHAIN.fullmatch(line), _RULE.fullmatch(line)
    if chain:
        own = chain[2] == "-"
        chains[chain[1]] = {"rules": []} if own else {"policy": chain[2], "rules": []}
    elif rule:
        chains.setdefault(rule[1], {"rules": []})["rules"].append(rule[2] or "")
    return bool(chain or rule)
