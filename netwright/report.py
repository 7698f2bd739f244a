"""What a plan says of hosts, for people, for a merge request and for machines; no secrets.

The JSON form is also the drift report. Fields are only ever added; `version` would change else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netwright import run
from netwright.iptables_plan import TableState
from netwright.model import Model
from netwright.run import Run
from netwright.step import Phase, Step

__all__ = ["VERSION", "HostReport", "document", "markdown", "of_run", "text"]

VERSION = 1
_SECRET = re.compile(r"(?:^|[._])(?:private_key|preshared_key|psk|secret|password)$")
_HIDDEN = "(secret)"


@dataclass(frozen=True)
class HostReport:
    """One host: what would change on it, or why that can't be said."""

    host: str
    name: str = "network"
    changes: tuple[Mapping[str, Any], ...] = ()
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    declared: bool = True

    @property
    def status(self) -> str:
        """`same`, `changes`, `error`, or `undeclared` for a host that declares no network."""
        if self.errors:
            return "error"
        if not self.declared:
            return "undeclared"
        return "changes" if self.changes else "same"


def of_run(host: str, made: Run, warnings: Iterable[str] = ()) -> HostReport:
    """The report of what a run would do."""
    # The ledger is written along with every change; by itself only when nothing else is new.
    steps = [step for step in made.plan if step.phase is not Phase.LEDGER] or made.plan
    lines = tuple(run.lines(steps))
    if steps and not lines:
        lines = ("~ the ledger: what is ours is written down, nothing else",)
    return HostReport(
        host,
        made.name,
        changes=tuple(_changes(steps)),
        lines=lines,
        warnings=(*warnings, *map(str, made.warnings)),
    )


def _changes(plan: Iterable[Step]) -> Iterator[Mapping[str, Any]]:
    for step in plan:
        if step.implied and step.put_back:
            continue
        if isinstance(step.after, TableState):
            yield from _chains(step)
            continue
        secret = bool(_SECRET.search(step.path))
        yield {
            "path": step.path,
            "action": _action(step),
            "before": _plain(step.before, secret),
            "after": _plain(step.after, secret),
            "goes_along": step.implied,
        }


def _chains(step: Step) -> Iterator[Mapping[str, Any]]:
    for name, then in step.after.chains.items():
        now = step.before.chains[name]
        yield {
            "path": f"{step.path}.{name}",
            "action": "create" if now is None else "remove" if then is None else "change",
            "before": _plain(now),
            "after": _plain(then),
            "goes_along": step.implied,
        }


def _action(step: Step) -> str:
    if step.put_back:
        return "put back"
    if step.attribute:
        return "change"
    if step.before is None:
        return "create"
    return "remove" if step.after is None else "change"


def _plain(value: Any, secret: bool = False) -> Any:
    """A value as JSON has it; of a file or a secret, no content."""
    if secret and value not in (None, ""):
        return _HIDDEN
    if isinstance(value, Model):
        return _plain(value.model_dump(mode="json", by_alias=True, exclude_none=True))
    if isinstance(value, Mapping):
        return {key: _plain(item, bool(_SECRET.search(key))) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str) and "\n" in value:
        digest = hashlib.sha256(value.encode()).hexdigest()
        return {"lines": len(value.splitlines()), "sha256": digest}
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def document(reports: Iterable[HostReport]) -> dict[str, Any]:
    """The machine-readable form; docs/plan.md has its fields."""
    hosts = [
        {
            "host": report.host,
            "name": report.name,
            "status": report.status,
            "changes": list(report.changes),
            "warnings": list(report.warnings),
            "errors": list(report.errors),
        }
        for report in reports
    ]
    return {"version": VERSION, "status": _worst(item["status"] for item in hosts), "hosts": hosts}


def _worst(statuses: Iterable[Any]) -> str:
    found = set(statuses)
    return "error" if "error" in found else "changes" if "changes" in found else "same"


def text(reports: Iterable[HostReport]) -> Iterator[str]:
    """For people: what the deploy's dry run says, host by host."""
    for report in reports:
        mark = f"[{report.host}]"
        yield from (f"{mark} warning: {line}" for line in report.warnings)
        yield from (f"{mark} error: {line}" for line in report.errors)
        if report.status in _SAID:
            yield f"{mark} {_SAID[report.status]}"
        yield from (f"{mark} {line}" for line in report.lines)


_SAID = {"same": "nothing would change", "undeclared": "declares no network"}


def markdown(reports: Iterable[HostReport]) -> Iterator[str]:
    """For a merge request: a table, and each host's plan as a diff that opens."""
    found = list(reports)
    yield "| host | what | things |"
    yield "|---|---|---|"
    for report in found:
        things = sum(not line.startswith(" ") for line in report.lines)
        yield f"| {report.host} | {report.status} | {things} |"
    for report in found:
        said = [*(f"! {line}" for line in (*report.errors, *report.warnings)), *report.lines]
        if said:
            yield ""
            yield f"<details><summary>{report.host}</summary>"
            yield ""
            yield "```diff"
            # GitHub and GitLab colour what starts with + or -; a change in place is neither.
            yield from (f"! {line[2:]}" if line.startswith("~ ") else line for line in said)
            yield "```"
            yield ""
            yield "</details>"
