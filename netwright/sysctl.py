"""A kernel parameter: shown by /proc/sys, changed by writing there; at boot by /etc/sysctl.d."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator

from netwright.parameter import accepted, effective, known
from netwright.step import Command, Phase, Step

__all__ = [
    "ALL_REDIRECTS",
    "DEFAULT",
    "SETS_FORWARDING",
    "Key",
    "Value",
    "goes_along",
    "link_key",
    "link_of",
    "not_accepted",
    "plan",
    "untrue",
]

SETS_FORWARDING = {
    "net/ipv4/ip_forward": "net/ipv4/conf",
    "net/ipv4/conf/all/forwarding": "net/ipv4/conf",
    "net/ipv6/conf/all/forwarding": "net/ipv6/conf",
}
"""Parameters that, on a change, set `forwarding` of everything below a directory."""

DEFAULT = "net/ipv4/conf/default/"
ALL_REDIRECTS = "all/accept_redirects"
"""Goes the other way as `forwarding` goes, in IPv4 (`inet_forward_change`, net/ipv4/devinet.c)."""

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+:@-]*"
_PER_LINK = re.compile(r"net/(?:ipv4|ipv6)/(?:conf|neigh)/([^/]+)/[^/]+")


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a parameter's name")
    # As sysctl(8): the first separator decides; after a dot, a slash stands for a dot in a name.
    first = re.search(r"[./]", value)
    if first and first.group() == ".":
        value = value.translate(str.maketrans("./", "/."))
    if not first or not re.fullmatch(rf"{_PART}(?:/{_PART})+", value):
        raise ValueError(
            "is not a parameter's name like net.ipv4.ip_forward or net/ipv4/conf/eth0/rp_filter"
        )
    parts = value.split("/")
    if parts[0] == "net" and parts[2:3] in (["conf"], ["neigh"]) and len(parts) != 5:
        hint = f"{'/'.join(parts[:3])}/{'.'.join(parts[3:-1])}/{parts[-1]}"
        raise ValueError(f"is no parameter of a link; for a dotted link name write {hint}")
    return value


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and re.fullmatch(r"[ -~\t]*", value):
        return " ".join(value.split())
    raise ValueError("is not a value (a number, or one line of printable ASCII)")


Key = Annotated[str, BeforeValidator(_key)]
"""Canonical: with slashes, so that a dot in a link's name stays one."""
Value = Annotated[str, BeforeValidator(_value)]
"""Canonical: as /proc/sys prints it, with single blanks; some may be empty."""


def link_key(family: str, ifname: str, parameter: str) -> str:
    """Where a link's own parameter stands; `family` is ipv4 or ipv6."""
    return f"net/{family}/conf/{ifname}/{parameter}"


def link_of(key: str) -> str | None:
    """The link that a parameter belongs to, None for one of the whole namespace."""
    match = _PER_LINK.fullmatch(key)
    return match[1] if match and match[1] not in ("all", "default") else None


def is_reset_by_up(key: str) -> bool:
    """Whether the kernel sets a link's parameter anew when the link goes up
    (`addrconf_notify`)."""
    return link_of(key) is not None and re.fullmatch(r"net/ipv6/conf/.*/mtu", key) is not None


def plan(
    netns: str,
    current: Mapping[str, str],
    desired: Mapping[str, str],
    pinned: Container[str] = (),
) -> Iterator[Step]:
    """In the order of `Phase`: what all links start from first, each link's own when it exists.

    + pinned: links that get their first address, and follow `default` no longer
    """
    now = dict(current)
    for key in sorted(desired, key=_rank):
        value = desired[key]
        if now.get(key) == value and not _follows(key, current, desired):
            continue
        # Before the step that sets it along, so that turned round it comes after.
        for other, set_to in _set_along(key, value, now):
            yield _step(netns, other, now[other], set_to, implied=True)
            now[other] = set_to
        for other in _left_along(key, now, pinned):
            yield _step(netns, other, now[other], now[other], implied=True)
        yield _step(netns, key, current.get(key), value)


