"""A host's whole network, as one declaration."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra.api import FunctionCommand, operation

from netwright.facts.snapshot import read
from netwright.operations import ahead
from netwright.operations.converge import Wanted, actual_host, converge
from netwright.state import NetworkState, load

__all__ = ["absent", "state"]


@operation()
def state(
    network: NetworkState | Mapping[str, Any] | str,
    network_name: str = "network",
    prune: bool = True,
    persist: bool = True,
    confirm: int = 0,
) -> Generator[FunctionCommand, None, None]:
    """
    Converge a host to a declared network.

    + network: the declaration, as a mapping or as YAML text
    + network_name: whose it is; two names on one host live side by side
    + prune: whether what an earlier run under this name made, and nobody declares now, goes away
    + persist: whether the next boot shall have it too
    + confirm: seconds, at most 3600: the host undoes a change by itself after so long, unless this
      run comes back to it over a new connection and confirms; 0: not at all

    Reads the host in one command and changes it in one. Writes the ledger in /etc/netwright;
    without `persist` in /run/netwright.
    Raises DeclarationError for a wrong declaration; a host that it doesn't fit fails alone.

    **Example:**

    .. code:: python

        from netwright.operations import network

        network.state(
            name="A bridge",
            network={"links": {"testbr": {"kind": "bridge", "addresses": ["172.16.0.1/24"]}}},
        )
    """
    declared = network if isinstance(network, NetworkState) else load(network)
    host, wanted = actual_host(), Wanted(declared, network_name, prune, persist, confirm)
    yield from converge(host, wanted, ahead.take(host, wanted))


@operation()
def absent(
    network_name: str = "network", confirm: int = 0
) -> Generator[FunctionCommand, None, None]:
    """
    Take off a host what earlier runs made; what they changed gets the values that it had before.

    + network_name: whose; what is declared under other names stays. `*`: everybody's
    + confirm: seconds, as in `network.state`

    Reads the host in one command and changes it in one for each name. Removes all files of ours.
    Raises nothing; a host on which something of ours can't go fails alone and is as it was.

    **Example:**

    .. code:: python

        from netwright.operations import network

        network.absent(name="As it was found")
    """
    host = actual_host()
    names = [network_name]
    if network_name == "*":
        names = sorted(read(host, (), ()).names)
        if not names:
            host.noop("nothing of ours is here")
    for name in names:
        yield from converge(host, Wanted(NetworkState(), name, confirm=confirm))
