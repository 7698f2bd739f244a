"""A routed network of workloads over the hosts of the group `fabric`: `pyinfra INVENTORY ...`

Reads the data key `fabric` of the group, and `confirm`, `persist`; see docs/fabric.md.
"""

from pathlib import Path

from pyinfra import host, inventory
from pyinfra import state as deploy_state
from pyinfra.api import DeployError

import netwright.deploys
from netwright.errors import DeclarationError
from netwright.installs.fabric_containers import containers
from netwright.installs.fabric_network import NAME
from netwright.operations import fabric, fabric_files, network
from netwright.operations.declared_fabric import fleet
from netwright.operations.declared_installs import in_group
from netwright.operations.fabric_run import Fleet
from netwright.operations.remote import Failed

_TEMPLATES = Path(netwright.deploys.__path__[0]) / "templates"


def _fleet() -> tuple[Fleet | None, dict[str, dict[str, object]]]:
    """All hosts; what is wrong with any ends the run, before any host is changed."""
    try:
        found = fleet(deploy_state, in_group(inventory, "fabric"), _TEMPLATES)
        return found, found.networks() if found else {}
    except (DeclarationError, Failed) as error:
        raise DeployError(f"the declaration is wrong, no host was changed:\n{error}") from None


_found, _networks = _fleet()
if _found is None or host.name not in _found.addresses:
    host.noop("no part of a fabric")
else:
    _evidence = _found.look(again=False)[host.name]
    _persist = host.data.get("persist", True)
    _containers = containers(_found.fabric, host.name)
    fabric_files.install(_evidence, _TEMPLATES)
    if _containers or _evidence.plugs.there:
        fabric.containers(
            name="Containers", containers=_containers, evidence=_evidence, persist=_persist
        )
    network.state(
        name="Fabric's network",
        network=_networks[host.name],
        network_name=NAME,
        persist=_persist,
        confirm=host.data.get("confirm", 30),
    )
    fabric.routing(name="Routing", fleet=_found)
