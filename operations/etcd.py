"""etcd: certificates of a host, and the cluster of all of them as one operation."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State, operation

from netwright.errors import NetwrightError
from netwright.facts.etcd import EtcdEvidence
from netwright.installs import certificate as certificates
from netwright.installs.certificate import Authority, Pair
from netwright.installs.etcd import PKI, Member
from netwright.operations.converge import actual_host
from netwright.operations.etcd_restore import restore
from netwright.operations.etcd_run import Cluster, Failed
from netwright.operations.remote import run

__all__ = ["certificate", "cluster", "snapshot_restored"]


def refused(members: Sequence[Member]) -> list[str]:
    """What forbids to change anything, from what all hosts show: asked before the first change."""
    looked = Cluster(deploy_state, members, lambda line: None)
    try:
        found = looked.foreseen()
        return [] if found.passing else list(found.problems)
    except (Failed, NetwrightError) as error:
        return [str(error)]


@operation()
def cluster(members: Sequence[Member]) -> Generator[FunctionCommand, None, None]:
    """
    Make the members one healthy cluster, one step at a time, each gated on health.

    + members: the declared ones, hosts of this run with etcd and its configuration in place

    One host of the run does it for all of them; for the others there is nothing to do. Reads each
    host's evidence; bootstraps, starts, restarts (the leader last), joins and removes members. A
    snapshot is taken before the first risky step. A host that can't be read ends it, unchanged.

    **Example:**

    .. code:: python

        from netwright.installs.etcd import Member, Settings
        from netwright.operations import etcd

        addresses = {"node0": "192.0.2.1", "node1": "192.0.2.2", "node2": "192.0.2.3"}
        etcd.cluster(
            name="One cluster",
            members=[Member.of(host, Settings(), ip) for host, ip in addresses.items()],
        )
    """
    host = actual_host()
    first = next((m.host for m in members if deploy_state.inventory.get_host(m.host)), None)
    if host.name != first:
        host.noop("another member's host does it for all")
        return
    run_of_it = Cluster(deploy_state, members, lambda line: _say(host, line))
    try:
        found = run_of_it.foreseen()
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(_fail, (), {})
        return
    for problem in found.problems:
        tell = logger.warning if found.passing else logger.error
        tell(f"{host.print_prefix}{problem}")
    for step in found.steps:
        logger.info(f"{host.print_prefix}etcd: {step}")
    if found.problems and not found.passing:
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(_fail, (), {})
    elif found.steps or found.problems:
        yield FunctionCommand(_converge, (run_of_it,), {})
    else:
        host.noop("one healthy cluster, as declared")


@operation(is_idempotent=False)
def snapshot_restored(
    members: Sequence[Member], snapshot: str
) -> Generator[FunctionCommand, None, None]:
    """
    Begin the cluster anew from a snapshot, on all members at once.

    + members: the declared ones, hosts of this run with etcd and its configuration in place
    + snapshot: a file on the controller

    Reads the snapshot on each host first; then stops all members, moves their data aside and
    starts them with the snapshot's. Writes since the snapshot are gone, and revisions go back: it
    is for a cluster without a quorum, or with wrong data. Every run restores again.

    **Example:**

    .. code:: python

        from netwright.installs.etcd import Member, Settings
        from netwright.operations import etcd

        etcd.snapshot_restored(
            name="Yesterday's data",
            members=[Member.of("node0", Settings(), "192.0.2.1")],
            snapshot="yesterday.db",
        )
    """
    host = actual_host()
    if host.name != members[0].host:
        host.noop("another member's host does it for all")
        return
    logger.info(f"{host.print_prefix}etcd: every member's data becomes that of {snapshot}")
    logger.info(f"{host.print_prefix}etcd: what they have now is moved aside, not removed")
    cluster = Cluster(deploy_state, members, lambda line: _say(host, line))
    yield FunctionCommand(_restore, (cluster, snapshot), {})


@operation()
def certificate(
    member: Member, directory: str, make: bool = True
) -> Generator[FunctionCommand, None, None]:
    """
    Give a host the CA's certificate, and a certificate and key of its own.

    + member: whom it is for; its address, 127.0.0.1 and names stand in it
    + directory: where the controller has ca.pem and ca.key
    + make: whether the CA is made if there is none

    Reads the certificates on the host; a key is never read, shown or kept here. Writes
    /etc/etcd/pki (keys 0600, user etcd) when what is there will not do, or not for 30 days more.

    **Example:**

    .. code:: python

        from netwright.installs.etcd import Member, Settings
        from netwright.operations import etcd

        etcd.certificate(
            name="The member's certificate",
            member=Member.of("node0", Settings(), "192.0.2.1"),
            directory="pki",
        )
    """
    host = actual_host()
    evidence = host.get_fact(EtcdEvidence)
    ca = _certificate(directory)
    if evidence.ca and ca and evidence.ca.strip() != ca.strip() and evidence.running:
        logger.error(f"{host.print_prefix}etcd runs with another CA than {directory}/ca.pem;")
        logger.error(f"{host.print_prefix}with both unlike, members would not know each other")
        yield FunctionCommand(_fail, (), {})
        return
    why: str | None = "it has none"
    if evidence.certificate and evidence.ca and ca:
        leaf = certificates.look(evidence.certificate, ca)
        why = leaf.lacks(member.names)
    if why is None:
        host.noop("its certificate will do")
        return
    logger.info(f"{host.print_prefix}certificate: {why}")
    yield FunctionCommand(_place, (member, directory, make), {})


def read_authority(directory: str, make: bool) -> Authority:
    """The CA in a directory of the controller, which is made if there is none and it may be.

    Raises ValueError for one that can't sign, OSError for one that can't be read.
    """
    path = Path(directory)
    if make and not (path / "ca.key").exists() and not (path / "ca.pem").exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = certificates.authority("netwright etcd CA")
        # The key is nobody else's from its first byte on.
        with os.fdopen(os.open(path / "ca.key", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(made.key)
        (path / "ca.pem").write_text(made.certificate)
    return Authority(Pair((path / "ca.pem").read_text(), (path / "ca.key").read_text()))


def _certificate(directory: str) -> str | None:
    path = Path(directory) / "ca.pem"
    return path.read_text() if path.exists() else None


# Written beside and moved: etcd reads the files at each handshake.
_PLACE = f"""set -e
install -d -m 0755 /etc/etcd
install -d -m 0750 -o root -g etcd {PKI}
umask 077
cat >{PKI}/ca.pem.new <<'END'
{{ca}}END
cat >{PKI}/member.pem.new <<'END'
{{certificate}}END
cat >{PKI}/member.key.new <<'END'
{{key}}END
chown etcd:etcd {PKI}/*.new
chmod 0644 {PKI}/ca.pem.new {PKI}/member.pem.new
for name in ca.pem member.key member.pem; do mv {PKI}/$name.new {PKI}/$name; done
"""


def _place(state: State, host: Host, member: Member, directory: str, make: bool) -> bool:
    try:
        ca = read_authority(directory, make)
    except (OSError, ValueError) as error:
        logger.error(f"{host.print_prefix}{directory}: {error}")
        return False
    pair = certificates.issue(ca, member.name, member.names)
    script = _PLACE.format(ca=ca.pem, certificate=pair.certificate, key=pair.key)
    ok, _, errors = run(actual_host(), script)
    if not ok:
        logger.error(f"{host.print_prefix}{'; '.join(errors)}")
    return ok


def _say(host: Host, line: str) -> None:
    logger.info(f"{host.print_prefix}etcd: {line}")


def _fail(state: State, host: Host) -> bool:
    """Fails this host, and no other, without a traceback."""
    return False


def _restore(state: State, host: Host, cluster: Cluster, snapshot: str) -> bool:
    try:
        restore(cluster, Path(snapshot))
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        return False
    return True


def _converge(state: State, host: Host, cluster: Cluster) -> bool:
    try:
        cluster.converge()
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        return False
    return True
