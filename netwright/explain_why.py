"""Where a traced packet ended, and why: by the last rule that it met, or by what the routing, the
neighbours and the bridges of that namespace say where no rule tells."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netwright.explain import Event, Seen, sections
from netwright.explain_legacy import dropping
from netwright.explain_shell import Route

__all__ = ["Fate", "Looked", "fate", "looked", "routes", "tail"]

_REFUSED = re.compile(r"refused", re.I)
_NAT = re.compile(r"--to-destination \[?([0-9a-fA-F.:]+?)\]?(?::\d+)?(?:-\S*)?$")
_WHY_NO_ROUTE = {
    "Invalid cross-device link": "the reverse path filter drops it (rp_filter): {source} is not "
    "reached by {iif}",
    "Network is unreachable": "no route leads to {address}",
    "No route to host": "{address} is unreachable by the routes",
    "Permission denied": "a route prohibits {address}",
    "Invalid argument": "the routing refuses it: {source} may not come by {iif} (martian)",
}


@dataclass(frozen=True)
class Looked:
    """What a namespace says of the packet afterwards."""

    route: Mapping[str, str] = field(default_factory=dict)
    """Namespace -> the routing decision in one line, or the kernel's word why there is none."""
    matching: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Namespace -> the routes that match the target."""
    forwards: Mapping[str, str] = field(default_factory=dict)
    """Namespace -> `0` where the link that it came by doesn't forward."""
    links: Mapping[str, Any] = field(default_factory=dict)
    neighbours: Mapping[str, Any] = field(default_factory=dict)
    fdb: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fate:
    """Where it ended: it reached a socket (or the ICMP) of this host, it left, or it died."""

    netns: str
    why: str
    arrives: bool
    answered: bool

    @property
    def status(self) -> int:
        """Exit status."""
        return 0 if self.arrives and self.answered else 1


def address(end: str) -> str:
    """Of `ADDRESS`, `ADDRESS:PORT` and `[ADDRESS]:PORT`."""
    if end.startswith("["):
        return end[1:].partition("]")[0]
    return end.partition(":")[0] if end.count(":") == 1 else end


def tail(met: Sequence[Event], hook: str, bridged: bool = False) -> Event | None:
    """The event that shows that a packet came through a hook."""
    for event in met:
        if event.ours and event.chain == f"seen-{hook}" and event.packet.bridged == bridged:
            return event
    return None


def routes(found: Seen) -> list[Route]:
    """The routing decisions on its way, to be asked for again."""
    start = found.question
    asked = [] if start.netns in found.stops else [Route(start.netns, start.address)]
    for name, met in found.stops.items():
        routed = [item for item in met if not item.packet.bridged]
        if not routed:
            continue
        first = routed[0]
        if name == start.netns and first.chain != "request-prerouting":
            asked.append(Route(name, _target(routed, "output"), address(first.packet.source)))
        else:
            source, iif = address(first.packet.source), first.packet.iif
            asked.append(Route(name, _target(routed, "prerouting"), source, iif))
    return asked


def _target(met: Sequence[Event], hook: str) -> str:
    """Where it goes when it is routed, which NAT may have changed."""
    for event in met:
        if event.ours and event.chain in ("seen-forward", "seen-input", "seen-postrouting"):
            return address(event.packet.target)
    for event in met:
        if found := _NAT.search(event.text):
            return found[1]
    return address(met[-1].packet.target)


def looked(output: str) -> Looked:
    """What the script of a look printed."""
    told: dict[str, dict[str, Any]] = {}
    for heading, lines in sections(output):
        what, _, name = heading.partition(" ")
        if what in ("links", "neighbours", "fdb"):
            told.setdefault(what, {})[name] = json.loads("\n".join(lines) or "[]")
        elif what == "route":
            words = " ".join(lines).replace("\\", " ")
            words = re.sub(r"\buid \d+|\bcache\b.*|\b(?:metric|pref) \S+", "", words)
            told.setdefault(what, {})[name] = " ".join(words.split())
        elif what == "forwards":
            told.setdefault(what, {})[name] = "".join(lines).strip()
        elif what == "matching":
            told.setdefault(what, {})[name] = lines
    return Looked(**told)


