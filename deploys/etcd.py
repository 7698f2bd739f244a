"""One healthy etcd cluster on the hosts of the group `etcd`: `pyinfra INVENTORY THIS_FILE`.

Reads the data key `etcd` of hosts and group; see docs/etcd.md.
"""

from pathlib import Path

from pyinfra import host, inventory, logger
from pyinfra.api import DeployError

import netwright.deploys
from netwright.errors import DeclarationError
from netwright.installs.etcd import Member, warnings
from netwright.operations import etcd, etcd_files
from netwright.operations.declared import inventory_directory
from netwright.operations.declared_installs import in_group, members, pki
from netwright.operations.etcd_pki import Pki

_TEMPLATES = Path(netwright.deploys.__path__[0]) / "templates"


def _members() -> tuple[list[Member], Pki | None]:
    """Every member; what is wrong with any ends the run, before any host is changed."""
    try:
        found = members(in_group(inventory, "etcd"))
        own_pki = pki(found[0], inventory_directory()) if found else None
        if own_pki is not None:
            etcd_files.check_authority(own_pki)
    except DeclarationError as error:
        lines = "\n".join(str(problem) for problem in error.problems)
        raise DeployError(f"the declaration is wrong, no host was changed:\n{lines}") from None
    if found and found[0].host == host.name:
        for warning in warnings(found):
            logger.warning(f"{host.print_prefix}{warning}")
        if problems := etcd.refused(found, own_pki):
            raise DeployError("no host was changed: " + "; ".join(problems))
    return found, own_pki


_all, _pki = _members()
_own = next((each for each in _all if each.host == host.name), None)
if _own is None:
    host.noop("no member of a cluster")
else:
    etcd_files.install(_own, _TEMPLATES)
    if _pki is not None:
        etcd.certificate(name="Certificate", member=_own, pki=_pki)
    etcd.cluster(name="Cluster", members=_all, pki=_pki)
# Every host has this one, so that it comes after the cluster has let a member go.
etcd.retired(name="No member any more", declared=host.data.get("etcd") is False)
