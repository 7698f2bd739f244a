"""A bond: shown by `ip -d link show type bond`, changed by `ip link set ... type bond`. Its members
are the links that have it as their master."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from netwright.links.options import Ip, Options
from netwright.model import Range

__all__ = ["Bond"]

Mode = Literal[
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
]
Hash = Literal["layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4", "vlan+srcmac"]
_Milliseconds = Annotated[int, Range(0, 3_600_000)]


class Bond(Options):
    """Times in milliseconds; `miimon` is how often the members' carriers are looked at."""

    MASTER: ClassVar[bool] = True
    # The kernel refuses another mode while there are members.
    IDENTITY: ClassVar[frozenset[str]] = frozenset({"mode"})
    # bond_setup and bond_check_params in drivers/net/bonding/bond_main.c
    DEFAULTS: ClassVar[Mapping[str, Any]] = {
        "mode": "balance-rr",
        "miimon": 0,
        "updelay": 0,
        "downdelay": 0,
        "min_links": 0,
        "xmit_hash_policy": "layer2",
        "lacp_rate": "slow",
        "ad_select": "stable",
        "fail_over_mac": "none",
        "primary_reselect": "always",
        "num_grat_arp": 1,
        "resend_igmp": 1,
    }

    mode: Annotated[Mode | None, Ip()] = None
    miimon: Annotated[_Milliseconds | None, Ip()] = None
    updelay: Annotated[_Milliseconds | None, Ip()] = None
    downdelay: Annotated[_Milliseconds | None, Ip()] = None
    min_links: Annotated[Annotated[int, Range(0, 255)] | None, Ip()] = None
    xmit_hash_policy: Annotated[Hash | None, Ip()] = None
    lacp_rate: Annotated[Literal["slow", "fast"] | None, Ip(shown="ad_lacp_rate")] = None
    ad_select: Annotated[Literal["stable", "bandwidth", "count"] | None, Ip()] = None
    fail_over_mac: Annotated[Literal["none", "active", "follow"] | None, Ip()] = None
    primary_reselect: Annotated[Literal["always", "better", "failure"] | None, Ip()] = None
    num_grat_arp: Annotated[Annotated[int, Range(0, 255)] | None, Ip(shown="num_peer_notif")] = None
    resend_igmp: Annotated[Annotated[int, Range(0, 255)] | None, Ip()] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in ("updelay", "downdelay"):
            value = getattr(self, name)
            if not value:
                continue
            if not self.miimon:
                yield name, f"{value} has no effect without miimon"
            elif value % self.miimon:
                # bond_option_updelay_set rounds it down.
                yield name, f"{value} is no multiple of miimon, which is {self.miimon}"
        if self.lacp_rate is not None and self.mode not in (None, "802.3ad"):
            yield "lacp_rate", f"is for mode 802.3ad, not for {self.mode}"
