"""The `netwright` command."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["main"]

_VERBS = {
    "adopt": "adopt",
    "draw": "draw",
    "explain": "explain",
    "lab": "lab",
    "lint": "schema",
    "plan": "plan",
    "rollout": "rollout",
    "schema": "schema",
    "watch": "watch",
}
"""Verb -> the module that it is in. Each is loaded when it is used: a watcher on a host has to be
small, and what talks to hosts is not."""


_ALIASES = {"show": "draw"}
"""Other names, which the list of verbs leaves out."""


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = _ALIASES.get(cmd_name, cmd_name)
        if verb not in _VERBS:
            return None
        module = import_module(f"netwright.commands.{_VERBS[verb]}")
        command: click.Command = getattr(module, verb)
        return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="netwright")
def main() -> None:
    """Converge Linux hosts to a declared network.

    Networks are declared in pyinfra inventories and converged by pyinfra:

    \b
        pyinfra inventories/lab.py deploys/network.py

    This command is for what stands beside it.
    """
