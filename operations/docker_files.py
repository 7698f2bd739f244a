"""What a host needs before its dockerd may start, and the packages it comes in."""

from __future__ import annotations

from fnmatch import fnmatch
from io import StringIO
from pathlib import Path
from shlex import quote

from pyinfra.facts.deb import DebPackages
from pyinfra.operations import apt, docker, files, server

from netwright.facts.docker import DockerEvidence
from netwright.installs import daemon
from netwright.installs.docker import Network, Repository, Settings
from netwright.installs.docker_evidence import FILE
from netwright.operations.converge import actual_host

__all__ = ["install", "network", "users"]

DEBIAN = ("docker.io", "containerd", "runc")
UPSTREAM = ("docker-ce", "docker-ce-cli", "containerd.io")
KEYRING = "/etc/apt/keyrings/docker.asc"


def install(settings: Settings) -> None:
    """Forwarding and daemon.json first: a dockerd that has to switch forwarding on itself sets
    the policy of FORWARD to DROP as well."""
    server.sysctl(
        name="Forwarding",
        key="net.ipv4.ip_forward",
        value=1,
        persist=True,
        persist_file="/etc/sysctl.d/60-netwright-docker.conf",
    )
    if isinstance(settings.source, Repository):
        _repository(settings.source)
    if _due(settings):
        _first_file(settings)
        _packages(settings)
    _hold(settings)


def _names(settings: Settings) -> tuple[str, ...]:
    return DEBIAN if settings.source == "debian" else UPSTREAM


def _due(settings: Settings) -> bool:
    """Whether the package, or its version, is not there yet."""
    found = actual_host().get_fact(DebPackages) or {}
    wanted = settings.version or "*"
    return not any(fnmatch(each, wanted) for each in found.get(_names(settings)[0], ()))


def _first_file(settings: Settings) -> None:
    """The first start has it already; later ones change it with `docker.daemon`."""
    evidence = actual_host().get_fact(DockerEvidence)
    if evidence.installed is not None or not settings.daemon:
        return
    merged = daemon.merge(daemon.parse(evidence.file), settings.daemon)
    files.put(name="daemon.json", src=StringIO(daemon.render(merged)), dest=FILE, mode="644")


def _packages(settings: Settings) -> None:
    first = _names(settings)[0]
    words = f"{first}={settings.version}" if settings.version else first
    apt.update(name="Package lists")
    options = (
        "--yes --quiet --no-install-recommends --allow-downgrades --allow-change-held-packages"
    )
    server.shell(
        name="Packages fetched",
        commands=[
            f"DEBIAN_FRONTEND=noninteractive apt-get {options} --download-only"
            f" install {quote(words)}"
        ],
    )
    apt.packages(
        name="Packages",
        packages=[words],
        no_recommends=True,
        allow_downgrades=True,
        extra_install_args="--allow-change-held-packages",
    )


def _hold(settings: Settings) -> None:
    """An upgrade restarts the daemon: it comes when this deploy brings it."""
    held = actual_host().get_fact(DockerEvidence).held
    names = [name for name in _names(settings) if settings.hold and name not in held]
    if names:
        server.shell(name="Packages held", commands=[f"apt-mark hold {' '.join(names)}"])
    loose = [name for name in _names(settings) if not settings.hold and name in held]
    if loose:
        server.shell(
            name="Packages no longer held", commands=[f"apt-mark unhold {' '.join(loose)}"]
        )


def _repository(source: Repository) -> None:
    files.directory(name="Keyrings", path=str(Path(KEYRING).parent), mode="755")
    files.put(name="Docker's key", src=source.key, dest=KEYRING, mode="644", add_deploy_dir=False)
    text = (
        f"Types: deb\nURIs: {source.url}\nSuites: {source.suite}\n"
        f"Components: {' '.join(source.components)}\nSigned-By: {KEYRING}\n"
    )
    if source.suite.endswith("/"):
        text = text.replace(f"Components: {' '.join(source.components)}\n", "")
    files.put(
        name="Docker's repository",
        src=StringIO(text),
        dest="/etc/apt/sources.list.d/docker.sources",
        mode="644",
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
