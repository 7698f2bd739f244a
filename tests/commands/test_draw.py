"""`netwright draw`: what is declared is in it, drift is coloured, the README's is current."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from netwright import picture_dot, picture_mermaid
from netwright.commands import main
from netwright.picture import Subject, picture
from netwright.state import load

ROOT = Path(__file__).parents[2]
INVENTORIES = sorted((ROOT / "inventories").glob("*.py"))
MAIN = "from netwright.commands import main; main()"

DOCUMENT = {
    "sysctl": {"net.ipv4.ip_forward": 1},
    "links": {
        "br0": {"kind": "bridge", "addresses": ["10.0.0.1/24"]},
        "to-web": {
            "kind": "veth", "veth": {"peer": {"name": "eth0", "netns": "web"}},
            "master": "br0", "port": {"hairpin": True},
        },
        "eth0": {"addresses": ["192.0.2.1/24"]},
    },
    "routes": [{"dst": "10.1.0.0/24", "via": "192.0.2.2"}],
    "iptables": {
        "filter": {"INPUT": {"policy": "DROP"}},
        "nat": {
            "PREROUTING": ["-p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080"],
            "POSTROUTING": ["-s 10.0.0.0/24 -j MASQUERADE"],
        },
    },
    "netns": {"web": {"links": {"eth0": {"addresses": ["10.0.0.2/24"]}}}},
}  # fmt: skip
OTHER = {"links": {"eth0": {"addresses": ["192.0.2.2/24"]}}}


def _picture(drift=None):
    return picture([Subject("a", load(DOCUMENT), drift=drift), Subject("b", load(OTHER))])


def _rows(found, box):
    (one,) = (item for item in found.boxes if item.id == box)
    return {row.text: row.drift for row in one.rows}


def test_everything_is_in_it():
    found = _picture()
    assert list(_rows(found, "a/host")) == [
        "eth0 192.0.2.1/24", "10.1.0.0/24 → b", "INPUT drops", "publishes tcp :80 as 10.0.0.2:8080",
        "NAT 10.0.0.0/24", "forwards",
    ]  # fmt: skip
    assert list(_rows(found, "a/web")) == ["eth0 10.0.0.2/24"]
    assert list(_rows(found, "a/host/br0")) == ["10.0.0.1/24"]
    assert [box.title for box in found.boxes if box.shape == "network"] == ["192.0.2.0/24"]
    ends = {(line.one, line.other, line.label) for line in found.lines}
    assert (("a/host/br0", ""), ("a/web", "eth0"), "to-web\nhairpin") in ends
    assert len(ends) == 3


def test_drift_is_at_its_place_and_nowhere_else():
    drift = {
        "links.to-web": "missing",
        "netns.web.links.eth0.addresses": "changed",
        "routes.10.1.0.0/24": "missing",
        "iptables.nat.PREROUTING": "changed",
    }
    found = _picture(drift)
    host = _rows(found, "a/host")
    assert {text: how for text, how in host.items() if how} == {
        "10.1.0.0/24 → b": "missing",
        "publishes tcp :80 as 10.0.0.2:8080": "changed",
    }
    assert _rows(found, "a/web") == {"eth0 10.0.0.2/24": "changed"}
    assert [line.drift for line in found.lines if line.label.startswith("to-web")] == ["missing"]
    text = picture_dot.render(found)
    assert text.count("#c53030") == 3
    assert "✗ 10.1.0.0/24" in text
    assert "#c53030" not in picture_dot.render(_picture())
    mermaid = picture_mermaid.render(found)
    assert re.search(r"class n\d changed", mermaid)
    assert re.search(r"class n\d missing", mermaid)


def test_a_pair_is_named_by_its_end_on_the_bridge_and_missing_with_either_end():
    document = {
        "links": {
            "br0": {"kind": "bridge"},
            "to-db": {
                "kind": "veth", "veth": {"peer": {"name": "eth0", "netns": "db"}}, "master": "br0",
            },
        },
        "netns": {"db": {"links": {"eth0": {}}}},
    }  # fmt: skip
    for path in ("links.to-db", "netns.db.links.eth0"):
        (line,) = picture([Subject("a", load(document), drift={path: "missing"})]).lines
        assert (line.label, line.drift) == ("to-db", "missing")


def _draw(*words):
    return subprocess.run(
        [sys.executable, "-c", MAIN, "draw", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def _texts(svg):
    """What can be read in it; where it stands depends on Graphviz and on fonts."""
    return sorted(re.findall(r"<(?:text|title)[^>]*>(.*?)</", svg))


def test_the_picture_of_the_readme_is_current():
    if shutil.which("dot") is None:
        pytest.skip("dot is not installed here (package graphviz); `make packages` installs it")
    done = _draw("inventories/lab.py")
    assert done.returncode == 0, done.stderr
    drawn = (ROOT / "docs/lab.svg").read_text()
    assert len(_texts(drawn)) > 20
    what = "netwright draw inventories/lab.py -o docs/lab.svg"
    assert _texts(done.stdout) == _texts(drawn), f"not current: {what}"
    assert "](docs/lab.svg)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.stem)
def test_scenarios_are_drawn_as_mermaid(path):
    done = _draw(path, "--format", "mermaid")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "flowchart LR"
    assert done.stdout.count("subgraph ") == done.stdout.count("  end\n") > 0
    named = set(re.findall(r"^ +(n\d+)\W", done.stdout, re.M))
    assert {name for line in lines for name in re.findall(r"\bn\d+\b(?= ---| -\.-)", line)} <= named


@pytest.mark.parametrize(
    "words", [["-o", "x.gif"], ["--live", "--drift"], ["--format", "text"]], ids=str
)
def test_what_cannot_be_drawn_is_said(words):
    done = _draw("inventories/lab.py", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_show_is_another_name_for_it():
    context = click.Context(main)
    assert main.get_command(context, "show") is main.get_command(context, "draw")
    assert main.get_command(context, "shows") is None
