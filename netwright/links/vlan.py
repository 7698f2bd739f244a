"""A VLAN on a link: shown by `ip -d link show type vlan`, made by `ip link add link PARENT`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator

from netwright.links.options import ETHERTYPE, Ip, Options, each
from netwright.model import Flag, IfName, Range
from netwright.step import Command, Step, ip

__all__ = ["Vlan"]

_ON = Ip(words=("off", "on"))
_PRIORITY = 7
_MARK = 0xFFFFFFFF


def _mapping(value: object, highest: tuple[int, int]) -> str:
    match = re.fullmatch(r"(\d{1,10}):(\d{1,10})", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > highest[0] or int(match[2]) > highest[1]:
        raise ValueError(f"is not FROM:TO with FROM in 0..{highest[0]} and TO in 0..{highest[1]}")
    return f"{int(match[1])}:{int(match[2])}"


Ingress = Annotated[str, BeforeValidator(partial(_mapping, highest=(_PRIORITY, _MARK)))]
Egress = Annotated[str, BeforeValidator(partial(_mapping, highest=(_MARK, _PRIORITY)))]

_MAPS = {"ingress_qos_map": "ingress_qos", "egress_qos_map": "egress_qos"}
_FLAGS = ("reorder_hdr", "gvrp", "mvrp", "loose_binding", "bridge_binding")


class Vlan(Options):
    """The tag `id` on `link`. The maps are whole lists of FROM:TO, between the tag's priority and
    the packet's (`ingress_qos_map` tag to packet, `egress_qos_map` packet to tag)."""

    IDENTITY: ClassVar[frozenset[str]] = frozenset({"link", "id", "protocol"})
    REQUIRED: ClassVar[tuple[str, ...]] = ("link", "id")
    PARENT: ClassVar[str] = "link"
    LATER: ClassVar[Mapping[str, Any]] = {"ingress_qos_map": (), "egress_qos_map": ()}
    # register_vlan_dev in net/8021q/vlan.c
    DEFAULTS: ClassVar[Mapping[str, Any]] = {
        "protocol": "802.1Q",
        "ingress_qos_map": (),
        "egress_qos_map": (),
        **dict.fromkeys(_FLAGS, False),
        "reorder_hdr": True,
    }

    link: IfName | None = None
    id: Annotated[Annotated[int, Range(1, 4094)] | None, Ip()] = None
    protocol: Annotated[Literal["802.1Q", "802.1ad"] | None, ETHERTYPE] = None
    reorder_hdr: Annotated[Flag | None, _ON] = None
    gvrp: Annotated[Flag | None, _ON] = None
    mvrp: Annotated[Flag | None, _ON] = None
    loose_binding: Annotated[Flag | None, _ON] = None
    bridge_binding: Annotated[Flag | None, _ON] = None
    ingress_qos_map: tuple[Ingress, ...] | None = None
    egress_qos_map: tuple[Egress, ...] | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        flags = data.get("flags", ())
        maps = {
            name: _sorted(f"{item['from']}:{item['to']}" for item in data.get(shown, ()))
            for name, shown in _MAPS.items()
        }
        return super().parse(data).but(**{name: name.upper() in flags for name in _FLAGS}, **maps)

    def normal(self) -> Self:
        maps = {
            name: _sorted(value) for name in _MAPS if (value := getattr(self, name)) is not None
        }
        return self.but(**maps)

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in _MAPS:
            froms = [item.partition(":")[0] for item in getattr(self, name) or ()]
            for item in sorted({item for item in froms if froms.count(item) > 1}):
                yield name, f"maps {item} twice"

    def modify(self, netns: str, ifname: str, kind: str, have: Self) -> Iterator[Step]:
        yield from super().modify(netns, ifname, kind, have)
        for name in _MAPS:
            place = (netns, ifname, f"{kind}.{name}")
            yield from each(place, getattr(have, name), getattr(self, name), _from, _render)


def _from(mapping: str) -> int:
    return int(mapping.partition(":")[0])


def _sorted(mappings: Any) -> tuple[str, ...]:
    # What is mapped to 0 is not mapped: the kernel shows nothing of it.
    return tuple(sorted({item for item in mappings if not item.endswith(":0")}, key=_from))


def _render(step: Step) -> Iterator[Command]:
    word = step.attribute.partition(".")[2].replace("_", "-")
    mapping = step.after or f"{_from(step.before)}:0"
    ifname = step.thing.removeprefix("links.")
    yield ip(step.netns, f"link set dev {ifname} type vlan {word} {mapping}")
