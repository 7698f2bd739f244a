"""`netwright adopt`: declarations of hosts that exist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netwright import adopt_read, adopt_text
from netwright.adopt import Adopted
from netwright.adopt import adopt as adopted_from
from netwright.commands.targets import (
    chosen,
    each,
    inventory_argument,
    limit_option,
    one_line_errors,
)

if TYPE_CHECKING:
    from netwright.verification.inventory import Target

__all__ = ["adopt", "of_host"]


@click.command()
@inventory_argument
@limit_option
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False),
    help="Write HOST.yaml for each host into this directory, instead of printing them.",
)
@click.option("--force", is_flag=True, help="Write over files that are there already.")
@one_line_errors
def adopt(inventory: str, limit: Sequence[str], output: str | None, force: bool) -> None:
    """Write the declarations of hosts that exist, by reading them.

    What a declaration says is all that a new host would not have by itself; converging it changes
    nothing on the host that it was read from. What cannot be declared, or plainly belongs to
    another tool (Docker, Calico, fail2ban, a routing daemon), is left out, with a comment.
    INVENTORY need not declare a network; nothing is changed on any host.

    \b
        netwright adopt web1.example.net,web2.example.net -o networks
        netwright adopt @local

    Then give each host `network: networks/HOST.yaml` in the inventory, and see that
    `netwright plan` finds nothing but the ledger to write.

    Exit status: 0, or 1 if any host could not be read.
    """
    found = each("reading", chosen(inventory, limit, undeclared=True), of_host)
    paths = {name: Path(output or ".") / f"{name.replace('/', '_')}.yaml" for name in found}
    there = [str(path) for path in paths.values() if output and path.exists() and not force]
    if there:
        raise click.ClickException(f"{there[0]} is there already; --force writes over it")
    failed = False
    for name, result in found.items():
        if isinstance(result, str):
            click.echo(f"Error: {name}: {result}", err=True)
            failed = True
            continue
        text = adopt_text.render(name, result)
        if output is None:
            click.echo(text, nl=False)
        else:
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            paths[name].write_text(text, encoding="utf-8")
            left = f", {len(result.remarks)} remarks" if result.remarks else ""
            click.echo(f"{name}: {paths[name]}{left}")
    if failed:
        raise SystemExit(1)


def of_host(target: Target) -> Adopted:
    """One host, read and adopted."""
    first = target.connection.script(adopt_read.names_script())
    names, set_macs = adopt_read.names(first.stdout.splitlines())
    second = target.connection.script(adopt_read.script(names))
    state, remarks = adopt_read.parse(second.stdout.splitlines())
    return adopted_from(state, set_macs, remarks)
