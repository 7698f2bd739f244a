"""What a host needs before its etcd may start: the program, its configuration, snapshots."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from shlex import quote

from pyinfra.facts.deb import DebPackages
from pyinfra.facts.files import File
from pyinfra.operations import apt, files, server, systemd

from netwright.errors import DeclarationError, Problem
from netwright.facts.etcd import EtcdEvidence
from netwright.installs.etcd import (
    CONFIG,
    JOIN,
    PKI,
    UNIT_SETTINGS,
    Member,
    Release,
    Snapshots,
    environment,
    render,
)
from netwright.installs.etcd_evidence import CTL
from netwright.operations.converge import actual_host
from netwright.operations.etcd_pki import Pki, read_authority, trusted

__all__ = ["check_authority", "install"]

PACKAGES = ("etcd-server", "etcd-client")
UNITS = "/etc/systemd/system"
OPT = "/opt/netwright"


def check_authority(pki: Pki) -> None:
    """Raises DeclarationError for a CA that is there and can't sign, or that ought to be there."""
    path = Path(pki.directory)
    try:
        trusted(pki.trust)
    except (OSError, ValueError) as error:
        raise DeclarationError([Problem("etcd.tls.trust", str(error))]) from None
    if not (path / "ca.pem").exists() and not (path / "ca.key").exists() and pki.make:
        return
    try:
        read_authority(pki.directory, False)
    except (OSError, ValueError) as error:
        raise DeclarationError([Problem("etcd.tls.ca", f"{pki.directory}: {error}")]) from None


def install(member: Member, templates: Path) -> None:
    """What the host fetches comes first, so that a mirror that is down, or a wrong checksum, ends
    it before anything is changed; then the configuration, then the program."""
    source = member.settings.source
    if isinstance(source, Release):
        _tarball(member, source, templates)
        _configuration(member, templates)
    elif actual_host().get_fact(EtcdEvidence).installed is None:
        _fetched(member)
        _configuration(member, templates)
        _package(member)
    else:
        _fetched(member)
        _package(member)
        _configuration(member, templates)
    _snapshots(member, templates)


def _configuration(member: Member, templates: Path) -> None:
    files.directory(name="Configuration's directory", path=str(Path(JOIN).parent), mode="755")
    files.template(
        name="Configuration",
        src=str(templates / "etcd.env.j2"),
        dest=CONFIG,
        mode="644",
        environment=render(environment(member)),
    )
    unit = files.template(
        name="Unit's settings",
        src=str(templates / "etcd.dropin.j2"),
        dest=UNIT_SETTINGS,
        mode="644",
        join=JOIN,
        pki=PKI,
    )
    systemd.daemon_reload(name="Unit's settings read", _if=unit.did_change)


def _due(member: Member) -> bool:
    """Whether a package, or its version, is not there yet."""
    found = actual_host().get_fact(DebPackages) or {}
    version = member.settings.version or "*"
    return not all(any(fnmatch(each, version) for each in found.get(name, ())) for name in PACKAGES)


def _wanted(member: Member) -> list[str]:
    version = member.settings.version
    return [f"{name}={version}" if version else name for name in PACKAGES]


def _fetched(member: Member) -> None:
    if not _due(member):
        return
    apt.update(name="Package lists")
    words = " ".join(quote(each) for each in _wanted(member))
    server.shell(
        name="Packages fetched",
        commands=[
            "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends"
            f" --allow-downgrades --download-only install {words}"
        ],
    )


def _package(member: Member) -> None:
    """With the unit masked: the package starts etcd by itself, as a cluster of one on each host,
    and at an upgrade it starts all members again at the same time."""
    if not _due(member):
        if actual_host().get_fact(EtcdEvidence).masked:
            server.shell(name="Unit unmasked", commands=[_MASK.replace("mask", "unmask")])
        return
    server.shell(name="Unit masked", commands=[_MASK])
    apt.packages(
        name="Packages", packages=_wanted(member), no_recommends=True, allow_downgrades=True
    )
    server.shell(name="Unit unmasked", commands=[_MASK.replace("mask", "unmask")])


_MASK = "systemctl mask --runtime etcd.service"


def _tarball(member: Member, source: Release, templates: Path) -> None:
    version = member.settings.version
    assert version is not None
    directory = f"{OPT}/etcd-{version}"
    if not actual_host().get_fact(File, path=f"{directory}/etcdctl"):
        _unpacked(source.address(version), source.sha256, directory)
    server.user(
        name="User", user="etcd", system=True, home="/var/lib/etcd", shell="/usr/sbin/nologin"
    )
    files.directory(
        name="Data's directory", path="/var/lib/etcd", user="etcd", group="etcd", mode="700"
    )
    for name in ("etcd", "etcdctl"):
        files.link(name=f"Link {name}", path=f"/usr/local/bin/{name}", target=f"{directory}/{name}")
    unit = files.template(
        name="Unit",
        src=str(templates / "etcd.service.j2"),
        dest=f"{UNITS}/etcd.service",
        mode="644",
        version=version,
        directory=directory,
    )
    systemd.daemon_reload(name="Unit read", _if=unit.did_change)


def _unpacked(address: str, sha256: str, directory: str) -> None:
    """The checksum is in the archive's name, so another one is another download."""
    archive = f"{directory}-{sha256[:12]}.tar.gz"
    files.directory(name="Releases", path=OPT, mode="755")
    files.download(name="Release fetched", src=address, dest=archive, sha256sum=sha256)
    server.shell(
        name="Release unpacked",
        commands=[
            f"rm -rf {directory}.new && mkdir {directory}.new"
            f" && tar -xzf {archive} -C {directory}.new --strip-components=1 --no-same-owner"
            f" && {directory}.new/etcd --version && mv {directory}.new {directory}"
        ],
    )


def _snapshots(member: Member, templates: Path) -> None:
    """The script is there in any case, for the time before risky steps; the timer if declared."""
    snapshots = member.settings.snapshots or Snapshots()
    files.template(
        name="Snapshot script",
        src=str(templates / "etcd-snapshot.j2"),
        dest="/usr/local/sbin/etcd-snapshot",
        mode="755",
        ctl=CTL,
        url=member.client_url,
        snapshots=snapshots,
    )
    changed = [
        files.template(
            name=f"Snapshot {kind}",
            src=str(templates / f"etcd-snapshot.{kind}.j2"),
            dest=f"{UNITS}/etcd-snapshot.{kind}",
            mode="644",
            snapshots=snapshots,
        )
        for kind in ("service", "timer")
    ]
    systemd.daemon_reload(name="Units read", _if=lambda: any(each.did_change() for each in changed))
    on = bool(member.settings.snapshots)
    systemd.service(name="Snapshots", service="etcd-snapshot.timer", running=on, enabled=on)
