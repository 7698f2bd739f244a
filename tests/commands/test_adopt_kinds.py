"""Adoption of every kind of link, from what real kernels showed of them (tests/golden)."""

import json

import pytest

from netwright import snapshot
from netwright.adopt import adopt
from netwright.adopt_text import render
from netwright.plan import plan
from netwright.state import load
from tests.core.test_golden import CASES
from tests.golden.capture import text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_host_is_as_its_adopted_declaration_says(case):
    state = snapshot.parse(text(json.loads((case / "current.json").read_text()))).state
    adopted = load(render("here", adopt(state)))
    assert [step.path for step in plan(state, adopted)] == []
    seen = {
        (name, ifname): link.kind
        for name, space in state.namespaces()
        for ifname, link in (space.links or {}).items()
        # A pair is said by one of its ends.
        if link.kind not in (None, "veth")
    }
    said = {
        (name, ifname): link.kind
        for name, space in adopted.namespaces()
        for ifname, link in (space.links or {}).items()
    }
    left_out = {place for place, kind in seen.items() if said.get(place) != kind}
    assert left_out == set()


def test_an_end_that_is_down_is_named_where_another_link_stands_on_it():
    pair = {"kind": "veth", "veth": {"peer": {"name": "b"}}}
    upper = {"kind": "macvlan", "macvlan": {"link": "b", "mode": "bridge"}, "state": "down"}
    found = {}
    for name, links in (("alone", {}), ("stood on", {"c": upper})):
        state = load({"links": {"a": pair, "b": {"state": "down"}, **links}})
        found[name] = adopt(state).document["links"]
        assert plan(load({}), load({"links": found[name]}))
    assert "b" not in found["alone"]
    assert found["stood on"]["b"] == {"state": "down"}
