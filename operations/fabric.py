"""A fabric's routing: every host's BIRD, as one operation over all of them."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State, operation

from netwright.errors import NetwrightError
from netwright.operations.converge import actual_host
from netwright.operations.fabric_run import Fleet, settled, told
from netwright.operations.remote import Failed, attempt, fails

__all__ = ["routing"]


@operation()
def routing(fleet: Fleet) -> Generator[FunctionCommand, None, None]:
    """
    Give every host's BIRD its configuration, without a route being missing on the way.

    + fleet: the fabric's hosts, with BIRD installed

    One host of the run does it for all. Reads each host's BIRD and routes in one command. Writes
    /etc/bird/bird.conf when it differs, after `bird -p` has read it, and tells BIRD; starts it if
    it does not run, never restarts it. Where sessions end, the new ones are there before. A host
    on which it fails keeps what it has, and the run fails with its words.

    **Example:**

    .. code:: python

        from pathlib import Path

        from pyinfra import state

        from netwright.installs.fabric import Fabric
        from netwright.operations import fabric
        from netwright.operations.fabric_run import Fleet

        addresses = {"f0": "192.0.2.1", "f1": "192.0.2.2"}
        fabric.routing(
            name="Routing",
            fleet=Fleet(state, Fabric(pool="10.66.0.0/16"), addresses, Path("templates")),
        )
    """
    host = actual_host()
    first = next((name for name in fleet.addresses if name in fleet.reached()), None)
    if host.name != first:
        host.noop("another host does it for all")
        return
    fleet.say = lambda line: logger.info(f"{host.print_prefix}fabric: {line}")
    try:
        due = _foreseen(fleet, host)
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(fails, (), {})
        return
    if due:
        yield FunctionCommand(_converge, (fleet,), {})
    else:
        host.noop("every BIRD is as declared")


def _foreseen(fleet: Fleet, host: Host) -> bool:
    """Whether there is something to do, which is said."""
    stages = fleet.stages()
    if missing := set(fleet.addresses) - fleet.reached():
        names = ", ".join(sorted(missing))
        logger.warning(
            f"{host.print_prefix}{names}: not reached, sessions with it are not waited for"
        )
    seen = fleet.look(again=False)
    due = [fleet.due(stage) for stage in stages]
    for stage, texts in zip(stages, due, strict=True):
        for name in texts:
            logger.info(f"{host.print_prefix}fabric: {name}: {told(seen[name], stage[name])}")
    wrong = settled(stages[-1], seen)
    for line in wrong if not any(due) else ():
        logger.info(f"{host.print_prefix}fabric: {line}; it is waited for")
    return any(due) or bool(wrong)


def _converge(state: State, host: Host, fleet: Fleet) -> bool:
    return attempt(host, fleet.converge)
