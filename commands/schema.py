"""`netwright schema` and `netwright lint`: a declaration without any host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from netwright.commands.targets import chosen, limit_option, one_line_errors
from netwright.errors import DeclarationError
from netwright.operations.declared import settings

__all__ = ["lint", "schema"]


@click.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write it there.")
@one_line_errors
def schema(output: str | None) -> None:
    """Print the JSON Schema of a declaration, for editors.

    \b
        netwright schema -o netwright.schema.json

    Most editors then check and complete a YAML file that starts with

    \b
        # yaml-language-server: $schema=netwright.schema.json

    What a schema cannot say (references, loops, ranges that depend on each other) `netwright lint`
    says. Exit status: 0.
    """
    from netwright.schema import schema as made

    text = json.dumps(made(), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="FILE|INVENTORY...")
@limit_option
@one_line_errors
def lint(what: Sequence[str], limit: Sequence[str]) -> None:
    """Check declarations without any host: all that is wrong, one line each.

    A FILE ends in .yaml or .yml and is one host's declaration; anything else is an inventory as
    pyinfra takes it, of which every host is checked.

    \b
        netwright lint site.yaml
        netwright lint inventory.py --limit web*

    Exit status: 0 if nothing is wrong, 1 otherwise.
    """
    lines = [line for item in what for line in _wrong(item, limit)]
    for line in lines:
        click.echo(line)
    if lines:
        raise SystemExit(1)


def _wrong(item: str, limit: Sequence[str]) -> Iterator[str]:
    if item.endswith((".yaml", ".yml")):
        try:
            settings({"network": Path(item).resolve()}, Path.cwd())
        except DeclarationError as error:
            # Its path in an inventory would start with the key that names the file.
            for problem in error.problems:
                yield f"{item}: {str(problem).removeprefix('network').lstrip('.:').lstrip()}"
        return
    for name, target in chosen(item, limit, contact=False).items():
        yield from (f"{name}: {problem}" for problem in target.problems)
