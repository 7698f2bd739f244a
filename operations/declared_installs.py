"""From an inventory's data to what is to be installed: members of a cluster, engines."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyinfra.api import Host
from pyinfra.api.inventory import Inventory

from netwright.errors import DeclarationError, Problem
from netwright.installs import docker, etcd
from netwright.installs.read import read
from netwright.operations.etcd_pki import Pki

__all__ = ["address_of", "engines", "in_group", "members", "pki"]


def in_group(inventory: Inventory, key: str) -> list[Host]:
    """The hosts of a group, and those whose data has its key; `KEY: False` leaves one out."""
    grouped = set(inventory.get_group(key, default=[]))
    return [
        host
        for host in inventory
        if (host in grouped or host.data.get(key)) and host.data.get(key) is not False
    ]


def members(hosts: Iterable[Host]) -> list[etcd.Member]:
    """The declared members of a cluster, in the inventory's order.

    Raises DeclarationError with everything that is wrong.
    """
    found, wrong = [], []
    for host in hosts:
        try:
            settings = read(etcd.Settings, "etcd", _mapping(host.data.get("etcd")))
        except DeclarationError as error:
            wrong += [Problem(f"{host.name}: {each.path}", each.what) for each in error.problems]
            continue
        found.append(etcd.Member.of(host.name, settings, address_of(host)))
    wrong += etcd.problems(found)
    if wrong:
        raise DeclarationError(wrong)
    return found


def engines(hosts: Iterable[Host], base: Path, files: bool = True) -> dict[str, docker.Settings]:
    """The declared engines by host; paths in them are absolute, and there.

    + base: where a relative path starts
    + files: whether the files that they name have to be there

    Raises DeclarationError with everything that is wrong.
    """
    found, wrong = {}, []
    for host in hosts:
        try:
            settings = read(docker.Settings, "docker", _mapping(host.data.get("docker")))
        except DeclarationError as error:
            wrong += [Problem(f"{host.name}: {each.path}", each.what) for each in error.problems]
            continue
        images = {name: _at(image, base) for name, image in settings.images.items()}
        for name, image in images.items():
            for path in filter(None, (image.tar, image.context)):
                if files and not Path(path).exists():
                    at = f"{host.name}: docker.images.{name}"
                    wrong.append(Problem(at, f"{path}: there is no such file or directory"))
        source = settings.source
        if isinstance(source, docker.Repository):
            source = source.but(key=str(base / source.key))
            if files and not Path(source.key).is_file():
                at = f"{host.name}: docker.source.key"
                wrong.append(Problem(at, f"{source.key}: there is no such file"))
        found[host.name] = settings.but(images=images, source=source)
    if wrong:
        raise DeclarationError(wrong)
    return found


def _at(image: docker.Image, base: Path) -> docker.Image:
    return image.but(
        tar=image.tar and str(base / image.tar), context=image.context and str(base / image.context)
    )


def pki(member: etcd.Member, base: Path) -> Pki | None:
    """Where the controller has the cluster's CA; None without TLS.

    + base: where a relative path starts
    """
    tls = member.settings.tls
    if tls is False:
        return None
    trust = tuple(str(base / each) for each in tls.trust)
    if tls.ca is not None:
        return Pki(str(base / tls.ca), tls.make, trust)
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return Pki(str(home / "netwright" / "etcd" / member.settings.token), tls.make, trust)


def _mapping(data: Any) -> Any:
    return {} if data is True else data


def address_of(host: Host) -> str | None:
    """What SSH is told, if that is an address; the host's name else."""
    for value in (host.data.get("ssh_hostname"), host.name):
        try:
            return str(ipaddress.ip_address(str(value)))
        except ValueError:
            continue
    return None
