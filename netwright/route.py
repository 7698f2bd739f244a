"""A route: shown by `ip -d route show table all`, changed by `ip route replace|delete`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator

from netwright import nexthop
from netwright.model import Flag, IfName, Ip, Model, Range, family_of, prefix, shown
from netwright.nexthop import Nexthop
from netwright.step import Command, Phase, Step, ip
from netwright.table import LOCAL, MAIN, Table

__all__ = ["MAIN", "Route", "RouteKey", "add", "parse", "put_back", "remove"]

_TYPES = {"1": "unicast", "2": "local", "6": "blackhole", "7": "unreachable", "8": "prohibit"}
_SCOPES = {"0": "global", "200": "site", "253": "link", "254": "host", "255": "nowhere"}
_NO_DEV = ("blackhole", "unreachable", "prohibit")
_KERNEL = 2

RouteType = Literal["unicast", "local", "blackhole", "unreachable", "prohibit"]
Scope = Literal["global", "site", "link", "host", "nowhere"]


def _dst(value: object) -> str:
    return "default" if value == "default" else _default(prefix(value))


def _default(text: str) -> str:
    # ip prints both as "default"; the family is told by the route's other fields.
    return text if text not in ("0.0.0.0/0", "::/0") else f"default {text}"


class RouteKey(NamedTuple):
    """What the kernel tells routes apart by."""

    family: str
    table: int
    dst: str
    metric: int

    def __str__(self) -> str:
        table = "" if self.table == MAIN else f" table {self.table}"
        metric = "" if self.metric == _metric(self.family) else f" metric {self.metric}"
        family = " inet6" if self.dst == "default" and self.family == "inet6" else ""
        return f"{self.dst}{family}{table}{metric}"


class Route(Model):
    """One route. It is declared whole: what is left out has the kernel's default."""

    dst: Annotated[str, BeforeValidator(_dst)]
    family: Literal["inet", "inet6"] | None = None
    type: RouteType | None = None
    via: Ip | None = None
    dev: IfName | None = None
    nexthops: tuple[Nexthop, ...] | None = None
    src: Ip | None = None
    metric: Annotated[int, Range(0, 0xFFFFFFFF)] | None = None
    table: Table | None = None
    scope: Scope | None = None
    onlink: Flag | None = None
    mtu: Annotated[int, Range(68, 65536)] | None = None
    advmss: Annotated[int, Range(1, 65535)] | None = None
    protocol: Annotated[int, Range(0, 255)] | None = None
    state: Literal["present", "absent"] | None = None

    def normal(self) -> Route:
        """With family, table, metric, type and scope written out, so that a difference is `!=`."""
        dst = self.dst.partition(" ")
        text = dst[2] or dst[0]
        via = next((way.via for way in self.nexthops or (self,) if way.via), None)
        told = [item for item in (text, self.src, via) if item and item != "default"]
        family = self.family or (family_of(told[0]) if told else "inet")
        kind = self.type or "unicast"
        no_dev = kind in _NO_DEV
        return self.but(
            dst=dst[0],
            family=family,
            type=kind,
            dev=None if no_dev else self.dev,
            table=self.table or (LOCAL if kind == "local" else MAIN),
            # The kernel takes 0 of IPv6 for its default.
            metric=self.metric or _metric(family),
            scope=self.scope or _scope(family, kind, via),
            onlink=bool(self.onlink),
        )

    @property
    def key(self) -> RouteKey:
        """Of a normal route."""
        assert self.family is not None
        assert self.table is not None
        assert self.metric is not None
        return RouteKey(self.family, self.table, self.dst, self.metric)

    @property
    def paths(self) -> tuple[Route, ...]:
        """Each way by itself; a route without `nexthops` is one."""
        if self.nexthops is None:
            return (self,)
        return tuple(
            self.but(via=hop.via, dev=hop.dev, onlink=hop.onlink, nexthops=None)
            for hop in self.nexthops
        )

    @property
    def places(self) -> Iterator[tuple[str, Route]]:
        """Each of the paths, and where it is written: `nexthops[0].`, or nothing for the only."""
        for index, path in enumerate(self.paths):
            yield (f"nexthops[{index}]." if self.nexthops is not None else ""), path

    def is_over(self, ifnames: Container[str]) -> bool:
        """Whether any of its ways is over one of these links."""
        return any(path.dev is not None and path.dev in ifnames for path in self.paths)

    def mismatches(self) -> Iterator[tuple[str, str]]:
        """What of a normal route doesn't go together: field and reason."""
        if self.nexthops is not None:
            yield from self._several()
            return
        if self.type in _NO_DEV:
            if self.via is not None:
                yield "via", f"a route of type {self.type} leads nowhere, so it has no gateway"
            return
        if self.type == "unicast" and self.via is None and self.dev is None:
            yield "", "needs via or dev"
        if self.onlink and (self.via is None or self.dev is None):
            yield "onlink", "needs both via and dev"
        yield from self._families()

    def _several(self) -> Iterator[tuple[str, str]]:
        """The same where there are several ways."""
        hops = self.nexthops or ()
        for name in ("via", "dev", "onlink"):
            if getattr(self, name):
                yield name, "is said of each of the nexthops"
        if self.type != "unicast":
            yield "nexthops", f"a route of type {self.type} has none"
        if len(hops) < 2:
            yield "nexthops", "are two or more; one way is said by via and dev"
        for index, path in enumerate(self.but(type="unicast").paths):
            for name, what in path.mismatches():
                if name not in ("dst", "src"):
                    yield f"nexthops[{index}]{name and '.'}{name}", what
            if self.family == "inet6" and path.via is None and path.dev is not None:
                # rt6_qualify_for_ecmp in net/ipv6/route.c
                yield f"nexthops[{index}]", "needs via: each of several IPv6 ways has a gateway"
            yield from ((f"nexthops[{index}]", what) for what in self._again(index))
        yield from self._families()

    def _again(self, index: int) -> Iterator[str]:
        """A way that is, or may be, one of those before it."""
        hops = self.nexthops or ()
        same = [hop for hop in hops[:index] if hop.via == hops[index].via]
        if hops[index].way in [hop.way for hop in same]:
            yield "is there twice; weight gives a way a larger share"
        elif same and self.family == "inet6" and None in [hop.dev for hop in (hops[index], *same)]:
            # rt6_duplicate_nexthop in net/ipv6/route.c, once the kernel has found the link.
            yield "has the gateway of another way: both need dev"

    def _families(self) -> Iterator[tuple[str, str]]:
        for name, text in (("dst", self.dst), ("src", self.src)):
            if text not in (None, "default") and family_of(text) != self.family:
                yield name, f"{text} is not of family {self.family}"
        if self.family == "inet6" and self.via is not None and ":" not in self.via:
            yield "via", f"{self.via} can't be the gateway of an IPv6 route"

    def __str__(self) -> str:
        """What the key doesn't say, as `ip route` would say it."""
        words = [] if self.type in (None, "unicast") else [str(self.type)]
        for name in ("via", "dev", "src", "mtu", "advmss"):
            if getattr(self, name) is not None:
                words.append(f"{name} {getattr(self, name)}")
        words += [f"nexthop {hop}" for hop in self.nexthops or ()]
        return " ".join(words) + (" onlink" if self.onlink else "")

    @property
    def is_kernels(self) -> bool:
        """Whether the kernel made it by itself, for an address."""
        return self.protocol == _KERNEL

    def matches(self, seen: Route) -> bool:
        """Whether `seen` is this route. A `dev` left out is the kernel's choice, and a `protocol`
        left out is whoever's made it."""
        free = {name: None for name in ("dev", "protocol") if getattr(self, name) is None}
        if self.nexthops is None or seen.nexthops is None:
            return self == seen.but(**free)
        return self == seen.but(**free, nexthops=self.nexthops) and nexthop.same(
            self.nexthops, seen.nexthops
        )


