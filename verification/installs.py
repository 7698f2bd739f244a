"""What is installed, etcd's members, Docker's engines, fabrics: a claim for each declared thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pyinfra.api.inventory import Inventory

from netwright.errors import DeclarationError, NetwrightError, Problem
from netwright.installs import certificate, etcd_evidence
from netwright.installs.etcd import Member
from netwright.installs.etcd_evidence import Evidence
from netwright.installs.etcd_plan import changed, gate
from netwright.operations import declared_calico, declared_fabric
from netwright.operations.declared_installs import in_group, members
from netwright.verification import calico_claims, docker_claims, fabric_claims
from netwright.verification.reached import Reached

__all__ = ["InstallClaim", "read"]


@dataclass(frozen=True)
class InstallClaim:
    """`path` as it is declared; `failure` is None if it holds, else one line."""

    path: str
    failure: Callable[[Reached], str | None]


def read(inventory: Inventory) -> tuple[Mapping[str, list[InstallClaim]], list[Problem]]:
    """The claims of each host, and what is wrong with the declaration."""
    try:
        found = members(in_group(inventory, "etcd"))
        engines = docker_claims.engines(inventory)
        fabric = declared_fabric.declared(in_group(inventory, "fabric"))
        calico = declared_calico.declared(in_group(inventory, "calico"))
    except DeclarationError as error:
        return {}, list(error.problems)
    cluster = _Cluster(found)
    claims: dict[str, list[InstallClaim]] = {}
    for member in found:
        claims.setdefault(member.host, []).extend(_etcd(cluster, member))
    for host, settings in engines.items():
        _add(claims, host, "docker", docker_claims.claims(host, settings))
    if fabric is not None:
        whole = fabric_claims.Whole(*fabric)
        for host in whole.addresses:
            _add(claims, host, "fabric", fabric_claims.claims(whole, host))
    if calico is not None:
        site = calico_claims.Site(*calico)
        for host in site.addresses:
            _add(claims, host, "calico", calico_claims.claims(site, host))
    return claims, []


def _add(
    claims: dict[str, list[InstallClaim]],
    host: str,
    key: str,
    own: Iterable[tuple[str, Callable[[Reached], str | None]]],
) -> None:
    found = (InstallClaim(f"{key}.{path}", failure) for path, failure in own)
    claims.setdefault(host, []).extend(found)


class _Cluster:
    """What all members show, asked once for all claims."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self._seen: dict[str, Evidence] = {}

    def seen(self, hosts: Reached) -> dict[str, Evidence]:
        for member in self.members:
            if member.host not in self._seen:
                output = hosts.connection(member.host).script(etcd_evidence.script())
                self._seen[member.host] = etcd_evidence.parse(output.stdout.splitlines())
        return self._seen


def _etcd(cluster: _Cluster, member: Member) -> Iterator[InstallClaim]:
    claims = {
        "health": _health,
        "members": _members,
        "leader": _leader,
        "version": _version,
        "settings": _settings,
        "boot": _boot,
    }
    if member.settings.tls:
        claims |= {"tls": _tls, "tls (a client without a certificate)": _refused}
    for name, claim in claims.items():
        yield InstallClaim(f"etcd.{name}", partial(_asked, claim, cluster, member))


_Claim = Callable[[_Cluster, Member, Reached], str | None]


def _asked(claim: _Claim, cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    try:
        return claim(cluster, member, hosts)
    except NetwrightError as error:
        return str(error)


def _health(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    found = cluster.seen(hosts)[member.host]
    return None if found.healthy else f"a linearizable read fails: {found.words or found.sub}"


def _members(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    """The gate of the deploy, over all members."""
    return "; ".join(gate(cluster.members, cluster.seen(hosts))) or None


def _leader(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    leaders = [host for host, each in cluster.seen(hosts).items() if each.leads]
    return None if len(leaders) == 1 else f"leaders: {', '.join(leaders) or 'none'}"


def _version(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    found = cluster.seen(hosts)[member.host]
    wanted = (member.settings.version or found.installed or "").partition("-")[0].rstrip("*")
    if found.version is None or not found.version.startswith(wanted):
        return f"declared {wanted}, running {found.version}, installed {found.installed}"
    return None


def _settings(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    """What the running process was told, not what a file says."""
    return changed(member, cluster.seen(hosts)[member.host])


def _boot(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    return None if cluster.seen(hosts)[member.host].enabled else "the unit is not enabled"


def _tls(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    found = cluster.seen(hosts)[member.host]
    if found.certificate is None:
        return "there is no certificate"
    return certificate.look(found.certificate, found.ca).lacks(member.names)


def _refused(cluster: _Cluster, member: Member, hosts: Reached) -> str | None:
    done = hosts.connection(member.host).script(
        f"{etcd_evidence.CTL}etcdctl --insecure-skip-tls-verify --dial-timeout=2s"
        f" --command-timeout=4s --endpoints={member.client_url} get x"
    )
    return "it is served" if done.rc == 0 else None
