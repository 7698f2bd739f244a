"""`netwright lab`: what is done to a lab beside declaring it."""

from __future__ import annotations

import functools
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

import netwright.lab
from netwright.lab import control, places, status
from netwright.lab.spec import HostSpec, LabError, LabSpec

__all__ = ["lab"]

P = ParamSpec("P")
DEFAULT = "inventories/lab.py"


def _one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except LabError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


inventory_argument = click.argument("inventory", default=DEFAULT)
hosts_argument = click.argument("hosts", nargs=-1, metavar="[HOST]...")


@click.group()
def lab() -> None:
    """Real Debian hosts on this machine, to try a network on.

    An inventory that calls netwright.lab.lab() brings its lab up when pyinfra or pytest reads it;
    these commands are for the rest. INVENTORY is that file, or the name of a lab that is up;
    without it inventories/lab.py is meant. All need root.

    \b
        netwright lab up                    # bring up the hosts of inventories/lab.py
        netwright lab status
        netwright lab shell my-lab.py a     # root on host a, also if its network is dead
        netwright lab reboot my-lab.py a    # or all hosts, without a name
        netwright lab down --all
    """


@lab.command()
@inventory_argument
@_one_line_errors
def up(inventory: str) -> None:
    """Bring a lab up and wait until its hosts have booted.

    What is up stays as it is. Hosts that the inventory no longer names are removed.
    """
    control.up(_declared(inventory))


@lab.command()
@click.argument("inventory", required=False)
@click.option("--all", "every", is_flag=True, help="All labs of this machine.")
@_one_line_errors
def down(inventory: str | None, every: bool) -> None:
    """Stop a lab's hosts and remove all of it, disks too.

    Nothing of the lab remains on the machine but the root image, which the next lab uses.
    """
    if every and inventory:
        raise click.UsageError("either an inventory or --all")
    names = places.lab_names() if every else [_name(inventory or DEFAULT)]
    for name in names:
        control.down(name)


@lab.command("status")
@inventory_argument
@_one_line_errors
def status_(inventory: str) -> None:
    """Show a lab's hosts; the exit status is 0 if all are up, 1 otherwise."""
    spec = _recorded(inventory)
    hosts = status.status(spec)
    click.echo(f"{spec.name}  {spec.subnet}  {spec.source}")
    for host in hosts:
        click.echo(f"  {host.name:20} {host.address:16} {host.state}")
    click.echo(f"ssh -F {places.ssh_config(spec.name)} {hosts[0].name}")
    if not status.is_up(spec):
        raise SystemExit(1)


@lab.command("list")
@_one_line_errors
def list_() -> None:
    """List the labs of this machine."""
    for spec in status.recorded_labs():
        hosts = status.status(spec)
        count = sum(host.state == "up" for host in hosts)
        click.echo(f"{spec.name:20} {spec.subnet:18} {count}/{len(hosts)} up  {spec.source}")


@lab.command()
@inventory_argument
@hosts_argument
@click.option("--hard", is_flag=True, help="Cut the power instead of shutting down.")
@_one_line_errors
def reboot(inventory: str, hosts: tuple[str, ...], hard: bool) -> None:
    """Boot hosts again, all of them if none is named, and wait until they are up.

    The disk stays, the network of before does not: what a host has then is what it brings up at
    boot.
    """
    spec = _recorded(inventory)
    control.reboot(spec, _hosts(spec, hosts), hard=hard)


@lab.command(context_settings={"ignore_unknown_options": True})
@inventory_argument
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@_one_line_errors
def shell(inventory: str, host: str, command: tuple[str, ...]) -> None:
    """Be root on a host, without its network: a login shell, or COMMAND and its exit status.

    \b
        netwright lab shell inventories/lab.py a
        netwright lab shell inventories/lab.py a ip -br address
    """
    spec = _recorded(inventory)
    arguments = control.shell(spec, spec.host(host), command)
    os.execvp(arguments[0], arguments)


def _declared(inventory: str) -> LabSpec:
    """The lab that an inventory file declares; reading it starts nothing."""
    path = Path(inventory)
    if not path.is_file():
        raise LabError(f"{inventory}: there is no such inventory file")
    before = os.environ.get("NETWRIGHT_LAB")
    os.environ["NETWRIGHT_LAB"] = "off"
    netwright.lab.declared.clear()
    try:
        runpy.run_path(str(path))
    except Exception as error:
        # Here, since no other command of a lab needs pyinfra, which takes half a second to load.
        from pyinfra.api.exceptions import InventoryError

        if not isinstance(error, InventoryError):
            raise
        raise LabError(str(error)) from error
    finally:
        if before is None:
            del os.environ["NETWRIGHT_LAB"]
        else:
            os.environ["NETWRIGHT_LAB"] = before
    if len(netwright.lab.declared) != 1:
        count = len(netwright.lab.declared)
        raise LabError(f"{inventory}: declares {count} labs (netwright.lab.lab()), 1 is expected")
    return netwright.lab.declared[0]


def _name(inventory: str) -> str:
    """The name of a lab, by its inventory or by itself: that of one that is down will do."""
    if inventory in places.lab_names():
        return inventory
    return _declared(inventory).name


def _recorded(inventory: str) -> LabSpec:
    """A lab that has been brought up."""
    name = _name(inventory)
    spec = status.recorded(name)
    if spec is None:
        raise LabError(f"lab {name} is down; `netwright lab up {inventory}` brings it up")
    return spec


def _hosts(spec: LabSpec, names: tuple[str, ...]) -> list[HostSpec]:
    return [spec.host(name) for name in names] if names else list(spec.hosts)
