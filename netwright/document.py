"""From a document to types: YAML 1.2 as YAML 1.2 means it, and pydantic's findings in our words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import count, islice
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from netwright.errors import DeclarationError, Problem
from netwright.model import Model, Written

__all__ = ["parse_yaml", "path_text", "problems_of", "renumbered", "without"]

M = TypeVar("M", bound=Model)
Loc = tuple[int | str, ...]


_NULL = "tag:yaml.org,2002:null"
# libyaml's parser is ten times as fast; PyYAML may be installed without it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML reads YAML 1.1, where `no` is a boolean, 0777 octal and 12:30 a number."""

    # Its own table, so that PyYAML's is left as it is.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        return {key: self.construct_object(value, deep) for key, value in self._items(node).items()}

    def _items(
        self, node: yaml.MappingNode, within: tuple[yaml.Node, ...] = ()
    ) -> dict[str, yaml.Node]:
        """Each key's value; with those that `<<` brings, under its own."""
        made: dict[str, yaml.Node] = {}
        merged: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            # Keys are names: 007 and 1.0 stay what was written.
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _NULL:
                what = self.construct_object(key_node, deep=True)
                raise DeclarationError([_at(key_node, f"{what!r} can't be a key")])
            if key in made:
                raise DeclarationError([_at(key_node, f"the key {key!r} is there twice")])
            made[key] = value_node
            if key == "<<":
                several = isinstance(value_node, yaml.SequenceNode)
                # Of several the first one that has a key counts.
                for part in reversed(value_node.value if several else [value_node]):
                    if not isinstance(part, yaml.MappingNode) or part in (node, *within):
                        what = "<< takes a mapping that stands elsewhere, or a list of such"
                        raise DeclarationError([_at(key_node, what)])
                    merged |= self._items(part, (node, *within))
        made.pop("<<", None)
        return {**merged, **made}


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
    number = Written(int(text, 0) if text[:2] in ("0x", "0o") else int(text, 10))
    number.text = text
    return number


_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def parse_yaml(text: str) -> Any:
    """The document as plain Python. Raises DeclarationError with line and column."""
    try:
        content = yaml.load(text, Loader=_Loader)
    except DeclarationError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DeclarationError([Problem(where, f"is not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DeclarationError([Problem("", f"is not YAML: {error}")]) from None
    _refuse_loops(content, text)
    return content


def _refuse_loops(content: Any, text: str) -> None:
    """An anchor may stand within itself; a declaration may not."""
    if "&" in text:
        try:
            json.dumps(content)
        except (ValueError, RecursionError):
            what = "something in it contains itself, by an anchor (&) and an alias (*)"
            raise DeclarationError([Problem("", what)]) from None


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


def without(document: Any, locs: Iterable[Loc], gone: dict[Loc, set[int]], at: Loc = ()) -> Any:
    """A copy of the document without what is at each of `locs`, so that the rest can be checked as
    well. What lacks something goes whole; so does an entry of a list.

    + gone: is given, for each list, the places of the entries that went
    """
    if isinstance(document, Mapping):
        made = dict(document)
        for head, rests in _by_head(locs).items():
            part = None
            if all(rests) and head in document:
                part = without(document[head], rests, gone, (*at, head))
            if part is not None:
                made[head] = part
            elif made.pop(head, None) is None and all(rests):
                return None
        return made
    if not isinstance(document, Sequence) or isinstance(document, str):
        return None
    heads = _by_head(locs)
    for head, rests in heads.items():
        if isinstance(head, str):
            # A list in place of the mapping that it is short for.
            return without(document, rests, gone, (*at, head)) if all(rests) else None
    gone[at] = {head for head in heads if isinstance(head, int)}
    return [item for place, item in enumerate(document) if place not in gone[at]]


def _by_head(locs: Iterable[Loc]) -> dict[int | str, list[Loc]]:
    found: dict[int | str, list[Loc]] = {}
    for loc in locs:
        found.setdefault(loc[0], []).append(loc[1:])
    return found


def renumbered(problem: Problem, gone: Mapping[Loc, set[int]]) -> Problem:
    """With the places that entries of lists had before others went."""
    for loc, places in gone.items():
        path, name = path_text(loc), str(loc[-1])
        if problem.path.startswith(f"{path}["):
            what = _renumbered(problem.what, name, places)
            problem = Problem(_renumbered(problem.path, path, places), what)
    return problem


def _renumbered(text: str, name: str, gone: set[int]) -> str:
    def place(match: re.Match[str]) -> str:
        left = (number for number in count() if number not in gone)
        return f"{name}[{next(islice(left, int(match[1]), None))}]"

    return re.sub(rf"(?<![\w.]){re.escape(name)}\[(\d+)\]", place, text)
