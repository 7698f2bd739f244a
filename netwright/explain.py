"""Why a packet gets somewhere or where it dies: what a traced packet met, read as steps.

`explain_shell.py` renders what runs on the host, this reads what it prints; `explain_why.py` says
where the packet ended.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netwright.errors import Problem, SnapshotError
from netwright.explain_legacy import Counted, counted
from netwright.explain_shell import GATE, MARK, TABLE, Question

__all__ = ["PACKAGES", "Event", "Packet", "Seen", "back", "events", "ordered", "sections", "seen"]

BRIDGE = 7
"""NFPROTO_BRIDGE, as xtables-monitor prints it."""
_EVENT = re.compile(
    r"^ TRACE: (\d+) ([0-9a-f]+) ([^:]*):([^:]*):(rule|policy|return)(?::(\S+))?(.*)"
)
_PACKET = re.compile(r"^PACKET: (\d+) ([0-9a-f]+) (.*)")
_BYTE = re.compile(r"ffffff[89a-f][0-9a-f]|[0-9a-f]{2}")


def sections(output: str) -> Iterator[tuple[str, list[str]]]:
    """What a script printed: each heading with its lines."""
    heading, lines = "", list[str]()
    for line in output.splitlines():
        if line.startswith(f"{MARK} "):
            yield heading, [item for item in lines if item.strip()]
            heading, lines = line.removeprefix(f"{MARK} "), []
        else:
            lines.append(line)
    yield heading, [item for item in lines if item.strip()]


PACKAGES = {
    "nft": "package nftables",
    "xtables-monitor": "package iptables",
    "ip": "package iproute2",
    "socat": "package socat",
    "ping": "package iputils-ping",
}


@dataclass(frozen=True)
class Packet:
    """A packet as it was when it met a chain; `ttl` is 0 where it is not told."""

    family: int
    iif: str = ""
    oif: str = ""
    source: str = ""
    target: str = ""
    ttl: int = 0

    @property
    def bridged(self) -> bool:
        """Whether a bridge had it, and not the routing."""
        return self.family == BRIDGE


@dataclass(frozen=True)
class Event:
    """A packet met a rule or the end of a chain."""

    packet: Packet
    id: str
    table: str
    chain: str
    verdict: str
    """ACCEPT, DROP, CONTINUE, RETURN, JUMP:CHAIN, GOTO:CHAIN, ..."""
    handle: str = ""
    """Of the rule; empty: the policy, or the end of the chain."""
    text: str = ""
    """The rule."""
    number: int | None = None
    """The rule's position in its chain, from 1."""

    @property
    def ours(self) -> bool:
        """Whether it comes of what `explain` has put there."""
        return self.table == TABLE


def events(lines: Iterable[str]) -> Iterator[Event]:
    """What `xtables-monitor --trace` printed."""
    packets: dict[str, Packet] = {}
    for line in lines:
        if found := _PACKET.match(line):
            packets[found[2]] = _packet(int(found[1]), found[3])
        elif (found := _EVENT.match(line)) and found[2] in packets:
            kind, rest, text = found[5], found[6] or "", found[7].strip()
            handle, _, verdict = rest.partition(":") if kind == "rule" else ("", "", rest)
            rule = re.sub(r"^(-[46] )?(-t \S+ )?", "", text)
            end = verdict or "RETURN"
            yield Event(packets[found[2]], found[2], found[3], found[4], end, handle, rule)


def _packet(family: int, text: str) -> Packet:
    values = dict(re.findall(r"([A-Z]+)=(\S*)", text))
    if "NH" in values and "SRC" not in values:
        values |= _header(values["NH"])
    ports = [f":{values[key]}" if key in values else "" for key in ("SPORT", "DPORT")]
    source, target = _end(values.get("SRC", ""), ports[0]), _end(values.get("DST", ""), ports[1])
    ttl = values.get("TTL") or values.get("HOPLIMIT") or "0"
    return Packet(family, values.get("IN", ""), values.get("OUT", ""), source, target, int(ttl))


