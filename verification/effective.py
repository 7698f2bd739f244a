"""What the kernel makes of a parameter of a link and the same of `all`.

Its own table, written from include/linux/inetdevice.h: a wrong entry in `netwright.parameter`, by
which declarations are judged, doesn't make the verification agree with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["COMBINED", "Unknown", "effective", "keys_needed", "source_keys"]

_MAX = frozenset({"rp_filter", "arp_ignore", "arp_announce", "arp_notify", "arp_accept"})
_OR = frozenset(
    {
        "arp_filter",
        "accept_local",
        "proxy_arp",
        "log_martians",
        "send_redirects",
        "secure_redirects",
        "shared_media",
        "route_localnet",
        "src_valid_mark",
    }
)
_AND = frozenset({"accept_source_route", "bootp_relay", "mc_forwarding"})
# IN_DEV_RX_REDIRECTS: and where the link forwards, or where it doesn't.
_REDIRECTS = frozenset({"accept_redirects"})

COMBINED = _MAX | _OR | _AND | _REDIRECTS

_OF_LINK = re.compile(r"net/ipv4/conf/(?!all/|default/)([^/]+)/([^/]+)")


class Unknown(LookupError):
    """A value that the answer depends on is not to be had; the text names it."""


def source_keys(key: str) -> list[str]:
    """The parameters that an effective value comes of; none if `key` is the whole truth itself."""
    match = _OF_LINK.fullmatch(key)
    if match is None or match[2] not in COMBINED:
        return []
    keys = [key, f"net/ipv4/conf/all/{match[2]}"]
    return [*keys, f"net/ipv4/conf/{match[1]}/forwarding"] if match[2] in _REDIRECTS else keys


def keys_needed(declared: Iterable[str]) -> list[str]:
    """Every parameter to read for those that are declared, each once."""
    return list(dict.fromkeys(key for item in declared for key in [item, *source_keys(item)]))


def effective(key: str, values: Mapping[str, str]) -> int:
    """The value that the kernel goes by. Raises Unknown."""
    own, everywhere, *rest = (_number(item, values) for item in source_keys(key))
    parameter = key.rpartition("/")[2]
    if parameter in _MAX:
        return max(own, everywhere)
    if parameter in _OR or (parameter in _REDIRECTS and not rest[0]):
        return int(bool(own or everywhere))
    return int(bool(own and everywhere))


def _number(key: str, values: Mapping[str, str]) -> int:
    try:
        return int(values[key])
    except (KeyError, ValueError):
        raise Unknown(f"{key} is {values.get(key, 'not there')}") from None
