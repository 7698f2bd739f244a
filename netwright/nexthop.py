"""One of several ways of a route: shown among its `nexthops`, changed with the route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from netwright.model import Flag, IfName, Ip, Model, Range, family_of, shown

__all__ = ["Nexthop", "gateway", "parse", "render", "same"]


class Nexthop(Model):
    """One of several ways. `weight` is its share of the flows, beside the others' weights."""

    via: Ip | None = None
    dev: IfName | None = None
    weight: Annotated[int, Range(1, 256)] = 1
    onlink: Flag = False

    @property
    def way(self) -> tuple[str | None, str | None]:
        """What the kernel tells them apart by."""
        return self.via, self.dev

    def __str__(self) -> str:
        words = [f"{name} {getattr(self, name)}" for name in ("via", "dev") if getattr(self, name)]
        return " ".join((*words, f"weight {self.weight}")) + (" onlink" if self.onlink else "")

    def matches(self, seen: Nexthop) -> bool:
        """Whether `seen` is this way; a `dev` left out is the kernel's choice."""
        return self == (seen if self.dev is not None else seen.but(dev=None))


def gateway(entry: Mapping[str, Any]) -> str | None:
    """The address that `ip -j route` shows, also where it is of the other family."""
    found: str | None = entry.get("gateway") or entry.get("via", {}).get("host")
    return None if found is None else shown(found)


def parse(entry: Mapping[str, Any]) -> Nexthop:
    """From one of a route's `nexthops`."""
    return Nexthop.model_construct(
        via=gateway(entry),
        dev=entry.get("dev"),
        weight=entry.get("weight", 1),
        onlink="onlink" in entry.get("flags", ()),
    )


def same(declared: Iterable[Nexthop], seen: Iterable[Nexthop]) -> bool:
    """Whether these are those; which is the first has no meaning."""
    left = list(seen)
    # Those that say their link first: the others take any.
    for hop in sorted(declared, key=lambda hop: hop.dev is None):
        found = next((other for other in left if hop.matches(other)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def render(hop: Nexthop, family: str | None) -> str:
    """As `ip route` takes it after the word nexthop."""
    if hop.via is None or family_of(hop.via) == family:
        return str(hop)
    return str(hop).replace("via ", f"via {family_of(hop.via)} ", 1)
