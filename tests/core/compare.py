"""What two states of a host differ in, as far as it can be told at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netwright.links.link import Link
from netwright.state import Namespace, NetworkState
from netwright.step import Plan

__all__ = ["differences", "facts", "gone"]


def gone(plan: Plan) -> set[str]:
    """What a plan takes away, even to make it again: `NETNS LINK`, `NETNS`."""
    found = set()
    for step in plan:
        if step.after is None and not step.attribute:
            kind, _, name = step.thing.partition(".")
            if kind == "netns":
                found.add(name)
            elif kind == "links":
                found.add(f"{step.netns} {name}")
                peer = step.before.veth.peer if step.before.veth is not None else None
                found |= {f"{peer.netns} {peer.name}"} if peer is not None else set()
    return found


def facts(state: NetworkState, but: Iterable[str] = ()) -> dict[str, Any]:
    """Path -> value of all that a state has. The order of addresses is not told, nor which of a
    subnet is the first: the kernel gives what comes back the last place.

    + but: things whose parameters nobody reads, so that they are not given back: `NETNS LINK` for
      links that go and come back, `NETNS` for such namespaces
    """
    left_out = set(but)
    return {
        f"{name} {path}": value
        for name, space in state.namespaces()
        for path, value in _facts(name, space, left_out)
    }


_UNTOLD = ("addresses", "index", "dynamic", "peer_name", "peer_index", "peer_netnsid", "veth")


def _facts(name: str, space: Namespace, left_out: set[str]) -> Iterator[tuple[str, Any]]:
    for ifname, link in (space.links or {}).items():
        yield from _link_facts(ifname, link)
    for route in space.routes or ():
        if not route.is_kernels:
            yield f"route {route.key}", route
        elif route.dev != "lo":
            # Its source is the first address of the subnet.
            yield f"route {route.key} dev {route.dev}", route.but(src=None)
    for key, number in Counter(rule.key for rule in space.rules or ()).items():
        yield f"rule {key}", number
    for item in space.neighbours or ():
        yield f"neighbour {item.key}", item
    for item in space.ipvs or ():
        yield f"service {item.key}", item
    for key, value in (space.sysctl or {}).items():
        parts = key.split("/")
        owner = f"{name} {parts[3]}" if len(parts) == 5 else name
        if owner not in left_out and name not in left_out:
            yield f"sysctl {key}", value


def _link_facts(ifname: str, link: Link) -> Iterator[tuple[str, Any]]:
    yield (
        f"link {ifname}",
        {key: value for key, value in link.given().items() if key not in _UNTOLD},
    )
    peer = link.veth.peer if link.veth is not None else None
    yield f"link {ifname} peer", None if peer is None else (peer.netns, peer.name)
    for text in link.addresses or ():
        yield f"link {ifname} address {text}", True


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """In words, one for each."""
    return [
        f"{key}: {one.get(key)} -> {other.get(key)}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]
