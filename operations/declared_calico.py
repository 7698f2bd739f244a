"""From an inventory's data to a Calico: one declaration for all of its hosts."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import Host, State

from netwright.installs.calico import Calico, problems
from netwright.operations.calico_run import Nodes
from netwright.operations.declared_once import Once, one_for_all

__all__ = ["declared", "nodes"]


def declared(hosts: Sequence[Host]) -> tuple[Calico, dict[str, str]] | None:
    """The declared Calico, and its hosts' addresses by name; None where there is none.

    Raises DeclarationError with everything that is wrong.
    """
    return one_for_all(
        hosts, "calico", Calico, problems, lambda calico, host: calico.site(host).address
    )


_nodes: Once[Nodes] = Once()


def nodes(state: State, hosts: Sequence[Host]) -> Nodes | None:
    """The hosts of this run's Calico, the same for each of them: all are read once.

    Raises DeclarationError with everything that is wrong.
    """

    def made() -> Nodes | None:
        found = declared(hosts)
        if found is None:
            return None
        nodes = Nodes(state, *found)
        nodes.look()
        return nodes

    return _nodes.get(state, made)
