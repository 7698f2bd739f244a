"""The VLANs of a bridge's port, and of the bridge itself: shown by `bridge vlan`, changed by
`bridge vlan add|del`. A port starts with the bridge's `vlan_default_pvid`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Annotated, Any

from pydantic import BeforeValidator

from netwright.model import Flag, Model
from netwright.step import Command, Phase, Step, bridge

__all__ = ["PortVlan", "merged", "modify", "parse", "problems", "repinned"]


def _vid(value: object) -> int | str:
    accepted = "is not in 1..4094, nor a range like 10-20 in it"
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", str(value))
    if isinstance(value, bool) or match is None:
        raise ValueError(accepted)
    low, high = int(match[1]), int(match[2] or match[1])
    if not 1 <= low <= high <= 4094:
        raise ValueError(accepted)
    return low if low == high else f"{low}-{high}"


class PortVlan(Model):
    """One VLAN, or a range of them. `pvid`: where untagged frames go as they come in; `untagged`:
    whether frames go out without a tag."""

    vid: Annotated[int | str, BeforeValidator(_vid)]
    pvid: Flag | None = None
    untagged: Flag | None = None

    def vids(self) -> range:
        low, _, high = str(self.vid).partition("-")
        return range(int(low), int(high or low) + 1)

    def __str__(self) -> str:
        return f"{self.vid}{' pvid' if self.pvid else ''}{' untagged' if self.untagged else ''}"


How = tuple[bool, bool]
"""pvid, untagged"""


def _each(vlans: Iterable[PortVlan] | None) -> dict[int, How]:
    return {
        vid: (bool(item.pvid), bool(item.untagged)) for item in vlans or () for vid in item.vids()
    }


def _ranges(found: Mapping[int, Any]) -> Iterator[tuple[str, Any]]:
    """Neighbouring numbers with the same value, as `3` or `10-20`."""
    for (_, value), group in groupby(
        enumerate(sorted(found)), key=lambda item: (item[1] - item[0], found[item[1]])
    ):
        vids = [vid for _, vid in group]
        yield (f"{vids[0]}-{vids[-1]}" if len(vids) > 1 else f"{vids[0]}"), value


def _made(vid: str, how: How | None) -> PortVlan | None:
    if how is None:
        return None
    return PortVlan.model_construct(
        vid=vid if "-" in vid else int(vid), pvid=how[0], untagged=how[1]
    )


def merged(vlans: Iterable[PortVlan]) -> tuple[PortVlan, ...]:
    """In one spelling: sorted, neighbours as one range; what is wrong in itself as it is."""
    vlans = tuple(vlans)
    if next(problems(vlans), None) is not None:
        return vlans
    return tuple(
        item for vid, how in _ranges(_each(vlans)) if (item := _made(vid, how)) is not None
    )


def problems(vlans: Iterable[PortVlan]) -> Iterator[tuple[str, str]]:
    """What of a declared list doesn't go together: place and reason."""
    seen: dict[int, int] = {}
    pvid: int | None = None
    for index, item in enumerate(vlans):
        twice = [vid for vid in item.vids() if vid in seen]
        if twice:
            yield f"vlans[{index}]", f"{twice[0]} is also in vlans[{seen[twice[0]]}]"
        seen |= dict.fromkeys(item.vids(), index)
        if item.pvid and len(item.vids()) > 1:
            yield f"vlans[{index}].pvid", f"is for one VLAN, not for {item.vid}"
        elif item.pvid and pvid is not None:
            yield f"vlans[{index}].pvid", f"is vlans[{pvid}] already; a port has one"
        if item.pvid:
            pvid = index


def parse(entries: Iterable[Mapping[str, Any]]) -> dict[str, tuple[PortVlan, ...]]:
    """Link -> its VLANs, from `bridge -j -compressvlans vlan show`."""
    return {
        entry["ifname"]: merged(
            PortVlan(
                vid=f"{item['vlan']}-{item.get('vlanEnd', item['vlan'])}",
                pvid="PVID" in item.get("flags", ()),
                untagged="Egress Untagged" in item.get("flags", ()),
            )
            for item in entry.get("vlans", ())
        )
        for entry in entries
    }


def repinned(vlans: Iterable[PortVlan] | None, old: int, new: int) -> tuple[PortVlan, ...]:
    """What a port's VLANs are once its bridge has another `vlan_default_pvid`: it replaces the old
    one where that is the pvid (__br_vlan_set_default_pvid in net/bridge/br_vlan.c)."""
    found = _each(vlans)
    pvid = next((vid for vid, how in found.items() if how[0]), 0)
    if pvid == old and new not in found:
        found.pop(old, None)
        found |= {new: (True, True)} if new else {}
    return tuple(item for vid, how in _ranges(found) if (item := _made(vid, how)) is not None)


def modify(
    place: tuple[str, str, str],
    have: Iterable[PortVlan] | None,
    want: Iterable[PortVlan],
) -> Iterator[Step]:
    """The steps from one list to the other, each range by itself, the new pvid first, so that the
    port is never without one, and what goes at the end.

    + place: namespace, link and attribute: `port.vlans`, or `bridge.vlans` of the bridge itself
    """
    netns, ifname, attribute = place
    there, then = _each(have), _each(want)
    changes = {
        vid: (there.get(vid), then.get(vid))
        for vid in {*there, *then}
        if there.get(vid) != then.get(vid)
    }

    def rank(item: tuple[str, tuple[How | None, How | None]]) -> tuple[bool, bool]:
        after = item[1][1]
        return after is None, after is not None and not after[0]

    for vid, (before, after) in sorted(_ranges(changes), key=rank):
        yield Step(
            *(Phase.LINK, netns, f"links.{ifname}", attribute),
            *(_made(vid, before), _made(vid, after), _render),
        )


def _render(step: Step) -> Iterator[Command]:
    item: PortVlan = step.before if step.after is None else step.after
    verb = "del" if step.after is None else "add"
    words = [f"vlan {verb} vid {item.vid} dev {step.thing.removeprefix('links.')}"]
    if step.after is not None:
        words += ["pvid"] if item.pvid else []
        words += ["untagged"] if item.untagged else []
    words += ["self"] if step.attribute.startswith("bridge.") else []
    yield bridge(step.netns, " ".join(words))
