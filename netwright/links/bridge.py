"""A bridge: shown by `ip -d link show type bridge`, changed by `ip link set ... type bridge`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from netwright.links import bridge_vlan
from netwright.links.bridge_vlan import PortVlan
from netwright.links.options import ETHERTYPE, Ip, Options
from netwright.model import Flag, Range
from netwright.step import Step

__all__ = ["Bridge"]

_CENTI = Ip(scale=100)


class Bridge(Options):
    """Times in whole seconds; `priority` as `ip` prints it; everything can change while it runs.
    `vlans`: the VLANs of the bridge itself, the whole list; those of its ports stand there."""

    MASTER: ClassVar[bool] = True
    # br_dev_setup and br_multicast_init in net/bridge/.
    DEFAULTS: ClassVar[Mapping[str, Any]] = {
        "stp_state": False,
        "forward_delay": 15,
        "hello_time": 2,
        "max_age": 20,
        "ageing_time": 300,
        "priority": 32768,
        "vlan_filtering": False,
        "vlan_protocol": "802.1Q",
        "vlan_default_pvid": 1,
        "mcast_snooping": True,
        "mcast_querier": False,
        "mcast_router": 1,
        "nf_call_iptables": False,
        "nf_call_ip6tables": False,
        "nf_call_arptables": False,
        "vlans": (PortVlan(vid=1, pvid=True, untagged=True),),
    }

    stp_state: Annotated[Flag | None, Ip()] = None
    forward_delay: Annotated[Annotated[int, Range(0, 30)] | None, _CENTI] = None
    hello_time: Annotated[Annotated[int, Range(1, 10)] | None, _CENTI] = None
    max_age: Annotated[Annotated[int, Range(6, 40)] | None, _CENTI] = None
    ageing_time: Annotated[Annotated[int, Range(0, 1_000_000)] | None, _CENTI] = None
    priority: Annotated[Annotated[int, Range(0, 65535)] | None, Ip()] = None
    vlan_filtering: Annotated[Flag | None, Ip()] = None
    vlan_protocol: Annotated[Literal["802.1Q", "802.1ad"] | None, ETHERTYPE] = None
    vlan_default_pvid: Annotated[Annotated[int, Range(0, 4094)] | None, Ip()] = None
    mcast_snooping: Annotated[Flag | None, Ip()] = None
    mcast_querier: Annotated[Flag | None, Ip()] = None
    mcast_router: Annotated[Annotated[int, Range(0, 2)] | None, Ip()] = None
    nf_call_iptables: Annotated[Flag | None, Ip()] = None
    nf_call_ip6tables: Annotated[Flag | None, Ip()] = None
    nf_call_arptables: Annotated[Flag | None, Ip()] = None
    vlans: tuple[PortVlan, ...] | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """While a bridge with STP tells its neighbours of a change, it forgets within twice its
        delay, and shows that: its ageing time is not known then."""
        found = super().parse(data)
        if data.get("topology_change") and found.ageing_time == 2 * (found.forward_delay or 0):
            return found.but(ageing_time=None)
        return found

    def normal(self) -> Self:
        return self if self.vlans is None else self.but(vlans=bridge_vlan.merged(self.vlans))

    def problems(self) -> Iterator[tuple[str, str]]:
        return bridge_vlan.problems(self.vlans or ())

    def new(self) -> Self:
        return self if self.vlans is None else self.but(vlans=self.given_to_ports)

    @property
    def given_to_ports(self) -> tuple[PortVlan, ...]:
        """The VLANs of a new port, and of a new bridge itself."""
        pvid = 1 if self.vlan_default_pvid is None else self.vlan_default_pvid
        return bridge_vlan.repinned((), 0, pvid)

    def modify(self, netns: str, ifname: str, kind: str, have: Self) -> Iterator[Step]:
        asked = self if have.ageing_time is not None else self.but(ageing_time=None)
        yield from super(Bridge, asked).modify(netns, ifname, kind, have)
        if self.vlans is None:
            return
        there = have.vlans
        old, pvid = have.vlan_default_pvid, self.vlan_default_pvid
        if old is not None and pvid not in (None, old):
            there = bridge_vlan.repinned(there, old, pvid)
        yield from bridge_vlan.modify((netns, ifname, f"{kind}.vlans"), there, self.vlans)
