"""The schema takes what `load` takes, says a word on every key, and refuses plain mistakes."""

import json
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from jsonschema import Draft202012Validator

from netwright.commands import main
from netwright.document import parse_yaml
from netwright.schema import schema
from netwright.state import load
from tests.core.documents import documents

ROOT = Path(__file__).parents[2]
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)
DOCUMENTS = [
    *(ROOT / "tests/live/documents").glob("*.yaml"),
    ROOT / "tests/verification/state/declared.yaml",
]
# Those that name their hosts by group are for other deploys.
INVENTORIES = sorted(
    path for path in (ROOT / "inventories").glob("*.py") if "\nhosts = " in path.read_text()
)
SPELLINGS = """
modules: [br_netfilter]
sysctl: {net.ipv4.ip_forward: true, net/core/somaxconn: 4096, net.ipv4.tcp_rmem: 1 2 3}
links:
  lo:
  br0: {kind: bridge, bridge: {stp_state: 0}, ipv4: {rp_filter: 0}}
routes: [{dst: default, dev: br0, table: main}, {dst: 10.0.0.0/8, type: blackhole, table: 7}]
rules: [{priority: 5, fwmark: 1, table: 7}]
iptables: {filter: {INPUT: {policy: DROP}, MINE: [-j RETURN], OTHER: }}
netns: {blue: }
checks: [{from: host, tcp: "10.0.0.1:80", listen: {port: 80}}]
"""


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_every_key_has_words():
    models = {**SCHEMA["$defs"], "root": SCHEMA}
    bare = [
        f"{name}.{key}: add it to netwright/schema_words.py"
        for name, model in models.items()
        for key, field in model["properties"].items()
        if not field["description"].endswith(".") and "ip-link(8)" not in field["description"]
    ]
    assert not bare
    assert len(models) > 12


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_it_takes_documents(path):
    VALIDATOR.validate(parse_yaml(path.read_text()))


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.stem)
def test_it_takes_the_scenarios(path, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_LAB", "off")
    networks = [
        data["network"] for _, data in runpy.run_path(str(path))["hosts"] if "network" in data
    ]
    assert networks
    for network in networks:
        if isinstance(network, dict):
            VALIDATOR.validate(json.loads(json.dumps(network)))


def test_it_takes_every_spelling():
    document = parse_yaml(SPELLINGS)
    load(document)
    VALIDATOR.validate(document)


@given(documents())
def test_it_takes_random_documents(document):
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "wrong",
    [
        {"link": {}},
        {"links": {"much too long for a link": {}}},
        {"links": {"br0": {"kind": "brigde"}}},
        {"links": {"br0": {"kind": "bridge", "bridge": {"stp": False}}}},
        {"links": {"br0": {"mtu": 5}}},
        {"links": {"br0": {"promisc": 2}}},
        {"routes": [{"via": "10.0.0.1"}]},
        {"iptables": {"filters": {}}},
        {"netns": {"host": {}}},
        {"checks": [{"ping": "10.0.0.1"}]},
        {"state": "absent"},
    ],
    ids=str,
)
def test_it_refuses(wrong):
    assert not VALIDATOR.is_valid(wrong)


def test_the_command_prints_it(tmp_path):
    done = CliRunner().invoke(main, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.output) == SCHEMA
    path = tmp_path / "schema.json"
    assert CliRunner().invoke(main, ["schema", "-o", str(path)]).exit_code == 0
    assert json.loads(path.read_text()) == SCHEMA
