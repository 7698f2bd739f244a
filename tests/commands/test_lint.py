"""`netwright lint` says everything that is wrong, one line each, and reaches no host."""

import subprocess
import sys
from pathlib import Path

import pytest

from netwright.errors import DeclarationError
from netwright.operations.declared import inventory_directory, settings

ROOT = Path(__file__).parents[2]
MAIN = "from netwright.commands import main; main()"
LAB = """
from netwright.lab import lab
hosts = lab(__file__, name="tool-lint", subnet="198.18.194.0/24", hosts={
    "a": {"network": {"links": {"br0": {"kind": "bridge", "mtu": 5}},
                      "netns": {"x": {"link": {}}}}},
    "b": {"network": {}},
})
groups = (["b"], {})
"""


def _lint(*words, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-c", MAIN, "lint", *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_path_starts_beside_the_inventory_not_beside_the_config(tmp_path):
    for name in ("sites/site.py", "other/config.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    site, config = tmp_path / "sites/site.py", str(tmp_path / "other/config.py")
    for words in (["--config", config, str(site)], [str(site), "--config", config], [str(site)]):
        assert inventory_directory(["-y", *words, "deploy.py"]) == site.parent


def test_what_is_no_yaml_is_said_with_its_file(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text("netns: {b: &b {netns: *b}}")
    with pytest.raises(DeclarationError, match=f"{path}: something in it contains itself"):
        settings({"network": "site.yaml"}, tmp_path)
    path.write_text("links: {}\nroutes: [")
    with pytest.raises(DeclarationError) as caught:
        settings({"network": "site.yaml"}, tmp_path)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"network: {path}, line 3, column 1: is not YAML"), problem


def test_what_stands_beside_a_file_of_tables_is_looked_at(tmp_path):
    (tmp_path / "a.rules").write_text("*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    network = {"iptables": {"file": "a.rules", "filter": 3, "nat": None}, "netns": ["x"]}
    with pytest.raises(DeclarationError) as caught:
        settings({"network": network}, tmp_path)
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"network.iptables.filter", "network.netns"}


def test_a_name_that_looks_like_a_number_is_a_name(tmp_path):
    found = settings({"network": {}, "network_name": 7}, tmp_path)
    assert found is not None
    assert found.name == "7"


def test_what_is_right_is_silent():
    done = _lint(*(ROOT / "tests/live/documents").glob("*.yaml"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_file_with_mistakes_has_a_line_for_each(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(
        "links: {br0: {kind: bridge, mtu: 5, addresses: [10.0.0.1]}}\n"
        "routes: [{dst: default}]\niptables: {file: nothing.rules}\n"
    )
    done = _lint(path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith(f"{path}: iptables.file: ")
    path.write_text(path.read_text().replace("iptables: {file: nothing.rules}\n", ""))
    lines = _lint(path).stdout.splitlines()
    places = ["links.br0.addresses[0]", "links.br0.mtu", "routes[0]"]
    assert [line.split(": ")[1] for line in sorted(lines)] == places, lines


@pytest.mark.parametrize("text", ["- a\n", "links: [", "\x00", "links: {a: 1}\nlinks: {}\n"])
def test_what_is_no_declaration_is_one_line(text, tmp_path):
    path = tmp_path / "site.yml"
    path.write_text(text)
    done = _lint(path)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1, done.stdout
    assert "Traceback" not in done.stderr


def test_an_inventory_is_read_without_its_lab(tmp_path):
    path = tmp_path / "inventory.py"
    path.write_text(LAB)
    done = _lint(path)
    assert done.returncode == 1, done.stderr
    assert [line.split(": ")[:2] for line in done.stdout.splitlines()] == [
        ["a", "network.links.br0.mtu"],
        ["a", "network.netns.x.link"],
    ]
    assert _lint(path, "--limit", "b").returncode == 0
    assert not Path("/var/lib/netwright/labs/tool-lint").exists()


@pytest.mark.parametrize("words", [["nothing.py"], ["{lab}", "--limit", "c"], ["nothing.yaml"]])
def test_what_cannot_be_read_is_one_line(words, tmp_path):
    (tmp_path / "lab.py").write_text(LAB)
    done = _lint(*(word.format(lab=tmp_path / "lab.py") for word in words))
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert len(output.splitlines()) == 1, output
