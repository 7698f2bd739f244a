"""What a lab is, before anything runs: its hosts, names and addresses. Pure."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

__all__ = ["FIRST_HOST", "HostSpec", "LabError", "LabSpec", "LinkSpec", "overlap"]

FIRST_HOST = 10
MAX_HOSTS = 200
ENGINES = ("nspawn", "vm")
LAB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
# Not longer than Linux' own limit for a host name with the lab's name beside it.
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class LabError(ValueError):
    """A lab that cannot be, or cannot be brought up; the text is one line for its user."""


@dataclass(frozen=True)
class LinkSpec:
    """A link of a host, and the network of the lab that its other end is plugged into."""

    ifname: str
    network: str
    mac: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]


@dataclass(frozen=True)
class HostSpec:
    """One host: its place in the lab gives its addresses."""

    name: str
    index: int
    engine: str
    links: tuple[LinkSpec, ...]

    @property
    def address(self) -> str:
        """The IPv4 address on the lab network, where SSH answers."""
        return self.links[0].addresses[0].partition("/")[0]

    @property
    def address6(self) -> str:
        """The IPv6 address on the lab network."""
        return self.links[0].addresses[1].partition("/")[0]


@dataclass(frozen=True)
class LabSpec:
    """A lab: a name, a network and hosts on it."""

    name: str
    # Which file it came from says whom to ask, not what the lab is.
    source: str = field(compare=False)
    subnet: str
    hosts: tuple[HostSpec, ...]
    packages: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        source: str,
        subnet: str,
        hosts: Iterable[tuple[str, str]],
        packages: Iterable[str] = (),
    ) -> LabSpec:
        """Build and validate a lab.

        Args:
            name: names the lab, its state directory and its links on the machine.
            source: the inventory it comes from.
            subnet: an IPv4 network, /16 to /24, that belongs to the lab alone.
            hosts: (name, engine) in order; host i has the address 10 + i.
            packages: what its hosts can install by apt.

        Raises:
            LabError: naming the field, its value and what is accepted.
        """
        if not LAB_NAME.fullmatch(name):
            raise LabError(
                f"lab name {name!r}: letters, digits, '.', '_' and '-' are accepted, at most 40"
            )
        network = _subnet(name, subnet)
        listed = list(hosts)
        if len(listed) > MAX_HOSTS:
            raise LabError(f"lab {name}: {len(listed)} hosts, at most {MAX_HOSTS} are possible")
        seen: set[str] = set()
        for host, engine in listed:
            if not HOST_NAME.fullmatch(host):
                raise LabError(
                    f"lab {name}: host {host!r}: letters, digits and inner '-' are accepted"
                )
            if host.lower() in seen:
                raise LabError(f"lab {name}: host {host!r} is there twice")
            seen.add(host.lower())
            if engine not in ENGINES:
                raise LabError(
                    f"lab {name}: host {host}: engine {engine!r} is not one of {', '.join(ENGINES)}"
                )
        return cls(
            name=name,
            source=source,
            subnet=str(network),
            hosts=tuple(
                HostSpec(host, index, engine, (_lab_link(name, host, network, index),))
                for index, (host, engine) in enumerate(listed)
            ),
            packages=tuple(packages),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabSpec:
        """Read back what to_json wrote."""
        return cls(
            name=data["name"],
            source=data["source"],
            subnet=data["subnet"],
            packages=tuple(data.get("packages", ())),
            hosts=tuple(
                HostSpec(
                    host["name"],
                    host["index"],
                    host["engine"],
                    tuple(
                        LinkSpec(
                            link["ifname"],
                            link["network"],
                            link["mac"],
                            tuple(link["addresses"]),
                            tuple(link["gateways"]),
                        )
                        for link in host["links"]
                    ),
                )
                for host in data["hosts"]
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """The lab as plain data, for its state file."""
        return asdict(self)

    @property
    def machine_addresses(self) -> tuple[str, str]:
        """The machine's own addresses on the lab network, IPv4 and IPv6."""
        network = IPv4Network(self.subnet)
        return f"{network[1]}/{network.prefixlen}", f"{_network6(network)[1]}/64"

    def host(self, name: str) -> HostSpec:
        """The host of that name.

        Raises:
            LabError: if there is none; names those that are.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        names = ", ".join(host.name for host in self.hosts) or "none"
        raise LabError(f"lab {self.name}: there is no host {name!r}; its hosts are: {names}")

    def uuid(self, host: HostSpec) -> str:
        """The host's machine id: its own, and the same for ever."""
        return uuid.uuid5(uuid.NAMESPACE_DNS, f"{host.name}.{self.name}.netwright-lab").hex


def overlap(
    subnet: str, others: Iterable[tuple[str, IPv4Network | IPv6Network]]
) -> tuple[str, str] | None:
    """The first of the other networks that shares addresses with the subnet.

    Args:
        subnet: the network of a lab.
        others: (whose it is, the network).
    """
    network = IPv4Network(subnet)
    for owner, other in others:
        if isinstance(other, IPv4Network) and network.overlaps(other):
            return owner, str(other)
    return None


def _subnet(name: str, subnet: str) -> IPv4Network:
    try:
        network = IPv4Network(subnet)
    except ValueError as error:
        raise LabError(f"lab {name}: subnet {subnet!r}: {error}") from error
    if not 16 <= network.prefixlen <= 24:
        raise LabError(f"lab {name}: subnet {subnet}: /16 to /24 are accepted")
    return network


def _lab_link(name: str, host: str, network: IPv4Network, index: int) -> LinkSpec:
    network6 = _network6(network)
    # The same last number in both families, digit for digit: 198.18.0.10 and fd00:198:18:0::10.
    host6 = IPv6Address(int(network6[0]) + int(str(FIRST_HOST + index), 16))
    return LinkSpec(
        ifname="eth0",
        network="lab",
        # The same at each boot, as a network card's: neighbours remember it.
        mac=f"02:{hashlib.sha256(f'{name}/{host}/eth0'.encode()).digest()[:5].hex(':')}",
        addresses=(f"{network[FIRST_HOST + index]}/{network.prefixlen}", f"{host6}/64"),
        gateways=(str(network[1]), str(network6[1])),
    )


def _network6(network: IPv4Network) -> IPv6Network:
    a, b, c, _ = str(IPv4Address(network.network_address)).split(".")
    return IPv6Network(f"fd00:{a}:{b}:{c}::/64")
