"""What came of a probe, read from what its tool said. Pure.

ok           an answer: an echo, an ARP reply, a connection, a datagram, an HTTP status below 400
refused      a TCP reset in place of a connection, or ICMP port unreachable
unreachable  any other ICMP destination unreachable, from a router or from the sender's own routes
timeout      nothing at all, or nobody answered ARP or neighbour discovery for the next hop
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Attempt", "Outcome", "outcome", "summary"]


@dataclass(frozen=True)
class Attempt:
    """One run of a tool."""

    rc: int
    out: str
    err: str


@dataclass(frozen=True)
class Outcome:
    """`result` is one of those above or `error`: the probe itself went wrong, so it says nothing.

    `words`: the tool's own, for people. `answer`: what the other side sent, if it was wanted.
    """

    result: str
    words: str = ""
    answer: str = ""


# The kernel's errors as strerror(3) and the tools spell them.
_ERRORS = (
    (r"Connection refused|Port Unreachable|Port unreachable", "refused"),
    (
        r"No route to host|Network is unreachable|Host is unreachable|Network is down"
        r"|Destination \w+ (?:Unreachable|Prohibited)|Destination unreachable|Packet filtered"
        r"|[Mm]essage too long|Frag needed|Packet too big"
        # A route of type prohibit, and one of type blackhole; ping words the first its own way.
        r"|(?:connect\b.*|sendto|fail for \S+): (?:Permission denied|Invalid argument)"
        r"|check your local firewall rules",
        "unreachable",
    ),
    # Dropped by the sender's own firewall; a packet that never left isn't answered either.
    (
        r"[Cc]onnection timed out|[Oo]peration timed out|timed out after"
        r"|send\w*: Operation not permitted",
        "timeout",
    ),
)
_KILLED_BY_TIMEOUT = (124, 143)


def outcome(kind: str, attempt: Attempt) -> Outcome:
    """What one run of a probe's tool means; what is not understood is an error, never a result."""
    return _READ[kind](attempt)


def _echo(attempt: Attempt) -> Outcome:
    text = f"{attempt.out}\n{attempt.err}"
    counts = re.search(r"(\d+) packets transmitted, (\d+) (?:packets )?received", text)
    if counts:
        return _counted(int(counts[1]), int(counts[2]), text)
    return _failed(attempt.rc, text)


def _arp(attempt: Attempt) -> Outcome:
    text = f"{attempt.out}\n{attempt.err}"
    counts = re.search(r"(\d+) packets transmitted,\s+(\d+) packets received", text)
    if counts:
        return _counted(int(counts[1]), int(counts[2]), text)
    sent = re.search(r"Sent (\d+) probe", text)
    received = re.search(r"Received (\d+) (?:response|repl)", text)
    if sent and received:
        return _counted(int(sent[1]), int(received[1]), text)
    return _failed(attempt.rc, text)


def _counted(sent: int, received: int, text: str) -> Outcome:
    if received >= sent > 0:
        return Outcome("ok", f"{received} of {sent} answered")
    if received:
        return Outcome("partly", f"{received} of {sent} answered")
    found = _known(text)
    return found or Outcome("timeout", f"none of {sent} answered")


def _connection(attempt: Attempt) -> Outcome:
    if attempt.rc == 0:
        return Outcome("ok", "connected", _without_mark(attempt.out))
    found = _failed(attempt.rc, attempt.err)
    if found.result == "timeout" and "connected" in attempt.out.split("\n", 1)[0]:
        return Outcome("timeout", "connected, and then no answer")
    return found


def _without_mark(out: str) -> str:
    return out.removeprefix("connected\n").strip()


def _datagram(attempt: Attempt) -> Outcome:
    if attempt.rc == 0 and attempt.out.strip():
        return Outcome("ok", "answered", attempt.out.strip())
    if attempt.rc == 0:
        return Outcome("timeout", "no datagram came back")
    return _failed(attempt.rc, attempt.err)


def _web(attempt: Attempt) -> Outcome:
    statuses = re.findall(r"^(?:< |\s*)HTTP/[\d.]+ (\d{3})", attempt.err, re.MULTILINE)
    if statuses:
        number = int(statuses[-1])
        if number < 400:
            if attempt.rc == 0:
                return Outcome("ok", f"status {number}", attempt.out.strip())
            return _failed(attempt.rc, attempt.err)
        return Outcome("error", f"the server answered with status {number}")
    return _failed(attempt.rc, attempt.err)


# Of a connection only the tool's errors are read: what the other side sends may say anything.
def _failed(rc: int, text: str) -> Outcome:
    found = _known(text)
    if found is not None:
        return found
    if rc in _KILLED_BY_TIMEOUT:
        return Outcome("timeout", "no answer")
    words = " / ".join(line.strip() for line in text.splitlines()[-3:] if line.strip())
    return Outcome("error", f"the tool ended with {rc}: {words or 'no word of why'}")


def _known(text: str) -> Outcome | None:
    for pattern, result in _ERRORS:
        found = re.search(pattern, text)
        if found:
            line = next(line for line in text.splitlines() if found[0] in line)
            return Outcome(result, line.strip())
    return None


_READ: Mapping[str, Callable[[Attempt], Outcome]] = {
    "ping": _echo,
    "arping": _arp,
    "tcp": _connection,
    "udp": _datagram,
    "http": _web,
}


def summary(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome for several requests: theirs if they agree, else `partly`."""
    results = [item.result for item in outcomes]
    if len(set(results)) == 1:
        return outcomes[0]
    counts = [f"{results.count(result)} {result}" for result in dict.fromkeys(results)]
    other = next(item for item in outcomes if item.result != "ok")
    return Outcome("partly", f"{', '.join(counts)}; {other.words}")
