"""Calico without Kubernetes on the hosts of the group `calico`: `pyinfra INVENTORY THIS_FILE`.

Reads the data key `calico` of the group; see docs/calico.md.
"""

from pathlib import Path

from pyinfra import host, inventory
from pyinfra import state as deploy_state
from pyinfra.api import DeployError

import netwright.deploys
from netwright.errors import DeclarationError
from netwright.installs.calico_plan import refused
from netwright.operations import calico, calico_files
from netwright.operations.calico_run import Nodes
from netwright.operations.declared_calico import nodes
from netwright.operations.declared_installs import in_group
from netwright.operations.remote import Failed

_TEMPLATES = Path(netwright.deploys.__path__[0]) / "templates"


def _nodes() -> Nodes | None:
    """All hosts; what is wrong with any ends the run, before any host is changed."""
    try:
        found = nodes(deploy_state, in_group(inventory, "calico"))
        if found and (wrong := list(refused(found.calico, found.look(again=False)))):
            raise DeclarationError(wrong)
        return found
    except (DeclarationError, Failed) as error:
        raise DeployError(f"the declaration is wrong, no host was changed:\n{error}") from None


_found = _nodes()
if _found is None or host.name not in _found.addresses:
    host.noop("no part of a Calico")
else:
    _own = _found.look(again=False)[host.name]
    _address = _found.addresses[host.name]
    calico_files.install(_found.calico, host.name, _address, _own, _TEMPLATES)
    calico.resources(name="Resources", nodes=_found)
