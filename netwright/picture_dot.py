"""A picture in the language of Graphviz: hosts on both sides of the networks between them."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from netwright.model import HOST
from netwright.picture import Box, Line, Picture, Row

__all__ = ["render"]

_COLOURS = {"": "#4a5568", "changed": "#b7791f", "missing": "#c53030"}
_FILL = {HOST: "#edf2f7", "netns": "#ebf8ff", "bridge": "#f0fff4", "network": "#fffaf0"}
_HEAD = """digraph network {
  graph [rankdir=LR, bgcolor=white, fontname="Helvetica", fontsize=12, nodesep=0.18, ranksep=0.7,
         newrank=true, splines=true, pad=0.2];
  node [fontname="Helvetica", fontsize=11, shape=plain];
  edge [fontname="Helvetica", fontsize=10, dir=none, color="#4a5568"];"""


def render(picture: Picture) -> str:
    """The text for `dot`."""
    return "\n".join(_text(picture)) + "\n"


def _text(picture: Picture) -> Iterator[str]:
    yield _HEAD
    half = (len(picture.hosts) + 1) // 2
    left = set(picture.hosts[:half])
    for host in picture.hosts:
        yield f"  subgraph {_quoted(f'cluster {host}')} {{"
        yield '    style="rounded,filled"; color="#a0aec0"; fillcolor="#f7fafc"; label="";'
        yield from (f"    {_box(box)}" for box in picture.boxes if box.host == host)
        yield "  }"
    yield from (f"  {_box(box)}" for box in picture.boxes if not box.host)
    owner = {box.id: box.host for box in picture.boxes}
    depth = {box.id: _DEPTH[box.shape] for box in picture.boxes}
    for box in picture.boxes:
        # A host's own box stands between its bridges and the outside.
        if box.shape == "bridge":
            ends = (_quoted(box.id), _quoted(f"{box.host}/{HOST}"))
            yield f"  {' -> '.join(ends if box.host in left else ends[::-1])} [style=invis];"
    for line in picture.lines:
        if line.one[0] in owner and line.other[0] in owner:
            yield f"  {_line(line, owner, depth, left)}"
    yield "}"


_DEPTH = {"netns": 0, "bridge": 1, HOST: 2, "network": 3}
"""From the inside of a host to the outside: left to right on one side, right to left on the other.
"""


def _line(line: Line, owner: dict[str, str], depth: dict[str, int], left: set[str]) -> str:
    ends = sorted((line.one, line.other), key=lambda end: depth[end[0]])
    host = owner[ends[0][0]] or owner[ends[1][0]]
    if host not in left:
        ends.reverse()
    colour = _COLOURS[line.drift]
    style = ", style=dashed, penwidth=2" if line.drift == "missing" else ""
    label = f", label={_quoted(line.label)}" if line.label else ""
    one, other = (_end(*end) for end in ends)
    return f'{one} -> {other} [color="{colour}", fontcolor="{colour}"{style}{label}];'


def _end(box: str, key: str) -> str:
    return f"{_quoted(box)}:{_quoted(key)}" if key else _quoted(box)


def _box(box: Box) -> str:
    if box.shape == "network":
        fill = _FILL["network"]
        return (
            f"{_quoted(box.id)} [shape=ellipse, style=filled, fillcolor={_quoted(fill)},"
            f' color="#4a5568", label={_quoted(box.title)}];'
        )
    colour = _COLOURS[box.drift]
    style = ' STYLE="ROUNDED"' if box.shape == "bridge" else ""
    title = f"<B>{escape(box.title)}</B>"
    kind = {"netns": "netns ", "bridge": "bridge "}.get(box.shape, "")
    small = f'<FONT POINT-SIZE="9">{kind}</FONT>' if kind else ""
    rows = "".join(_row(row) for row in box.rows)
    table = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="{colour}"'
        f' BGCOLOR="{_FILL[box.shape]}"{style}><TR><TD ALIGN="LEFT">{small}'
        f'<FONT COLOR="{colour}">{title}</FONT></TD></TR>{rows}</TABLE>'
    )
    return f"{_quoted(box.id)} [label=<{table}>];"


def _row(row: Row) -> str:
    port = f' PORT="{escape(row.key)}"' if row.key else ""
    mark = {"changed": "≠ ", "missing": "✗ "}.get(row.drift, "")
    text = f'<FONT COLOR="{_COLOURS[row.drift]}">{escape(mark + row.text)}</FONT>'
    return f'<TR><TD ALIGN="LEFT"{port}>{text}</TD></TR>'


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner}"'