def fate(found: Seen, after: Looked) -> Fate:
    """Where the packet ended, and whether an answer came back."""
    answer = "\n".join(found.answer)
    answered = _answered(found)
    if not found.stops:
        return Fate(
            found.question.netns, _no_route(found, after, found.question.netns), False, False
        )
    name, met = list(found.stops.items())[-1]
    if dropped := _dropped(met):
        return Fate(name, dropped, False, False)
    if tail(met, "input"):
        return _delivered(found, name, answered, bool(_REFUSED.search(answer)))
    if answered:
        left = tail(met, "postrouting") or tail(met, "postrouting", bridged=True)
        return Fate(name, f"leaves the host by {left.packet.oif if left else '?'}", True, True)
    return Fate(name, _lost(found, after, name, met), False, False)


def _answered(found: Seen) -> bool:
    answer = "\n".join(found.answer)
    if found.question.kind == "icmp":
        return " bytes from " in answer and " 0% packet loss" in answer
    if found.question.kind == "tcp":
        return bool(re.search(r"^status 0$", answer, re.M))
    return any(not re.search(r"^status \d+$|socat\[\d+\]", line) for line in found.answer)


def _dropped(met: Sequence[Event]) -> str:
    """The rule or policy that ended it."""
    event = met[-1]
    if event.ours or event.verdict.partition(":")[0] in ("ACCEPT", "CONTINUE", "RETURN"):
        return ""
    how = "rejected" if "REJECT" in event.text or "reject" in event.text else "dropped"
    if event.verdict.startswith("QUEUE"):
        how = "handed to a program (NFQUEUE)"
    place = f"chain {event.chain} of {event.table}"
    if not event.handle:
        return f"{how} by the policy of {place}"
    rule = f"rule {event.number}" if event.number else "a rule"
    via = _came_from(met, event)
    return f"{how} by {rule} of {place}{via}: {event.text}"


def _came_from(met: Sequence[Event], event: Event) -> str:
    for item in reversed(met):
        if item.table == event.table and item.verdict in (
            f"JUMP:{event.chain}",
            f"GOTO:{event.chain}",
        ):
            return f", which rule {item.number} of {item.chain} jumps to"
    return ""


def _delivered(found: Seen, name: str, answered: bool, refused: bool) -> Fate:
    question = found.question
    if answered:
        return Fate(name, "arrives, and is answered", True, True)
    if refused and not dropping(found.legacy, name):
        why = f"arrives, and is refused: nothing listens on {question.kind} port there"
        return Fate(name, why, True, True)
    for place, met in found.back.items():
        if dropped := _dropped(met):
            return Fate(place, f"arrives in {name}, but its answer is {dropped}", True, False)
    for place in (*found.back, *found.stops):
        if dropped := dropping(found.legacy, place):
            return Fate(place, f"arrives in {name}, but its answer is {dropped}", True, False)
    if found.back:
        last = list(found.back)[-1]
        return Fate(last, f"arrives in {name}, but its answer is lost after {last}", True, False)
    return Fate(name, "arrives, but nothing answers", True, question.kind == "udp")


