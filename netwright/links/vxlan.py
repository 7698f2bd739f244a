"""A VXLAN: shown by `ip -d link show type vxlan` and `bridge fdb`, changed by
`ip link set ... type vxlan` and `bridge fdb`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal, Self

from netwright.links.options import Ip, Options, each
from netwright.model import Flag, IfName, Mac, Model, Range, family_of
from netwright.model import Ip as Address
from netwright.step import Command, Step, bridge

__all__ = ["Fdb", "Vxlan", "entries"]

DSTPORT = 4789
"""The port of RFC 7348, where none is declared; the kernel's own default is an older one."""

_Vni = Annotated[int, Range(0, 0xFFFFFF)]
_Port = Annotated[int, Range(1, 65535)]
_Octet = Annotated[int, Range(0, 255)]


def _alone(name: str, shown: str = "", absent: bool | None = False) -> Ip:
    return Ip(shown=shown, words=(f"no{name}", name), alone=True, absent=absent)


class Fdb(Model):
    """Where frames for a MAC address go; 00:00:00:00:00:00 is for those that go everywhere, and may
    be there several times."""

    mac: Mac
    dst: Address
    port: _Port | None = None
    vni: _Vni | None = None
    via: IfName | None = None

    @property
    def floods(self) -> bool:
        # The lowest bit of the first octet: a group's address.
        return self.mac == "00:00:00:00:00:00" or bool(int(self.mac[:2], 16) & 1)

    @property
    def key(self) -> tuple[object, ...]:
        """The kernel has one destination for a unicast address, many for a group's."""
        return (self.mac, *self.place) if self.floods else (self.mac,)

    @property
    def place(self) -> tuple[object, ...]:
        return self.dst, self.port, self.vni, self.via

    def __str__(self) -> str:
        words = [self.mac, "dst", self.dst]
        for name in ("port", "vni", "via"):
            value = getattr(self, name)
            words += [name, str(value)] if value is not None else []
        return " ".join(words)


