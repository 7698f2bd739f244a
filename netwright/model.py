"""The base of every declared type, and the scalar types that the rooms share."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic import GetJsonSchemaHandler as JsonHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

__all__ = [
    "HOST",
    "Flag",
    "IfName",
    "Ip",
    "Mac",
    "Model",
    "NetnsName",
    "NetnsRef",
    "OwnMac",
    "Range",
    "Text",
    "Written",
    "family_of",
    "overlay",
    "prefix",
    "shown",
]

HOST = "host"
"""How the host's own namespace is called; no declared namespace may have this name."""

AnyModel = TypeVar("AnyModel", bound="Model")


class Model(BaseModel):
    """Frozen; unknown keys are refused; None means "not managed", never "absent"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def given(self) -> dict[str, Any]:
        """The fields that say something, in the order of the type."""
        return {name: value for name, value in self.__dict__.items() if value is not None}

    def but(self, **fields: Any) -> Self:
        """A copy with other values; the caller has validated them."""
        # What model_copy does, without copying thrice: a plan is made of these.
        made = object.__new__(type(self))
        set_slot = object.__setattr__
        set_slot(made, "__dict__", {**self.__dict__, **fields})
        # Which were set nobody asks.
        set_slot(made, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        set_slot(made, "__pydantic_extra__", None)
        set_slot(made, "__pydantic_private__", None)
        return made


def overlay(base: AnyModel, top: AnyModel) -> AnyModel:
    """`base` with every field that `top` gives; models and mappings inside are merged likewise."""
    there = base.__dict__
    fields = {
        name: _overlaid(there[name], value) if isinstance(value, Model | dict) else value
        for name, value in top.__dict__.items()
        if value is not None and name in there
    }
    return base.but(**fields) if fields else base


def _overlaid(base: Any, top: Any) -> Any:
    if isinstance(base, Model) and isinstance(top, Model):
        return overlay(base, top)
    if isinstance(base, dict) and isinstance(top, dict):
        return {**base, **{key: _overlaid(base.get(key), value) for key, value in top.items()}}
    return top


@dataclass(frozen=True)
class Range:
    """A whole number from `low` to `high`; the kernel seldom checks, so this does."""

    low: int
    high: int

    def check(self, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"is not a whole number in {self.low}..{self.high}")
        if not self.low <= value <= self.high:
            raise ValueError(f"is not in {self.low}..{self.high}")
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: JsonHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}


def _flag(value: object) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise ValueError("is neither true nor false")


class Written(int):
    """A number that remembers how it was written: a namespace may be called 007."""

    text: str


@dataclass(frozen=True)
class Text:
    """A string of one form; it can go into a batch line as it stands. YAML takes some names for
    numbers."""

    pattern: str
    accepted: str

    def check(self, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            value = getattr(value, "text", str(value))
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise ValueError(f"is not {self.accepted}")
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: JsonHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _mac(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", value):
        return value.lower().replace("-", ":")
    raise ValueError("is not a MAC address like 02:00:00:00:00:01 (six hexadecimal pairs)")


Flag = Annotated[bool, BeforeValidator(_flag)]
Mac = Annotated[str, BeforeValidator(_mac)]


def _own_mac(text: str) -> str:
    if int(text[:2], 16) & 1 or text == "00:00:00:00:00:00":
        raise ValueError("is not one link's address (the first pair even, not all of them 00)")
    return text


OwnMac = Annotated[Mac, AfterValidator(_own_mac)]
"""A link's own."""
# `all` and `default` would be taken for the directories of that name under net/ipv4/conf.
IfName = Annotated[
    str,
    Text(
        r"(?!(?:all|default|\.\.?)$)[A-Za-z0-9_][A-Za-z0-9_.+-]{0,14}",
        "a link's name (1 to 15 of A-Z a-z 0-9 _ . + -, not starting with a sign,"
        " not `all` or `default`)",
    ),
]
NetnsName = Annotated[
    str,
    Text(
        r"(?!host$)[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}",
        "a namespace's name (1 to 64 of A-Z a-z 0-9 _ . + -, not starting with a sign, not `host`)",
    ),
]

NetnsRef = Annotated[
    str, Text(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}", "a namespace's name or `host`")
]
"""A reference to a namespace: its name, or `host`."""


def family_of(address: str) -> str:
    """`inet` or `inet6`, told from an address or prefix in canonical text."""
    return "inet6" if ":" in address else "inet"


def shown(text: str) -> str:
    """An address that ip prints, maybe with a prefix length, in canonical text: ip writes IPv4 in
    IPv6 with dots."""
    if ":" not in text or "." not in text:
        return text
    local, slash, length = text.partition("/")
    return ipaddress.ip_address(local).compressed + slash + length


def prefix(value: object) -> str:
    """A destination in canonical text: `10.0.0.0/8`, a bare address as /32 or /128."""
    try:
        return str(ipaddress.ip_network(str(value)))
    except ValueError as error:
        raise ValueError(f"is not an address or prefix: {_reason(error)}") from None


def _reason(error: ValueError) -> str:
    # ipaddress puts the value first; the path and the value stand before this text already.
    return str(error).split(" ", 1)[-1] if "'" in str(error) else str(error)


def _ip(value: object) -> str:
    try:
        return ipaddress.ip_address(str(value)).compressed
    except ValueError:
        raise ValueError("is not an address without prefix length, like 172.16.0.1") from None


Ip = Annotated[str, BeforeValidator(_ip)]
"""An address in canonical text, without a prefix length."""