def _no_route(found: Seen, after: Looked, name: str) -> str:
    route = after.route.get(name, "")
    words = {"address": found.question.address, "source": "its source", "iif": "that link"}
    if name in found.stops:
        met = [item for item in found.stops[name] if not item.packet.bridged]
        packet = met[-1].packet
        words = {
            "address": _target(met, "prerouting"),
            "source": address(packet.source),
            "iif": packet.iif,
        }
        if after.forwards.get(name) == "0" and "answers:" in route:
            return f"{packet.iif} does not forward (ip_forward, or its own forwarding, is 0)"
    special = [line for line in after.matching.get(name, ()) if line.split()[0] in _SPECIAL]
    filtered = found.counted.get(name, {}).get("TcpExtIPReversePathFilter", 0)
    if "answers: Invalid argument" in route:
        # Newer kernels say so little of both, and count the one.
        if special:
            return f"a route drops what goes to {words['address']} ({special[-1].strip()})"
        route = route if not filtered else "answers: Invalid cross-device link"
    for said, why in _WHY_NO_ROUTE.items():
        if f"answers: {said}" in route:
            by = f" ({special[-1].strip()})" if special and "cross" not in said else ""
            return why.format(**words) + by
    return f"the routing drops it: {route}" if "answers:" in route else ""


_SPECIAL = ("blackhole", "prohibit", "unreachable", "throw")


def _lost(found: Seen, after: Looked, name: str, met: Sequence[Event]) -> str:
    """No rule ended it and no answer came."""
    left = tail(met, "postrouting")
    if left is None and (why := dropping(found.legacy, name)):
        return why
    if left is None and (why := _no_route(found, after, name)):
        return why
    if why := _bridge(after, name, met):
        return why
    if left is None:
        last = met[-1]
        return f"lost after {last.chain.partition('-')[2]}: no rule, route or bridge tells why"
    return _beyond(after, name, left)


def _beyond(after: Looked, name: str, left: Event) -> str:
    """It left a namespace, and was seen nowhere else."""
    via = re.search(r" via (?:inet6 )?(\S+)", after.route.get(name, ""))
    hop = via[1] if via else address(left.packet.target)
    for item in after.neighbours.get(name, ()):
        dead = {"FAILED", "INCOMPLETE"} & set(item.get("state", ()))
        if item.get("dst") == hop and item.get("dev") == left.packet.oif and dead:
            return f"nobody answers for {hop} on {left.packet.oif}"
    return f"leaves by {left.packet.oif} to {hop}, and nothing comes back"


def _bridge(after: Looked, name: str, met: Sequence[Event]) -> str:
    """A bridge took it and passed it on to nobody."""
    came = [
        item.packet for item in met if item.packet.bridged and item.chain == "request-prerouting"
    ]
    if not came or tail(met, "forward", bridged=True) or tail(met, "output", bridged=True):
        return ""
    packet = came[-1]
    links = {item["ifname"]: item for item in after.links.get(name, ())}
    bridge = links.get(packet.iif, {}).get("master", "")
    target = _target(met, "prerouting")
    port = _port(after, name, bridge, target)
    if port is None:
        return f"{bridge} passes it on to nobody: no port of it leads to {target}"
    state = _port_data(links[port])
    if port == packet.iif and not state.get("hairpin"):
        return f"{bridge} does not send it back by {port}, where it came from: its hairpin is off"
    if state.get("isolated") and _port_data(links[packet.iif]).get("isolated"):
        return f"{bridge} keeps {packet.iif} and {port} apart: both ports are isolated"
    if state.get("state") != "forwarding":
        return f"{bridge} does not pass it on: {port} is {state.get('state')}"
    return f"{bridge} does not pass it on to {port}"


def _port_data(link: Mapping[str, Any]) -> Mapping[str, Any]:
    data: Mapping[str, Any] = link.get("linkinfo", {}).get("info_slave_data", {})
    return data


def _port(after: Looked, name: str, bridge: str, target: str) -> str | None:
    """The port that leads to an address, by the neighbours and what the bridge has learnt."""
    macs = {
        item["lladdr"]
        for item in after.neighbours.get(name, ())
        if item.get("dst") == target and "lladdr" in item
    }
    for item in after.fdb.get(name, ()):
        if item.get("mac") in macs and item.get("master") == bridge:
            return str(item["ifname"])
    return None
