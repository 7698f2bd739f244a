"""What a kind says about itself: `info_data` of `ip -d -j link`, `ip link ... type KIND ...`.

A room declares its fields once; an `Ip` beside a field tells how ip writes it and prints it.
What is no single word (a list of entries, keys) is written by the room's own `modify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Self, cast, get_args

from netwright.model import Model
from netwright.step import Command, Phase, Step, ip

__all__ = ["ETHERTYPE", "Ip", "Options", "each"]


@dataclass(frozen=True)
class Ip:
    """How iproute2 spells a field.

    `arg`: its word on the command line, when it isn't the field's name.
    `shown`: its name in `ip -j`, when it isn't the field's name either.
    `scale`: kernel units in one of ours; ip takes and prints bridge times in 1/100 s.
    `words`: how ip writes false and true.
    `alone`: whether those words say it all, without a name before them.
    `absent`: what it is when ip prints nothing of it.
    `names`: what ip prints for a value, where that is something else.
    """

    arg: str = ""
    shown: str = ""
    scale: int = 1
    words: tuple[str, str] = ("0", "1")
    alone: bool = False
    absent: Any = None
    names: Mapping[str, str] = field(default_factory=dict)


ETHERTYPE = Ip(names={"[33024]": "802.1Q", "[34984]": "802.1ad"})
"""What `ip -N` makes of a VLAN's protocol."""


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
    LATER: ClassVar[Mapping[str, Any]] = {}
    """What can't be said when one is made, and what it is until `modify` says it."""
    MASTER: ClassVar[bool] = False
    """Whether other links can have it as their master."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """From `info_data` (or `info_slave_data`) of `ip -d -j link`."""
        fields: dict[str, Any] = {}
        for name, (word, is_flag) in _spelling(cls).items():
            raw = data.get(word.shown or name, word.absent)
            if raw is not None:
                fields[name] = _value(raw, word, is_flag)
        return cls().but(**fields)

    def normal(self) -> Self:
        """In the one spelling that `parse` gives, so that a difference is `!=`."""
        return self

    def problems(self) -> Iterator[tuple[str, str]]:
        """What of it doesn't go together: field and reason."""
        return iter(())

    def new(self) -> Self:
        """What one is like that has just been made with these options."""
        return self.but(
            **{name: value for name, value in self.LATER.items() if getattr(self, name) is not None}
        )

    def unchangeable(self, have: Self) -> str:
        """The field for which a live link with `have` has to be made again; `` if there is none."""
        for name in sorted(self.IDENTITY):
            value = getattr(self, name)
            if value is not None and value != getattr(have, name):
                return name
        return ""

    def arguments(self, new: bool = False) -> str:
        """The words for `ip link set ... type KIND`, each with a blank before it.

        + new: for `ip link add`, so without what a new one has anyhow
        """
        spelling = _spelling(type(self))
        return "".join(
            _words(name, value, *spelling[name])
            for name, value in self.given().items()
            if name in spelling and not (new and self.DEFAULTS.get(name) == value)
        )

    def create(self, ifname: str, kind: str, parent: str, into: str) -> str:
        """The line of `ip -batch` that makes one.

        + parent, into: ` link PARENT` and ` netns NETNS`, where it has them
        """
        return f"link add name {ifname}{parent}{into} type {kind}{self.arguments(new=True)}"

    def modify(self, netns: str, ifname: str, kind: str, have: Self) -> Iterator[Step]:
        """The steps that change a live one with `have` in place, each option by itself."""
        for name in _spelling(type(self)):
            value, before = getattr(self, name), getattr(have, name)
            if value is not None and value != before and name not in self.IDENTITY:
                was = have.model_construct(**{name: before})
                then = self.model_construct(**{name: value})
                attribute = f"{kind}.{name}"
                yield Step(
                    Phase.LINK, netns, f"links.{ifname}", attribute, was, then, _render_option
                )


def each(
    place: tuple[str, str, str],
    have: Iterable[Any] | None,
    want: Iterable[Any] | None,
    key: Callable[[Any], object],
    render: Callable[[Step], Iterable[Command]],
) -> Iterator[Step]:
    """The steps for a field that is a list of entries: new and changed ones, then those that go.

    + place: namespace, link and attribute
    + key: what tells the entries apart
    """
    if want is None:
        return
    netns, ifname, attribute = place
    there, then = ({key(item): item for item in items or ()} for items in (have, want))
    for name, item in [*then.items(), *((name, None) for name in there if name not in then)]:
        before = there.get(name)
        if item != before:
            yield Step(Phase.LINK, netns, f"links.{ifname}", attribute, before, item, render)


def _render_option(step: Step) -> Iterator[Command]:
    words = cast(Options, step.after).arguments()
    kind = step.attribute.partition(".")[0]
    if words:
        ifname = step.thing.removeprefix("links.")
        yield ip(step.netns, f"link set dev {ifname} type {kind}{words}")


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
    return ip.names.get(raw, raw) if isinstance(raw, str) else raw


def _words(name: str, value: Any, ip: Ip, is_flag: bool) -> str:
    word = ip.words[bool(value)] if is_flag else str(value * ip.scale if ip.scale > 1 else value)
    return f" {word}" if ip.alone else f" {ip.arg or name} {word}"
