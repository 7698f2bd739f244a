"""What every verb does first: read the inventory, choose its hosts, and reach them all at once."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from netwright.errors import NetwrightError

if TYPE_CHECKING:
    from netwright.verification.inventory import Target

P = ParamSpec("P")
R = TypeVar("R")

__all__ = [
    "PARALLEL",
    "at_once",
    "chosen",
    "each",
    "inventory_argument",
    "limit_option",
    "one_line_errors",
]

PARALLEL = 40
"""Hosts that are asked at the same time."""
_PATIENCE = 2.0
"""Seconds after which it is said what is waited for."""

inventory_argument = click.argument("inventory")
limit_option = click.option(
    "--limit",
    multiple=True,
    metavar="HOST|GROUP",
    help="Only these hosts, by name (with * and ?) or group; can be given several times.",
)


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Every foreseen error is one line on stderr, and exit status 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except NetwrightError as error:
            for problem in error.problems:
                click.echo(f"Error: {problem}", err=True)
            raise SystemExit(1) from None
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads on
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(str(error)) from None

    return wrapped


def chosen(
    inventory: str, limit: Sequence[str] = (), contact: bool = True, undeclared: bool = False
) -> Mapping[str, Target]:
    """The hosts of an inventory that `--limit` leaves, in the inventory's order.

    + contact: False: no host will be asked, so a lab that is down stays down
    + undeclared: whether an inventory will do in which no host declares a network

    Raises click's exception with one line if there are none, or the inventory can't be used.
    """
    # pyinfra takes a second to load, and patches threads and sockets: only where it is needed.
    from netwright.verification.inventory import InventoryError, read

    logging.getLogger("pyinfra").setLevel(logging.ERROR)
    # It is raised as well; without a handler it is printed, with a traceback.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    try:
        with _lab(contact):
            targets = read(inventory, undeclared)
    except InventoryError as error:
        raise click.ClickException(str(error)) from None
    groups = _groups(next(iter(targets.values())))
    for item in limit:
        if item not in groups and not any(fnmatch(name, item) for name in targets):
            names = ", ".join(list(targets)[:8])
            raise click.ClickException(f"--limit {item}: no such host or group; hosts: {names}")
    return {
        name: target
        for name, target in targets.items()
        if not limit or any(fnmatch(name, item) or name in groups.get(item, ()) for item in limit)
    }


def _groups(target: Target) -> Mapping[str, set[str]]:
    groups = target.connection.pyinfra.inventory.groups
    return {name: {host.name for host in hosts} for name, hosts in groups.items()}


@contextmanager
def _lab(contact: bool) -> Iterator[None]:
    """Whether an inventory that declares a lab may bring it up as it is read."""
    before = os.environ.get("NETWRIGHT_LAB")
    if not contact:
        os.environ["NETWRIGHT_LAB"] = "off"
    try:
        yield
    finally:
        if not contact:
            os.environ.pop("NETWRIGHT_LAB")
            os.environ.update({} if before is None else {"NETWRIGHT_LAB": before})


def each(
    what: str, targets: Mapping[str, Target], ask: Callable[[Target], R]
) -> Mapping[str, R | str]:
    """What `ask` says of each host, all at once; for one that isn't reached, the reason.

    + what: said on stderr when it takes longer than two seconds, like `reading`
    """

    def one(target: Target) -> R:
        try:
            return ask(target)
        finally:
            target.connection.disconnect()

    return at_once(what, {name: functools.partial(one, item) for name, item in targets.items()})


def at_once(what: str, jobs: Mapping[str, Callable[[], R]]) -> Mapping[str, R | str]:
    """What each job says, all at once; for one whose host isn't reached, the reason.

    + what: said on stderr when it takes longer than two seconds, like `reading`
    """
    import gevent
    from gevent.pool import Pool

    from netwright.verification.connection import NotReached

    found: dict[str, R | str] = {}

    def one(name: str) -> None:
        try:
            found[name] = jobs[name]()
        except NetwrightError as error:
            found[name] = "; ".join(str(problem) for problem in error.problems)
        except NotReached as error:
            found[name] = str(error)

    def tell() -> None:
        while True:
            gevent.sleep(_PATIENCE)
            left = [name for name in jobs if name not in found]
            click.echo(f"{what} {', '.join(left[:4])} ({len(found)} of {len(jobs)})", err=True)

    teller = gevent.spawn(tell)
    try:
        pool = Pool(PARALLEL)
        pool.map(one, list(jobs))
    finally:
        teller.kill()
    return {name: found[name] for name in jobs}
