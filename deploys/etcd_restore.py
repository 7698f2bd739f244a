"""Begin the cluster of the group `etcd` anew from a snapshot:

    pyinfra INVENTORY --data etcd_snapshot=FILE THIS_FILE

FILE is on the controller. Writes since the snapshot are gone; see docs/etcd.md.
"""

from pathlib import Path

from pyinfra import host, inventory
from pyinfra.api import DeployError

from netwright.errors import DeclarationError
from netwright.installs.etcd import Member
from netwright.operations import etcd
from netwright.operations.declared_installs import in_group, members


def _members() -> list[Member]:
    try:
        return members(in_group(inventory, "etcd"))
    except DeclarationError as error:
        lines = "\n".join(str(problem) for problem in error.problems)
        raise DeployError(f"the declaration is wrong, no host was changed:\n{lines}") from None


_all = _members()
_snapshot = str(host.data.get("etcd_snapshot") or "")
if not Path(_snapshot).is_file():
    raise DeployError(f"etcd_snapshot: {_snapshot!r} is no file; give --data etcd_snapshot=FILE")
if host.name in {member.host for member in _all}:
    etcd.snapshot_restored(name="Snapshot restored", members=_all, snapshot=_snapshot)
