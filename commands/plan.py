"""`netwright plan`: what a deploy would change, and the drift report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from netwright import report
from netwright.commands.targets import (
    chosen,
    each,
    inventory_argument,
    limit_option,
    one_line_errors,
)

if TYPE_CHECKING:
    from netwright.report import HostReport
    from netwright.verification.inventory import Target

__all__ = ["plan", "planned"]


@click.command()
@inventory_argument
@limit_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="markdown is meant for a merge request, json for machines (docs/plan.md).",
)
@one_line_errors
def plan(inventory: str, limit: Sequence[str], form: str) -> None:
    """Show what a deploy would change: a dry run, for people and machines.

    Reads every host in one command and changes nothing. What it says of a host that was converged
    before is how the host has drifted since.

    \b
        netwright plan inventory.py
        netwright plan inventory.py --limit web1 --format json
        netwright plan inventory.py --format markdown > comment.md

    Exit status: 0 if nothing would change, 2 if something would, 1 if any host has an error.
    """
    reports = list(planned(chosen(inventory, limit)).values())
    found = report.document(reports)
    if form == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        for line in report.markdown(reports) if form == "markdown" else report.text(reports):
            click.echo(line)
    raise SystemExit({"same": 0, "changes": 2, "error": 1}[found["status"]])


def planned(targets: Mapping[str, Target]) -> Mapping[str, HostReport]:
    """What would change on each host, and why that can't be said of some."""
    wanted = {
        name: target
        for name, target in targets.items()
        if target.settings is not None and not target.problems
    }
    asked = each("reading", wanted, _of_host)
    return {name: _report(target, asked.get(name)) for name, target in targets.items()}


def _report(target: Target, found: HostReport | str | None) -> HostReport:
    if target.problems:
        return report.HostReport(target.name, errors=tuple(map(str, target.problems)))
    if found is None:
        return report.HostReport(target.name, declared=False)
    if isinstance(found, str):
        name = target.settings.name if target.settings else "network"
        return report.HostReport(target.name, name, errors=(found,))
    return found


def _of_host(target: Target) -> HostReport:
    from netwright.operations.converge import Wanted

    settings = target.settings
    assert settings is not None
    target.connection.connect()
    wanted = Wanted(settings.network, settings.name, settings.prune, settings.persist)
    before = wanted.read(target.connection.pyinfra)
    warnings = []
    if wanted.name in before.undone:
        who = before.undone[wanted.name]
        warnings.append(f"the last change was not confirmed, so the host undid it: {who}")
    if wanted.name in before.interrupted:
        who = before.interrupted[wanted.name]
        warnings.append(f"an earlier run did not come to its end ({who}); a deploy undoes it first")
    return report.of_run(target.name, wanted.prepare(before), warnings)
