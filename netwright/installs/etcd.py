"""An etcd cluster's settings and the files they become; `etcd --help` shows the options."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from netwright.errors import Problem
from netwright.model import Model

__all__ = ["CONFIG", "DATA", "JOIN", "PKI", "TRUST", "UNIT_SETTINGS"]
__all__ += ["Member", "Release", "Settings", "Snapshots", "Tls"]
__all__ += ["environment", "join_environment", "problems", "render", "warnings"]

CONFIG = "/etc/default/etcd"
JOIN = "/etc/etcd/join"
"""What a first start needs and no later one; gone as soon as the member has joined."""
PKI = "/etc/etcd/pki"
DATA = "/var/lib/etcd/default"
UNIT_SETTINGS = "/etc/systemd/system/etcd.service.d/netwright.conf"
TRUST = "NETWRIGHT_TRUST"
"""A variable that names the CAs a process was started with: etcd reads them only then."""

# What may be set beside what the deploy itself decides, as etcd's own options are called.
OPTIONS = frozenset(
    {
        "auto-compaction-mode",
        "auto-compaction-retention",
        "backend-batch-interval",
        "backend-batch-limit",
        "cipher-suites",
        "debug",
        "election-timeout",
        "enable-v2",
        "grpc-keepalive-interval",
        "grpc-keepalive-min-time",
        "grpc-keepalive-timeout",
        "heartbeat-interval",
        "log-level",
        "log-outputs",
        "logger",
        "max-concurrent-streams",
        "max-request-bytes",
        "max-snapshots",
        "max-txn-ops",
        "max-wals",
        "metrics",
        "pre-vote",
        "quota-backend-bytes",
        "snapshot-count",
        "strict-reconfig-check",
    }
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Release(Model):
    """A release as a tarball: `url` is the mirror's base, as https://mirror.example/etcd."""

    url: str = Field(pattern=r"^https?://\S+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    file: str = Field(default="etcd-v{version}-linux-amd64.tar.gz", pattern=r"^[\w.{}+-]+$")

    def address(self, version: str) -> str:
        """Where a version is."""
        return f"{self.url.rstrip('/')}/v{version}/{self.file.format(version=version)}"


class Tls(Model):
    """`ca`: a directory on the controller with ca.pem and ca.key; made when it is not there.
    `make: false`: it has to be there. `trust`: files with further CAs that clients may have."""

    ca: str | None = None
    make: bool = True
    trust: list[str] = []


class Snapshots(Model):
    """`on`: when, as systemd's OnCalendar says it. `keep`: how many. `directory`: on each host."""

    on: str = Field(default="daily", pattern=r"^[^\n]+$")
    keep: int = Field(default=7, ge=1, le=10000)
    directory: str = Field(default="/var/backups/etcd", pattern=r"^/[\w./-]+$")


class Settings(Model):
    """The data key `etcd`, of a host or of the group; every key may be left out."""

    name: str | None = None
    address: str | None = None
    version: str | None = Field(default=None, pattern=r"^[0-9][\w.+~*-]*$")
    source: Literal["debian"] | Release = "debian"
    tls: Tls | Literal[False] = Tls()
    token: str = Field(default="netwright", pattern=r"^[\w.-]{1,64}$")
    client_port: int = Field(default=2379, ge=1, le=65535)
    peer_port: int = Field(default=2380, ge=1, le=65535)
    options: dict[str, str | int | bool] = {}
    snapshots: Snapshots | Literal[False] = Snapshots()
    move_aside: bool = False

    @field_validator("tls", "snapshots", mode="before")
    @classmethod
    def _on(cls, value: object) -> object:
        return {} if value is True else value

    @field_validator("options")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        wrong = sorted(set(value) - OPTIONS)
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)}: not accepted; accepted: {', '.join(sorted(OPTIONS))}"
            )
        return value

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if isinstance(self.source, Release) and (self.version is None or "*" in self.version):
            raise ValueError("a tarball needs a whole `version`, such as 3.5.26, beside its sha256")
        if self.client_port == self.peer_port:
            raise ValueError(f"client_port and peer_port are both {self.peer_port}")
        return self


