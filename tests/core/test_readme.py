"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest

from netwright.document import parse_yaml
from netwright.errors import DeclarationError
from netwright.operations.declared import KEYS, settings
from netwright.state import load

README = (Path(__file__).parents[2] / "README.md").read_text()
(DECLARATION,) = re.findall(r"```yaml\n(.*?)```", README, re.S)


def test_the_declaration_loads():
    state = load(DECLARATION)
    assert set(state.links) == {"br0", "to-web"}
    assert len(state.checks) == 2


def test_the_errors_are_the_ones_shown():
    wrong = DECLARATION.replace("{stp_state: false}", "{stp: false}").replace(
        "port: {hairpin: true}", "addresses: [172.16.0.2]"
    )
    with pytest.raises(DeclarationError) as caught:
        settings({"network": parse_yaml(wrong)}, Path())
    said = [f"web1: {problem}" for problem in caught.value.problems]
    shown = [line for line in README.splitlines() if line.startswith("web1: ")]
    assert len(shown) == 2
    for line in shown:
        start = line.removesuffix("...")
        assert any(item.startswith(start) for item in said), said


def test_every_data_key_is_described():
    described = re.findall(r"^\| `(\w+)` \|", README, re.M)
    assert sorted(described) == sorted(KEYS)


def test_every_file_that_it_names_is_there():
    root = Path(__file__).parents[2]
    named = [*re.findall(r"\]\(([A-Za-z/.]+)\)", README), "deploys/network.py", "inventories/"]
    assert len(named) > 4
    for name in named:
        assert (root / name).exists(), name
