"""One packet over several hosts: asked where it may come by, traced by all of these at the same
time, and asked afterwards what no rule tells."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from netwright import explain_places, explain_shell, explain_why
from netwright.errors import Problem, SnapshotError
from netwright.explain import Seen, seen
from netwright.explain_places import elsewhere
from netwright.explain_shell import Question, Route
from netwright.explain_why import Fate, Looked

__all__ = ["Run", "traced"]

Run = Callable[[str], str]
"""Runs a script on a host, and returns what it prints."""


class AtOnce(Protocol):
    """Does jobs; says the reason in place of the result of one that can't be done."""

    def __call__(self, what: str, jobs: Mapping[str, Callable[[], Any]]) -> Mapping[str, Any]: ...


def traced(
    runs: Mapping[str, Run], question: Question, at_once: AtOnce
) -> tuple[Seen, Looked, Fate]:
    """Sends the packet, and says what became of it.

    + runs: how each host is reached; the packet starts from the first

    Raises SnapshotError if that one can't tell; of the others it is noted.
    """
    start = next(iter(runs))
    asked = {name: question if name == start else elsewhere(question) for name in runs}
    told, missing = _parted(
        at_once(
            "reading", {name: functools.partial(_told, runs[name], asked[name]) for name in runs}
        ),
        start,
    )
    netns = explain_places.followed(question, start, told)
    sent, lost = _parted(_sent(runs, question, netns, at_once), start)
    own = sent.pop(start)
    found = explain_places.merged(own, sent, [*missing, *lost])
    after = _looked(runs, found, start, at_once)
    return found, after, explain_why.fate(found, after)


def _told(run: Run, question: Question) -> explain_places.Told:
    return explain_places.told(question, run(explain_shell.places(question)))


def _parted(answers: Mapping[str, Any], start: str) -> tuple[dict[str, Any], list[str]]:
    """What hosts said, and why others did not."""
    if isinstance(answers[start], str):
        raise SnapshotError([Problem("", answers[start])])
    silent = [name for name, item in answers.items() if isinstance(item, str)]
    notes = [f"not followed on {name}: {answers[name]}" for name in silent]
    return {name: item for name, item in answers.items() if name not in silent}, notes


def _sent(
    runs: Mapping[str, Run],
    question: Question,
    netns: Mapping[str, Sequence[str]],
    at_once: AtOnce,
) -> Mapping[str, Seen | str]:
    """Traces it on all hosts; it is sent when the others see what comes by."""
    start, *others = netns
    gate = secrets.token_hex(8)

    def tell(what: str, script: str) -> None:
        if others:
            at_once(what, {name: functools.partial(runs[name], script) for name in others})

    def send() -> Seen:
        tell("preparing", explain_shell.armed(gate))
        try:
            return seen(question, runs[start](explain_shell.trace(question, netns[start])))
        finally:
            tell("ending", explain_shell.over(gate))

    def watch(name: str) -> Seen:
        script = explain_shell.trace(elsewhere(question), netns[name], gate)
        return seen(elsewhere(question), runs[name](script))

    watching = {name: functools.partial(watch, name) for name in others}
    return at_once("tracing on", {**watching, start: send})


def _looked(runs: Mapping[str, Run], found: Seen, start: str, at_once: AtOnce) -> Looked:
    """What the hosts that it came by say of its way."""
    asked: dict[str, list[Route]] = {start: []}
    for route in explain_why.routes(found):
        host, _, netns = explain_places.place(start, route.netns).rpartition("/")
        asked.setdefault(host, []).append(replace(route, netns=netns))
    last = explain_places.place(start, list(found.stops or [found.question.netns])[-1])
    at, _, end = last.rpartition("/")

    def look(host: str) -> Looked:
        script = explain_shell.look(found.question, asked[host], end if host == at else "")
        return explain_why.looked(runs[host](script))

    answers = at_once("looking at", {host: functools.partial(look, host) for host in asked})
    own, _ = _parted(answers, start)
    return explain_places.together(own.pop(start), own)