def _metric(family: str) -> int:
    return 1024 if family == "inet6" else 0


def _scope(family: str, kind: str, via: str | None) -> Scope:
    if family == "inet6" or via is not None or kind in _NO_DEV:
        return "global"
    return "host" if kind == "local" else "link"


def parse(entry: Mapping[str, Any]) -> Route | None:
    """From one entry of `ip -j -d -N route show table all`; None for what is not managed."""
    kind = _TYPES.get(entry["type"])
    by_kernel = entry.get("protocol") == str(_KERNEL)
    if kind is None or (by_kernel and entry.get("table") != str(MAIN)):
        return None
    via = nexthop.gateway(entry)
    hops = tuple(map(nexthop.parse, entry.get("nexthops", ())))
    dst = shown(entry["dst"])
    family = entry.get("family") or _family_shown(entry, via or (hops[0].via if hops else None))
    metrics = {key: value for part in entry.get("metrics", ()) for key, value in part.items()}
    fields: dict[str, Any] = {
        "dst": dst if dst == "default" or "/" in dst else f"{dst}/{128 if ':' in dst else 32}",
        "family": family,
        "type": kind,
        "via": via,
        "dev": None if kind in _NO_DEV else entry.get("dev"),
        "nexthops": hops or None,
        "src": shown(entry["prefsrc"]) if "prefsrc" in entry else None,
        "metric": entry.get("metric", 0),
        "table": int(entry.get("table", MAIN)),
        "scope": _SCOPES.get(entry.get("scope", "0"), "global"),
        "onlink": "onlink" in entry.get("flags", ()),
        "mtu": metrics.get("mtu"),
        "advmss": metrics.get("advmss"),
        "protocol": int(entry.get("protocol", 0)),
    }
    return Route.model_construct(**fields)


