"""Names for routing tables: the declaration's own, wherever a table is said."""

import pytest

from netwright.errors import DeclarationError
from netwright.state import load, vary

NAMED = {
    "tables": {"isp2": 102, "red": 10},
    "links": {"vrf0": {"kind": "vrf", "vrf": {"table": "red"}}},
    "routes": [{"dst": "default", "via": "10.0.0.1", "table": "isp2"}],
    "rules": [{"priority": 100, "from": "10.0.0.0/8", "table": "isp2"}],
    "netns": {"n": {"rules": [{"priority": 7, "iif": "lo", "table": "red"}]}},
}


def test_a_name_is_its_number_everywhere():
    state = load(NAMED)
    assert state.routes[0].table == state.rules[0].table == 102
    assert state.links["vrf0"].options.table == 10
    assert state.netns["n"].rules[0].table == 10


def test_what_a_host_has_of_it_is_numbers_alone():
    document = load(NAMED).document()
    assert "tables" not in document
    assert load(document).routes == load(NAMED).routes


def test_a_variation_knows_the_names():
    other = vary(load(NAMED), {"rules": [{"priority": 101, "iif": "lo", "table": "red"}]})
    assert {rule.priority: rule.table for rule in other.rules} == {100: 102, 101: 10}
    moved = {"routes": [{"dst": "default", "via": "10.0.0.9", "table": "isp2"}]}
    (route,) = vary(load(NAMED), moved).routes
    assert (route.via, route.table) == ("10.0.0.9", 102)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            {"tables": {"isp2": 102}, "rules": [{"priority": 1, "table": "isp3"}]},
            "rules[0].table: 'isp3' is neither main, local, default, isp2 nor a number",
        ),
        ({"rules": [{"priority": 1, "table": "isp2"}]}, "rules[0].table: 'isp2' is neither main"),
        ({"tables": {"isp2": 0}}, "tables.isp2: 0 is not in 1..4294967295"),
        ({"tables": {"main": 7}}, "tables.main"),
        ({"tables": {"a b": 7}}, "tables.a b"),
        ({"tables": [102]}, "tables"),
        ({"tables": {"x": "7"}, "rules": [{"priority": 1, "table": "x"}]}, "tables.x"),
        ({"netns": {"n": {"tables": {"x": 7}}}}, "netns.n.tables"),
    ],
)
def test_what_is_refused_is_named(document, words):
    with pytest.raises(DeclarationError) as caught:
        load(document)
    assert [problem for problem in caught.value.problems if str(problem).startswith(words)]