def _end(address: str, port: str) -> str:
    return f"[{address}]{port}" if ":" in address and port else f"{address}{port}"


def _header(text: str) -> Mapping[str, str]:
    """The header of a bridged packet. xtables-monitor 1.8.9 prints a byte from 80 on as a negative
    number, with six digits too many."""
    digits = [item[-2:] for item in _BYTE.findall(text)]
    # No header is as short as 20 or 40 bytes printed well if one of them is from 80 on.
    raw = bytes.fromhex(text if len(text) in (40, 80) else "".join(digits))
    if len(raw) >= 20 and raw[0] >> 4 == 4:
        ends = (ipaddress.ip_address(raw[12:16]), ipaddress.ip_address(raw[16:20]))
        return {"SRC": str(ends[0]), "DST": str(ends[1]), "TTL": str(raw[8])}
    if len(raw) >= 40 and raw[0] >> 4 == 6:
        ends = (ipaddress.ip_address(raw[8:24]), ipaddress.ip_address(raw[24:40]))
        return {"SRC": str(ends[0]), "DST": str(ends[1]), "TTL": str(raw[7])}
    return {}


@dataclass(frozen=True)
class Seen:
    """What became of the packet and its answer, as one host tells."""

    question: Question
    stops: Mapping[str, Sequence[Event]]
    """Namespace -> what the packet met there, in the order in which it came by."""
    back: Mapping[str, Sequence[Event]]
    """The same of its answer."""
    answer: Sequence[str]
    """What the tool that sent it said."""
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Namespace -> the kernel's counters that grew meanwhile, and by how much."""
    legacy: Mapping[str, Sequence[Counted]] = field(default_factory=dict)
    """Namespace -> rules of iptables-legacy that counted meanwhile, for those that have any."""
    notes: Sequence[str] = ()
    """What else has to be known to judge it."""


def seen(question: Question, output: str) -> Seen:
    """What the script of a trace printed.

    Raises SnapshotError if it couldn't do its work.
    """
    found: dict[str, dict[str, list[str]]] = {}
    answer: list[str] = []
    ended = False
    for heading, lines in sections(output):
        what, _, name = heading.partition(" ")
        if what == "problem":
            text = f"the trace in {name} doesn't start: {' / '.join(lines)[:300]}"
            raise SnapshotError([Problem("", text)])
        if what == "broken":
            text = (
                f"xtables-monitor broke off in {name}, maybe over a rule that nft alone can print"
            )
            raise SnapshotError([Problem("", text)])
        if what == "late":
            text = f"it was not told within {GATE} s that the packet had been sent"
            raise SnapshotError([Problem("", text)])
        if what == "lacks":
            raise SnapshotError([Problem("", f"{name} is needed there: {PACKAGES[name]}")])
        if what == "answer":
            answer = lines
        ended = ended or what == "end"
        found.setdefault(what, {})[name] = lines
    if not ended:
        raise SnapshotError([Problem("", "the trace broke off")])
    stops: dict[str, list[Event]] = {}
    replies: dict[str, list[Event]] = {}
    for name, lines in found.get("trace", {}).items():
        met = list(_numbered(events(lines), found["rules"][name], found["native"][name]))
        stops[name], replies[name] = _way(met, "request"), _way(met, "reply")
    grown = {name: _grown(before, found["after"][name]) for name, before in found["before"].items()}
    legacy = {
        name: counted(found.get("rested", {}).get(name, ()), lines)
        for name, lines in found.get("legacy", {}).items()
        if lines
    }
    there = ordered(question.netns, stops)
    here = back(question.netns, replies, list(there))
    return Seen(question, there, here, answer, grown, legacy)