class Member(Model):
    """One member: its host's name in the inventory, and its settings with nothing left open."""

    host: str
    name: str
    address: str
    settings: Settings

    @classmethod
    def of(cls, host: str, settings: Settings, address: str | None) -> Member:
        """A host's member.

        + host: its name in the inventory, which is the member's unless the settings say another
        + address: where SSH finds it, which is the member's unless the settings say another
        """
        return cls(
            host=host,
            name=settings.name or host,
            address=settings.address or address or "",
            settings=settings,
        )

    @property
    def scheme(self) -> str:
        return "https" if self.settings.tls else "http"

    @property
    def peer_url(self) -> str:
        return f"{self.scheme}://{_bracketed(self.address)}:{self.settings.peer_port}"

    @property
    def client_url(self) -> str:
        return f"{self.scheme}://{_bracketed(self.address)}:{self.settings.client_port}"

    @property
    def names(self) -> tuple[str, ...]:
        """What its certificate is for."""
        return (self.address, "127.0.0.1", self.name, *({self.host} - {self.name}))


def problems(members: list[Member]) -> Iterator[Problem]:
    """What the declaration alone shows to be wrong between and in members."""
    for member in members:
        path = f"{member.host}: etcd"
        if not NAME.fullmatch(member.name):
            yield Problem(f"{path}.name", f"{member.name!r}: letters, digits, '.', '_' and '-'")
        try:
            ipaddress.ip_address(member.address)
        except ValueError:
            what = f"{member.address!r} is no IP address; set it, SSH's name does not tell it"
            yield Problem(f"{path}.address", what)
    for key, what in (("name", "name"), ("peer_url", "URL")):
        first: dict[str, str] = {}
        for member in members:
            value = str(getattr(member, key))
            other = first.setdefault(value, member.host)
            if other != member.host:
                path = "name" if key == "name" else "address"
                say = f"{value}: {other} has the same {what}; each member has its own"
                yield Problem(f"{member.host}: etcd.{path}", say)
    for key in ("token", "version", "source", "tls"):
        values = {repr(getattr(member.settings, key)) for member in members}
        if len(values) > 1:
            yield Problem(f"etcd.{key}", f"members differ: {'; '.join(sorted(values))}")


def warnings(members: list[Member]) -> Iterator[str]:
    """What works and is not wise."""
    count = len(members)
    if count % 2 == 0:
        yield (
            f"etcd: {count} members can lose {(count - 1) // 2}, as many as {count - 1} can:"
            " an even number only adds one that can fail"
        )
    if count == 1:
        yield "etcd: a cluster of one member loses service with it, and its data with its disk"


def environment(member: Member) -> dict[str, str]:
    """What etcd is told at each start; what it needs at its first only is `join_environment`."""
    settings = member.settings
    local = f"{member.scheme}://127.0.0.1:{settings.client_port}"
    found = {
        "ETCD_NAME": member.name,
        "ETCD_DATA_DIR": DATA,
        "ETCD_LISTEN_PEER_URLS": member.peer_url,
        "ETCD_LISTEN_CLIENT_URLS": f"{member.client_url},{local}",
        "ETCD_ADVERTISE_CLIENT_URLS": member.client_url,
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": member.peer_url,
    }
    if settings.tls:
        for prefix in ("ETCD_", "ETCD_PEER_"):
            found[f"{prefix}CERT_FILE"] = f"{PKI}/member.pem"
            found[f"{prefix}KEY_FILE"] = f"{PKI}/member.key"
            found[f"{prefix}TRUSTED_CA_FILE"] = f"{PKI}/ca.pem"
            found[f"{prefix}CLIENT_CERT_AUTH"] = "true"
    for option, value in sorted(settings.options.items()):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found[f"ETCD_{option.upper().replace('-', '_')}"] = text
    return found


def join_environment(
    state: Literal["new", "existing"], token: str, cluster: Mapping[str, str]
) -> dict[str, str]:
    """What a first start is told.

    + state: whether the cluster begins with it
    + cluster: peer URLs by member's name
    """
    return {
        "ETCD_INITIAL_CLUSTER": ",".join(f"{name}={url}" for name, url in sorted(cluster.items())),
        "ETCD_INITIAL_CLUSTER_STATE": state,
        "ETCD_INITIAL_CLUSTER_TOKEN": token,
    }


def render(values: Mapping[str, str]) -> str:
    """As systemd's EnvironmentFile reads it."""
    return "".join(f'{name}="{_escaped(value)}"\n' for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
