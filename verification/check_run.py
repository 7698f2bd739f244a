"""One check: listeners up, the probe from its place until it is settled, listeners down, a verdict.

Right after a converge, neighbours and bridges still have to learn. So what shall work has some
seconds of grace to do so; what shall not work is tried several times, and fails if it works once.
An expected refusal has the same grace, since it may hide behind silence: routers and hosts send
only so many errors a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from netwright.check import Check, Listen
from netwright.verification import attempts
from netwright.verification.attempts import Result, Vantage
from netwright.verification.connection import NotReached
from netwright.verification.hosts import Hosts
from netwright.verification.listener import Listener, ListenerFailed, start
from netwright.verification.outcome import Outcome
from netwright.verification.place import Place, resolve
from netwright.verification.probe import NoTool, Probe, choose
from netwright.verification.variation import VariationFailed, varied

__all__ = ["CheckFailed", "run_check"]

PAUSE = 0.3
PAUSE_ELSE = {"unreachable": 2.2}
"""Seconds between two requests. A router pays two for each error, and earns one a second, per host
(net/ipv4/route.c, ip_error, and icmp.c, icmpv4_xrlim_allow): asked faster, it falls silent."""
WAIT = {"timeout": 1}
WAIT_ELSE = 3
"""Seconds that one request waits for its answer; in three, a lost SYN is sent again twice."""
TRIES = {"timeout": 3, "refused": 2, "unreachable": 2, "ok": 1}
"""How often in a row the expected has to come."""


class CheckFailed(Exception):
    """A check that doesn't hold, or that can't be made; one line."""


def run_check(hosts: Hosts, host: str, number: int) -> None:
    """Run one of a host's checks. Raises CheckFailed."""
    settings = hosts.targets[host].settings
    assert settings is not None
    check = (settings.network.checks or ())[number]
    try:
        if check.with_ is None:
            _run(hosts, host, check)
        else:
            with varied(hosts.connection(host), settings, check.with_, _life(hosts, check)):
                _run(hosts, host, check)
    except (NotReached, NoTool, ListenerFailed, VariationFailed) as error:
        raise CheckFailed(str(error)) from None


def _life(hosts: Hosts, check: Check) -> int:
    """Seconds after which what a check brings to a host goes by itself: longer than it takes."""
    return int(120 + hosts.grace + 2 * WAIT_ELSE * (check.count or 1))


def _run(hosts: Hosts, host: str, check: Check) -> None:
    place = resolve(check.from_, host, hosts.targets)
    probe = Probe.of(check)
    expected = check.expect or "ok"
    seen: list[str] = []
    with _listening(hosts, host, check, probe, seen) as listeners:
        result = _settled(expected, _attempt(hosts, place, probe, expected), hosts.grace)
        _judge(expected, result, place)
        if expected == "ok":
            _judge_answers(check, result, listeners)
    if check.source_seen is not None:
        _judge_sources(check.source_seen, seen)


@contextmanager
def _listening(
    hosts: Hosts, host: str, check: Check, probe: Probe, seen: list[str]
) -> Iterator[list[Listener]]:
    """The check's listeners; `seen` is filled when they are stopped, which they always are."""
    listeners: list[Listener] = []
    try:
        for item in check.listen or ():
            listeners.append(_start(hosts, resolve(item.place, host, hosts.targets), check, item))
        yield list(listeners)
    except CheckFailed as error:
        raise CheckFailed("; ".join([str(error), *_stop(listeners, seen)])) from None
    finally:
        problems = _stop(listeners, seen)
    if problems:
        raise CheckFailed("; ".join(problems))


def _start(hosts: Hosts, place: Place, check: Check, item: Listen) -> Listener:
    probe = Probe.of(check)
    return start(
        place,
        hosts.connection(place.host),
        hosts.tools(place.host),
        protocol=check.protocol_of(item),
        family=probe.family,
        port=item.port,
        reply=item.reply,
        http=probe.kind == "http",
        life=_life(hosts, check),
    )


