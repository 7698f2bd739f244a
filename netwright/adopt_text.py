"""An adopted declaration as YAML for people: one line for each thing, remarks above."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from netwright.adopt import Adopted

__all__ = ["render"]

_WIDTH = 100


def render(host: str, adopted: Adopted) -> str:
    """The file's text; `host` is named in its first line."""
    return "".join(f"{line}\n" for line in _lines(host, adopted))


def _lines(host: str, adopted: Adopted) -> Iterator[str]:
    yield f"# The network of {host}, adopted: all that a new host would not have by itself."
    if adopted.remarks:
        yield "# Left out, or not quite as it is:"
    for remark in adopted.remarks:
        wrapped = textwrap.wrap(str(remark), _WIDTH - 6, break_long_words=False)
        yield from (f"# {'- ' if not n else '  '}{line}" for n, line in enumerate(wrapped))
    yield from _block(adopted.document, 0)


def _block(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    """What fits is written on one line."""
    indent = "  " * depth
    for key, item in value.items():
        head = f"{indent}{_flow(str(key))}:"
        line = f"{head} {_flow(item)}"
        room = not isinstance(item, Mapping) or not item or depth > 1
        if len(line) <= _WIDTH and room and not _has_lists(item):
            yield line
        elif isinstance(item, Mapping):
            yield head
            yield from _block(item, depth + 1)
        else:
            yield head
            yield from (f"{indent}  - {_flow(entry)}" for entry in item)


def _has_lists(item: Any) -> bool:
    """A list of mappings or of rules has a line for each of them."""
    if isinstance(item, Mapping):
        return any(_has_lists(inner) for inner in item.values())
    return isinstance(item, list) and any(
        isinstance(entry, Mapping) or " " in str(entry) for entry in item
    )


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    text = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, width=10**6, sort_keys=False
    ).strip()
    return text.removesuffix("...").strip()


class _Dumper(yaml.SafeDumper):
    """Strings as `_string` has them."""


def _string(text: str) -> str:
    """Plain where no YAML takes it for anything else."""
    plain = (
        text.replace(".", "").replace("-", "").replace("_", "").replace("/", "").replace("@", "")
    )
    safe = plain.isalnum() and text[0].isalpha() and text.isascii()
    if safe and yaml.safe_load(text) == text:
        return text
    if text[:1].isdigit() and "." in text and yaml.safe_load(f"[{text}]") == [text]:
        return text
    return json.dumps(text)


def _represent(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    plain = _string(value) == value
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _represent)
