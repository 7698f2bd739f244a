"""What a host needs before its dockerd may start, and the packages it comes in."""

from __future__ import annotations

from fnmatch import fnmatch
from io import StringIO
from shlex import quote

from pyinfra.facts.deb import DebPackages
from pyinfra.operations import apt, docker, files, server

from netwright.facts.docker import DockerEvidence
from netwright.installs import daemon
from netwright.installs.docker import Network, Repository, Settings
from netwright.installs.docker_evidence import FILE
from netwright.operations import docker_repository
from netwright.operations.converge import actual_host

__all__ = ["due", "install", "network", "users"]

OF_ONE_VERSION = ("docker.io", "docker-ce", "docker-ce-cli")


def install(settings: Settings) -> None:
    """What is fetched comes first, then forwarding and daemon.json, then the daemon: one that has
    to switch forwarding on itself sets the policy of FORWARD to DROP as well."""
    if isinstance(settings.source, Repository):
        docker_repository.repository(
            name="Docker's repository",
            url=settings.source.url,
            suite=settings.source.suite,
            key=settings.source.key,
            components=settings.source.components,
        )
    changes = due(settings)
    if changes:
        _fetched(settings)
    server.sysctl(
        name="Forwarding",
        key="net.ipv4.ip_forward",
        value=1,
        persist=True,
        persist_file="/etc/sysctl.d/60-netwright-docker.conf",
    )
    if changes:
        _first_file(settings)
        _packages(settings)
    _hold(settings, changes)


def due(settings: Settings) -> bool:
    """Whether the package, or its version, is not there yet."""
    found = actual_host().get_fact(DebPackages) or {}
    wanted = settings.version or "*"
    return not any(fnmatch(each, wanted) for each in found.get(settings.packages[0], ()))


def _first_file(settings: Settings) -> None:
    """The first start has it already; later ones change it with `docker_daemon.daemon`."""
    evidence = actual_host().get_fact(DockerEvidence)
    if evidence.installed is not None or not settings.daemon:
        return
    merged = daemon.merge(daemon.parse(evidence.file), settings.daemon)
    files.put(name="daemon.json", src=StringIO(daemon.render(merged)), dest=FILE, mode="644")


def _fetched(settings: Settings) -> None:
    """First of all: what can't be had changes nothing."""
    apt.update(name="Package lists")
    server.shell(name="Packages fetched", commands=[_install(settings, "--download-only")])


def _packages(settings: Settings) -> None:
    server.shell(name="Packages", commands=[_install(settings)])


def _install(settings: Settings, *more: str) -> str:
    """All that are held are named: apt would not touch one for the sake of another."""
    versions = {name: settings.version for name in settings.packages if name in OF_ONE_VERSION}
    words = [
        f"{name}={versions[name]}" if versions.get(name) else name for name in settings.packages
    ]
    options = (
        "--yes --quiet --no-install-recommends --allow-downgrades --allow-change-held-packages"
    )
    told = " ".join([options, *more, "install", *map(quote, words)])
    return f"DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Options::=--force-confold {told}"


def _hold(settings: Settings, installed: bool) -> None:
    """An upgrade restarts the daemon: it comes when this deploy brings it.

    + installed: whether packages have just been; apt has then taken the hold from them
    """
    held = () if installed else actual_host().get_fact(DockerEvidence).held
    names = [name for name in settings.packages if settings.hold and name not in held]
    if names:
        server.shell(name="Packages held", commands=[f"apt-mark hold {' '.join(names)}"])
    loose = [name for name in settings.packages if not settings.hold and name in held]
    if loose:
        server.shell(
            name="Packages no longer held", commands=[f"apt-mark unhold {' '.join(loose)}"]
        )


def users(settings: Settings) -> None:
    """Who may use the daemon, and is root by that."""
    for user in settings.users:
        server.user(name=f"User {user}", user=user, groups=["docker"], append=True)


def network(name: str, declared: Network) -> None:
    """A user network; one that is there otherwise is not changed, containers hang on it."""
    opts = [f"com.docker.network.bridge.enable_ip_masquerade={str(declared.masquerade).lower()}"]
    if declared.bridge:
        opts.append(f"com.docker.network.bridge.name={declared.bridge}")
    docker.network(
        name=f"Network {name}",
        network=name,
        driver=declared.driver,
        subnet=declared.subnet or "",
        gateway=declared.gateway or "",
        opts=opts,
    )
