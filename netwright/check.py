"""What must be true of packets. The verification runs it; a run of the deploy does not."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from netwright.model import Model, NetnsRef, Range, Text
from netwright.route import Ip

__all__ = ["PROBES", "Check", "Listen"]

PROBES = ("ping", "arping", "tcp", "udp", "http")

_PLACE = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*)?"
Place = Annotated[str, Text(_PLACE, "`host`, a namespace, or HOST/NAMESPACE of the inventory")]
Url = Annotated[str, Text(r"http://[A-Za-z0-9_.:/\[\]?=&%~+-]+", "a URL like http://10.0.0.1:80/")]


def _endpoint(value: object) -> str:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:]+)\]|([0-9.]+)):(\d{1,5})", str(value))
    if not match or not 1 <= int(match[3]) <= 65535:
        raise ValueError("is not ADDRESS:PORT, like 172.16.0.9:80 or [fd00::9]:80")
    return str(value)


Endpoint = Annotated[str, BeforeValidator(_endpoint)]


class Listen(Model):
    """A listener for the time of the check. `at` is HOST/NAMESPACE when it is on another host."""

    netns: NetnsRef | None = None
    at: Place | None = None
    port: Annotated[int, Range(1, 65535)]
    protocol: Literal["tcp", "udp"] | None = None
    reply: Annotated[str, Text(r"[A-Za-z0-9_.-]{1,64}", "1 to 64 of A-Z a-z 0-9 _ . -")] | None = (
        None
    )


class Check(Model):
    """One probe and what has to come of it."""

    from_: Annotated[Place, Field(alias="from")]
    ping: Ip | None = None
    arping: Ip | None = None
    tcp: Endpoint | None = None
    udp: Endpoint | None = None
    http: Url | None = None
    expect: Literal["ok", "refused", "timeout"] | None = None
    listen: tuple[Listen, ...] | None = None
    source_seen: Ip | None = None
    source: Ip | None = None
    dev: Annotated[str, Text(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,14}", "a link's name")] | None = None
    size: Annotated[int, Range(0, 65507)] | None = None
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
    def _one_probe(self) -> Self:
        given = [name for name in PROBES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(PROBES)}")
        if self.source_seen is not None and self.listen is None:
            raise ValueError("source_seen needs listen: nobody else tells which source it saw")
        return self

    @property
    def probe(self) -> tuple[str, str]:
        """Its kind and its target."""
        return next((name, value) for name in PROBES if (value := getattr(self, name)) is not None)

    def __str__(self) -> str:
        kind, target = self.probe
        changed = " with a variation" if self.with_ else ""
        return f"{self.from_} {kind} {target}{changed} {self.expect or 'ok'}"
