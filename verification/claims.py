"""From a declaration to claims: one for each declared thing, in the declaration's order."""

from __future__ import annotations

from collections.abc import Iterator

from netwright.iptables import FAMILIES
from netwright.model import HOST
from netwright.neighbour import Neighbour
from netwright.nexthop import Nexthop
from netwright.route import Route
from netwright.rule import Rule
from netwright.state import Namespace, NetworkState
from netwright.verification import effective
from netwright.verification.claim import Claim, unreadable
from netwright.verification.link_claims import link_claims
from netwright.verification.seen import NotThere, Seen, SeenHop, SeenRoute, SeenRule
from netwright.verification.service_claims import service_claims
from netwright.verification.table_claims import set_claims, table_claims

__all__ = ["claims"]

_ROOMS = {"modules", "sysctl", "links", "routes", "rules", "neighbours", "ipvs", "state"}
_READ_HERE = {*_ROOMS, "ipsets", "iptables", "ip6tables"}


def claims(state: NetworkState) -> Iterator[Claim]:
    """Everything that a canonical declaration says of a host, but for its checks and names.

    What the verification can't read becomes a claim that fails: nothing is passed over.
    """
    for module in state.modules or ():
        yield _module(module)
    for name in state.given():
        if name not in {*_READ_HERE, "netns", "checks", "tables"}:
            yield unreadable(name)
    for netns, space in state.namespaces():
        yield from _space(netns, space)


def _module(name: str) -> Claim:
    def find(seen: Seen) -> str:
        return "loaded" if seen.has_module(name) else "not loaded"

    return Claim(f"modules.{name}", "loaded", find)


def _space(netns: str, space: Namespace) -> Iterator[Claim]:
    at = "" if netns == HOST else f"netns.{netns}."
    if netns != HOST:
        yield _namespace(netns, space.state or "present")
        if space.state == "absent":
            return
        yield from (unreadable(f"{at}{name}") for name in space.given() if name not in _READ_HERE)
    for key, value in (space.sysctl or {}).items():
        yield from _sysctl(at, netns, key, value)
    for ifname, link in (space.links or {}).items():
        yield from link_claims(at, netns, ifname, link)
    yield from (_route(at, netns, route) for route in space.routes or ())
    yield from (_rule(at, netns, rule) for rule in space.rules or ())
    yield from (_neighbour(at, netns, entry) for entry in space.neighbours or ())
    yield from service_claims(at, netns, space.ipvs or ())
    yield from set_claims(at, netns, space.ipsets or {})
    for family in FAMILIES:
        yield from table_claims(at, netns, family, getattr(space, family) or {})


def _namespace(netns: str, state: str) -> Claim:
    path = f"netns.{netns}" if state == "present" else f"netns.{netns}.state"
    return Claim(path, state, lambda seen: "present" if netns in seen.namespaces else "absent")


def _sysctl(at: str, netns: str, key: str, value: str) -> Iterator[Claim]:
    def find(seen: Seen) -> str:
        values = seen.space(netns).sysctl
        if key not in values:
            raise NotThere(f"/proc/sys/{key} is not there")
        return values[key]

    yield Claim(f"{at}sysctl.{key}", value, find)
    if effective.source_keys(key) and value.isdigit():
        yield _effective(at, netns, key, value)


def _effective(at: str, netns: str, key: str, value: str) -> Claim:
    """The file may say one thing and the kernel go by another, because of `all`."""

    def find(seen: Seen) -> int:
        try:
            return effective.effective(key, seen.space(netns).sysctl)
        except effective.Unknown as reason:
            raise NotThere(str(reason)) from None

    return Claim(f"{at}sysctl.{key} (effective)", int(value), find)


def _route(at: str, netns: str, route: Route) -> Claim:
    """A route is declared whole, but for the link, which the gateway tells if it is left out."""
    path = f"{at}routes[{route.key}]"

    def same_key(seen: Seen) -> list[SeenRoute]:
        return [
            other
            for other in seen.space(netns).routes(str(route.family))
            if (other.table, other.dst, other.metric) == (route.table, route.dst, route.metric)
        ]

    if route.state == "absent":
        return Claim(
            path,
            "absent",
            lambda seen: "; ".join(_route_text(item) for item in same_key(seen)) or "absent",
        )
    declared = _route_text(route, all(way.dev for way in route.nexthops or (route,)))

    def find(seen: Seen) -> str:
        has_dev = all(way.dev for way in route.nexthops or (route,))
        texts = [_route_text(item, has_dev) for item in same_key(seen)]
        if declared in texts:
            return declared
        if not texts:
            raise NotThere("no such route")
        return "; ".join(texts)

    return Claim(path, declared, find)


def _route_text(route: Route | SeenRoute, with_dev: bool = True) -> str:
    """All that is compared; the destination, table and metric are the key."""
    # The kernel gives IPv6 routes that lead nowhere to lo.
    has_dev = with_dev and route.type in ("unicast", "local")
    words = [
        str(route.type),
        f"via {route.via}" if route.via else "",
        f"dev {route.dev}" if route.dev and has_dev else "",
        f"src {route.src}" if route.src else "",
        f"scope {route.scope}" if route.family == "inet" and route.type == "unicast" else "",
        "onlink" if route.onlink else "",
        f"mtu {route.mtu}" if route.mtu else "",
        f"advmss {route.advmss}" if route.advmss else "",
    ]
    hops = route.hops if isinstance(route, SeenRoute) else route.nexthops or ()
    words += sorted(_hop_text(hop, with_dev) for hop in hops)
    return " ".join(filter(None, words))


def _hop_text(hop: Nexthop | SeenHop, with_dev: bool) -> str:
    words = [f"via {hop.via}" if hop.via else "", f"dev {hop.dev}" if hop.dev and with_dev else ""]
    words += [f"weight {hop.weight}", "onlink" if hop.onlink else ""]
    return " ".join(filter(None, ("nexthop", *words)))


def _rule(at: str, netns: str, rule: Rule) -> Claim:
    path = f"{at}rules[{rule.key}]"
    declared = SeenRule(
        family=str(rule.family),
        priority=rule.priority,
        source=rule.from_,
        to=rule.to,
        iif=rule.iif,
        oif=rule.oif,
        fwmark=rule.fwmark,
        table=rule.table,
        type=rule.type,
    )

    def find(seen: Seen) -> str:
        there = seen.space(netns).rules(declared.family)
        if declared in there:
            return "present"
        same = [_rule_text(item) for item in there if item.priority == rule.priority]
        return f"at priority {rule.priority}: {'; '.join(same)}" if same and not gone else "absent"

    gone = rule.state == "absent"
    return Claim(path, "absent" if gone else "present", find)


def _rule_text(rule: SeenRule) -> str:
    words: list[tuple[str, object]] = [
        ("from", rule.source),
        ("to", rule.to),
        ("iif", rule.iif),
        ("oif", rule.oif),
        ("fwmark", rule.fwmark),
        ("table", rule.table),
        ("", rule.type),
    ]
    return " ".join(f"{word} {value}".strip() for word, value in words if value is not None)


def _neighbour(at: str, netns: str, entry: Neighbour) -> Claim:
    place = (entry.dst, entry.dev)

    def find(seen: Seen) -> str:
        space = seen.space(netns)
        if entry.proxy:
            return "proxy" if place in space.proxies else "absent"
        return space.neighbours.get(place, "absent")

    wanted = "proxy" if entry.proxy else str(entry.mac)
    declared = "absent" if entry.state == "absent" else wanted
    return Claim(f"{at}neighbours[{entry.key}]", declared, find)
