"""docs/links.md says of every kind what its type says."""

import re
from pathlib import Path

from netwright.links.link import KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "links.md").read_text()
ROWS = {
    cells[0]: cells[1:]
    for line in TEXT.splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")]) and cells[0] in KINDS
}


def test_every_kind_has_a_row():
    assert list(ROWS) == list(KINDS)


def test_every_key_is_there_and_no_other():
    documented = {kind: row[0].split() for kind, row in ROWS.items()}
    assert documented == {kind: list(options.model_fields) for kind, options in KINDS.items()}


def test_what_makes_it_again_is_what_the_kernel_cannot_change():
    documented = {kind: row[2].partition(";")[0].split() for kind, row in ROWS.items()}
    assert documented == {kind: sorted(options.IDENTITY) for kind, options in KINDS.items()}


def test_what_has_a_tool_of_its_own_is_told():
    for kind, options in KINDS.items():
        lists = set(options.LATER) | ({"vlans"} & set(options.model_fields))
        tools = re.findall(r"`([a-z]+)", ROWS[kind][1])
        assert ("bridge" in tools) == bool({"vlans", "fdb"} & lists)
        assert ("wg" in tools) == (kind == "wireguard")
