"""What a host's answer means: links, addresses, routes, rules as the verification understands them.

Written from what iproute2 prints, not from `netwright.snapshot`: a mistake there must show here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_interface
from typing import Any

from netwright.model import HOST
from netwright.verification import tables
from netwright.verification.reading import Answer
from netwright.verification.tables import SeenTable

__all__ = ["NotThere", "Seen", "SeenLink", "SeenRoute", "SeenRule", "SeenSpace"]

_ROUTE_TYPES = {"1": "unicast", "2": "local", "6": "blackhole", "7": "unreachable", "8": "prohibit"}
_SCOPES = {"0": "global", "200": "site", "253": "link", "254": "host", "255": "nowhere"}
_RULE_TYPES = {"6": "blackhole", "7": "unreachable", "8": "prohibit"}


class NotThere(LookupError):
    """What is asked for isn't on the host, or can't be read; the text says which of both."""


@dataclass(frozen=True)
class SeenLink:
    """One entry of `ip -d -j address`."""

    entry: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """As `ip link add ... type` takes it; empty for a physical link and for lo."""
        kind = str(self._info.get("info_kind", ""))
        return str(self.data["type"]) if kind == "tun" and "type" in self.data else kind

    @property
    def state(self) -> str:
        return "up" if "UP" in self.entry["flags"] else "down"

    @property
    def promisc(self) -> bool:
        return "PROMISC" in self.entry["flags"]

    @property
    def master(self) -> str:
        return str(self.entry.get("master", ""))

    @property
    def index(self) -> int:
        return int(self.entry["ifindex"])

    @property
    def data(self) -> Mapping[str, Any]:
        """The kind's own attributes."""
        found: Mapping[str, Any] = self._info.get("info_data", {})
        return found

    @property
    def port(self) -> Mapping[str, Any] | None:
        """The attributes of its place on a bridge; None when it is on none."""
        if self._info.get("info_slave_kind") != "bridge":
            return None
        found: Mapping[str, Any] = self._info["info_slave_data"]
        return found

    @property
    def _info(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.entry.get("linkinfo", {})
        return found

    def addresses(self, keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """What somebody configured: not the kernel's link-local ones, not SLAAC's or DHCP's.

        + keep: addresses to list all the same if they are there, since they are declared

        An address that duplicate address detection has refused is marked: nobody can use it.
        """
        found = []
        for item in self.entry.get("addr_info", ()):
            text = _address(item)
            if text in keep or not self._is_nobodys(item, text):
                found.append(f"{text} (refused as a duplicate)" if "dadfailed" in item else text)
        return tuple(sorted(found))

    def _is_nobodys(self, item: Mapping[str, Any], text: str) -> bool:
        if item.get("dynamic"):
            return True
        if self.entry["ifname"] == "lo" and text in ("127.0.0.1/8", "::1/128"):
            return True
        return bool(
            item["family"] == "inet6" and item["scope"] == "link" and item["prefixlen"] == 64
        )


def _address(item: Mapping[str, Any]) -> str:
    text = ip_interface(f"{item['local']}/{item['prefixlen']}").compressed
    return f"{text} peer {item['address']}" if "address" in item else text


def _without_dots(text: str) -> str:
    """An address as it is declared: ip writes IPv4 in IPv6 with dots."""
    if ":" not in text or "." not in text:
        return text
    address, slash, length = text.partition("/")
    return ip_address(address).compressed + slash + length


def _gateway(entry: Mapping[str, Any]) -> str | None:
    via = entry.get("gateway") or entry.get("via", {}).get("host")
    return None if via is None else _without_dots(via)


@dataclass(frozen=True)
class SeenHop:
    """One of several ways of a route."""

    via: str | None
    dev: str | None
    weight: int
    onlink: bool

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> SeenHop:
        onlink = "onlink" in entry.get("flags", ())
        return cls(_gateway(entry), entry.get("dev"), int(entry.get("weight", 1)), onlink)


@dataclass(frozen=True)
class SeenRoute:
    """One route, with what ip leaves out written out."""

    family: str
    dst: str
    type: str
    table: int
    metric: int
    scope: str
    via: str | None = None
    dev: str | None = None
    src: str | None = None
    onlink: bool = False
    mtu: int | None = None
    advmss: int | None = None
    hops: tuple[SeenHop, ...] = ()

    @classmethod
    def of(cls, entry: Mapping[str, Any], family: str) -> SeenRoute:
        metrics = {key: value for part in entry.get("metrics", ()) for key, value in part.items()}
        source = entry.get("prefsrc")
        return cls(
            family=family,
            dst=_destination(entry["dst"]),
            type=_ROUTE_TYPES.get(str(entry["type"]), str(entry["type"])),
            table=int(entry.get("table", 254)),
            metric=int(entry.get("metric", 0)),
            scope=_SCOPES.get(str(entry.get("scope", "0")), str(entry.get("scope"))),
            via=_gateway(entry),
            dev=entry.get("dev"),
            src=None if source is None else _without_dots(source),
            onlink="onlink" in entry.get("flags", ()),
            mtu=metrics.get("mtu"),
            advmss=metrics.get("advmss"),
            hops=tuple(map(SeenHop.of, entry.get("nexthops", ()))),
        )


def _destination(text: str) -> str:
    if text == "default" or "/" in text:
        return _without_dots(text)
    return ip_interface(text).network.compressed


@dataclass(frozen=True)
class SeenRule:
    """One policy rule."""

    family: str
    priority: int
    source: str | None = None
    to: str | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: str | None = None
    table: int | None = None
    type: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any], family: str) -> SeenRule:
        mark = entry.get("fwmark")
        action = str(entry.get("action", ""))
        return cls(
            family=family,
            priority=int(entry["priority"]),
            source=_selected(entry, "src"),
            to=_selected(entry, "dst"),
            iif=entry.get("iif"),
            oif=entry.get("oif"),
            fwmark=f"{mark}/{entry['fwmask']}" if "fwmask" in entry else mark,
            table=int(entry["table"]) if "table" in entry else None,
            type=_RULE_TYPES.get(action, action or None),
        )


