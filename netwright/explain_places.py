"""Where a packet may come by: the namespaces of a host, and the hosts of an inventory, by who owns
its target, a gateway on the way there, or what NAT may make of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from netwright.errors import Problem, SnapshotError
from netwright.explain import PACKAGES, Seen, back, ordered, sections
from netwright.explain_shell import Question
from netwright.explain_why import Looked
from netwright.model import HOST

__all__ = ["Told", "elsewhere", "followed", "merged", "place", "together", "told"]

_NAT = re.compile(r"--to-destination \[?([0-9a-f:.]+?)\]?(?::\d+)?(?:-\S*)?$", re.M)


@dataclass(frozen=True)
class Told:
    """What a host says before the packet is sent."""

    owners: Mapping[str, frozenset[str]]
    """Namespace -> its addresses."""
    leads: frozenset[str]
    """The gateway on the way to the target, and what NAT may make of the target."""


def told(question: Question, output: str) -> Told:
    """What the script of places printed.

    Raises SnapshotError if the host can't do it, or has no such namespace.
    """
    owners: dict[str, frozenset[str]] = {}
    leads = set[str]()
    for heading, lines in sections(output):
        what, _, name = heading.partition(" ")
        text = "\n".join(lines)
        if what == "lacks":
            raise SnapshotError([Problem("", f"{name} is needed there: {PACKAGES[name]}")])
        if what == "netns":
            owners[name] = frozenset(re.findall(r" inet6? ([0-9a-fA-F:.]+)", text))
            leads.update(_NAT.findall(text))
        if what == "route":
            leads.update(re.findall(r" via (?:inet6 )?(\S+)", text))
    if question.netns not in owners:
        names = ", ".join(owners) or "none"
        raise SnapshotError(
            [Problem("", f"there is no namespace {question.netns}; there: {names}")]
        )
    return Told(owners, frozenset(leads))


def elsewhere(question: Question) -> Question:
    """The same packet as a host sees it that it does not start from."""
    return replace(question, netns=HOST)


def followed(
    question: Question, start: str, hosts: Mapping[str, Told]
) -> Mapping[str, tuple[str, ...]]:
    """Host -> the namespaces in which the packet is looked for: where it starts, the host's own,
    and those that own its target, a gateway or what NAT makes of it.

    + start: the host that it starts from; the first of the answer
    """
    aims = {question.address, *hosts[start].leads}
    found = [start]
    while more := [name for name in hosts if name not in found and _owns(hosts[name], aims)]:
        found += more
        for name in more:
            aims |= hosts[name].leads
    return {
        name: tuple(dict.fromkeys([*([question.netns] if name == start else []), HOST, *own]))
        for name in found
        for own in [[item for item, has in hosts[name].owners.items() if has & aims]]
    }


def _owns(host: Told, aims: Iterable[str]) -> bool:
    """Whether it has one of these addresses; of those that every host has, none tells."""
    public = {aim for aim in aims if not _everywhere(aim)}
    return any(has & public for has in host.owners.values())


def _everywhere(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # `--to-destination :80` has none
    return address.is_loopback or address.is_link_local


def place(host: str, name: str) -> str:
    """HOST/NETNS; a name without a host is of the host that the packet starts from."""
    return name if "/" in name else f"{host}/{name}"


def merged(start: Seen, others: Mapping[str, Seen], notes: Sequence[str] = ()) -> Seen:
    """What all hosts tell of one packet; other hosts' namespaces are HOST/NETNS from here on.

    + notes: of hosts that told nothing
    """

    def all_of(what: str) -> dict[str, Any]:
        found = dict(getattr(start, what))
        for host, item in others.items():
            found |= {place(host, name): value for name, value in getattr(item, what).items()}
        return found

    there = ordered(start.question.netns, all_of("stops"))
    unseen = [host for host, item in others.items() if not item.stops and not item.back]
    return replace(
        start,
        stops=there,
        back=back(start.question.netns, all_of("back"), list(there)),
        counted=all_of("counted"),
        legacy=all_of("legacy"),
        notes=(*notes, *(f"looked for on {host} as well: it did not come by" for host in unseen)),
    )


def together(start: Looked, others: Mapping[str, Looked]) -> Looked:
    """What all hosts say afterwards, with the names that `merged` gives."""
    found = {item.name: dict(getattr(start, item.name)) for item in fields(Looked)}
    for host, other in others.items():
        for what, values in found.items():
            values |= {place(host, name): value for name, value in getattr(other, what).items()}
    return Looked(**found)