def _follows(key: str, current: Mapping[str, str], desired: Mapping[str, str]) -> bool:
    """Whether a link's parameter, right as it is, goes with a change of `default`: IPv4's do that
    until they are written, or the link has an address (`devinet_copy_dflt_conf`)."""
    if link_of(key) is None or not key.startswith("net/ipv4/conf/"):
        return False
    shared = DEFAULT + key.rpartition("/")[2]
    return shared in desired and desired[shared] != current.get(shared)


def _left_along(key: str, now: Mapping[str, str], pinned: Container[str]) -> list[str]:
    """What followed this change of `default`, and doesn't follow it back."""
    if not key.startswith(DEFAULT):
        return []
    parameter = key.removeprefix(DEFAULT)
    return [
        other
        for other in now
        if (ifname := link_of(other)) in pinned
        and ifname is not None
        and other == link_key("ipv4", ifname, parameter)
    ]


def goes_along(netns: str, key: str, value: str) -> Step:
    """A link's own parameter, which goes with the link; turned round, it is written again."""
    return Step(Phase.UNLINK, netns, f"sysctl.{key}", "", value, None, render, implied=True)


def _set_along(key: str, value: str, now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What the kernel sets along with it, one way or the other, and to what."""
    below = SETS_FORWARDING.get(key)
    for other in now if below is not None else ():
        if other in SETS_FORWARDING:
            if other != key and SETS_FORWARDING[other] == below and now[other] != value:
                yield other, value
        elif other.startswith(f"{below}/") and other.endswith("/forwarding"):
            yield other, value
        elif other == f"{below}/{ALL_REDIRECTS}" and below == "net/ipv4/conf":
            yield other, "0" if value == "1" else "1"


def _step(netns: str, key: str, before: str | None, after: str, implied: bool = False) -> Step:
    own = link_of(key) is not None and not implied
    phase = Phase.LINK_SYSCTL if own else Phase.SYSCTL
    if own and is_reset_by_up(key):
        phase = Phase.ROUTE_LATE
    return Step(phase, netns, f"sysctl.{key}", "", before, after, render, implied)


def _rank(key: str) -> tuple[bool, str]:
    # A change of one of these sets every other forwarding.
    return (key not in SETS_FORWARDING, key)


def render(step: Step) -> Iterator[Command]:
    """One write; nothing when turned round from a link that was not there, as it goes with it."""
    if step.after is not None:
        yield Command("sysctl", step.netns, f"{step.thing.removeprefix('sysctl.')} {step.after}")


def not_accepted(key: str, value: str) -> str:
    """What a known parameter accepts, if it doesn't accept this; the kernel would take it."""
    parameter = known(key)
    if parameter is None or value in map(str, parameter.values):
        return ""
    return accepted(parameter)


def untrue(declared: Mapping[str, str], live: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Declared parameters of links whose effective value would not be what is declared.

    + declared: what will be written
    + live: what the host has; an `all` that stands in neither is not judged
    """
    for key, value in declared.items():
        parameter, ifname = known(key), link_of(key)
        if parameter is None or ifname is None or parameter.combine == "alone":
            continue
        shared = key.replace(f"/{ifname}/", "/all/")
        everywhere = declared.get(shared, live.get(shared))
        if everywhere is None or not (everywhere.isdigit() and value.isdigit()):
            continue
        forwarding = link_key("ipv4", ifname, "forwarding")
        forwards = declared.get(forwarding, live.get(forwarding, forward_of(declared, live))) == "1"
        result, why = effective(parameter.combine, int(everywhere), int(value), forwards)
        if str(result) != value:
            yield (
                key,
                f"{value} would not come true: {shared} is {everywhere}, and the kernel goes by"
                f" {result} ({why}); change one of the two",
            )


def forward_of(declared: Mapping[str, str], live: Mapping[str, str]) -> str:
    """What a new link's forwarding will be."""
    key = "net/ipv4/ip_forward"
    return declared.get(key, live.get(key, "0"))