def _selected(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name, "all")
    if value == "all":
        return None
    return _destination(f"{value}/{entry[f'{name}len']}" if f"{name}len" in entry else value)


@dataclass(frozen=True)
class SeenSpace:
    """One namespace of a host."""

    path: str
    answer: Answer = field(repr=False)

    @cached_property
    def links(self) -> Mapping[str, SeenLink]:
        return {entry["ifname"]: SeenLink(entry) for entry in self._json("links")}

    def link(self, ifname: str) -> SeenLink:
        """Raises NotThere."""
        if ifname not in self.links:
            raise NotThere(f"{self.path}links.{ifname} is not there")
        return self.links[ifname]

    @cached_property
    def _routes(self) -> dict[str, list[SeenRoute]]:
        return {}

    def routes(self, family: str) -> list[SeenRoute]:
        """All of one family, of all tables, the kernel's own as well."""
        if family not in self._routes:
            entries = self._json(f"routes {family}")
            self._routes[family] = [SeenRoute.of(entry, family) for entry in entries]
        return self._routes[family]

    def rules(self, family: str) -> list[SeenRule]:
        return [SeenRule.of(entry, family) for entry in self._json(f"rules {family}")]

    @cached_property
    def neighbours(self) -> Mapping[tuple[str, str], str]:
        """Permanent ones: address and link to MAC address."""
        return {
            (_without_dots(entry["dst"]), entry["dev"]): entry.get("lladdr", "")
            for entry in self._json("neighbours")
        }

    @cached_property
    def proxies(self) -> frozenset[tuple[str, str]]:
        entries = self._json("proxies")
        return frozenset((_without_dots(entry["dst"]), entry["dev"]) for entry in entries)

    @cached_property
    def nsids(self) -> Mapping[int, str]:
        """This namespace's numbers for others; a nameless one has an empty name."""
        return {entry["nsid"]: entry.get("name", "") for entry in self._json("nsids")}

    @cached_property
    def sysctl(self) -> Mapping[str, str]:
        """Every parameter that was asked for and is there; the lines of one are joined."""
        found: dict[str, list[str]] = {}
        for line in self._text("sysctl").splitlines():
            # A link's name has no colon.
            key, _, value = line.partition(":")
            found.setdefault(key, []).extend(value.split())
        return {key: " ".join(words) for key, words in found.items()}

    @cached_property
    def _tables(self) -> dict[str, Mapping[str, SeenTable]]:
        return {}

    def tables(self, part: str) -> Mapping[str, SeenTable]:
        """`iptables` or `ip6tables`: what is live; with ` rules`: what becomes of the declared."""
        if part not in self._tables:
            self._tables[part] = tables.parse(self._text(part))
        return self._tables[part]

    @cached_property
    def sets(self) -> Mapping[str, Mapping[str, str]]:
        """Each ipset's words as `ipset create` takes them."""
        return tables.sets_of(self._text("ipsets"))

    def entries(self, name: str, part: str = "ipsets") -> tuple[str, ...]:
        """An ipset's entries, live; with part `ipset NAME`: what becomes of the declared."""
        return tables.entries_of(self._text(part), name)

    def part(self, name: str) -> list[Any]:
        """What a tool prints as JSON. Raises NotThere."""
        return self._json(name)

    def text(self, name: str) -> str:
        """What a tool prints. Raises NotThere."""
        return self._text(name)

    def _text(self, part: str) -> str:
        if part in self.answer.failed:
            raise NotThere(f"can't be read: {self.answer.failed[part].strip() or part}")
        if part not in self.answer.parts:
            raise NotThere(f"can't be read: {self.answer.words or f'the host printed no {part}'}")
        return self.answer.parts[part]

    def _json(self, part: str) -> list[Any]:
        text = self._text(part)
        # A warning of ip may stand before it; nothing at all is how some versions say "none".
        line = next((line for line in text.splitlines() if line.startswith("[")), "[]")
        found: list[Any] = json.loads(line)
        return [entry for entry in found if entry]


