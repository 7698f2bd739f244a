"""A host's parameters as a declaration says them: those that are not as the kernel starts with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netwright import sysctl
from netwright.model import HOST
from netwright.parameter import known
from netwright.state import Namespace

__all__ = ["READS", "adopt"]

READS = (
    "net/ipv4/conf/*/*",
    "net/ipv6/conf/*/*",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_nonlocal_bind",
    "net/ipv4/tcp_syncookies",
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/icmp_echo_ignore_broadcasts",
    "net/ipv4/fib_multipath_hash_policy",
    "net/bridge/*",
)
"""What is read of each namespace."""

# ipv4_devconf and ipv4_devconf_dflt (net/ipv4/devinet.c), ipv6_devconf (net/ipv6/addrconf.c);
# what is not named starts with 0.
_CONF: Mapping[str, Mapping[str, str]] = {
    "ipv4": dict.fromkeys(
        ("accept_redirects", "send_redirects", "secure_redirects", "shared_media",
         "arp_evict_nocarrier"), "1",
    ),
    "ipv6": dict.fromkeys(
        ("accept_ra", "accept_ra_defrtr", "accept_ra_pinfo", "accept_redirects", "autoconf"), "1"
    ),
}  # fmt: skip
_ONLY_DEFAULT = {("ipv4", "accept_source_route"): "1", ("ipv6", "accept_dad"): "1"}
_LO = {
    ("ipv4", "disable_policy"): "1",
    ("ipv4", "disable_xfrm"): "1",
    ("ipv6", "accept_dad"): "-1",
    ("ipv6", "use_tempaddr"): "-1",
}
_SINGLE = {
    "net/ipv4/tcp_syncookies": "1",
    "net/ipv4/icmp_echo_ignore_broadcasts": "1",
    **dict.fromkeys(
        (f"net/bridge/bridge-nf-call-{tool}" for tool in ("iptables", "ip6tables", "arptables")),
        "1",
    ),
}
_READ_ONLY = ("mc_forwarding",)


def adopt(
    netns: str,
    space: Namespace,
    links: dict[str, dict[str, Any]],
    host: Namespace,
    note: Callable[[str, str], None],
) -> dict[str, Any]:
    """The namespace's own parameters; those of its links are put into `links`.

    + host: the host's own namespace, whose `all` and `default` a new one of IPv4 starts with
    """
    live = space.sysctl or {}
    places = {None, *links}
    said = {
        key: value
        for key, value in live.items()
        if known(key) is not None
        and key.rpartition("/")[2] not in _READ_ONLY
        and sysctl.link_of(key) in places
        and _is_said(netns, key, value, live, host.sysctl or {})
    }
    for key, value in list(said.items()):
        accepted = sysctl.not_accepted(key, value)
        if accepted:
            note(f"sysctl.{key}", f"{value} is not {accepted}, and the kernel takes it; left out")
            del said[key]
    for key, _ in list(sysctl.untrue(said, live)):
        what = f"{said.pop(key)} has no effect, as `all` decides together with it; left out"
        note(f"sysctl.{key}", what)
    shared: dict[str, Any] = {}
    for key, value in sorted(said.items()):
        ifname = sysctl.link_of(key)
        if ifname is None:
            shared[key.replace("/", ".")] = _number(value)
        else:
            _, family, _, _, parameter = key.split("/")
            links[ifname].setdefault(family, {})[parameter] = _number(value)
    return shared


def _is_said(
    netns: str, key: str, value: str, live: Mapping[str, str], host: Mapping[str, str]
) -> bool:
    """Whether a namespace that is made anew would have another value."""
    if value != _expected(key, live):
        return True
    shared = key.startswith("net/ipv4/conf/") and sysctl.link_of(key) is None
    along = key.endswith(("/forwarding", "/all/accept_redirects"))
    # It copies the host's; which the host had at that time, nobody knows.
    copied = (shared and not along) or key == "net/ipv4/ip_forward"
    return netns != HOST and copied and host.get(key, value) != value


def _expected(key: str, live: Mapping[str, str]) -> str:
    parts = key.split("/")
    if len(parts) != 5:
        return _SINGLE.get(key, "0")
    _, family, _, place, parameter = parts
    forward = f"net/{family}/conf/all/forwarding"
    if parameter == "forwarding" and place != "all":
        return live.get(forward, "0")
    if key == "net/ipv4/conf/all/forwarding":
        return live.get("net/ipv4/ip_forward", "0")
    if key == "net/ipv4/conf/all/accept_redirects":
        # It goes the other way as forwarding goes.
        return "0" if live.get(forward) == "1" else "1"
    if place == "lo" and (family, parameter) in _LO:
        return _LO[family, parameter]
    if place not in ("all", "default"):
        return live.get(f"net/{family}/conf/default/{parameter}", "0")
    if place == "default" and (family, parameter) in _ONLY_DEFAULT:
        return _ONLY_DEFAULT[family, parameter]
    return _CONF[family].get(parameter, "0")


def _number(value: str) -> int | str:
    return int(value) if value.lstrip("-").isdigit() else value