class Vxlan(Options):
    """Frames to `remote` or to the multicast `group` by way of `link`, or as `fdb` says; `fdb` is
    the whole list of permanent entries. `ageing` in seconds."""

    IDENTITY: ClassVar[frozenset[str]] = frozenset(
        {"id", "dstport", "link"}
        | {"proxy", "rsc", "l2miss", "l3miss", "udpcsum", "udp6zerocsumtx", "udp6zerocsumrx"}
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("id",)
    PARENT: ClassVar[str] = "link"
    LATER: ClassVar[Mapping[str, Any]] = {"fdb": ()}
    # vxlan_nl2conf and vxlan_dev_configure in drivers/net/vxlan/
    DEFAULTS: ClassVar[Mapping[str, Any]] = {
        "learning": True,
        "ttl": 0,
        "tos": 0,
        "df": "unset",
        "ageing": 300,
        "fdb": (),
        **dict.fromkeys(("proxy", "rsc", "l2miss", "l3miss"), False),
        "udpcsum": True,
        "udp6zerocsumtx": False,
        "udp6zerocsumrx": False,
    }

    id: Annotated[_Vni | None, Ip()] = None
    local: Annotated[Address | None, Ip()] = None
    remote: Annotated[Address | None, Ip()] = None
    group: Annotated[Address | None, Ip()] = None
    link: Annotated[IfName | None, Ip(arg="dev", shown="link")] = None
    dstport: Annotated[_Port | None, Ip(shown="port")] = None
    learning: Annotated[Flag | None, _alone("learning")] = None
    ttl: Annotated[_Octet | Literal["inherit"] | None, Ip(absent="inherit")] = None
    tos: Annotated[_Octet | Literal["inherit"] | None, Ip(absent=0)] = None
    df: Annotated[Literal["unset", "set", "inherit"] | None, Ip()] = None
    ageing: Annotated[Annotated[int, Range(0, 0xFFFFFFFF)] | None, Ip()] = None
    proxy: Annotated[Flag | None, _alone("proxy")] = None
    rsc: Annotated[Flag | None, _alone("rsc")] = None
    l2miss: Annotated[Flag | None, _alone("l2miss")] = None
    l3miss: Annotated[Flag | None, _alone("l3miss")] = None
    udpcsum: Annotated[Flag | None, _alone("udpcsum", "udp_csum", absent=None)] = None
    udp6zerocsumtx: Annotated[
        Flag | None, _alone("udp6zerocsumtx", "udp_zero_csum6_tx", absent=None)
    ] = None
    udp6zerocsumrx: Annotated[
        Flag | None, _alone("udp6zerocsumrx", "udp_zero_csum6_rx", absent=None)
    ] = None
    fdb: tuple[Fdb, ...] | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        six = {
            name: data[f"{name}6"] for name in ("local", "remote", "group") if f"{name}6" in data
        }
        tos = data.get("tos", 0)
        if isinstance(tos, str):
            # 1 is how the kernel says it.
            tos = "inherit" if tos in ("inherit", "0x1") else int(tos, 16)
        return super().parse({**data, **six, "tos": tos})

    def normal(self) -> Self:
        return self if self.fdb is None else self.but(fdb=_sorted(self.fdb))

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.remote is not None and self.group is not None:
            yield "group", "stands beside remote; only one of both can be"
        if self.remote is not None and ip_address(self.remote).is_multicast:
            yield "remote", f"{self.remote} is a multicast address; say group"
        if self.group is not None:
            if not ip_address(self.group).is_multicast:
                yield "group", f"{self.group} is no multicast address; say remote"
            if self.link is None:
                yield "group", "needs link: where the group is joined"
        ends = [item for item in (self.local, self.remote, self.group) if item is not None]
        if len({family_of(item) for item in ends}) > 1:
            yield "", f"{' and '.join(ends)} are not of one family"
        seen: dict[object, int] = {}
        for index, item in enumerate(self.fdb or ()):
            if item.key in seen:
                yield f"fdb[{index}]", f"{item.mac} is also fdb[{seen[item.key]}]"
            seen.setdefault(item.key, index)
            if item.floods and item.dst in (self.remote, self.group):
                yield f"fdb[{index}]", "is what remote or group says already"

    def unchangeable(self, have: Self) -> str:
        for name in ("local", "remote", "group"):
            value = getattr(self, name)
            other = next((item for item in (have.local, have.remote, have.group) if item), value)
            if value is not None and family_of(value) != family_of(other):
                return name
        return super().unchangeable(have)

    def arguments(self, new: bool = False) -> str:
        port = DSTPORT if new and self.dstport is None else self.dstport
        tos = hex(self.tos) if isinstance(self.tos, int) and self.tos else self.tos
        plain = self.model_copy(update={"dstport": port, "tos": tos})
        return super(Vxlan, plain).arguments(new)

    def create(self, ifname: str, kind: str, parent: str, into: str) -> str:
        # Its parent is one of its own words.
        return super().create(ifname, kind, "", into)

    def modify(self, netns: str, ifname: str, kind: str, have: Self) -> Iterator[Step]:
        for step in super().modify(netns, ifname, kind, have):
            if step.attribute.endswith(".group"):
                # ip wants the link told again with a group.
                before, after = step.before.but(link=have.link), step.after.but(link=self.link)
                yield replace(step, before=before, after=after)
            else:
                yield step
        there = have.fdb if have.fdb is not None else ()
        place = (netns, ifname, f"{kind}.fdb")
        yield from each(place, there, self.fdb, lambda item: item.key, _render)


def _sorted(fdb: Iterable[Fdb]) -> tuple[Fdb, ...]:
    return tuple(sorted(fdb, key=str))


def entries(shown: Iterable[Mapping[str, Any]], options: Vxlan) -> tuple[Fdb, ...]:
    """The permanent ones of one link, from `bridge -j fdb show`, but for that of `remote`."""
    found = []
    for entry in shown:
        if "dst" not in entry or entry.get("state") not in ("permanent", "static"):
            continue
        item = Fdb.model_construct(
            mac=entry["mac"],
            dst=entry["dst"],
            port=entry.get("port"),
            vni=entry.get("vni"),
            via=entry.get("viaIf"),
        )
        if not (item.floods and item.dst in (options.remote, options.group)):
            found.append(item)
    return _sorted(found)


def _render(step: Step) -> Iterator[Command]:
    item: Fdb = step.before if step.after is None else step.after
    # `replace` is refused for a group's address, and `append` is nothing for another one's.
    verb = "del" if step.after is None else "append" if item.floods else "replace"
    yield bridge(step.netns, f"fdb {verb} {item.mac} dev {step.thing[6:]} {str(item)[18:]}")
