"""What is adopted makes the same host again, changes nothing on its own host, and says no more
than it must: on a fake kernel, from random states."""

import copy

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from netwright.adopt import adopt
from netwright.adopt_text import render
from netwright.document import parse_yaml
from netwright.errors import NetwrightError
from netwright.model import HOST
from netwright.plan import plan
from netwright.state import load
from tests.core.compare import differences, facts
from tests.core.documents import documents
from tests.core.kernel import Host, KernelError

COUNT = 200


def _host_of(document):
    """A host as it boots, with its loopback up, converged to a document."""
    host, declared = Host(), load(document)
    host.spaces[HOST].devices["lo"].set_up()
    host.run(plan(host.snapshot(declared).state, declared))
    return host


def _set_macs(host):
    return {
        (name, ifname)
        for name, space in host.spaces.items()
        for ifname, device in space.devices.items()
        if device.mac_set
    }


def _adopted(host):
    return adopt(host.state(), _set_macs(host)).document


def _facts(host):
    """All of it, but for MAC addresses that the kernel chose."""
    set_macs = _set_macs(host)
    found = facts(host.state())
    for key, value in found.items():
        name, _, rest = key.partition(" link ")
        if rest and " " not in rest and (name, rest) not in set_macs:
            value.pop("mac")
    return found


@pytest.mark.slow
@settings(max_examples=COUNT)
@given(documents())
def test_it_changes_nothing_on_its_own_host_and_makes_an_equal_one_of_an_empty_one(document):
    host = _host_of(document)
    adopted = _adopted(host)
    declared = load(adopted)
    assert plan(host.snapshot(declared).state, declared) == []
    assert not differences(_facts(host), _facts(_host_of(adopted)))


def _parts(document, path=()):
    """Every key of a mapping and entry of a list, by its path."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, (dict, list)):
            yield from _parts(item, (*path, key))


@settings(phases=[Phase.generate])
@given(documents(), st.data())
def test_it_says_nothing_that_it_need_not(document, data):
    host = _host_of(document)
    adopted = _adopted(host)
    parts = list(_parts(adopted))
    if not parts:
        return
    path = data.draw(st.sampled_from(parts))
    fewer = copy.deepcopy(adopted)
    inner = fewer
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    try:
        again = _host_of(fewer)
    except (NetwrightError, KernelError):
        return
    # A route that the kernel picks the link for is said with its link all the same; and a namespace
    # may start with the host's parameters, which this kernel's do not.
    if path[-1] != "dev" and not (path[0] == "netns" and path[2:3] == ("sysctl",)):
        assert differences(_facts(host), _facts(again)), (path, adopted)


@given(documents())
def test_its_text_is_the_same_declaration(document):
    adopted = adopt(_host_of(document).state())
    assert parse_yaml(render("a", adopted)) == (adopted.document or None)
