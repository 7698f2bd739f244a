"""Calico's resources: pools, BGP, peers and Felix, as one operation for all hosts."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State, operation

from netwright.errors import NetwrightError
from netwright.operations.calico_run import Nodes
from netwright.operations.converge import actual_host
from netwright.operations.remote import Failed, attempt, fails

__all__ = ["resources"]


@operation()
def resources(nodes: Nodes) -> Generator[FunctionCommand, None, None]:
    """
    Make Calico's datastore say what is declared, one resource at a time, each gated on sessions.

    + nodes: the hosts, with calicoctl configured and calico/node running

    One host of the run does it for all. Reads what `calicoctl` shows on each host in one command.
    Writes by `calicoctl apply`, `patch` and `delete` what differs, and nothing else. A mesh ends
    only when every host has its sessions with the reflectors. What it can't do fails the run with
    calicoctl's words.

    **Example:**

    .. code:: python

        from pyinfra import state

        from netwright.installs.calico import Calico
        from netwright.operations import calico
        from netwright.operations.calico_run import Nodes

        declared = Calico(
            version="3.31.7",
            calicoctl={"url": "https://mirror.example/calico", "sha256": 64 * "0"},
            etcd={"endpoints": ["http://192.0.2.1:2379"]},
            pools={"workloads": {"cidr": "10.65.0.0/16"}},
        )
        calico.resources(name="Pools", nodes=Nodes(state, declared, {"c0": "192.0.2.1"}))
    """
    host = actual_host()
    first = next((name for name in nodes.addresses if name in nodes.look(again=False)), None)
    if host.name != first:
        host.noop("another host does it for all")
        return
    nodes.say = lambda line: logger.info(f"{host.print_prefix}calico: {line}")
    try:
        steps = nodes.steps(again=False) if nodes.answered() else None
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(fails, (), {})
        return
    for step in steps or ():
        logger.info(f"{host.print_prefix}calico: {step}")
    if steps is None:
        logger.info(f"{host.print_prefix}calico: the datastore has not been asked yet")
    if steps == [] and not nodes.unregistered():
        host.noop("the datastore says what is declared")
    else:
        yield FunctionCommand(_converge, (nodes,), {})


def _converge(state: State, host: Host, nodes: Nodes) -> bool:
    return attempt(host, nodes.converge)
