"""A notebook server in a namespace, and what stands in front of it on the host."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator

from netwright.model import Model

__all__ = ["Settings"]


class Settings(Model):
    """The data key `notebook`. `by`: a DNAT rule that the `network` declares, or a proxy, which
    is configurable-http-proxy as a service. `token`: what a browser has to give; empty: nothing."""

    by: Literal["dnat", "proxy"] = "dnat"
    netns: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    address: str
    port: int = Field(default=8888, ge=1, le=65535)
    front: int = Field(default=8888, ge=1, le=65534)
    token: str = Field(pattern=r"^[\w.-]*$")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        return str(ipaddress.ip_address(value))
