"""An address on a link: shown by `ip address`, changed by `ip address replace|del`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from netwright.model import family_of, shown

__all__ = [
    "Address",
    "SeenAddress",
    "is_kernels",
    "is_link_local",
    "network_of",
    "parse",
    "render",
    "same_ipv6",
    "same_subnet",
]


def _address(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not an address with a prefix length, like 172.16.0.1/24")
    try:
        if "/" not in value:
            bits = ipaddress.ip_address(value).max_prefixlen
            raise ValueError(f"has no prefix length; did you mean {value}/{bits}?")
        if not value.partition("/")[2].isdigit():
            raise ValueError("is not an address with a prefix length in bits, like 172.16.0.1/24")
        if "%" in value:
            raise ValueError("has a zone; an address stands under its link already")
        return ipaddress.ip_interface(value).compressed
    except ipaddress.AddressValueError as error:
        raise ValueError(f"is not an address: {error}") from None
    except ipaddress.NetmaskValueError:
        raise ValueError("has no valid prefix length (0 to 32, IPv6 0 to 128)") from None
    except ValueError as error:
        if "does not appear" in str(error):
            raise ValueError("is not an IPv4 or IPv6 address with a prefix length") from None
        raise


Address = Annotated[str, BeforeValidator(_address)]
"""Canonical text with a prefix length: `172.16.0.1/24`, `fd00::1/64`."""


class SeenAddress(str):
    """An address as a host shows it: the same text, and the words that put it back as it was."""

    __slots__ = ("words",)
    words: str


def parse(ifname: str, entry: Mapping[str, Any]) -> SeenAddress:
    """From one entry of `addr_info` of `ip -j -N address`."""
    seen = SeenAddress(f"{shown(entry['local'])}/{entry['prefixlen']}")
    words = [f"peer {entry['address']}/{entry['prefixlen']}"] if "address" in entry else []
    words += [f"broadcast {entry['broadcast']}"] if "broadcast" in entry else []
    words += [f"scope {entry['scope']}"] if entry.get("scope", "0") != "0" else []
    words += [f"label {entry['label']}"] if entry.get("label", ifname) != ifname else []
    words += [f"metric {entry['metric']}"] if "metric" in entry else []
    words += [flag for flag in ("nodad", "noprefixroute", "home") if entry.get(flag)]
    seen.words = " ".join(words)
    return seen


def network_of(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The subnet that an address is in."""
    return ipaddress.ip_interface(address).network


def same_subnet(one: str, other: str) -> bool:
    """Whether the kernel makes one the secondary of the other: IPv4, same prefix."""
    return family_of(one) == "inet" and network_of(one) == network_of(other)


def same_ipv6(one: str, other: str) -> bool:
    """Whether two are one IPv6 address with two prefix lengths; a link has it with one."""
    return ":" in one and one != other and one.partition("/")[0] == other.partition("/")[0]


def is_link_local(address: str) -> bool:
    """Whether it may be on several links at once."""
    return ipaddress.ip_interface(address).is_link_local


def is_kernels(ifname: str, address: str) -> bool:
    """Whether the kernel puts it there by itself: IPv6 link-local, and loopback's on lo."""
    if ifname == "lo":
        return address in ("127.0.0.1/8", "::1/128")
    return address.startswith("fe80:") and address.endswith("/64")


def render(ifname: str, address: str, present: bool) -> str:
    """The line for `ip -batch`. `replace` also takes over an address that DHCP or SLAAC gave."""
    words = getattr(address, "words", "")
    if not present:
        return f"address delete {address} dev {ifname}"
    return f"address replace {address}{' ' if words else ''}{words} dev {ifname}"