def _stop(listeners: list[Listener], seen: list[str]) -> list[str]:
    """Stop each once. Returns what went wrong."""
    problems = []
    while listeners:
        try:
            seen += listeners.pop().stop()
        except (ListenerFailed, NotReached) as error:
            problems.append(str(error))
    return problems


def _attempt(hosts: Hosts, place: Place, probe: Probe, expected: str) -> Callable[[], Result]:
    """The probe, ready to be run again and again."""
    connection, wait = hosts.connection(place.host), WAIT.get(expected, WAIT_ELSE)
    if probe.kind == "arping" and probe.dev is None:
        probe = replace(probe, dev=_dev_towards(hosts, place, probe))
    try:
        argv = choose(probe, hosts.tools(place.host), wait)
    except NoTool as error:
        raise NoTool(f"{place.host}: {error}") from None
    text = attempts.script(probe, place, argv)
    limit = 30.0 + (wait + 2) * probe.count

    def run() -> Result:
        try:
            return attempts.parse(probe, connection.script(text, limit).stdout)
        except Vantage as error:
            raise CheckFailed(f"nothing can be sent from {place}: {error}") from None

    return run


def _dev_towards(hosts: Hosts, place: Place, probe: Probe) -> str:
    words = f"{place.prefix}ip -o route get {probe.address}"
    result = hosts.connection(place.host).script(words)
    found = result.stdout.split(" dev ", 1)
    if result.rc or len(found) < 2:
        reason = " ".join((result.stderr or result.stdout).split())
        raise CheckFailed(f"no link of {place} leads to {probe.address} ({reason}); say which: dev")
    return found[1].split()[0]


def _settled(expected: str, attempt: Callable[[], Result], grace: float) -> Result:
    """The result that counts, after as many attempts as it takes to be sure."""
    deadline, tried, in_a_row = time.monotonic() + grace, 0, 0
    told: Result | None = None
    while True:
        result, tried = attempt(), tried + 1
        found = result.whole.result
        in_a_row = in_a_row + 1 if found == expected else 0
        if in_a_row == TRIES[expected]:
            return result
        # Silence may be all that follows an answer that the network gives once a second at most.
        told = result if found not in (expected, "timeout") else told
        hidden = expected not in ("ok", "timeout") and found == "timeout"
        over = time.monotonic() > deadline and not (hidden and tried == 1)
        if found != expected and (over or not (hidden or expected == "ok")):
            return told or result
        if found != "timeout":
            time.sleep(PAUSE_ELSE.get(found, PAUSE))


def _judge(expected: str, result: Result, place: Place) -> None:
    found = result.whole
    if found.result != expected:
        route = f"; route: {result.route}" if result.route else ""
        raise CheckFailed(f"expected {expected}, found {_shown(found)}; from {place}{route}")


def _shown(found: Outcome) -> str:
    return f"{found.result} ({found.words})" if found.words else found.result


def _judge_answers(check: Check, result: Result, listeners: list[Listener]) -> None:
    """That those answered who should have, and as many as should have."""
    answers = [item.answer for item in result.outcomes]
    known = {listener.reply for listener in listeners}
    for answer in answers:
        if known and answer not in known:
            raise CheckFailed(f"somebody else than the listener answered: {answer[:60]!r}")
    if check.spread is not None and len(set(answers)) != check.spread:
        counts = ", ".join(str(answers.count(answer)) for answer in dict.fromkeys(answers))
        raise CheckFailed(
            f"expected {check.spread} endpoints, found {len(set(answers))} in {len(answers)}"
            f" requests ({counts} answers)"
        )


def _judge_sources(wanted: str, seen: list[str]) -> None:
    if set(seen) != {wanted}:
        found = ", ".join(dict.fromkeys(seen)) or "nobody"
        raise CheckFailed(f"expected the listener to see {wanted}, it saw {found}")
