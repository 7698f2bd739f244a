"""`netwright watch`: drift, told as it happens."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from netwright import watch as watching
from netwright.commands.targets import chosen, limit_option, one_line_errors
from netwright.commands.watch_here import Here
from netwright.commands.watch_host import Local, Watched, watch_host
from netwright.errors import NetwrightError
from netwright.watch import Event

__all__ = ["watch"]

_AGAIN = 5.0
"""Seconds until a host that was lost is tried again."""


@dataclass
class _Sink:
    """Where events go."""

    form: str
    hook: str | None
    textfile: Path | None
    watched: list[Watched] = field(default_factory=list)

    def tell(self, events: Sequence[Event]) -> None:
        """A line and a hook for each, and the textfile for all."""
        for event in events:
            when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            if self.form == "json":
                line = json.dumps({"time": when, **event.document()})
            else:
                line = f"{when} {event}"
            click.echo(line)
            sys.stdout.flush()
            if self.hook is not None:
                self._hook(event)
        if self.textfile is not None:
            self._write(self.textfile)

    def _hook(self, event: Event) -> None:
        told = {"HOST": event.host, "EVENT": event.what, "PATH": event.drift.path}
        told |= {"PRESENT": json.dumps(event.drift.present)}
        told |= {"DECLARED": json.dumps(event.drift.declared)}
        environment = {**os.environ, **{f"NETWRIGHT_{key}": value for key, value in told.items()}}
        done = subprocess.run(["sh", "-c", str(self.hook)], env=environment, check=False)
        if done.returncode:
            click.echo(f"the hook failed with exit status {done.returncode}", err=True)

    def _write(self, path: Path) -> None:
        found = {item.host: list(item.found.values()) for item in self.watched}
        read_at = {item.host: item.read_at for item in self.watched}
        # Whole or not at all: others read it at any time.
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(watching.prometheus(found, read_at), encoding="utf-8")
        new.replace(path)


@click.command()
@click.argument("inventory", required=False, metavar="[INVENTORY|FILE]")
@limit_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--hook", metavar="COMMAND", help="Run by sh for each event; see NETWRIGHT_* below.")
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep metrics for node_exporter's textfile collector there; ends in .prom.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 3600),
    default=10.0,
    show_default=True,
    help="Seconds between two looks at what nothing tells of: tables, sets, parameters.",
)
@one_line_errors
def watch(
    inventory: str | None,
    limit: Sequence[str],
    form: str,
    hook: str | None,
    textfile: Path | None,
    interval: float,
) -> None:
    """Tell of drift as it happens, until it is interrupted.

    Links, addresses, routes, rules, neighbours and namespaces are told of within a second, tables
    and parameters at the next interval. Each drift is told once, and once more when it is mended.

    Without an argument it watches this host against what was converged here (its ledgers), as a
    systemd service would (docs/netwright-watch.service). A FILE in YAML is this host's declaration.
    The hosts of an INVENTORY are watched over SSH, and need nothing installed for it.
    On a host it has about 12 MB of private memory, with what it starts to listen; a look at
    something new takes another 25 MB while it lasts, half a second.

    \b
        netwright watch
        netwright watch inventory.py --limit web* --format json
        netwright watch --hook 'logger "$NETWRIGHT_PATH: $NETWRIGHT_EVENT"'

    A hook is given NETWRIGHT_HOST, _EVENT (drift or mended), _PATH, _PRESENT and _DECLARED (JSON).

    Exit status: 0 when interrupted, 1 if this host cannot be read.
    """
    sink = _Sink(form, hook, textfile)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if inventory is None or inventory.endswith((".yaml", ".yml")):
            _here(inventory, sink, interval)
        else:
            _from_outside(inventory, limit, sink, interval)
    except KeyboardInterrupt:
        raise SystemExit(0) from None


def _here(inventory: str | None, sink: _Sink, interval: float) -> None:
    here = Here(None if inventory is None else Path(inventory).resolve())
    watched = Watched(socket.gethostname(), Local(), here.look)
    sink.watched.append(watched)
    for events in watch_host(watched, interval):
        sink.tell(events)


def _from_outside(inventory: str, limit: Sequence[str], sink: _Sink, interval: float) -> None:
    import gevent
    from gevent.event import Event as Flag

    from netwright.commands.watch_look import Declared, look
    from netwright.commands.watch_remote import transport
    from netwright.verification.connection import NotReached
    from netwright.verification.inventory import Target

    targets = [item for item in chosen(inventory, limit).values() if item.settings is not None]
    wrong = [f"{item.name}: {problem}" for item in targets for problem in item.problems]
    if wrong:
        raise click.ClickException(wrong[0])

    def one(target: Target) -> None:
        assert target.settings is not None
        settings, reached = target.settings, transport(target.connection)
        declared = {settings.name: Declared(settings.network, settings.prune)}
        watched = Watched(target.name, reached, lambda: look(reached, declared))
        sink.watched.append(watched)
        while True:
            try:
                for events in watch_host(watched, interval):
                    sink.tell(events)
            except (NotReached, NetwrightError, OSError, EOFError) as error:
                click.echo(f"{target.name}: {error}; trying again", err=True)
                gevent.sleep(_AGAIN)

    interrupted = Flag()
    # Raised as an exception it would end whichever host is just at work, with a traceback.
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, interrupted.set)
    greenlets = [gevent.spawn(one, target) for target in targets]
    try:
        for ended in gevent.wait([interrupted, *greenlets], count=1):
            if ended is not interrupted:
                ended.get()
    finally:
        gevent.killall(greenlets, block=True, timeout=10)
