"""A Docker engine's settings: what the data key `docker` declares, checked before any host is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from netwright.installs import daemon
from netwright.model import Model

__all__ = [
    "DEBIAN",
    "LABEL",
    "UPSTREAM",
    "Container",
    "Image",
    "Network",
    "Repository",
    "Settings",
    "create",
    "digest",
]

LABEL = "netwright.declared"
"""On what we made: a hash of what was declared of it."""

DEBIAN = ("docker.io", "containerd", "runc")
UPSTREAM = ("docker-ce", "docker-ce-cli", "containerd.io")
"""The packages that are held; runc is in upstream's containerd.io."""

NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"


class Repository(Model):
    """docker-ce's repository, or a mirror of it; `key`: a path on the controller, armored."""

    url: str = Field(pattern=r"^https?://\S+$")
    suite: str = Field(pattern=r"^[\w./-]+$")
    components: list[str] = ["stable"]
    key: str


class Network(Model):
    """A user network; `masquerade: false` leaves its addresses as they are beyond the host."""

    subnet: str | None = None
    gateway: str | None = None
    driver: str = "bridge"
    masquerade: bool = True
    bridge: str | None = Field(default=None, pattern=r"^[\w.-]{1,15}$")


class Image(Model):
    """Where an image comes from: `tar` of a root file system or `dockerfile` (its text) beside
    `context`, a directory; paths are the controller's. Without either it is pulled."""

    tar: str | None = None
    dockerfile: str | None = None
    context: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.tar is not None and (self.dockerfile or self.context):
            raise ValueError("either `tar` or `dockerfile`, not both")
        return self


class Container(Model):
    """A container that runs: `ports` as docker's -p, `memory` as 64m, `cpus` as 0.5."""

    image: str
    command: list[str] = []
    network: str = "bridge"
    address: str | None = None
    ports: list[str] = []
    restart: Literal["no", "always", "unless-stopped", "on-failure"] = "unless-stopped"
    memory: str | None = Field(default=None, pattern=r"^\d+[bkmg]?$")
    cpus: float | None = Field(default=None, gt=0)
    environment: dict[str, str] = {}

    @model_validator(mode="after")
    def _fixed(self) -> Self:
        if self.address and self.network in ("bridge", "host", "none"):
            raise ValueError(f"a fixed address needs a user network, not {self.network!r}")
        return self


class Settings(Model):
    """The data key `docker`, of a host or of the group; every key may be left out."""

    source: Literal["debian"] | Repository = "debian"
    version: str | None = Field(default=None, pattern=r"^[0-9][\w.:+~*-]*$")
    hold: bool = True
    daemon: dict[str, Any] = {}
    users: list[str] = []
    networks: dict[str, Network] = {}
    images: dict[str, Image] = {}
    containers: dict[str, Container] = {}

    @property
    def packages(self) -> tuple[str, ...]:
        """What is installed and held; the engine's own is the first."""
        return DEBIAN if self.source == "debian" else UPSTREAM

    @field_validator("daemon")
    @classmethod
    def _checked(cls, value: dict[str, Any]) -> dict[str, Any]:
        if wrong := list(daemon.problems(value)):
            raise ValueError("; ".join(wrong))
        return value

    @model_validator(mode="after")
    def _references(self) -> Self:
        if wrong := list(self._dangling()):
            raise ValueError("; ".join(wrong))
        return self

    def _dangling(self) -> Iterator[str]:
        known = {*self.networks, "bridge", "host", "none"}
        taken: dict[tuple[str, str], str] = {}
        for name, container in self.containers.items():
            if container.network not in known:
                yield f"containers.{name}.network: {container.network!r} is no network here"
            if container.address:
                other = taken.setdefault((container.network, container.address), name)
                if other != name:
                    yield f"containers.{name}.address: {container.address} is that of {other}"


def digest(declared: Model, *more: str) -> str:
    """What a thing that was made of a declaration is known by.

    + more: what it was made of besides, such as the content of a file
    """
    text = json.dumps([declared.model_dump(), *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def create(name: str, container: Container, image: str) -> list[str]:
    """The words of `docker create`.

    + image: its id; another one is another container
    """
    words = ["--name", name, "--label", f"{LABEL}={digest(container, image)}"]
    words += ["--restart", container.restart, "--network", container.network]
    if container.address:
        words += ["--ip", container.address]
    for port in container.ports:
        words += ["--publish", port]
    if container.memory:
        words += ["--memory", container.memory]
    if container.cpus:
        words += ["--cpus", str(container.cpus)]
    for key, value in sorted(container.environment.items()):
        words += ["--env", f"{key}={value}"]
    return [*words, container.image, *container.command]
