"""A cluster begun anew from a snapshot, on all members at once."""

from __future__ import annotations

import time
from pathlib import Path
from shlex import quote

from netwright.installs.etcd import DATA, JOIN, Member
from netwright.installs.etcd_evidence import CTL
from netwright.installs.etcd_plan import gate
from netwright.operations.etcd_run import Cluster
from netwright.operations.remote import Failed, named

__all__ = ["restore"]

_FILE = "/var/lib/etcd/netwright-restore.db"
_NEW = f"{DATA}.restored"

# Nothing of this is seen by the members that run.
_PREPARE = f"""{CTL}set -e
chmod 0600 {_FILE}
rm -rf {_NEW}
etcdctl snapshot status {_FILE} -w json
said=$(etcdctl snapshot restore {_FILE} --data-dir {_NEW} --name "$name" \\
  --initial-cluster "$cluster" --initial-cluster-token "$token" \\
  --initial-advertise-peer-urls "$url" 2>&1) || {{ echo "$said" | tail -n 1 >&2; exit 1; }}
chown -R etcd:etcd {_NEW}
rm -f {_FILE}
"""
_STOP = "systemctl stop etcd.service"
_SWAP = f"""set -e
if [ -e {DATA} ]; then mv {DATA} "{DATA}.aside-$(date -u +%Y%m%dT%H%M%SZ)"; fi
mv {_NEW} {DATA}
rm -f {JOIN}
systemctl daemon-reload
systemctl enable --quiet etcd.service
systemctl restart --no-block etcd.service
"""


def restore(cluster: Cluster, snapshot: Path) -> None:
    """Every member's data becomes that of the snapshot; what they had is moved aside.

    + snapshot: a file on the controller, as `etcdctl snapshot save` makes it

    All members restore beside their data first; only then they are stopped, all of them, since
    members with two histories must not meet: a token of its own makes it another cluster.
    Raises Failed; before the first is stopped, nothing has changed.
    """
    cluster.look()
    members = cluster.members
    token = f"{members[0].settings.token}-{int(time.time())}"
    urls = ",".join(f"{member.name}={member.peer_url}" for member in members)
    for member in members:
        said = _prepare(cluster, member, snapshot, urls, token)
        cluster.say(f"{member.host}: {said}")
    for script in (_STOP, _SWAP):
        for member in members:
            cluster.on(member.host, script)
    cluster.until(lambda seen: "; ".join(gate(members, seen)))
    cluster.say(f"restored; the cluster's token is {token}")


def _prepare(cluster: Cluster, member: Member, snapshot: Path, urls: str, token: str) -> str:
    if not named(member.host).put_file(str(snapshot), _FILE):
        raise Failed(f"{member.host}: the snapshot could not be sent")
    given = {"name": member.name, "cluster": urls, "token": token, "url": member.peer_url}
    words = "".join(f"{name}={quote(value)}\n" for name, value in given.items())
    return cluster.on(member.host, words + _PREPARE)
