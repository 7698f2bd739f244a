"""The `netwright` command."""

from __future__ import annotations

import click

from netwright.commands.adopt import adopt
from netwright.commands.draw import draw
from netwright.commands.lab import lab
from netwright.commands.plan import plan
from netwright.commands.schema import lint, schema

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="netwright")
def main() -> None:
    """Converge Linux hosts to a declared network.

    Networks are declared in pyinfra inventories and converged by pyinfra:

    \b
        pyinfra inventories/lab.py deploys/network.py

    This command is for what stands beside it.
    """


for command in (adopt, draw, lab, lint, plan, schema):
    main.add_command(command)
