"""What a link does to those that stand on it: a VLAN or a macvlan is never larger than its parent
(vlan_device_event in net/8021q/vlan.c, macvlan_device_event in drivers/net/macvlan.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from netwright.links.link import Link, put_back
from netwright.step import Step

__all__ = ["children_first"]

_NO_LARGER = ("vlan", "macvlan", "macvtap")


def children_first(netns: str, steps: Iterable[Step], links: Mapping[str, Link]) -> Iterator[Step]:
    """The steps of one namespace's links, with what the kernel takes along. What makes a parent
    smaller comes after its children's: turned round, the parent is the larger one first.

    + links: as they are before
    """
    steps = list(steps)
    on: dict[str, list[str]] = {}
    for ifname, link in links.items():
        if link.kind in _NO_LARGER and link.parent and link.link_netns is None:
            on.setdefault(link.parent, []).append(ifname)
    related = {*on, *(child for children in on.values() for child in children)}
    smaller = {name: step for step in steps if (name := step.thing[6:]) in related and _less(step)}
    # Links come parents first, so from the last one on it is children first.
    for ifname, step in reversed(smaller.items()):
        yield from _along(netns, on.get(ifname, ()), step, on, links, smaller)
        yield step
    moved = {id(step) for step in smaller.values()}
    yield from (step for step in steps if id(step) not in moved)


def _less(step: Step) -> bool:
    if step.attribute != "mtu" or step.before is None or step.after is None:
        return False
    return bool(step.after < step.before)


def _along(
    netns: str,
    children: Iterable[str],
    step: Step,
    on: Mapping[str, list[str]],
    links: Mapping[str, Link],
    told: Mapping[str, Step],
) -> Iterator[Step]:
    for child in children:
        mtu = links[child].mtu or 0
        if child not in told and mtu > step.after:
            yield from _along(netns, on.get(child, ()), step, on, links, told)
            kept = put_back(netns, child, "mtu", mtu)
            yield replace(kept, after=step.after, implied=True)
