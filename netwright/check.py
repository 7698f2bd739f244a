"""What must be true of packets. The verification runs it; a run of the deploy does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from netwright.model import Flag, Ip, Model, NetnsRef, Range, Text

__all__ = ["PROBES", "Check", "Expect", "Listen"]

PROBES = ("ping", "arping", "tcp", "udp", "http")
_BELONGS_TO = {
    "listen": ("tcp", "udp", "http"),
    "spread": ("tcp", "udp", "http"),
    "size": ("ping",),
    "dont_fragment": ("ping",),
}

Expect = Literal["ok", "refused", "timeout", "unreachable"]

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
# A host's name as pyinfra has it, which may be a connector's: @local, @docker/id.
_PLACE = rf"(?:@?{_NAME}/)*{_NAME}"
Place = Annotated[str, Text(_PLACE, "`host`, a namespace, or HOST/NAMESPACE of the inventory")]
_IfName = Annotated[str, Text(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,14}", "a link's name")]
_Reply = Annotated[str, Text(r"[A-Za-z0-9_.-]{1,64}", "1 to 64 of A-Z a-z 0-9 _ . -")]


def _endpoint(value: object) -> str:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})", str(value))
    if not match or not 1 <= int(match[3]) <= 65535:
        raise ValueError("is not ADDRESS:PORT, like 172.16.0.9:80 or [fd00::9]:80")
    try:
        address = ip_address(match[1] or match[2])
    except ValueError:
        raise ValueError("has no valid address, like 172.16.0.9:80 or [fd00::9]:80") from None
    text = f"[{address}]" if address.version == 6 else str(address)
    return f"{text}:{int(match[3])}"


_URL = re.compile(
    r"http://(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|[A-Za-z0-9_.-]+)(?::(?P<port>\d{1,5}))?"
    r"(?:[/?][\w.:/\[\]?=&%~+,;@!-]*)?",
    re.ASCII,
)


def _url(value: object) -> str:
    match = _URL.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match["port"] or 80) <= 65535:
        raise ValueError("is not a URL like http://10.0.0.1:80/path")
    try:
        ip_address(match["six"] or "::")
    except ValueError:
        raise ValueError("has no valid address, like http://[fd00::9]:80/path") from None
    return str(value)


Endpoint = Annotated[str, BeforeValidator(_endpoint)]
Url = Annotated[str, BeforeValidator(_url)]


class Listen(Model):
    """A listener for the time of the check: in `netns` of this host (`host` if it is left out), or
    `at` HOST/NAMESPACE of another one. It answers with `reply`, or with something of its own."""

    netns: NetnsRef | None = None
    at: Place | None = None
    port: Annotated[int, Range(1, 65535)]
    protocol: Literal["tcp", "udp"] | None = None
    reply: _Reply | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.netns is not None and self.at is not None:
            raise ValueError("needs either netns or at")
        return self

    @property
    def place(self) -> str:
        """Where it listens, as `from` would say it."""
        return self.at or self.netns or "host"


class Check(Model):
    """One probe and what has to come of it."""

    from_: Annotated[Place, Field(alias="from")]
    ping: Ip | None = None
    arping: Ip | None = None
    tcp: Endpoint | None = None
    udp: Endpoint | None = None
    http: Url | None = None
    expect: Expect | None = None
    listen: tuple[Listen, ...] | None = None
    source_seen: Ip | None = None
    source: Ip | None = None
    dev: _IfName | None = None
    size: Annotated[int, Range(0, 65507)] | None = None
    dont_fragment: Flag | None = None
    count: Annotated[int, Range(1, 1000)] | None = None
    spread: Annotated[int, Range(1, 1000)] | None = None
    with_: Annotated[dict[str, Any] | None, Field(alias="with")] = None

    @model_validator(mode="before")
    @classmethod
    def _one_listener(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("listen"), dict):
            return {**data, "listen": (data["listen"],)}
        return data

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [name for name in PROBES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(PROBES)}")
        for name, probes in _BELONGS_TO.items():
            if getattr(self, name) is not None and given[0] not in probes:
                raise ValueError(f"{name} is for {', '.join(probes)}, not for {given[0]}")
        problem = next(self._misfits(), None)
        if problem is not None:
            raise ValueError(problem)
        return self

    def _misfits(self) -> Iterator[str]:
        if self.source_seen is not None and not self.listen:
            yield "source_seen needs listen: nobody else tells which source it saw"
        if ":" in (self.arping or ""):
            yield "arping is for IPv4; IPv6 has no ARP"
        if self.spread is not None and self.spread > (self.count or 1):
            yield f"spread {self.spread} needs a count of at least as many requests"
        if self.expect not in (None, "ok") and (self.source_seen or self.spread):
            yield f"source_seen and spread are for what is answered, not for {self.expect}"
        places = [(item.place, item.port, self.protocol_of(item)) for item in self.listen or ()]
        if len(set(places)) != len(places):
            yield "listen has the same port twice in one place"

    @property
    def probe(self) -> tuple[str, str]:
        """Its kind and its target."""
        return next((name, value) for name in PROBES if (value := getattr(self, name)) is not None)

    def protocol_of(self, listen: Listen) -> str:
        """What a listener speaks: what the probe does, unless it says otherwise."""
        return listen.protocol or ("udp" if self.udp is not None else "tcp")

    def __str__(self) -> str:
        kind, target = self.probe
        words = [self.from_, kind, target]
        if self.expect not in (None, "ok"):
            words.append(str(self.expect))
        if self.with_:
            words.append("with a variation")
        return " ".join(words)
