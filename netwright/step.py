"""A plan is a list of steps; a step turned round is a step. That is all there is to undo."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Literal

from netwright.model import HOST

__all__ = [
    "SEPARATOR",
    "TOGETHER",
    "Command",
    "Phase",
    "Plan",
    "Step",
    "bridge",
    "ip",
    "undo",
    "wg",
]

SEPARATOR = "\x1f"
"""Ends the lines of a document that is one line of a batch."""

Tool = Literal["ip", "ip6", "bridge", "wg", "sysctl", "modprobe", "file", "ipset", "ipvs", "tables"]


class Phase(IntEnum):
    """Where a step stands, with the kernel's reason."""

    MODULE = 1  # net.bridge.* exists only once br_netfilter does
    NETNS = 2
    COLLATERAL = 3  # what goes along goes first; turned round, it comes last
    IPSET = 4  # rules refuse to look into a set that isn't there
    IPTABLES = 5  # before a link is up or packets are forwarded; rules name links, they need none
    IPSET_DELETE = 6  # no rule looks into it any more
    SYSCTL = 7  # ip_forward resets every link's forwarding, default.X seeds new links
    UNLINK = 8  # frees the names and addresses that new links want
    CREATE = 9
    LINK_SYSCTL = (
        10  # net.ipv4.conf.IF exists only once IF does; before it is up, so none is missed
    )
    LINK = 11
    ROUTE = 12  # a gateway must be reachable: addresses first
    ROUTE_LATE = (
        13  # its link, and the pair's other end, is up: an IPv6 source is taken, an mtu stays
    )
    IPVS = 14  # what it sends packets to is there
    NETNS_DELETE = 15  # asynchronous: its links have gone by themselves before
    FILE = 16
    LEDGER = 17  # last: it says what is done


TOGETHER = frozenset({Phase.LINK_SYSCTL, Phase.LINK, Phase.ROUTE})
"""Phases that go namespace by namespace: all of them in one, then in the next."""


@dataclass(frozen=True, slots=True)
class Command:
    """One line for one of the host's tools, in one namespace. `payload` is a file's content."""

    tool: Tool
    netns: str
    line: str
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One attribute of one thing, from what to what.

    `before` None: not there (or not known); `after` None: not there any more. Both the same: put
    back, because another step makes the kernel drop it.
    `implied`: the kernel does it by itself with another step, only turned round it needs a command.
    """

    phase: Phase
    netns: str
    thing: str
    attribute: str
    before: Any
    after: Any
    render: Callable[[Step], Iterable[Command]]
    implied: bool = False
    _commands: list[Command] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def path(self) -> str:
        """As the declaration would name it: `netns.test1.links.veth1.mtu`."""
        where = "" if self.netns == HOST else f"netns.{self.netns}."
        return f"{where}{self.thing}{'.' if self.attribute else ''}{self.attribute}"

    @property
    def paths(self) -> list[str]:
        """Of everything that it changes: a table's step changes several chains."""
        chains = getattr(self.after, "chains", None)
        return [self.path] if chains is None else [f"{self.path}.{name}" for name in chains]

    def commands(self) -> list[Command]:
        """What the host runs for it."""
        if self._commands is None:
            # Asked for by all that goes over a plan.
            found = [] if self.implied else list(self.render(self))
            object.__setattr__(self, "_commands", found)
            return found
        return self._commands

    def turned(self) -> Step:
        """The same step the other way round."""
        kept = self.before == self.after
        return replace(
            self, before=self.after, after=self.before, implied=kept and not self.implied
        )

    @property
    def put_back(self) -> bool:
        """Whether it changes nothing, but for what another step would take along."""
        return self.before is not None and self.before == self.after


Plan = list[Step]


def undo(plan: Iterable[Step]) -> Plan:
    """The plan that takes a host from after `plan` back to before it."""
    return [step.turned() for step in reversed(list(plan))]


_LINE = re.compile(r"[A-Za-z0-9_.:/@+,=%-]+(?: [A-Za-z0-9_.:/@+,=%-]+)*")


def ip(netns: str, line: str, family: str | None = None) -> Command:
    """A line of `ip -batch`. Every word in it was validated by its type; this is the last lock.

    + family: `inet6` for `ip -6 -batch`, where nothing in the line tells ip the family
    """
    if not _LINE.fullmatch(line):
        raise AssertionError(f"not a batch line: {line!r}")
    return Command("ip6" if family == "inet6" else "ip", netns, line)


def bridge(netns: str, line: str) -> Command:
    """A line of `bridge -batch`, under the same lock."""
    return Command("bridge", netns, ip(netns, line).line)


def wg(netns: str, line: str) -> Command:
    """The words of one `wg`; an IPv6 endpoint has brackets."""
    ip(netns, line.replace("[", "").replace("]", ""))
    return Command("wg", netns, line)
