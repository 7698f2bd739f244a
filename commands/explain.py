"""`netwright explain`: why a packet gets there, or where it dies."""

from __future__ import annotations

import ipaddress
import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from netwright import explain_text
from netwright.commands.explain_hosts import Run, traced
from netwright.commands.targets import (
    at_once,
    chosen,
    inventory_argument,
    limit_option,
    one_line_errors,
)
from netwright.errors import NetwrightError
from netwright.explain_shell import Question

if TYPE_CHECKING:
    from netwright.verification.inventory import Target

__all__ = ["explain"]

_NUMBERS = (20000, 32000)
"""Source ports below those that the kernel gives away by itself."""
_TIMEOUT = 90.0
"""Seconds that a host may say nothing: until another one has sent the packet, for example."""


@click.command()
@inventory_argument
@click.argument("source", metavar="FROM")
@click.argument("address", metavar="TO")
@click.argument("probe", required=False, default="icmp", metavar="[tcp:PORT|udp:PORT|icmp]")
@limit_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@one_line_errors
def explain(
    inventory: str, source: str, address: str, probe: str, limit: Sequence[str], form: str
) -> None:
    """Show why a packet gets there, or where it dies: with a real packet, traced.

    FROM is `host` or a namespace of the one host that --limit leaves, or HOST/NAMESPACE of the
    inventory; TO is an address. Told is what the packet meets in each namespace: routes, rules,
    NAT, bridges, and how it ends. It is followed over the hosts of the inventory (those that
    --limit leaves) that have its target, a gateway on its way, or what NAT makes of its target.

    \b
        netwright explain inventory.py web1/host 192.0.2.10 tcp:443
        netwright explain inventory.py --limit web1 blue 2001:db8::10
        netwright explain inventory.py web1/blue 10.0.0.1 udp:53 --format json

    The packet is marked by an nftables table of its own, which the kernel removes with the process
    that made it, however that ends; no rule of the host is touched. Needed there: nft,
    xtables-monitor (package iptables), and socat for tcp and udp where it starts.

    Exit status: 0 if the packet arrives and is answered (or refused by its target itself), 1 if it
    or its answer dies, 2 if it can't be told: wrong usage, or the host can't be asked.
    """
    question = Question(*_asked(source, address, probe), number=random.randint(*_NUMBERS))
    targets = chosen(inventory, limit, undeclared=True)
    start = _target(targets, source).name
    runs = {name: _run(targets[name]) for name in dict.fromkeys([start, *targets])}
    try:
        result = traced(runs, question, at_once)
    except NetwrightError as error:
        click.echo(f"Error: {start}: {'; '.join(map(str, error.problems))}", err=True)
        raise SystemExit(2) from None
    finally:
        for target in targets.values():
            target.connection.disconnect()
    if form == "json":
        click.echo(json.dumps(explain_text.document(start, *result), indent=2))
    else:
        for line in explain_text.text(start, *result):
            click.echo(line)
    raise SystemExit(result[2].status)


def _run(target: Target) -> Run:
    return lambda script: target.connection.script(script, _TIMEOUT).stdout


def _asked(source: str, address: str, probe: str) -> tuple[str, str, str, int]:
    """The question's words. Raises click's usage error."""
    netns = source.rpartition("/")[2]
    if not netns or netns.startswith("-"):
        raise click.UsageError(f"FROM: {source!r} names no namespace")
    try:
        aim = str(ipaddress.ip_address(address))
    except ValueError:
        raise click.UsageError(f"TO: {address!r} is no address") from None
    if probe == "icmp":
        return netns, aim, "icmp", 0
    found = re.fullmatch(r"(tcp|udp):([0-9]{1,5})", probe)
    if not found or not 1 <= int(found[2]) <= 65535:
        raise click.UsageError(f"{probe!r}: accepted are tcp:PORT, udp:PORT, icmp")
    return netns, aim, found[1], int(found[2])


def _target(targets: Mapping[str, Target], source: str) -> Target:
    name = source.rpartition("/")[0]
    if name:
        if name not in targets:
            raise click.UsageError(f"{name}: no such host; hosts: {', '.join(list(targets)[:8])}")
        return targets[name]
    if len(targets) != 1:
        raise click.UsageError(f"{source}: on which of {len(targets)} hosts? HOST/{source}")
    return next(iter(targets.values()))