def _family_shown(entry: Mapping[str, Any], via: str | None) -> str:
    # Every IPv6 route is printed with its preference, no IPv4 route is.
    if "pref" in entry:
        return "inet6"
    return family_of(entry["dst"] if entry["dst"] != "default" else via or entry.get("prefsrc", ""))


def add(netns: str, before: Route | None, after: Route) -> Step:
    """The step that makes it, or changes what stands under the same key in one go."""
    return Step(phase(after), netns, f"routes.{after.key}", "", before, after, _render)


def phase(route: Route) -> Phase:
    """When it can be made."""
    late = route.family == "inet6" and route.src is not None
    return Phase.ROUTE_LATE if late else Phase.ROUTE


def remove(netns: str, before: Route) -> Step:
    """The step that takes it away."""
    return Step(Phase.ROUTE, netns, f"routes.{before.key}", "", before, None, _render)


def put_back(netns: str, route: Route, when: Phase, implied: bool) -> Step:
    """The step for a route that the kernel drops along with something else."""
    return Step(when, netns, f"routes.{route.key}", "", route, route, _render, implied)


def _render(step: Step) -> Iterator[Command]:
    route: Route = step.before if step.after is None else step.after
    verb = "delete" if step.after is None else "replace"
    dst = route.dst if route.dst != "default" or route.family == "inet" else "::/0"
    if dst == "default":
        dst = "0.0.0.0/0"
    words = [f"route {verb} {route.type} {dst}", f"table {route.table} metric {route.metric}"]
    if route.via is not None:
        other = "" if family_of(route.via) == route.family else f"{family_of(route.via)} "
        words.append(f"via {other}{route.via}")
    if route.dev is not None:
        words.append(f"dev {route.dev}")
    if route.family == "inet" and route.type == "unicast":
        words.append(f"scope {route.scope}")
    if step.after is not None:
        words += [f"{name} {value}" for name, value in _extras(route)]
        words += [f"nexthop {nexthop.render(hop, route.family)}" for hop in route.nexthops or ()]
    yield ip(step.netns, " ".join(words) + (" onlink" if route.onlink else ""))


def _extras(route: Route) -> Iterator[tuple[str, object]]:
    # By its number, as others' routes are put back with theirs; 4 is static.
    yield "proto", 4 if route.protocol is None else route.protocol
    for name in ("src", "mtu", "advmss"):
        value = getattr(route, name)
        if value is not None:
            yield name, value
