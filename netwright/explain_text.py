"""What `explain` says: the packet's way step by step, as text and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netwright.explain import Event, Seen
from netwright.explain_places import place
from netwright.explain_why import Fate, Looked

__all__ = ["Step", "document", "steps", "text"]


@dataclass(frozen=True)
class Step:
    """One thing that a packet met."""

    netns: str
    what: str
    """in, out, bridge, route, rule, policy, nat, local, counted"""
    says: str
    event: Event | None = None

    def document(self, host: str) -> dict[str, Any]:
        """For JSON.

        + host: of a namespace that names none
        """
        where, _, netns = place(host, self.netns).rpartition("/")
        told: dict[str, Any] = {"host": where, "netns": netns, "what": self.what, "says": self.says}
        if self.event is not None and self.what in ("rule", "policy"):
            item = self.event
            told |= {"table": item.table, "chain": item.chain, "verdict": item.verdict}
            told |= {"rule": item.number, "text": item.text or None}
        return told


def steps(found: Seen, after: Looked) -> Iterator[Step]:
    """All that the packet met, in its order."""
    if found.question.netns not in found.stops:
        name = found.question.netns
        yield Step(name, "route", after.route.get(name, ""))
    for name, met in found.stops.items():
        yield from _stop(name, met, after.route.get(name, ""))
        for item in found.legacy.get(name, ()):
            rule = f"{item.table} {item.chain} rule {item.number}: {item.text}"
            says = rule if item.number else f"{item.table} {item.chain}: policy {item.text[3:]}"
            yield Step(name, "counted", f"{says} [{item.packets} packets]")


def _stop(name: str, met: Sequence[Event], route: str) -> Iterator[Step]:
    ends: tuple[str, str] | None = None
    routed = False
    for event in met:
        packet = event.packet
        now = (packet.source, packet.target)
        if not packet.bridged:
            if ends not in (None, now):
                yield from _nat(name, ends, now)
            ends = now
            if not routed and (packet.oif or event.chain == "seen-input"):
                routed = True
                yield Step(name, "route", route)
        yield from _step(name, event)
    if not routed and ends is not None:
        yield Step(name, "route", route)


def _nat(name: str, before: tuple[str, str] | None, now: tuple[str, str]) -> Iterator[Step]:
    assert before is not None
    for what, old, new in zip(("source", "destination"), before, now, strict=True):
        if old != new:
            yield Step(name, "nat", f"{what} {old} becomes {new}")


def _step(name: str, event: Event) -> Iterator[Step]:
    packet = event.packet
    if not event.ours:
        end = event.verdict.replace(":", " ")
        where = f"{event.table} {event.chain}"
        if event.handle:
            number = event.number or "?"
            yield Step(name, "rule", f"{where} rule {number}: {event.text} [{end}]", event)
        else:
            yield Step(name, "policy", f"{where}: end of the chain [{end}]", event)
    elif event.handle and event.chain == "request-prerouting":
        port = "port " if packet.bridged else ""
        yield Step(name, "in", f"comes in by {port}{packet.iif}")
    elif event.chain == "seen-forward" and packet.bridged:
        yield Step(name, "bridge", f"is passed on from {packet.iif} to {packet.oif}")
    elif event.chain == "seen-output":
        yield Step(name, "bridge", f"is sent to port {packet.oif}")
    elif event.chain == "seen-input" and not packet.bridged:
        yield Step(name, "local", "is delivered")
    elif event.chain == "seen-postrouting" and not packet.bridged:
        yield Step(name, "out", f"leaves by {packet.oif}")


def text(host: str, found: Seen, after: Looked, end: Fate) -> Iterator[str]:
    """For people.

    + host: the one that it starts from; namespaces go without it where there is no other
    """

    def named(name: str) -> str:
        return place(host, name) if wide else name

    wide = any("/" in name for name in (*found.stops, *found.back))
    question = found.question
    aim = f" {question.kind}" + (f" port {question.port}" if question.port else "")
    yield f"{host}/{question.netns} to {question.address}{aim}"
    rows = list(steps(found, after))
    width = max(len(named(row.netns)) for row in rows)
    for row in rows:
        yield f"  {named(row.netns):{width}}  {row.what:7}  {row.says}"
    verdict = "arrives" if end.arrives and end.answered else "unanswered" if end.arrives else "dies"
    yield f"{verdict}: {named(end.netns)}: {end.why}"
    yield from (f"note: {item}" for item in notes(found))


def notes(found: Seen) -> Iterator[str]:
    """What has to be known to judge it."""
    yield from found.notes
    for name in found.legacy:
        yield f"{name} has rules of iptables-legacy: known by their counters, not by the trace"
    said = [line for line in found.answer if not line.startswith("status ")]
    for line in said:
        if "socat[" in line or line.startswith("From ") or "unreachable" in line.lower():
            yield f"the sender was told: {line.strip()}"


def document(host: str, found: Seen, after: Looked, end: Fate) -> dict[str, Any]:
    """For machines; fields are only ever added within a version."""
    question = found.question
    there, _, netns = place(host, end.netns).rpartition("/")
    return {
        "version": 1,
        "from": f"{host}/{question.netns}",
        "to": question.address,
        "kind": question.kind,
        "port": question.port or None,
        "arrives": end.arrives,
        "answered": end.answered,
        "host": there,
        "where": netns,
        "why": end.why,
        "steps": [step.document(host) for step in steps(found, after)],
        "counters": {name: dict(items) for name, items in found.counted.items()},
        "notes": list(notes(found)),
    }
