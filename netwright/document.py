"""From a document to types: YAML 1.2 as YAML 1.2 means it, and pydantic's findings in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from netwright.errors import DeclarationError, Problem
from netwright.model import Model

__all__ = ["parse_yaml", "path_text", "problems_of", "without"]

M = TypeVar("M", bound=Model)
Loc = tuple[int | str, ...]


# libyaml's parser is ten times as fast; PyYAML may be installed without it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML reads YAML 1.1, where `no` is a boolean, 0777 octal and 12:30 a number."""

    # Its own table, so that PyYAML's is left as it is.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int)):
                raise DeclarationError([_at(key_node, f"{key!r} can't be a key")])
            if key in seen:
                raise DeclarationError([_at(key_node, f"the key {key!r} is there twice")])
            seen.add(key)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _at(node: yaml.Node, what: str) -> Problem:
    mark = node.start_mark
    return Problem(f"line {mark.line + 1}, column {mark.column + 1}", what)


# The core schema of YAML 1.2.2, section 10.3.2.
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", list("-+0123456789.")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first
    )


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text, 10)


_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def parse_yaml(text: str) -> Any:
    """The document as plain Python. Raises DeclarationError with line and column."""
    try:
        return yaml.load(text, Loader=_Loader)
    except DeclarationError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DeclarationError([Problem(where, f"is not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DeclarationError([Problem("", f"is not YAML: {error}")]) from None


def problems_of(error: ValidationError, root: type[Model], document: object) -> Iterator[Problem]:
    """What pydantic found, one line each: path, value, what is accepted."""
    for item in error.errors(include_url=False):
        loc = tuple(part for part in item["loc"] if part != "[key]")
        yield Problem(path_text(loc), _what(item, loc, root))


def _what(item: Any, loc: Loc, root: type[Model]) -> str:
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        accepted = sorted(_accepted(root, loc[:-1]))
        close = get_close_matches(str(loc[-1]), accepted, 1, 0.5)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"is not a key here; {hint}accepted: {', '.join(accepted)}"
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        return f"{_shown(value)} is not one of {item['ctx']['expected']}"
    if kind == "value_error":
        reason = str(item["ctx"]["error"])
        return f"{_shown(value)} {reason}" if reason.startswith(("is ", "has ")) else reason
    wanted = {
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "dict_type": "a mapping",
        "tuple_type": "a list",
        "string_type": "a string",
        "int_type": "a whole number",
    }
    return f"{_shown(value)} is not {wanted[kind]}" if kind in wanted else str(item["msg"])


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _accepted(root: type[Model], loc: Loc) -> list[str]:
    annotation: Any = root
    for part in loc:
        annotation = _inside(annotation, part)
    found = next(iter(_models(annotation)), None)
    if found is None:
        return []
    return [info.alias or name for name, info in found.model_fields.items()]


def _inside(annotation: Any, part: int | str) -> Any:
    for model in _models(annotation):
        for name, info in model.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
    # A mapping or a list: what it holds is the last of its arguments that has a model in it.
    return next((arg for arg in reversed(get_args(annotation)) if list(_models(arg))), None)


def _models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    else:
        for arg in get_args(annotation):
            yield from _models(arg)


def path_text(loc: Loc) -> str:
    """`("routes", 0, "via")` as `routes[0].via`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def without(document: Any, loc: Loc) -> Any:
    """A copy of the document without the part at `loc`, so that the rest can be checked as well.
    A list goes whole: the places of its entries have to stay what they are."""
    if not loc or not isinstance(document, Mapping) or loc[0] not in document:
        return document
    head, rest = loc[0], loc[1:]
    if not rest or isinstance(rest[0], int) or not isinstance(document[head], Mapping):
        return {key: value for key, value in document.items() if key != head}
    return {**document, head: without(document[head], rest)}
