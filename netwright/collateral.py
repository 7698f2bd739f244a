"""What the kernel takes along by itself when a link changes: routes, neighbours, IPv6 addresses.

Sources: fib_inetaddr_event and fib_netdev_event (net/ipv4/fib_frontend.c), inetdev_destroy
(net/ipv4/devinet.c), neigh_changeaddr and neigh_ifdown (net/core/neighbour.c), addrconf_ifdown
(net/ipv6/addrconf.c), rt6_mtu_change_route (net/ipv6/route.c). Asked of both
directions: the change needs it, and so does its undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from netwright.hostcheck import reached
from netwright.links.link import IPV6_MIN_MTU, Link
from netwright.neighbour import Neighbour
from netwright.route import Route
from netwright.sysctl import link_key

__all__ = ["Change", "Side"]

Port = tuple[str, str | None, int | None]


@dataclass(frozen=True)
class Side:
    """A namespace's links and parameters, before a change or after it."""

    links: Mapping[str, Link]
    sysctl: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sources(self) -> set[str]:
        """All addresses, without their length."""
        return {text.partition("/")[0] for link in self.links.values() for text in _addresses(link)}

    @cached_property
    def places(self) -> set[tuple[str, str]]:
        """All addresses, with the links that have them."""
        return {(name, text) for name, link in self.links.items() for text in _addresses(link)}

    @cached_property
    def ports(self) -> Mapping[str, set[Port]]:
        """Bridge -> its ports, with what it takes from them."""
        found: dict[str, set[Port]] = {}
        for ifname, link in self.links.items():
            if link.master:
                found.setdefault(link.master, set()).add((ifname, link.mac, link.mtu))
        return found

    def holds(self, item: Route) -> bool:
        """Whether the kernel would take this route: link up, source ours, gateway in reach."""
        if item.src is not None and item.src not in self.sources:
            return False
        return all(map(self._holds_path, item.paths))

    def _holds_path(self, item: Route) -> bool:
        if item.dev is not None:
            link = self.links.get(item.dev)
            if link is None or link.state == "down":
                return False
            if item.family == "inet6" and self.without_ipv6(item.dev):
                return False
        return item.via is None or bool(item.onlink) or reached(item, self.links, ())

    def without_ipv6(self, ifname: str) -> bool:
        """Whether the kernel drops and refuses a link's IPv6 addresses."""
        mtu = self.links[ifname].mtu
        off = self.sysctl.get(link_key("ipv6", ifname, "disable_ipv6")) == "1"
        return off or (mtu is not None and mtu < IPV6_MIN_MTU)


@dataclass(frozen=True)
class Change:
    """From one side to the other; `lost` are the links that go, even if they come back."""

    before: Side
    after: Side
    lost: set[str] = field(default_factory=set)

    @cached_property
    def turned(self) -> Change:
        """The way back."""
        return Change(self.after, self.before, self.lost)

    @cached_property
    def pinned(self) -> set[str]:
        """Links that get their first IPv4 address, so that they follow `default` no longer; the
        loopback gets one when it goes up."""
        return {
            ifname
            for ifname, link in self.after.links.items()
            if self._stays(ifname)
            and not _ipv4(self.before.links[ifname])
            and (_ipv4(link) or (ifname == "lo" and link.state == "up"))
        }

    def has_other_ports(self, ifname: str) -> bool:
        """Whether a bridge's ports change, or what it takes from them."""
        return self.before.ports.get(ifname) != self.after.ports.get(ifname)

    def drops_ipv6(self, ifname: str) -> bool:
        """Whether a link that stays loses all that it has of IPv6."""
        return (
            self._stays(ifname)
            and self.after.without_ipv6(ifname)
            and not self.before.without_ipv6(ifname)
        )

    def drops_route(self, item: Route) -> bool:
        """Whether a route goes, may go for a moment, or changes."""
        if item.src is not None and item.src in self._sources_gone:
            return True
        return any(self._drops_path(path) or self._sets_mtu(path) for path in item.paths)

    def _drops_path(self, item: Route) -> bool:
        # IPv6 hangs its blackholes on the loopback.
        ifname = item.dev or ("lo" if item.family == "inet6" else "")
        if not self._stays(ifname):
            return False
        if item.family == "inet6":
            return self._goes_down(ifname) or self.drops_ipv6(ifname)
        # With an address go those of its subnet's sources, with the last one all.
        return self._goes_down(ifname) or self._loses_ipv4(ifname)

    def drops_neighbour(self, item: Neighbour) -> bool:
        """The same for a neighbour."""
        if not self._stays(item.dev):
            return False
        if self._goes_down(item.dev) or (not item.proxy and self._changes_mac(item.dev)):
            return True
        return self.drops_ipv6(item.dev) if ":" in item.dst else self._loses_ipv4(item.dev)

    @cached_property
    def _sources_gone(self) -> set[str]:
        """Also for a moment: an address that moves to another link takes along what uses it."""
        gone = self.before.places - self.after.places
        return {text.partition("/")[0] for _, text in gone}

    def _stays(self, ifname: str) -> bool:
        return (
            ifname in self.before.links and ifname in self.after.links and ifname not in self.lost
        )

    def _goes_down(self, ifname: str) -> bool:
        return self.before.links[ifname].state == "up" and self.after.links[ifname].state == "down"

    def _changes_mac(self, ifname: str) -> bool:
        changed = self.before.links[ifname].mac != self.after.links[ifname].mac
        return changed or self.has_other_ports(ifname)

    def _sets_mtu(self, item: Route) -> bool:
        """The kernel lowers a route's own MTU with its link's, and raises it with that, too."""
        ifname = item.dev or ""
        if item.family != "inet6" or item.mtu is None or not self._stays(ifname):
            return False
        changed = self.before.links[ifname].mtu != self.after.links[ifname].mtu
        return changed or self.has_other_ports(ifname)

    def _loses_ipv4(self, ifname: str) -> bool:
        return bool(_ipv4(self.before.links[ifname]) - _ipv4(self.after.links[ifname]))


def _addresses(link: Link) -> tuple[str, ...]:
    return (*(link.addresses or ()), *getattr(link, "dynamic", ()))


def _ipv4(link: Link) -> set[str]:
    return {text for text in _addresses(link) if ":" not in text}
