"""`netwright rollout`: a change over many hosts, in waves that have to prove themselves."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from netwright import rollout as rolling
from netwright.commands.targets import (
    chosen,
    inventory_argument,
    limit_option,
    one_line_errors,
)
from netwright.rollout import Fate

if TYPE_CHECKING:
    from netwright.commands.rollout_host import Change
    from netwright.verification.inventory import Target

__all__ = ["rollout"]

_TRIES = 3
"""Times that a wave is verified, when hosts could not be connected to."""


@click.command()
@inventory_argument
@limit_option
@click.option(
    "--waves",
    "sizes",
    default="1,10%,100%",
    show_default=True,
    help="How many hosts each wave has: a number, or a percentage of those that change.",
)
@click.option(
    "--confirm",
    type=click.IntRange(10, 3600),
    default=120,
    show_default=True,
    help="Seconds after which a host undoes by itself what nobody has confirmed.",
)
@click.option("--verify/--no-verify", default=True, help="Verify a wave before it is confirmed.")
@one_line_errors
def rollout(inventory: str, limit: Sequence[str], sizes: str, confirm: int, verify: bool) -> None:
    """Converge many hosts in waves: a canary, some, the rest.

    Every host of a wave is changed, with its undo armed on it. Then the wave is verified, item by
    item and with packets (but for checks that need a variation). Only if all of that passes is it
    confirmed, over new connections; else the whole wave is undone, and the rest is not touched.
    If this command dies, the hosts of the running wave undo their change by themselves.

    \b
        netwright rollout inventory.py
        netwright rollout inventory.py --waves 1,5,25%,100% --confirm 300

    Run it again to resume: hosts that are as declared are in no wave.

    Exit status: 0 if every host is as declared at the end, 1 otherwise.
    """
    from netwright.commands.rollout_host import Change

    targets = chosen(inventory, limit)
    wrong = [f"{item.name}: {problem}" for item in targets.values() for problem in item.problems]
    if wrong:
        raise click.ClickException("; ".join(wrong[:5]))
    changes = {
        name: Change(target, _who(), confirm)
        for name, target in targets.items()
        if target.settings is not None
    }
    fates = _run(inventory, changes, sizes, verify)
    for line in rolling.report(fates):
        click.echo(line)
    if any(fate.what not in ("confirmed", "as declared") for fate in fates.values()):
        raise SystemExit(1)


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"


def _run(
    inventory: str, changes: Mapping[str, Change], sizes: str, verify: bool
) -> Mapping[str, Fate]:
    from netwright.commands.rollout_host import at_once

    rolling.waves(list(changes), sizes)  # what is wrong with the sizes is said before anything
    unready = at_once(changes.values(), lambda change: change.prepare())
    fates = {name: Fate(name, "unchanged", why=why) for name, why in unready.items() if why}
    ready = [name for name in changes if name not in fates]
    fates |= {name: Fate(name, "as declared") for name in ready if not changes[name].needed}
    todo = [name for name in ready if changes[name].needed]
    if len(fates) > len(ready) - len(todo):
        # A host that can't be changed is found before the first one is.
        fates |= {name: Fate(name, "untouched") for name in todo}
        return {name: fates[name] for name in changes}
    for number, wave in enumerate(rolling.waves(todo, sizes), 1):
        click.echo(f"wave {number}: {', '.join(wave)}")
        fates |= _wave(inventory, number, [changes[name] for name in wave], verify)
        if any(fates[name].what != "confirmed" for name in wave):
            break
    fates |= {name: Fate(name, "untouched") for name in todo if name not in fates}
    return {name: fates[name] for name in changes}


def _wave(inventory: str, number: int, wave: Sequence[Change], verify: bool) -> Mapping[str, Fate]:
    """One wave: changed, verified and confirmed, or undone as a whole."""
    from netwright.commands.rollout_host import at_once

    wrong = at_once(wave, lambda change: change.apply())
    if not any(wrong.values()) and verify:
        said = _verify(inventory, [change.target for change in wave])
        wrong = dict.fromkeys(wrong, said)
    if not any(wrong.values()):
        wrong = at_once(wave, lambda change: change.confirm_now())
        # Whom it was too late for has undone the change: the others stay, and are reported.
        return {
            name: Fate(name, "undone" if why else "confirmed", number, why or "")
            for name, why in wrong.items()
        }
    left = at_once(wave, lambda change: change.undo())
    return {
        name: Fate(name, "unclear" if left[name] else "undone", number, left[name] or why or "")
        for name, why in wrong.items()
    }


def _verify(inventory: str, targets: Iterable[Target]) -> str:
    """What the verification finds wrong with a wave, as one line."""
    names = [target.name for target in targets]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
    command += ["--pyinfra-inventory", inventory, "--verify", "-k", "not variation", *names]
    for _ in range(_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # 5: nothing is declared that could be verified.
        if done.returncode in (0, 5):
            return ""
        lines = [
            line for line in done.stdout.splitlines() if re.match(r"(?:FAILED|ERROR) \S+::", line)
        ]
        # A busy host may be slow to let somebody in; what it says once it does counts.
        if not any("::connection " in line for line in lines):
            break
    for line in lines:
        click.echo(f"  {line}")
    found = lines or done.stderr.splitlines()[-1:] or done.stdout.splitlines()[-1:]
    return f"verification: {found[0] if found else 'failed'}" + (
        f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    )
