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
from netwright.operations.declared_installs import authority_directory, in_group, members

_TEMPLATES = Path(netwright.deploys.__path__[0]) / "templates"


def _members() -> list[Member]:
    """Every member; what is wrong with any ends the run, before any host is changed."""
    try:
        found = members(in_group(inventory, "etcd"))
        if found and found[0].settings.tls:
            directory, make = authority_directory(found[0], inventory_directory())
            etcd_files.check_authority(directory, make)
    except DeclarationError as error:
        lines = "\n".join(str(problem) for problem in error.problems)
        raise DeployError(f"the declaration is wrong, no host was changed:\n{lines}") from None
    if found and found[0].host == host.name:
        for warning in warnings(found):
            logger.warning(f"{host.print_prefix}{warning}")
        if problems := etcd.refused(found):
            raise DeployError("no host was changed: " + "; ".join(problems))
    return found


_all = _members()
_own = next((each for each in _all if each.host == host.name), None)
if _own is None:
    host.noop("no member of a cluster")
else:
    etcd_files.install(_own, _TEMPLATES)
    if _own.settings.tls:
        _directory, _make = authority_directory(_own, inventory_directory())
        etcd.certificate(name="Certificate", member=_own, directory=_directory, make=_make)
    etcd.cluster(name="Cluster", members=_all)
