"""A routed fabric's settings: what the data key `fabric` declares, checked before any host is."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from netwright.model import Model, NetnsName, Range, Text

__all__ = ["DEFAULT_ROUTER", "Bfd", "Fabric", "Node", "Policy", "PolicyRule", "Workload"]
__all__ += ["group_of"]

DEFAULT_ROUTER = "169.254.1.1"
"""Where every workload's default route leads; no host has it, every host answers for it."""


def _net(value: object) -> str:
    try:
        return str(IPv4Network(str(value)))
    except ValueError:
        what = "is not an IPv4 network like 10.66.0.0/16, without host bits"
        raise ValueError(f"{value!r:.60} {what}") from None


def _ip(value: object) -> str:
    try:
        return str(IPv4Address(str(value)))
    except ValueError:
        what = "is not an IPv4 address without prefix length"
        raise ValueError(f"{value!r:.60} {what}") from None


Net = Annotated[str, BeforeValidator(_net)]
Ip = Annotated[str, BeforeValidator(_ip)]
# A set of the kernel has 31 characters, `fabric-` stands before it.
Group = Annotated[str, Text(r"[a-z0-9][a-z0-9_.-]{0,22}", "1 to 23 of a-z 0-9 _ . -")]
ContainerName = Annotated[
    str,
    Text(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}", "a container's name (2 or more of a-zA-Z0-9_.-)"),
]
Port = Annotated[str, Text(r"[0-9]{1,5}(:[0-9]{1,5})?", "a port or FROM:TO, in quotes")]


class Workload(Model):
    """One workload in a namespace of its name. `address`: in its host's block; allocated and kept
    if left out. `groups`: what policies name it by. `container`: the Docker container, started with
    `--network none`, that the namespace is of; without one it is a namespace of its own."""

    address: Ip | None = None
    groups: list[Group] = []
    container: ContainerName | None = None


class Node(Model):
    """One host of the fabric. `address`: its own, where others find its BIRD. `block`: allocated
    from the pool and kept if left out."""

    address: Ip | None = None
    block: Net | None = None
    workloads: dict[NetnsName, Workload] = {}


class Bfd(Model):
    """`interval`: milliseconds between two packets; `multiplier`: how many may be missing."""

    interval: Annotated[int, Range(10, 10000)] = 200
    multiplier: Annotated[int, Range(2, 50)] = 4


class PolicyRule(Model):
    """One rule; the first that fits decides. A side that is left out is everybody."""

    action: Literal["allow", "deny"]
    from_: Group | None = Field(default=None, alias="from")
    to: Group | None = None
    protocol: Literal["tcp", "udp", "icmp"] | None = None
    ports: list[Port] = Field(default=[], max_length=15)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ports and self.protocol not in ("tcp", "udp"):
            raise ValueError("ports need protocol tcp or udp")
        return self


class Policy(Model):
    """What may reach workloads; `default`: what becomes of a packet that no rule fits."""

    default: Literal["allow", "deny"] = "allow"
    rules: list[PolicyRule] = []


class Fabric(Model):
    """The data key `fabric`, of the group: one for all of its hosts.

    `block_size`: a block's prefix length. `asn`: of all hosts. `reflectors`: the hosts that pass
    routes on; without any, every host has a session with every other. `hold_time`: seconds after
    which a host is withdrawn that is silent, or whose BIRD is gone. `nat_outgoing`: whether what
    leaves the pool has its host's address."""

    pool: Net
    block_size: Annotated[int, Range(16, 30)] = 26
    asn: Annotated[int, Range(1, 4294967294)] = 64512
    reflectors: list[str] = []
    hold_time: Annotated[int, Range(6, 65535)] = 90
    password: str | None = Field(default=None, repr=False)
    bfd: Bfd | Literal[False] = False
    nat_outgoing: bool = True
    policy: Policy = Policy()
    hosts: dict[str, Node] = {}

    @field_validator("bfd", mode="before")
    @classmethod
    def _on(cls, value: object) -> object:
        return {} if value is True else value

    @field_validator("password")
    @classmethod
    def _secret(cls, value: str | None) -> str | None:
        # Not by a pattern: what is wrong with it would be said with its value.
        if value is not None and not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]{1,80}", value):
            raise ValueError('is not 1 to 80 printable characters without blank, " and \\')
        return value

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if self.block_size < IPv4Network(self.pool).prefixlen:
            raise ValueError(f"block_size: a /{self.block_size} is larger than pool {self.pool}")
        return self

    def node(self, host: str) -> Node:
        """What is declared of a host; nothing will do."""
        return self.hosts.get(host) or Node()


def group_of(group: str) -> str:
    """The set that holds a group's addresses."""
    return f"fabric-{group}"
