"""A set of addresses, networks or ports: shown by `ipset save`, changed by `ipset restore`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from netwright.model import Flag, Model, Range, Text
from netwright.step import Command, Phase, Step

__all__ = ["Entry", "Ipset", "SetName", "create_line", "parse", "plan"]

TYPES = (
    "bitmap:ip",
    "bitmap:ip,mac",
    "bitmap:port",
    "hash:ip",
    "hash:ip,mac",
    "hash:ip,mark",
    "hash:ip,port",
    "hash:ip,port,ip",
    "hash:ip,port,net",
    "hash:mac",
    "hash:net",
    "hash:net,iface",
    "hash:net,net",
    "hash:net,port",
    "hash:net,port,net",
    "list:set",
)
_IDENTITY = ("type", "family", "range", "netmask", "size", "maxelem", "timeout", "counters")
_WORDS = ("family", "range", "netmask", "size", "maxelem", "timeout")

_LIST = "list:set"

SetName = Annotated[
    str,
    Text(
        r"[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,30}",
        "a set's name (1 to 31 of A-Z a-z 0-9 _ . : + -, not starting with a sign)",
    ),
]
Entry = Annotated[
    str,
    Text(
        r"[A-Za-z0-9_.:][A-Za-z0-9_.:,/+-]*"
        r'(?: (?:nomatch|[a-z]+ (?:[A-Za-z0-9_./:-]+|"[^"\x00-\x1f]*")))*',
        "an entry as `ipset add` takes it, like 198.51.100.0/24 or 10.0.0.1,tcp:80",
    ),
]
SetType = Annotated[str, Text("|".join(TYPES), f"a type of ipset: {', '.join(TYPES)}")]


class Ipset(Model):
    """One set. `entries` is the whole of it when given."""

    type: SetType | None = None
    family: Literal["inet", "inet6"] | None = None
    range: Annotated[str, Text(r"[0-9A-Fa-f.:/-]+", "a range like 0-65535")] | None = None
    netmask: Annotated[int, Range(1, 128)] | None = None
    size: Annotated[int, Range(1, 65536)] | None = None
    maxelem: Annotated[int, Range(1, 0xFFFFFFFF)] | None = None
    timeout: Annotated[int, Range(0, 2147483)] | None = None
    counters: Flag | None = None
    comment: Flag | None = None
    entries: tuple[Entry, ...] | None = None
    state: Literal["present", "absent"] | None = None

    def __str__(self) -> str:
        """As `ipset create` would say it."""
        return create_line("", self).removeprefix("create  ")

    def normal(self) -> Ipset:
        """With the family written out, which only hashes of addresses have."""
        if self.type is None or not self.type.startswith("hash:") or self.type == "hash:mac":
            return self
        return self.but(family=self.family or "inet")


def create_line(name: str, item: Ipset) -> str:
    """What makes an empty set of its kind, as `ipset restore` reads it."""
    words = [f"create {name} {item.type}"]
    words += [f"{word} {getattr(item, word)}" for word in _WORDS if getattr(item, word) is not None]
    words += [flag for flag in ("counters", "comment") if getattr(item, flag)]
    return " ".join(words)


def parse(lines: Iterable[str]) -> dict[str, Ipset]:
    """From the output of `ipset save`."""
    found: dict[str, dict[str, Any]] = {}
    entries: dict[str, list[str]] = {}
    for line in lines:
        verb, name, rest = [*line.rstrip("\n").split(" ", 2), "", ""][:3]
        if verb == "create":
            found[name], entries[name] = _header(rest.split(" ")), []
        elif verb == "add":
            entries[name].append(_steady(rest))
    return {
        name: Ipset.model_construct(**fields, entries=tuple(entries[name]))
        for name, fields in found.items()
    }


def _header(words: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": words[0], "counters": False, "comment": False}
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word in ("family", "range"):
            fields[word] = value
        elif word in ("netmask", "size", "maxelem", "timeout"):
            fields[word] = int(value)
        elif word in ("counters", "comment"):
            fields[word] = True
    return fields


def _steady(entry: str) -> str:
    """An entry without what changes by itself: the time it has left, and what it counted."""
    words = entry.split(" ")
    kept, skip = [], False
    for word in words:
        if not skip and word not in ("timeout", "packets", "bytes"):
            kept.append(word)
        skip = not skip and word in ("timeout", "packets", "bytes")
    return " ".join(kept)


def differs(have: Ipset, want: Ipset) -> str:
    """The attribute that cannot be changed on a live set, `` when there is none."""
    for name in _IDENTITY:
        value = getattr(want, name)
        if value is not None and value != getattr(have, name):
            return name
    return ""


def plan(netns: str, have: Mapping[str, Ipset], want: Mapping[str, Ipset]) -> Iterator[Step]:
    """Sets before the rules that look into them, their going after those."""
    # A set of sets needs them, from its making until its going.
    lists = {name for sets in (have, want) for name, item in sets.items() if item.type == _LIST}
    order = sorted(want, key=lambda name: (name in lists) == (want[name].state != "absent"))
    for name in order:
        item, before = want[name], have.get(name)
        thing = f"ipsets.{name}"
        if item.state == "absent":
            if before is not None:
                yield from _entries(netns, name, before, before.but(entries=()), implied=True)
                yield Step(Phase.IPSET_DELETE, netns, thing, "", before, None, _render)
        elif before is None:
            yield Step(Phase.IPSET, netns, thing, "", None, item, _render)
            yield from _entries(netns, name, item.but(entries=()), item)
        elif differs(before, item):
            yield from _again(netns, name, before, item)
        else:
            yield from _entries(netns, name, before, item)


def _again(netns: str, name: str, before: Ipset, want: Ipset) -> Iterator[Step]:
    """A set that the kernel can't change is made aside and changes its place with the first one,
    so that rules that look into it never see it empty."""
    kept = before.entries if want.entries is None else want.entries
    aside = f"{name[:28]}-nw"
    after = want.but(entries=kept)
    thing = f"ipsets.{name}"
    yield Step(Phase.IPSET, netns, f"ipsets.{aside}", "", None, after, _render)
    yield from _entries(netns, aside, after.but(entries=()), after)
    yield Step(Phase.IPSET, netns, thing, "", before, after, _render_swap)
    yield from _entries(netns, aside, before, before.but(entries=()), implied=True)
    yield Step(Phase.IPSET_DELETE, netns, f"ipsets.{aside}", "", before, None, _render)


def _render_swap(step: Step) -> Iterator[Command]:
    name = step.thing.removeprefix("ipsets.")
    yield Command("ipset", step.netns, f"swap {name[:28]}-nw {name}")


def _entries(
    netns: str, name: str, have: Ipset, want: Ipset, implied: bool = False
) -> Iterator[Step]:
    if want.entries is None:
        return
    there = {_steady(entry): entry for entry in have.entries or ()}
    wanted = {_steady(entry): entry for entry in want.entries}
    phase = Phase.IPSET_DELETE if implied else Phase.IPSET

    def step(before: str | None, after: str | None) -> Step:
        made = Step(phase, netns, f"ipsets.{name}", "entries", before, after, _render_entry)
        return replace(made, implied=implied)

    yield from (step(entry, None) for key, entry in there.items() if key not in wanted)
    yield from (step(None, entry) for key, entry in wanted.items() if key not in there)


def _render(step: Step) -> Iterator[Command]:
    name = step.thing.removeprefix("ipsets.")
    line = f"destroy {name}" if step.after is None else create_line(name, step.after)
    yield Command("ipset", step.netns, line)


def _render_entry(step: Step) -> Iterator[Command]:
    name = step.thing.removeprefix("ipsets.")
    if step.before is None:
        yield Command("ipset", step.netns, f"add {name} {step.after}")
    else:
        yield Command("ipset", step.netns, f"del {name} {step.before.split(' ')[0]}")
