"""From a host's inventory data to its declaration. The only place where a declaration is read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pyinfra.api import DeployError, Inventory

from netwright import iptables_file
from netwright.document import parse_yaml
from netwright.errors import DeclarationError, Problem
from netwright.iptables import FAMILIES
from netwright.model import Text
from netwright.state import NetworkState, load

__all__ = ["KEYS", "Settings", "all_settings", "inventory_directory", "settings"]

KEYS = ("network", "network_name", "confirm", "persist", "prune")
"""The data keys that a host or a group may have."""

_NAME = Text(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", "a name (1 to 32 of A-Z a-z 0-9 _ -)")


@dataclass(frozen=True)
class Settings:
    """What the inventory says of one host."""

    network: NetworkState
    name: str = "network"
    confirm: int | None = None
    persist: bool = True
    prune: bool = True


def inventory_directory(arguments: list[str] | None = None) -> Path:
    """Where a relative `network` path starts: beside the inventory file of the command line.

    pyinfra tells a deploy neither the inventory's name nor its place.
    """
    given = sys.argv[1:] if arguments is None else arguments
    for before, argument in pairwise(["", *given]):
        its_own = before in ("--config", "--group-data")
        if argument.endswith(".py") and not its_own and Path(argument).is_file():
            return Path(argument).resolve().parent
    return Path.cwd()


def settings(data: Mapping[str, Any], base: Path) -> Settings | None:
    """One host's settings; None when it has no `network`.

    + data: the host's data, as pyinfra merged it
    + base: where a relative path starts

    Raises DeclarationError with everything that is wrong.
    """
    if data.get("network") is None:
        return None
    problems: list[Problem] = []
    values = {"name": data.get("network_name", "network")}
    try:
        values["name"] = str(_NAME.check(values["name"]))
    except ValueError as error:
        problems.append(Problem("network_name", f"{values['name']!r} {error}"))
    confirm = data.get("confirm")
    if confirm is not None and (isinstance(confirm, bool) or confirm not in range(3601)):
        problems.append(Problem("confirm", f"{confirm!r} is not in 0..3600 (seconds; 0 is off)"))
    for key in ("persist", "prune"):
        if not isinstance(data.get(key, True), bool):
            problems.append(Problem(key, f"{data[key]!r} is neither true nor false"))
    state = NetworkState()
    try:
        state = load(_document(data["network"], base))
    except DeclarationError as error:
        problems += [Problem(_below(item.path), item.what) for item in error.problems]
    if problems:
        raise DeclarationError(problems)
    return Settings(
        state, values["name"], confirm, data.get("persist", True), data.get("prune", True)
    )


_READ: WeakKeyDictionary[Inventory, Mapping[str, Settings | None]] = WeakKeyDictionary()


def all_settings(inventory: Inventory) -> Mapping[str, Settings | None]:
    """Every host's settings, read once: a deploy asks for each of its hosts.

    Raises DeployError with all that is wrong, which ends the run before any host is changed.
    """
    if inventory not in _READ:
        base = inventory_directory()
        found: dict[str, Settings | None] = {}
        wrong: list[str] = []
        for each in inventory:
            try:
                found[each.name] = settings(dict(each.data.dict()), base)  # type: ignore[no-untyped-call]
            except DeclarationError as error:
                wrong += [f"{each.name}: {problem}" for problem in error.problems]
        if wrong:
            raise DeployError("the declaration is wrong, no host was changed:\n" + "\n".join(wrong))
        _READ[inventory] = found
    return _READ[inventory]


def _below(path: str) -> str:
    return f"network.{path}" if path else "network"


def _document(network: object, base: Path) -> Mapping[str, Any] | str:
    if isinstance(network, Mapping):
        return _with_files(network, base)
    if not isinstance(network, (str, Path)):
        raise DeclarationError([Problem("", f"{network!r:.60} is neither a mapping nor a path")])
    path = base / network
    text = _text(path, "")
    try:
        content = parse_yaml(text)
    except DeclarationError as error:
        found = (f"{path}{', ' if item.path else ': '}{item}" for item in error.problems)
        raise DeclarationError(Problem("", text) for text in found) from None
    return _with_files(content, path.parent) if isinstance(content, Mapping) else text


def _text(path: Path, at: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError([Problem(at, f"{path} can't be read: {error}")]) from None


def _with_files(space: Mapping[str, Any], base: Path, at: str = "") -> Mapping[str, Any]:
    """With the tables that a file of iptables-save has, where `file` names one; what is declared
    beside it counts for its chain."""
    found = dict(space)
    for family in FAMILIES:
        tables = space.get(family)
        if isinstance(tables, Mapping) and "file" in tables:
            where = f"{at}{family}.file"
            if not isinstance(tables["file"], (str, Path)):
                what = f"{tables['file']!r:.60} is not a path"
                raise DeclarationError([Problem(where, what)])
            path = base / tables["file"]
            saved = iptables_file.parse(_text(path, where), str(path))
            for table, chains in tables.items():
                if isinstance(chains, Mapping):
                    saved[table] = {**saved.get(table, {}), **chains}
                elif table != "file" and chains is not None:
                    # The loading says what is wrong with it.
                    saved[table] = chains
            found[family] = saved
    spaces = space.get("netns")
    for name, inner in spaces.items() if isinstance(spaces, Mapping) else ():
        if isinstance(inner, Mapping):
            inside = _with_files(inner, base, f"netns.{name}.")
            found["netns"] = {**found["netns"], name: inside}
    return found
