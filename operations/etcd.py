"""etcd: certificates of a host, and the cluster of all of them as one operation."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from pyinfra import logger
from pyinfra import state as deploy_state
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation
from pyinfra.facts.files import File

from netwright.errors import NetwrightError
from netwright.facts.etcd import EtcdEvidence
from netwright.installs import certificate as certificates
from netwright.installs.certificate import prints
from netwright.installs.etcd import UNIT_SETTINGS, Member
from netwright.installs.etcd_trust import mine
from netwright.operations.converge import actual_host
from netwright.operations.etcd_pki import Pki, place, read_authority, read_trust
from netwright.operations.etcd_restore import restore
from netwright.operations.etcd_run import ASIDE, Cluster
from netwright.operations.remote import Failed, attempt, fails

__all__ = ["certificate", "cluster", "refused", "retired", "snapshot_restored"]


def refused(members: Sequence[Member], pki: Pki | None = None) -> list[str]:
    """What forbids to change anything, from what all hosts show: asked before the first change."""
    looked = Cluster(deploy_state, members, lambda line: None, pki)
    try:
        found = looked.plan(looked.look())
        return [] if found.passing else list(found.problems)
    except (Failed, NetwrightError) as error:
        return [str(error)]


@operation()
def cluster(
    members: Sequence[Member], pki: Pki | None = None
) -> Generator[FunctionCommand, None, None]:
    """
    Make the members one healthy cluster, one step at a time, each gated on health.

    + members: the declared ones, hosts of this run with etcd and its configuration in place
    + pki: where the controller has the CA; another one than the members have is brought in

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
    run_of_it = Cluster(deploy_state, members, lambda line: _say(host, line), pki)
    try:
        found = run_of_it.foreseen()
    except (Failed, NetwrightError) as error:
        logger.error(f"{host.print_prefix}{error}")
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(fails, (), {})
        return
    for problem in found.problems:
        tell = logger.warning if found.passing else logger.error
        tell(f"{host.print_prefix}{problem}")
    for step in found.steps:
        logger.info(f"{host.print_prefix}etcd: {step}")
    if found.problems and not found.passing:
        deploy_state.failed_hosts.add(host)
        yield FunctionCommand(fails, (), {})
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
def certificate(member: Member, pki: Pki) -> Generator[FunctionCommand, None, None]:
    """
    Give a host the CA's certificate, and a certificate and key of its own.

    + member: whom it is for; its address, 127.0.0.1 and names stand in it
    + pki: where the controller has ca.pem and ca.key, and whether they may be made

    Reads the certificates on the host; a key is never read, shown or kept here. Writes
    /etc/etcd/pki (keys 0600, user etcd) when what is there will not do, or not for 30 days more.
    Another CA than the members have is left to `etcd.cluster`: it concerns all of them.

    **Example:**

    .. code:: python

        from netwright.installs.etcd import Member, Settings
        from netwright.operations import etcd
        from netwright.operations.etcd_pki import Pki

        etcd.certificate(
            name="The member's certificate",
            member=Member.of("node0", Settings(), "192.0.2.1"),
            pki=Pki("pki"),
        )
    """
    host = actual_host()
    evidence = host.get_fact(EtcdEvidence)
    wanted = read_trust(pki.directory, pki.trust)
    if wanted is not None and not mine(evidence, wanted):
        host.noop("the CA changes on all members together")
        return
    why: str | None = "it has none"
    if evidence.certificate and evidence.ca and wanted:
        why = certificates.look(evidence.certificate, wanted.own).lacks(member.names)
        if prints(evidence.ca) != prints(wanted.pem):
            why = "the CA is another one"
    if why is None:
        host.noop("its certificate will do")
        return
    logger.info(f"{host.print_prefix}certificate: {why}")
    yield FunctionCommand(_place, (member, pki), {})


@operation()
def retired(declared: bool = True) -> Generator[StringCommand, None, None]:
    """
    Stop what is left of a member on a host that is none any more; its data is moved aside.

    + declared: whether this host is declared to be none; nothing is done elsewhere

    Reads the unit's settings, which only our members have, and whether it serves: what still does
    is in a cluster, and is left alone. Writes nothing else; packages and certificates stay.

    **Example:**

    .. code:: python

        from netwright.operations import etcd

        etcd.retired(name="No member any more")
    """
    host = actual_host()
    if not declared:
        host.noop("a member")
        return
    evidence = host.get_fact(EtcdEvidence)
    ours = host.get_fact(File, path=UNIT_SETTINGS)
    if not ours or not (evidence.running or evidence.enabled or evidence.data):
        host.noop("nothing is left of a member")
        return
    if evidence.healthy:
        logger.warning(f"{host.print_prefix}etcd serves here, as a member of a cluster: left alone")
        host.noop("it is a member still")
        return
    logger.info(f"{host.print_prefix}etcd: stopped, no longer started at boot, data moved aside")
    yield StringCommand(_RETIRED)


_RETIRED = (
    """systemctl disable --quiet --now etcd-snapshot.timer
systemctl disable --quiet --now etcd.service
"""
    + ASIDE
)


def _place(state: State, host: Host, member: Member, pki: Pki) -> bool:
    try:
        authority = read_authority(pki.directory, pki.make)
        trust = read_trust(pki.directory, pki.trust)
    except (OSError, ValueError) as error:
        logger.error(f"{host.print_prefix}{pki.directory}: {error}")
        return False
    assert trust is not None
    pair = certificates.issue(authority, member.name, member.names)
    ok, why = place(actual_host(), trust.pem, pair)
    if not ok:
        logger.error(f"{host.print_prefix}{why}")
    return ok


def _say(host: Host, line: str) -> None:
    logger.info(f"{host.print_prefix}etcd: {line}")


def _restore(state: State, host: Host, cluster: Cluster, snapshot: str) -> bool:
    return attempt(host, lambda: restore(cluster, Path(snapshot)))


def _converge(state: State, host: Host, cluster: Cluster) -> bool:
    return attempt(host, cluster.converge)