def _way(met: Sequence[Event], what: str) -> list[Event]:
    """One packet's: the first, up to when it is sent again."""
    ids: dict[str, str] = {}
    # A bridge that passes a packet up, after iptables has seen it, gives it another id.
    sources: dict[str, str] = {}
    entered: set[tuple[str, ...]] = set()
    way: list[Event] = []
    for event in met:
        if event.ours and event.handle:
            ids[event.id] = event.chain.partition("-")[0]
            key = (event.chain, str(event.packet.family), event.packet.iif)
            if ids[event.id] == what and key in entered:
                break
            entered.add(key)
        if event.id not in ids and not event.packet.bridged:
            ids[event.id] = sources.get(event.packet.source, "")
        if event.id in ids:
            sources[event.packet.source] = ids[event.id]
        if ids.get(event.id) == what:
            way.append(event)
    return way


def ordered(netns: str, stops: Mapping[str, Sequence[Event]]) -> Mapping[str, Sequence[Event]]:
    """The namespaces in the order of the way: each routing takes one off the time to live.

    + netns: where it starts
    """

    def key(name: str) -> tuple[bool, int, bool]:
        ends = any(item.chain == "seen-input" for item in stops[name] if not item.packet.bridged)
        return (name != netns, -max(item.packet.ttl for item in stops[name]), ends)

    return {name: stops[name] for name in sorted((name for name in stops if stops[name]), key=key)}


def back(
    netns: str, stops: Mapping[str, Sequence[Event]], there: Sequence[str]
) -> Mapping[str, Sequence[Event]]:
    """The same of the way back, to `netns`; where nothing else tells, it is the way there."""

    def key(name: str) -> tuple[int, bool, int]:
        turn = there.index(name) if name in there else 0
        return (-max(item.packet.ttl for item in stops[name]), name == netns, -turn)

    return {name: stops[name] for name in sorted((name for name in stops if stops[name]), key=key)}


def _numbered(met: Iterable[Event], saved: Sequence[str], native: Sequence[str]) -> Iterator[Event]:
    """With each rule's position, by what the tables say of themselves."""
    positions: dict[tuple[str, str, str], int] = {}
    counts: dict[tuple[str, str], int] = {}
    table = ""
    for line in saved:
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            chain = line.split(" ")[1]
            counts[table, chain] = counts.get((table, chain), 0) + 1
            positions.setdefault((table, chain, line), counts[table, chain])
    texts = dict(_native(native))
    for event in met:
        number = positions.get((event.table, event.chain, event.text))
        text = event.text.removeprefix(f"-A {event.chain} ")
        if event.handle and not text:
            number, text = texts.get((event.table, event.chain, event.handle), (None, ""))
        yield Event(**{**event.__dict__, "number": number, "text": text})


def _native(lines: Sequence[str]) -> Iterator[tuple[tuple[str, str, str], tuple[int, str]]]:
    """The rules of `nft -a list table` by table, chain and handle."""
    table, chain, count = "", "", 0
    for line in lines:
        words = line.split()
        if line.startswith("table "):
            table = words[2]
        elif words[0] == "chain" and words[-4:-3] == ["{"]:
            chain, count = words[1], 0
        elif found := re.match(r"\s+(.*) # handle (\d+)$", line):
            count += 1
            yield (table, chain, hex(int(found[2]))), (count, found[1])


def _grown(before: Sequence[str], after: Sequence[str]) -> Mapping[str, int]:
    first, then = _counters(before), _counters(after)
    return {
        key: value - first.get(key, 0) for key, value in then.items() if value > first.get(key, 0)
    }


def _counters(lines: Sequence[str]) -> Mapping[str, int]:
    """/proc/net/netstat, snmp (names above values) and snmp6 (name and value)."""
    found: dict[str, int] = {}
    names: list[str] = []
    for line in lines:
        words = line.split()
        if words[0].endswith(":") and not words[1].lstrip("-").isdigit():
            names = words
        elif words[0].endswith(":"):
            pairs = zip(names[1:], words[1:], strict=False)
            found |= {words[0][:-1] + name: int(value) for name, value in pairs}
        elif len(words) == 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found
