"""What the host's own ipset makes of declared entries: added to a set aside, and printed.

`10.0.0.0/30` in a set of addresses is four entries, `10.1.2.3/8` in one of networks is 10.0.0.0/8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from netwright import ipset
from netwright.errors import Problems
from netwright.ipset import Ipset

__all__ = ["Sets", "render", "resolve"]

_MAXELEM = 65536
"""The kernel's own."""

Sets = Mapping[str, Ipset]
Answer = tuple[Sets, Mapping[int, str]]
"""The sets as they were printed, and what was said of lines that were refused."""


def _numbered(spaces: Iterable[Sets]) -> Iterator[tuple[int, str, Ipset]]:
    """Every different set once, with the number of its first line and the name it has aside."""
    known: dict[Ipset, str] = {}
    at = 1
    for sets in spaces:
        for item in sets.values():
            # A set of sets has names, which are what they are.
            if item.state == "absent" or not item.entries or item.type == "list:set":
                continue
            if _is_plain(item):
                continue
            if item not in known:
                known[item] = f"nw{len(known)}"
                yield at, known[item], item
                at += 1 + len(item.entries)


def _is_plain(item: Ipset) -> bool:
    """Whether it holds just addresses, as they are printed: none can be refused, so the host isn't
    asked."""
    entries = item.entries or ()
    if item.type != "hash:ip" or item.family == "inet6" or item.netmask is not None:
        return False
    return len(entries) <= (item.maxelem or _MAXELEM) and all(map(_is_address, entries))


def _is_address(entry: str) -> bool:
    try:
        return int(IPv4Address(entry)) != 0
    except ValueError:
        return False


def render(spaces: Iterable[Sets]) -> Iterator[str]:
    """The lines for `ipset restore`."""
    for _, name, item in _numbered(spaces):
        yield ipset.create_line(name, item)
        yield from (f"add {name} {entry}" for entry in item.entries or ())


def resolve(problems: Problems, sets: Sets, spaces: Iterable[Sets], answer: Answer) -> Sets:
    """The sets of one namespace with their entries as they were printed.

    + spaces: the sets of all namespaces, in the order in which `render` was given them
    """
    saved, refused = answer
    places = {item: (at, name) for at, name, item in _numbered(spaces)}
    found = {}
    for label, item in sets.items():
        found[label] = item
        if item not in places:
            continue
        at, name = places[item]
        if at in refused:
            problems.add(f"ipsets.{label}", f"is refused: {refused[at]}")
        for index, entry in enumerate(item.entries or ()):
            if at + 1 + index in refused:
                words = refused[at + 1 + index]
                problems.add(f"ipsets.{label}.entries[{index}]", f"{entry!r} is refused: {words}")
        if name in saved:
            found[label] = item.but(entries=tuple(_entries(item, saved[name])))
    return found


def _entries(declared: Ipset, printed: Ipset) -> Iterator[str]:
    # The time that an entry is given is not what is printed a moment later.
    own = {entry.split(" ")[0]: entry for entry in declared.entries or ()}
    for entry in sorted(printed.entries or ()):
        yield own.get(entry.split(" ")[0], entry)
