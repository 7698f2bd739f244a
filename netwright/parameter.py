"""What is known of kernel parameters: accepted values, and how `all` and a link combine.

Source: include/linux/inetdevice.h (the IN_DEV_* macros) and
Documentation/networking/ip-sysctl.rst. The kernel itself checks hardly any range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

__all__ = ["Parameter", "accepted", "effective", "known"]

Combine = Literal["max", "or", "and", "redirects", "alone"]


class Parameter(NamedTuple):
    """`values`: what is accepted; `combine`: what the kernel makes of `all` and the link's own."""

    values: tuple[int, ...]
    combine: Combine = "alone"


_BIT = (0, 1)

_IPV4_CONF: Mapping[str, Parameter] = {
    "rp_filter": Parameter((0, 1, 2), "max"),
    "arp_ignore": Parameter((0, 1, 2, 3, 8), "max"),
    "arp_announce": Parameter((0, 1, 2), "max"),
    "arp_notify": Parameter(_BIT, "max"),
    # "or" up to Linux 5.17, where it was 0 or 1: the same as the larger of both.
    "arp_accept": Parameter((0, 1, 2), "max"),
    "arp_filter": Parameter(_BIT, "or"),
    "accept_local": Parameter(_BIT, "or"),
    "proxy_arp": Parameter(_BIT, "or"),
    "log_martians": Parameter(_BIT, "or"),
    "send_redirects": Parameter(_BIT, "or"),
    "secure_redirects": Parameter(_BIT, "or"),
    "shared_media": Parameter(_BIT, "or"),
    "route_localnet": Parameter(_BIT, "or"),
    "src_valid_mark": Parameter(_BIT, "or"),
    "accept_source_route": Parameter(_BIT, "and"),
    "bootp_relay": Parameter(_BIT, "and"),
    "mc_forwarding": Parameter(_BIT, "and"),
    "accept_redirects": Parameter(_BIT, "redirects"),
    "forwarding": Parameter(_BIT),
    "proxy_arp_pvlan": Parameter(_BIT),
    "promote_secondaries": Parameter(_BIT),
    "arp_evict_nocarrier": Parameter(_BIT),
    "ignore_routes_with_linkdown": Parameter(_BIT),
    "drop_gratuitous_arp": Parameter(_BIT),
    "drop_unicast_in_l2_multicast": Parameter(_BIT),
    "disable_policy": Parameter(_BIT),
    "disable_xfrm": Parameter(_BIT),
}

_IPV6_CONF: Mapping[str, Parameter] = {
    "forwarding": Parameter((0, 1, 2)),
    "accept_ra": Parameter((0, 1, 2)),
    "accept_ra_defrtr": Parameter(_BIT),
    "accept_ra_pinfo": Parameter(_BIT),
    "accept_redirects": Parameter(_BIT),
    "accept_dad": Parameter((0, 1, 2)),
    "autoconf": Parameter(_BIT),
    "disable_ipv6": Parameter(_BIT),
    "proxy_ndp": Parameter(_BIT),
    "use_tempaddr": Parameter((-1, 0, 1, 2)),
    "addr_gen_mode": Parameter((0, 1, 2, 3)),
    "keep_addr_on_down": Parameter((-1, 0, 1)),
}

_SINGLE: Mapping[str, Parameter] = {
    "net/ipv4/ip_forward": Parameter(_BIT),
    "net/ipv4/ip_nonlocal_bind": Parameter(_BIT),
    "net/ipv4/tcp_syncookies": Parameter((0, 1, 2)),
    "net/ipv4/icmp_echo_ignore_all": Parameter(_BIT),
    "net/ipv4/icmp_echo_ignore_broadcasts": Parameter(_BIT),
    "net/ipv4/fib_multipath_hash_policy": Parameter((0, 1, 2, 3)),
    "net/core/devconf_inherit_init_net": Parameter((0, 1, 2, 3)),
    "net/bridge/bridge-nf-call-iptables": Parameter(_BIT),
    "net/bridge/bridge-nf-call-ip6tables": Parameter(_BIT),
    "net/bridge/bridge-nf-call-arptables": Parameter(_BIT),
    "net/bridge/bridge-nf-filter-vlan-tagged": Parameter(_BIT),
    "net/bridge/bridge-nf-filter-pppoe-tagged": Parameter(_BIT),
    "net/bridge/bridge-nf-pass-vlan-input-dev": Parameter(_BIT),
}


def known(key: str) -> Parameter | None:
    """What is known of a parameter, by its canonical key."""
    parts = key.split("/")
    if len(parts) == 5 and parts[2] == "conf":
        return {"ipv4": _IPV4_CONF, "ipv6": _IPV6_CONF}.get(parts[1], {}).get(parts[4])
    return _SINGLE.get(key)


def accepted(parameter: Parameter) -> str:
    """The accepted values in words: `in 0..2`, `one of 0, 1, 2, 3, 8`."""
    low, high = min(parameter.values), max(parameter.values)
    if len(parameter.values) == high - low + 1:
        return f"in {low}..{high}"
    return f"one of {', '.join(map(str, parameter.values))}"


def effective(combine: Combine, everywhere: int, link: int, forwards: bool) -> tuple[int, str]:
    """The value that the kernel goes by, and why.

    + everywhere: the value under `all`
    + link: the link's own value
    + forwards: whether the link forwards, which only accept_redirects asks
    """
    if combine == "max":
        return max(everywhere, link), "the larger of both"
    if combine == "or" or (combine == "redirects" and not forwards):
        return int(bool(everywhere or link)), "1 if either is"
    if combine in ("and", "redirects"):
        return int(bool(everywhere and link)), "1 only if both are"
    return link, "the link's own"
