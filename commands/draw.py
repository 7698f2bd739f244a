"""`netwright draw`: declared or live networks as a picture."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netwright import picture_dot, picture_mermaid
from netwright.commands.targets import (
    chosen,
    each,
    inventory_argument,
    limit_option,
    one_line_errors,
)
from netwright.picture import Subject, picture
from netwright.state import NetworkState, load

if TYPE_CHECKING:
    from netwright.report import HostReport
    from netwright.verification.inventory import Target

__all__ = ["draw"]

_FORMS = ("svg", "png", "dot", "mermaid")


@click.command()
@inventory_argument
@limit_option
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write it there.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="What is written; svg, or what the ending of --output says.",
)
@click.option("--live", is_flag=True, help="Draw what the hosts have, not what is declared.")
@click.option("--drift", is_flag=True, help="Read the hosts, and colour what is not as declared.")
@one_line_errors
def draw(
    inventory: str,
    limit: Sequence[str],
    output: str | None,
    form: str | None,
    live: bool,
    drift: bool,
) -> None:
    """Draw hosts, namespaces, bridges, pairs, addresses, routes, NAT and published ports.

    What is declared is drawn without any host. With --drift, what a host lacks is red, and what is
    otherwise than declared is yellow.

    \b
        netwright draw inventory.py -o network.svg
        netwright draw inventory.py --drift -o drift.png
        netwright draw inventory.py --live --limit web1 --format mermaid

    svg and png are drawn by Graphviz (Debian's package graphviz); dot and mermaid are text.
    `netwright show` is the same.

    Exit status: 0, or 1 if a host that was asked did not answer.
    """
    if live and drift:
        raise click.UsageError("either --live or --drift")
    form = form or (Path(output).suffix.lstrip(".") if output else "svg")
    if form not in _FORMS:
        raise click.UsageError(
            f"{output}: no picture has this ending; accepted: {', '.join(_FORMS)}"
        )
    targets = chosen(inventory, limit, contact=live or drift, undeclared=True)
    subjects = _live(targets) if live else _declared(targets, drift)
    made = picture(subjects)
    text = picture_mermaid.render(made) if form == "mermaid" else picture_dot.render(made)
    content = _graphviz(text, form) if form in ("svg", "png") else text.encode()
    if output is None:
        click.echo(content, nl=False)
    else:
        Path(output).write_bytes(content)
    if any(item.error for item in subjects):
        raise SystemExit(1)


def _declared(targets: Mapping[str, Target], drift: bool) -> list[Subject]:
    from netwright.commands.plan import planned

    for target in targets.values():
        for problem in target.problems:
            raise click.ClickException(f"{target.name}: {problem}")
    reports = planned(targets) if drift else {}
    return [_subject(target, reports.get(name)) for name, target in targets.items()]


def _subject(target: Target, report: HostReport | None) -> Subject:
    state = target.settings.network if target.settings is not None else NetworkState()
    address = _address(target)
    if report is None:
        return Subject(target.name, state, address)
    found: dict[str, str] = {}
    for change in report.changes:
        if not change["goes_along"]:
            found[change["path"]] = "missing" if change["action"] == "create" else "changed"
    return Subject(target.name, state, address, found, "; ".join(report.errors))


def _live(targets: Mapping[str, Target]) -> list[Subject]:
    from netwright.commands.adopt import of_host

    found = each("reading", targets, of_host)
    return [
        Subject(name, NetworkState(), _address(targets[name]), error=result)
        if isinstance(result, str)
        else Subject(name, load(result.document), _address(targets[name]))
        for name, result in found.items()
    ]


def _address(target: Target) -> str | None:
    """Where the controller reaches it, if that is an address."""
    data = target.connection.pyinfra.data
    for text in (data.get("ssh_hostname"), target.name):
        try:
            return str(ipaddress.ip_address(str(text)))
        except ValueError:
            continue
    return None


def _graphviz(text: str, form: str) -> bytes:
    try:
        done = subprocess.run(
            ["dot", f"-T{form}"], input=text.encode(), capture_output=True, check=False
        )
    except FileNotFoundError:
        raise click.ClickException(
            "dot is not installed (package graphviz); or --format mermaid"
        ) from None
    if done.returncode:
        raise click.ClickException(
            f"dot failed: {done.stderr.decode(errors='replace').strip()[:300]}"
        )
    return done.stdout
