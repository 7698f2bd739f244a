"""A policy rule: shown by `ip rule`, changed by `ip rule add|delete`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from netwright.model import IfName, Model, Range, family_of, prefix, shown
from netwright.step import Command, Phase, Step, ip
from netwright.table import Table

__all__ = ["Rule", "change", "covers", "parse", "speciality"]

_ACTIONS = {"6": "blackhole", "7": "unreachable", "8": "prohibit"}

Prefix = Annotated[str, BeforeValidator(prefix)]


def _mark(value: object) -> str:
    """Canonical as ip prints it: `0x1`, `0x1/0xff`."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return hex(value)
        if isinstance(value, str):
            return "/".join(hex(int(part, 0)) for part in value.split("/", 1))
    except ValueError:
        pass
    raise ValueError("is not a mark like 0x1 or 0x1/0xff")


Mark = Annotated[str, BeforeValidator(_mark)]


class Rule(Model):
    """One rule. `priority` is not optional: the one that the kernel would choose is found by no
    second run."""

    priority: Annotated[int, Range(1, 32765)]
    from_: Annotated[Prefix | None, Field(alias="from")] = None
    to: Prefix | None = None
    iif: IfName | None = None
    oif: IfName | None = None
    fwmark: Mark | None = None
    table: Table | None = None
    type: Literal["blackhole", "unreachable", "prohibit"] | None = None
    family: Literal["inet", "inet6"] | None = None
    state: Literal["present", "absent"] | None = None

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if (self.table is None) == (self.type is None) and self.state != "absent":
            raise ValueError("a rule needs either table or type")
        told = {family_of(text) for text in (self.from_, self.to) if text}
        if len(told | ({self.family} if self.family else set())) > 1:
            raise ValueError("from, to and family are of two families")
        return self

    def normal(self) -> Rule:
        """With the family written out."""
        told = self.from_ or self.to
        return self.but(family=self.family or (family_of(told) if told else "inet"))

    def __str__(self) -> str:
        return ""

    @property
    def key(self) -> str:
        """All of it: two rules may differ in anything."""
        words = [f"{self.priority}", *_selector(self)]
        return " ".join(words) + (" inet6" if self.family == "inet6" else "")


_SHOWN = {
    *("priority", "src", "srclen", "dst", "dstlen", "iif", "iif_detached", "oif", "oif_detached"),
    *("fwmark", "fwmask", "table", "action", "protocol"),
}


def parse(entry: Mapping[str, Any], family: str) -> Rule | None:
    """From one entry of `ip -j -N rule show`; None for the kernel's own, and for one that says
    more than a rule here can."""
    if entry.get("protocol") == "2" or not _SHOWN.issuperset(entry):
        return None
    mark = entry.get("fwmark")
    mask = entry.get("fwmask")
    action = _ACTIONS.get(str(entry.get("action", "")), entry.get("action"))
    fields: dict[str, Any] = {
        "priority": entry["priority"],
        "from_": _prefix(entry, "src"),
        "to": _prefix(entry, "dst"),
        "iif": entry.get("iif"),
        "oif": entry.get("oif"),
        "fwmark": None if mark is None else (f"{mark}/{mask}" if mask else mark),
        "table": int(entry["table"]) if "table" in entry else None,
        "type": action if action in _ACTIONS.values() else None,
        "family": family,
    }
    return Rule.model_construct(**fields)


def _prefix(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    if value is None or value == "all":
        return None
    bits = 128 if ":" in value else 32
    return f"{shown(value)}/{entry.get(f'{name}len', bits)}"


def change(netns: str, before: Rule | None, after: Rule | None) -> Step:
    """The step that adds or removes one; a rule is never changed, only another one is added."""
    rule = after if before is None else before
    assert rule is not None
    return Step(Phase.ROUTE, netns, f"rules.{rule.key}", "", before, after, _render)


_SELECTORS = ("from_", "to", "iif", "oif", "fwmark")


def covers(general: Rule, special: Rule) -> bool:
    """Whether the kernel takes the second for the first: it compares only what the first gives
    (`rule_find` in net/core/fib_rules.c)."""
    free = {name: None for name in _SELECTORS if getattr(general, name) is None}
    return general != special and general.key == special.but(**free).key


def speciality(rule: Rule) -> int:
    """How many selectors it has; `covers` goes from fewer to more."""
    return sum(getattr(rule, name) is not None for name in _SELECTORS)


def _selector(rule: Rule) -> Iterator[str]:
    for word, value in (("from", rule.from_), ("to", rule.to), ("iif", rule.iif)):
        if value is not None:
            yield f"{word} {value}"
    if rule.oif is not None:
        yield f"oif {rule.oif}"
    if rule.fwmark is not None:
        yield f"fwmark {rule.fwmark}"
    yield f"table {rule.table}" if rule.table is not None else str(rule.type)


def _render(step: Step) -> Iterator[Command]:
    rule: Rule = step.before if step.after is None else step.after
    verb = "delete" if step.after is None else "add"
    words = " ".join(_selector(rule))
    # `ip rule` takes the family from its option alone, never from an address in the line.
    yield ip(step.netns, f"rule {verb} priority {rule.priority} {words}", rule.family)
