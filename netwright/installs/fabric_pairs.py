"""Which workload reaches which: what the policy says of a pair, and the packets that show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from shlex import quote

from netwright.installs.fabric import Fabric

__all__ = ["ALL", "HEARD", "Place", "allowed", "by_name", "heard", "partners", "ping_script"]

ALL = 48
"""As many workloads are asked in all ordered pairs; of more, each asks some of every host's."""
_EACH = 4
_AT_ONCE = 40


@dataclass(frozen=True, order=True)
class Place:
    """A workload, where it is, and its address."""

    host: str
    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


def allowed(fabric: Fabric, source: Place, target: Place, protocol: str = "icmp") -> bool:
    """Whether the policy lets a first packet through; of ports nothing is known here."""
    from_ = _groups(fabric, source)
    to = _groups(fabric, target)
    for rule in fabric.policy.rules:
        fits = (rule.from_ is None or rule.from_ in from_) and (rule.to is None or rule.to in to)
        if fits and not rule.ports and rule.protocol in (None, protocol):
            return rule.action == "allow"
    return fabric.policy.default == "allow"


def _groups(fabric: Fabric, place: Place) -> list[str]:
    return fabric.node(place.host).workloads[place.name].groups


def partners(source: Place, places: Iterable[Place]) -> list[Place]:
    """Whom a workload asks: all others, or where those are many some of each host's."""
    everyone = [place for place in places if place != source]
    if len(everyone) < ALL:
        return everyone
    found: list[Place] = []
    for host in dict.fromkeys(place.host for place in everyone):
        theirs = [place for place in everyone if place.host == host]
        # Not the same ones for everybody.
        start = sum(source.address.encode()) % len(theirs)
        found += islice(cycle(theirs), start, start + min(_EACH, len(theirs)))
    return found


def ping_script(pairs: Iterable[tuple[Place, Place]]) -> str:
    """Asks from workloads of one host, many at a time; prints `SOURCE TARGET ok|none` for each."""
    lines = [
        "ask() {",
        '  if ip netns exec "$1" ping -n -q -c 2 -i 0.3 -W 3 -I "$2" "$3" >/dev/null 2>&1',
        '  then echo "$2 $3 ok"; else echo "$2 $3 none"; fi',
        "}",
    ]
    for number, (source, target) in enumerate(pairs, 1):
        lines.append(f"ask {quote(source.name)} {source.address} {target.address} &")
        if number % _AT_ONCE == 0:
            lines.append("wait")
    return "\n".join([*lines, "wait"])


HEARD = """if [ -r /proc/net/nf_conntrack ]; then cat /proc/net/nf_conntrack
else conntrack -L -p icmp 2>/dev/null; fi | grep 'icmp'"""


def heard(conntrack: str) -> Iterator[tuple[str, str]]:
    """The sources and destinations of pings as the host that got them has seen them."""
    for line in conntrack.splitlines():
        words = dict(word.split("=", 1) for word in reversed(line.split()) if "=" in word)
        if "icmp" in line and words.get("type") == "8":
            yield words["src"], words["dst"]


def by_name(addresses: Mapping[str, Mapping[str, str]]) -> list[Place]:
    """Every workload, from the addresses by host and name."""
    return [Place(host, name, at) for host, own in addresses.items() for name, at in own.items()]
