"""Routes of the fake kernel: what `ip route` may add, and what goes by itself.

Not modelled: multipath, several routes under one key, TOS, the routes of table local.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwright.model import family_of
from netwright.route import Route

if TYPE_CHECKING:
    from tests.core.kernel import Device, Space

MAIN = 254
KERNEL, STATIC = 2, 4
NO_DEVICE = ("blackhole", "unreachable", "prohibit")


class KernelError(Exception):
    """What the tool would print, without its `Error: ` or `RTNETLINK answers: `."""


@dataclass(frozen=True)
class Key:
    family: str
    table: int
    dst: str
    metric: int


def key_of(route: Route) -> Key:
    assert route.family is not None
    return Key(route.family, route.table or MAIN, route.dst, route.metric or 0)


class Routes:
    """The routing tables of one namespace."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.table: list[Route] = []

    def add(self, route: Route) -> None:
        """`ip route replace`, after the kernel's checks: the first under this key goes for it."""
        if route.type not in NO_DEVICE:
            route = self._checked(route)
        self._valid_source(route)
        for index, item in enumerate(self.table):
            if key_of(item) == key_of(route):
                self.table[index] = route
                return
        self.table.append(route)

    def _checked(self, route: Route) -> Route:
        if route.dev is not None and route.dev not in self.space.devices:
            raise KernelError(f'Cannot find device "{route.dev}"')
        if route.via is None:
            device = self.space.devices[route.dev or ""]
            self._usable(device, route)
            return route
        if route.onlink:
            self._usable(self.space.devices[route.dev or ""], route)
            return route
        device = self._way_to(route)
        self._usable(device, route)
        return route.but(dev=device.name)

    def _usable(self, device: Device, route: Route) -> None:
        if not device.up:
            raise KernelError("Device for nexthop is not up.")
        if route.family == "inet6" and device.without_ipv6():
            raise KernelError("IPv6 is disabled on nexthop device")

    def _way_to(self, route: Route) -> Device:
        """The device behind which a gateway is, without another gateway between."""
        gateway = ipaddress.ip_address(str(route.via))
        if gateway.is_link_local and route.dev is not None:
            return self.space.devices[route.dev]
        tables = dict.fromkeys([route.table, MAIN])
        for table in tables:
            found = [
                item
                for item in self.table
                if item.family == route.family
                and item.table == table
                and (route.dev is None or item.dev == route.dev or item.type in NO_DEVICE)
                and gateway in _network(item)
            ]
            if found:
                best = max(found, key=lambda item: (_network(item).prefixlen, -(item.metric or 0)))
                if best.type != "unicast" or best.via is not None:
                    continue
                return self.space.devices[best.dev or ""]
        raise KernelError("Nexthop has invalid gateway.")

    def _valid_source(self, route: Route) -> None:
        if route.src is not None and route.src not in self.space.bare_addresses():
            raise KernelError("Invalid prefsrc address.")

    def delete(self, route: Route) -> None:
        """`ip route delete`: what the line says has to be so."""
        for item in self.table:
            if key_of(item) == key_of(route) and _says(route, item):
                self.table.remove(item)
                return
        raise KernelError("No such process")

    def connected(self, device: Device, text: str) -> None:
        """The route that comes with an address."""
        network = ipaddress.ip_interface(text).network
        inet6 = network.version == 6
        if not device.up or (not inet6 and (network.prefixlen == 32 or device.name == "lo")):
            return
        route = Route.model_construct(
            dst=str(network), family="inet6" if inet6 else "inet", type="unicast", via=None,
            dev=device.name, src=None if inet6 else text.partition("/")[0],
            metric=256 if inet6 else 0, table=MAIN, scope="global" if inet6 else "link",
            onlink=False, mtu=None, advmss=None, protocol=KERNEL,
        )  # fmt: skip
        if route not in self.table:
            self.table.append(route)

    def disconnected(self, device: Device, text: str, rest: list[str]) -> None:
        """An address has gone; `rest` is what the device has left."""
        network = ipaddress.ip_interface(text).network
        bare = text.partition("/")[0]
        inet6 = network.version == 6
        needed = inet6 and any(_in(network, other) for other in rest)
        self.table = [
            item
            for item in self.table
            if item.protocol != KERNEL
            or item.dev != device.name
            or item.dst != str(network)
            or needed
            or (not inet6 and item.src != bare)
        ]
        if bare not in self.space.bare_addresses():
            self.table = [
                item.but(src=None) if item.src == bare else item
                for item in self.table
                if item.src != bare or item.family == "inet6"
            ]

    def drop(self, device: Device, family: str | None = None) -> None:
        """The device is down, has no address of this family any more, or is gone."""
        self.table = [
            item
            for item in self.table
            if (item.dev or ("lo" if item.family == "inet6" else None)) != device.name
            or family not in (None, item.family)
        ]

    def shown(self) -> tuple[Route, ...]:
        """As `snapshot.parse` tells it."""
        return tuple(self.table)


def _says(route: Route, item: Route) -> bool:
    return (
        item.type == route.type
        and route.via in (None, item.via)
        and route.dev in (None, item.dev)
        and (route.family != "inet" or route.type != "unicast" or route.scope == item.scope)
    )


def _network(route: Route) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    default = "::/0" if route.family == "inet6" else "0.0.0.0/0"
    return ipaddress.ip_network(default if route.dst == "default" else route.dst)


def _in(network: ipaddress.IPv4Network | ipaddress.IPv6Network, text: str) -> bool:
    return ipaddress.ip_interface(text).network == network


def parse(words: list[str]) -> Route:
    """The words after `route replace|delete`."""
    kind, dst, rest = words[0], words[1], words[2:]
    onlink = "onlink" in rest
    rest = [word for word in rest if word != "onlink"]
    fields: dict[str, str] = {}
    while rest:
        if rest[0] == "via" and rest[1] in ("inet", "inet6"):
            fields["via"], rest = rest[2], rest[3:]
        else:
            fields[rest[0]], rest = rest[1], rest[2:]
    family = family_of(dst)
    metric = int(fields.get("metric", 0))
    default = dst in ("0.0.0.0/0", "::/0")
    return Route.model_construct(
        dst="default" if default else dst, family=family, type=kind, via=fields.get("via"),
        dev=fields.get("dev"), src=fields.get("src"),
        metric=metric or (1024 if family == "inet6" else 0), table=int(fields["table"]),
        scope=fields.get("scope") or _scope(family, kind), onlink=onlink,
        mtu=_number(fields.get("mtu")), advmss=_number(fields.get("advmss")),
        protocol=int(fields.get("proto", 3)),
    )  # fmt: skip


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _scope(family: str, kind: str) -> str:
    return "host" if kind == "local" and family == "inet" else "global"
