"""A picture as Mermaid, for READMEs and merge requests, which draw it by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from netwright.model import HOST
from netwright.picture import Box, Picture

__all__ = ["render"]

_MARKS = {"changed": "≠ ", "missing": "✗ ", "": ""}
_SHAPES = {
    HOST: ('["', '"]'),
    "netns": ('["', '"]'),
    "bridge": ('("', '")'),
    "network": ('(("', '"))'),
}


def render(picture: Picture) -> str:
    """The text of a flowchart."""
    return "\n".join(_text(picture)) + "\n"


def _text(picture: Picture) -> Iterator[str]:
    names = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}
    yield "flowchart LR"
    for number, host in enumerate(picture.hosts):
        yield f'  subgraph h{number}["{_said(host)}"]'
        for box in picture.boxes:
            if box.host == host:
                yield f"    {names[box.id]}{_box(box)}"
        yield "  end"
    for box in picture.boxes:
        if not box.host:
            yield f"  {names[box.id]}{_box(box)}"
    for line in picture.lines:
        if line.one[0] in names and line.other[0] in names:
            label = f'|"{_said(line.label)}"|' if line.label else ""
            sign = "-.-" if line.drift == "missing" else "---"
            yield f"  {names[line.one[0]]} {sign}{label} {names[line.other[0]]}"
    yield "  classDef changed stroke:#b7791f,stroke-width:3px"
    yield "  classDef missing stroke:#c53030,stroke-width:3px,stroke-dasharray:4"
    for box in picture.boxes:
        worst = _worst(box)
        if worst:
            yield f"  class {names[box.id]} {worst}"


def _worst(box: Box) -> str:
    found = {box.drift, *(row.drift for row in box.rows)}
    return "missing" if "missing" in found else "changed" if "changed" in found else ""


def _box(box: Box) -> str:
    opened, closed = _SHAPES[box.shape]
    lines = [box.title, *(_MARKS[row.drift] + row.text for row in box.rows)]
    return f"{opened}{'<br>'.join(_said(line) for line in lines)}{closed}"


def _said(text: str) -> str:
    # What Mermaid takes for its own syntax, as the entities that it knows.
    for char, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(char, entity)
    return text.replace("\n", "<br>")
