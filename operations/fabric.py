"""A fabric's routing, one operation over all hosts' BIRD; and its containers, one for each host."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State, operation

from netwright.errors import NetwrightError
from netwright.installs import fabric_containers
from netwright.installs.fabric_evidence import Evidence
from netwright.operations import ahead
from netwright.operations.converge import actual_host
from netwright.operations.fabric_run import Fleet, settled, told
from netwright.operations.remote import Failed, attempt, carried_out, fails

__all__ = ["containers", "routing"]


@operation()
def containers(
    containers: Mapping[str, str], evidence: Evidence, persist: bool = True
) -> Generator[FunctionCommand, None, None]:
    """
    Give workloads' names to the namespaces of their Docker containers, now and at every start.

    + containers: names of containers that were started with `--network none`, by workload
    + evidence: what the host showed
    + persist: whether the next boot shall have it too

    Reads nothing more. Writes /usr/local/sbin/fabric-containers, its unit, which runs it, and its
    list; `ip netns` knows the namespaces then. A container that is down is plugged when it starts;
    one that has a network fails the host.

    **Example:**

    .. code:: python

        from netwright.installs.fabric_evidence import Evidence
        from netwright.operations import fabric

        fabric.containers(name="Containers", containers={"web": "web-1"}, evidence=Evidence())
    """
    host = actual_host()
    plugs = evidence.plugs
    for workload, container in containers.items():
        if plugs.words.get(workload) == "down":
            logger.warning(f"{host.print_prefix}{workload}: container {container} does not run")
    due = list(plugs.due(containers, persist))
    if containers and not due and ahead.changed(host):
        # The network is read next: it must not be read while the host itself is still plugging.
        due = ["containers: another operation may have started one"]
    for line in due:
        logger.info(f"{host.print_prefix}fabric: {line}")
    if due:
        script = fabric_containers.apply(plugs, containers, persist)
        yield FunctionCommand(carried_out, (script,), {})
    else:
        host.noop("every container is plugged")


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