class Seen:
    """A host as it was when it was read."""

    def __init__(self, general: Answer, spaces: Mapping[str, Answer]) -> None:
        self._general = SeenSpace("", general)
        self._spaces = spaces

    @cached_property
    def namespaces(self) -> Mapping[str, int | None]:
        """Every named namespace, and the host's number for it if it has one."""
        return {item["name"]: item.get("id") for item in self._general._json("netns")}

    @cached_property
    def _seen(self) -> dict[str, SeenSpace]:
        return {}

    def space(self, netns: str) -> SeenSpace:
        """Raises NotThere."""
        if netns not in self._seen:
            self._seen[netns] = self._space(netns)
        return self._seen[netns]

    def _space(self, netns: str) -> SeenSpace:
        answer = self._spaces.get(netns, Answer())
        if netns != HOST and netns not in self.namespaces:
            raise NotThere(f"netns.{netns} is not there")
        if not answer.here:
            raise NotThere(f"netns.{netns} can't be entered: {answer.words}")
        return SeenSpace("" if netns == HOST else f"netns.{netns}.", answer)

    def has_module(self, name: str) -> bool:
        """Whether a kernel module is loaded or built in."""
        return f"module {name}" in self._general.answer.parts

    def told(self, part: str) -> str:
        """What the host printed for a part of its own; nothing for one that was not asked for.

        Raises NotThere with the host's words when it could not tell.
        """
        answer = self._general.answer
        if part in answer.failed:
            raise NotThere(f"{part} can't be read: {' '.join(answer.failed[part].split())}")
        return answer.parts.get(part, "")

    def other_end(self, netns: str, link: SeenLink) -> tuple[str, str] | None:
        """The namespace and name of what a link is tied to: a veth's peer, a macvlan's parent.

        A link in another namespace is given by a number there, and the namespace by a number here;
        both are resolved, None when that leads nowhere among the namespaces that were read.
        """
        if "link" in link.entry:
            return netns, str(link.entry["link"])
        if "link_index" not in link.entry:
            return None
        number, index = link.entry.get("link_netnsid"), int(link.entry["link_index"])
        for place in self._named(netns, number):
            for name, other in self.space(place).links.items():
                if other.index == index and self._ties_back(netns, link, place, other):
                    return place, name
        return None

    def _ties_back(self, netns: str, link: SeenLink, place: str, other: SeenLink) -> bool:
        """A pair's ends name each other; a parent doesn't name what stands on it."""
        if link.kind != "veth":
            return True
        if other.entry.get("link_index") != link.index:
            return False
        # Only the host's namespace has numbers here for all that have a name.
        return place != HOST or other.entry.get("link_netnsid") == self.namespaces.get(netns)

    def _named(self, netns: str, number: int | None) -> list[str]:
        """The namespaces that a number may mean, among those that were read."""
        if number is None:
            return [netns]
        if netns == HOST:
            names = [name for name, known in self.namespaces.items() if known == number]
        else:
            parts = self._spaces[netns].parts
            known = self.space(netns).nsids.get(number, "") if "nsids" in parts else ""
            # The host's own namespace has no name to be listed by.
            names = [known or HOST]
        return [name for name in names if name in self._spaces]
