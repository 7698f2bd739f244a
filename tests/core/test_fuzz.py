"""10,000 broken declarations: each is refused in one-line problems, or it is a declaration."""

import copy
import random
import runpy
from pathlib import Path

import pytest
import yaml

from netwright import run, snapshot
from netwright.errors import DeclarationError, HostError
from netwright.state import load
from tests.vm.kinds import apart, everything

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
COUNT = 10_000
KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
DOCUMENTS = [
    *(yaml.safe_load(path.read_text()) for path in ROOT.glob("live/documents/*.yaml")),
    *(everything({"here": KEY, "there": KEY}), apart()),
]
JUNK = [
    None, True, 0, 1, -1, 7, 4095, 2**32, 1.5, "", "x", "all", "default", "host", "absent", "up",
    "10.0.0.1", "10.0.0.1/24", "10.0.0.1/33", "::1", "fe80::1/64", "02:00:00:00:00:01", "bridge",
    "veth", "testbr", "much too long for a link", "a/b", "a b", [], {}, [[]], {"state": "absent"},
    ["10.0.0.1/24"], {"x": {}}, [{"dst": "default"}], {"kind": "bridge"}, {"peer": {"name": "y"}},
]  # fmt: skip


def _scenarios():
    """What the inventories declare, of each host."""
    for path in sorted(ROOT.parent.glob("inventories/*.py")):
        groups = [item for item in runpy.run_path(str(path)).values() if isinstance(item, list)]
        for host in (host for group in groups for host in group):
            data = host[1] if isinstance(host, tuple) else {}
            if isinstance(data.get("network"), dict):
                yield data["network"]


def _nodes(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)):
            yield from _nodes(item, (*path, key))


def _mutate(document, chance):
    """One change somewhere: a value, a key, one thing less, one thing more."""
    inner = document
    for part in chance.choice(list(_nodes(document))):
        inner = inner[part]
    if isinstance(inner, list):
        index = chance.randrange(len(inner) + 1)
        inner[index : index + chance.randrange(2)] = [copy.deepcopy(chance.choice(JUNK))]
    elif inner and chance.random() < 0.25:
        del inner[chance.choice(list(inner))]
    elif inner and chance.random() < 0.8:
        inner[chance.choice(list(inner))] = copy.deepcopy(chance.choice(JUNK))
    else:
        inner[str(chance.choice(JUNK))] = copy.deepcopy(chance.choice(JUNK))


def test_no_declaration_makes_a_traceback(monkeypatch):
    monkeypatch.setenv("NETWRIGHT_LAB", "off")
    documents = [*DOCUMENTS, *_scenarios()]
    assert len(documents) > 20
    chance = random.Random(20261121)
    empty = snapshot.Snapshot(load({"links": {"lo": {}}}))
    refused = unfit = planned = 0
    for _ in range(COUNT):
        document = copy.deepcopy(chance.choice(documents))
        for _ in range(chance.randrange(1, 4)):
            _mutate(document, chance)
        try:
            declared = load(document)
            run.prepare("network", declared, empty)
            planned += 1
        except DeclarationError as error:
            problems = error.problems
            refused += 1
        except HostError as error:
            problems = error.problems
            unfit += 1
        else:
            continue
        assert problems
        assert all(len(str(problem).splitlines()) == 1 for problem in problems)
    print(f"\ndeclarations {COUNT}: refused {refused}, unfit for the host {unfit},", end=" ")
    print(f"planned {planned}")
    assert refused > COUNT / 4
    assert planned > COUNT / 50
