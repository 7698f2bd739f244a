"""One rule in iptables' own words: its tokens, and what its text alone shows to be wrong."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["RuleText", "expands", "jump", "restore_line", "sets", "tokens", "wrong"]

_COMMANDS = {
    "--append": "-A",
    "--check": "-C",
    "--delete": "-D",
    "--delete-chain": "-X",
    "--flush": "-F",
    "--insert": "-I",
    "--list": "-L",
    "--list-rules": "-S",
    "--modprobe": "-M",
    "--new-chain": "-N",
    "--policy": "-P",
    "--rename-chain": "-E",
    "--replace": "-R",
    "--table": "-t",
    "--zero": "-Z",
}
_COMMAND = re.compile(r"-[ACDEFILMNPRSXZt].*")
_GLUED = re.compile(r"-[sdjgiop][^-].*")
_FREE = frozenset(
    ("--comment", "--string", "--hex-string", "--log-prefix", "--nflog-prefix", "--bytecode")
)
"""Options whose value may look like anything."""

# The kernel's structures hold so many characters.
_LONGEST = {"--log-prefix": 29, "--nflog-prefix": 63}
_SOURCES = ("-s", "--source", "--src", "--ctorigsrc", "--ctreplsrc", "--tunnel-src")
_DESTINATIONS = ("-d", "--destination", "--dst", "--ctorigdst", "--ctrepldst", "--tunnel-dst")
_HOSTS = frozenset((*_SOURCES, *_DESTINATIONS, "--on-ip", "--gateway"))
_PLAIN = re.compile(r"[A-Za-z0-9_./:,=+@%*!^-]+")


def _rule(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("is not a rule; write it in iptables' own words, in quotes")
    return value


RuleText = Annotated[str, BeforeValidator(_rule)]
"""A rule without `-A CHAIN`. A ledger holds rules of others too: `wrong` is for declared ones."""


def wrong(text: str, family: str) -> Iterator[str]:
    """What the text of a declared rule shows to be wrong in itself."""
    if not text.strip():
        yield "is empty"
        return
    if re.search(r"[\x00-\x1f\x7f]", text):
        yield "is not one line of printable text"
        return
    try:
        words = tokens(text)
    except ValueError:
        yield "is no rule: a quotation mark has no partner"
        return
    yield from _wrong(words)
    for name, value in _pairs(words):
        for item in value.split(",") if name in _HOSTS else ():
            if (":" in item) != (family == "ip6tables"):
                yield f"is no rule of {family}: {item!r} is not of its family"


@lru_cache(maxsize=65536)
def _split(text: str) -> tuple[str, ...]:
    # Most rules have nothing that a shell would look at twice.
    return tuple(shlex.split(text) if re.search(r"[\"'\\]", text) else text.split())


def tokens(text: str) -> tuple[str, ...]:
    """A rule's words. Raises ValueError when a quotation mark has no partner."""
    return _split(text)


@lru_cache(maxsize=65536)
def _pairs(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Every word that is an option, with what follows it (or is glued to it)."""
    return tuple(_each_pair(words))


def _each_pair(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    skip = False
    for index, word in enumerate(words):
        if skip or not word.startswith("-"):
            skip = False
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if _GLUED.fullmatch(word):
            name, equals, value = word[:2], "=", word[2:]
        if not equals:
            value = words[index + 1] if index + 1 < len(words) else ""
            if value == "!" and index + 2 < len(words):
                value = words[index + 2]
        skip = name in _FREE and not equals
        yield name, value


def _wrong(words: tuple[str, ...]) -> Iterator[str]:
    if not words[0].startswith(("-", "!")):
        yield f"is no rule: it starts with {words[0]!r}, not with an option"
    for name, value in _pairs(words):
        if name in _COMMANDS or _COMMAND.fullmatch(name):
            yield (
                f"is no rule: {name} is no part of one: table and chain are told by the keys"
                " above it"
            )
        if name in ("-4", "-6", "--ipv4", "--ipv6"):
            yield f"is no rule: instead of {name} put it under iptables or ip6tables"
        longest = _LONGEST.get(name)
        if longest is not None and len(value) > longest:
            yield f"is no rule: {name} has {len(value)} characters, the kernel takes {longest}"
        if name in _HOSTS:
            yield from _not_addresses(name, value)


def _not_addresses(name: str, value: str) -> Iterator[str]:
    for item in value.split(","):
        address, _, mask = item.partition("/")
        try:
            ipaddress.ip_address(_whole(address))
        except ValueError:
            yield (
                f"is no rule: {item!r} of {name} is not an address: what a host name stands for"
                " may change"
            )
        if mask and not mask.isdigit() and not _is_mask(mask):
            yield f"is no rule: {mask!r} of {name} is not a prefix length or mask"


def _whole(address: str) -> str:
    # iptables takes 10 and 10.1 for 10.0.0.0 and 10.1.0.0.
    parts = address.split(".")
    short = len(parts) < 4 and all(part.isdigit() for part in parts)
    return ".".join([*parts, *["0"] * (4 - len(parts))]) if short else address


def _is_mask(mask: str) -> bool:
    try:
        ipaddress.ip_address(mask)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=65536)
def jump(text: str) -> str:
    """The target that a rule jumps or goes to, `` when it has none."""
    targets = ("-j", "--jump", "-g", "--goto")
    return next((value for name, value in _pairs(tokens(text)) if name in targets), "")


def sets(text: str) -> Iterator[str]:
    """The ipsets that a rule looks into or changes."""
    options = ("--match-set", "--add-set", "--del-set", "--map-set")
    if "-set" in text:
        yield from (value for name, value in _pairs(tokens(text)) if name in options)


def expands(text: str) -> bool:
    """Whether iptables may make more than one rule of it: an address list does."""
    return "," in text and any(
        "," in value for name, value in _pairs(tokens(text)) if name in _HOSTS
    )


def restore_line(chain: str, text: str) -> str:
    """`-A CHAIN RULE` as iptables-restore reads it: it knows double quotes alone."""
    return " ".join(["-A", chain, *map(_quoted, tokens(text))])


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
