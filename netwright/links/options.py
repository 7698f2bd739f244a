"""What a kind says about itself: `info_data` of `ip -d -j link`, `ip link ... type KIND ...`.

A room declares its fields once; an `Ip` beside a field tells how ip writes it and prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, get_args

from netwright.model import Model

__all__ = ["Ip", "Options"]


@dataclass(frozen=True)
class Ip:
    """How iproute2 spells a field.

    `arg`: its word on the command line, when it isn't the field's name.
    `shown`: its name in `ip -j`, when it isn't the field's name either.
    `scale`: kernel units in one of ours; ip takes and prints bridge times in 1/100 s.
    `words`: how ip writes false and true.
    """

    arg: str = ""
    shown: str = ""
    scale: int = 1
    words: tuple[str, str] = ("0", "1")


class Options(Model):
    """The options of one kind. The same type for what is declared and for what `ip` shows."""

    IDENTITY: ClassVar[frozenset[str]] = frozenset()
    """Fields that the kernel cannot change: another value means a new link."""
    PARENT: ClassVar[str] = ""
    """The field that names the link this one stands on, if the kind has one."""
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    """Fields without which it cannot be made."""
    DEFAULTS: ClassVar[Mapping[str, Any]] = {}
    """What the kernel gives a new one. Not asked for when it is made: a kernel may be built without
    an option, and refuses then even to switch it off."""
    MASTER: ClassVar[bool] = False
    """Whether other links can have it as their master."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """From `info_data` (or `info_slave_data`) of `ip -d -j link`."""
        fields: dict[str, Any] = {}
        for name, (ip, is_flag) in _spelling(cls).items():
            raw = data.get(ip.shown or name)
            if raw is not None:
                fields[name] = _value(raw, ip, is_flag)
        return cls().but(**fields)

    def arguments(self, new: bool = False) -> str:
        """The words for `ip link set ... type KIND`, each with a blank before it.

        + new: for `ip link add`, so without what a new one has anyhow
        """
        spelling = _spelling(type(self))
        return "".join(
            f" {spelling[name][0].arg or name} {_word(value, *spelling[name])}"
            for name, value in self.given().items()
            if name in spelling and not (new and self.DEFAULTS.get(name) == value)
        )


@cache
def _spelling(options: type[Options]) -> dict[str, tuple[Ip, bool]]:
    """Field -> how ip spells it and whether it is a flag; only fields that carry an `Ip`."""
    return {
        name: (ip, _is_flag(info.annotation))
        for name, info in options.model_fields.items()
        for ip in info.metadata
        if isinstance(ip, Ip)
    }


def _is_flag(annotation: Any) -> bool:
    return annotation is bool or any(_is_flag(inner) for inner in get_args(annotation))


def _value(raw: Any, ip: Ip, is_flag: bool) -> Any:
    if is_flag:
        return raw in (1, True, "on")
    if isinstance(raw, int) and ip.scale != 1:
        return raw // ip.scale
    return raw


def _word(value: Any, ip: Ip, is_flag: bool) -> str:
    if is_flag:
        return ip.words[bool(value)]
    return str(value * ip.scale) if isinstance(value, int) else str(value)
