"""An engine and what runs on it, by Docker's own words; one claim for each declared thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from pyinfra.api.inventory import Inventory

from netwright.installs import daemon
from netwright.installs.docker import Container, Network, Settings
from netwright.operations.declared_installs import engines as declared_engines
from netwright.operations.declared_installs import in_group
from netwright.verification.reached import Reached

__all__ = ["claims", "engines"]

Failure = Callable[[Reached], str | None]
# Where `docker info` tells what the running daemon goes by, as far as it does.
_TOLD = {
    "live-restore": "LiveRestoreEnabled",
    "debug": "Debug",
    "labels": "Labels",
    "log-driver": "LoggingDriver",
    "data-root": "DockerRootDir",
    "storage-driver": "Driver",
    "default-runtime": "DefaultRuntime",
}


def engines(inventory: Inventory) -> Mapping[str, Settings]:
    """The declared engines. Raises DeclarationError."""
    # Files that only a deploy needs may be elsewhere: they are not asked for here.
    return declared_engines(in_group(inventory, "docker"), Path.cwd(), files=False)


def claims(host: str, settings: Settings) -> Iterator[tuple[str, Failure]]:
    """Path and failure of everything that is declared of an engine."""
    yield "engine", partial(_engine, host)
    if settings.version:
        yield "version", partial(_version, host, settings.packages[0], settings.version)
    yield "program", partial(_program, host)
    if settings.hold:
        yield "hold", partial(_held, host, settings.packages)
    yield "forwarding", partial(_forwarding, host)
    for key, value in settings.daemon.items():
        if key in _TOLD and value is not None:
            yield f"daemon.{key}", partial(_told, host, key, value)
        else:
            yield f"daemon.{key}", partial(_written, host, key, value)
    for user in settings.users:
        yield f"users.{user}", partial(_user, host, user)
    for name, network in settings.networks.items():
        yield f"networks.{name}", partial(_network, host, name, network)
    for name in settings.images:
        yield f"images.{name}", partial(_image, host, name)
    for name, container in settings.containers.items():
        for path, failure in _of_container(host, name, container):
            yield f"containers.{name}{path}", failure


def _of_container(host: str, name: str, container: Container) -> Iterator[tuple[str, Failure]]:
    yield "", partial(_container, host, name, container)
    for option, field, value in _limits(container):
        said = f"{option} {getattr(container, option)}"
        yield f".{option}", partial(_limit, host, name, said, field, value)
    for port in container.ports:
        yield f".ports[{port}]", partial(_port, host, port)


def _ask(hosts: Reached, host: str, command: str) -> str:
    return hosts.connection(host).script(command).stdout.strip()


def _engine(host: str, hosts: Reached) -> str | None:
    found = _ask(hosts, host, "docker version -f '{{.Server.Version}}' 2>&1")
    return None if found and found[0].isdigit() else found or "no answer"


def _version(host: str, package: str, version: str, hosts: Reached) -> str | None:
    found = _ask(hosts, host, f"dpkg-query -W -f '${{Version}}' {package} 2>&1")
    return None if fnmatchcase(found, version) else f"declared {version}, installed {found}"


def _program(host: str, hosts: Reached) -> str | None:
    """An upgrade may leave the old one running."""
    pid = "$(systemctl show -p MainPID --value docker.service)"
    found = _ask(hosts, host, f"readlink /proc/{pid}/exe")
    return None if found.endswith("/dockerd") else f"it runs {found or 'not at all'}"


def _held(host: str, names: tuple[str, ...], hosts: Reached) -> str | None:
    loose = set(names) - set(_ask(hosts, host, "apt-mark showhold").split())
    return f"not held: {', '.join(sorted(loose))}" if loose else None


def _forwarding(host: str, hosts: Reached) -> str | None:
    found = _ask(hosts, host, "cat /proc/sys/net/ipv4/ip_forward; iptables -S FORWARD | head -n 1")
    return None if found.startswith("1") else "net.ipv4.ip_forward is 0"


def _told(host: str, key: str, value: Any, hosts: Reached) -> str | None:
    found = _ask(hosts, host, f"docker info -f '{{{{.{_TOLD[key]}}}}}'")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, list):
        text = f"[{' '.join(value)}]"
    return None if found == text else f"declared {text}, docker info says {found or 'nothing'}"


def _written(host: str, key: str, value: Any, hosts: Reached) -> str | None:
    try:
        found = daemon.parse(_ask(hosts, host, "cat /etc/docker/daemon.json")).get(key)
    except ValueError as error:
        return f"daemon.json: {error}"
    return None if found == value else f"daemon.json: declared {value!r}, found {found!r}"


def _user(host: str, user: str, hosts: Reached) -> str | None:
    found = _ask(hosts, host, f"id -nG {quote(user)} 2>&1")
    return None if "docker" in found.split() else f"groups: {found}"


def _network(host: str, name: str, declared: Network, hosts: Reached) -> str | None:
    words = "{{.Driver}} {{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}"
    found = _ask(hosts, host, f"docker network inspect -f '{words}' {quote(name)} 2>&1")
    wanted = (declared.driver, declared.subnet, declared.gateway)
    shown = [*found.split(), "", "", ""]
    if any(one is not None and one != other for one, other in zip(wanted, shown, strict=False)):
        return f"declared {' '.join(filter(None, wanted))}, found {found}"
    return None


def _image(host: str, name: str, hosts: Reached) -> str | None:
    found = _ask(hosts, host, f"docker image inspect -f '{{{{.Id}}}}' {quote(name)} 2>&1")
    return None if found.startswith("sha256:") else found


def _container(host: str, name: str, declared: Container, hosts: Reached) -> str | None:
    words = (
        "{{.State.Status}} {{.Config.Image}} {{.HostConfig.RestartPolicy.Name}}"
        "{{range $name, $net := .NetworkSettings.Networks}} {{$name}} {{$net.IPAddress}}{{end}}"
    )
    found = _ask(hosts, host, f"docker inspect -f '{words}' {quote(name)} 2>&1")
    wanted = ["running", declared.image, declared.restart, declared.network]
    wanted += [declared.address] if declared.address else []
    if found.split()[: len(wanted)] != wanted:
        return f"declared {' '.join(wanted)}, found {found}"
    return None


def _limits(container: Container) -> Iterator[tuple[str, str, int]]:
    """Option, Docker's word for it, and its value in bytes or billionths of a processor."""
    if container.memory is not None:
        number, unit = container.memory.rstrip("bkmg"), container.memory[-1]
        yield "memory", "Memory", int(number) << 10 * max(0, "bkmg".find(unit))
    if container.cpus is not None:
        yield "cpus", "NanoCpus", round(container.cpus * 10**9)


def _limit(host: str, name: str, said: str, field: str, value: int, hosts: Reached) -> str | None:
    found = _ask(hosts, host, f"docker inspect -f '{{{{.HostConfig.{field}}}}}' {quote(name)} 2>&1")
    if found == "0":
        # Docker makes the container all the same, and warns.
        return f"declared {said}, there is no limit: has the host's kernel such a controller?"
    return None if found == str(value) else f"declared {said} ({value}), found {found}"


def _port(host: str, port: str, hosts: Reached) -> str | None:
    """A published port takes a connection, from the host's own address."""
    published = port.partition("/")[0].split(":")
    address, number = ("127.0.0.1", published[-2]) if len(published) < 3 else published[:2]
    # bash is not everywhere; nc is where the lab is, docker-proxy listens on either.
    done = hosts.connection(host).script(f"nc -z -w 3 {quote(address)} {quote(number)}")
    return None if done.rc == 0 else f"{address}:{number} does not answer"
