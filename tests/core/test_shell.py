"""The scripts for the host are sound POSIX shell."""

import subprocess
from pathlib import Path

import pytest

from netwright import boot, explain_shell, run, snapshot
from netwright.state import load

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

DECLARED = load(
    {
        "modules": ["br_netfilter"],
        "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.br7.rp_filter": 0},
        "links": {
            "br7": {"kind": "bridge", "addresses": ["10.7.0.1/24", "fd07::1/64"]},
            "v7": {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": "blue"}}},
        },
        "rules": [{"priority": 7, "from": "fd07::/64", "table": 7}],
        "netns": {"blue": {"links": {"lo": {}}}},
    }
)


def _scripts():
    empty = snapshot.Snapshot(load({"links": {"lo": {}}}))
    made = run.prepare("network", DECLARED, empty)
    yield "change", made.script("somebody's")
    yield "change to be confirmed", made.script("somebody's", confirm=30)
    spaces = {"netns": {f"n{number}": {"links": {"lo": {}}} for number in range(20)}}
    yield "change of many", run.prepare("network", load(spaces), empty).script("somebody's")
    yield "confirmation", made.confirmation()
    yield "recovery", made.recovery()
    yield "snapshot", snapshot.script(snapshot.reads(DECLARED), run.files("network"))
    yield "boot", boot.render("network", boot.steps(DECLARED))

    asked = explain_shell.Question("blue", "10.7.0.1", "tcp", 80)
    yield "places of a packet", explain_shell.places(asked)
    yield "trace of a packet", explain_shell.trace(asked, ["blue", "host"])
    yield "trace behind a gate", explain_shell.trace(asked, ["blue", "host"], "5f")
    yield "wait for a gate", explain_shell.armed("5f")
    yield "open a gate", explain_shell.over("5f")
    route = explain_shell.Route("host", "10.7.0.1", "10.7.0.2", "br7")
    yield "look at a packet's way", explain_shell.look(asked, [route], "host")


SCRIPTS = dict(_scripts())


def _shellcheck(text, *flags):
    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--severity=warning", *flags, "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_rendered(name):
    _shellcheck(SCRIPTS[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_runs_before_all_has_arrived(name):
    """Cut anywhere before its end, a script for standard input does nothing at all."""
    if name == "boot":
        pytest.skip("is a file, which is read whole")
    text = SCRIPTS[name]
    last = text.rstrip().rfind("\n")
    for end in range(0, last, max(1, last // 40)):
        done = subprocess.run(
            ["unshare", "--net", "--mount", "sh"],
            input=text[:end], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "", (end, done.stdout)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("*/*.sh")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_files(path):
    _shellcheck(path.read_text())


def test_it_can_fail():
    with pytest.raises(AssertionError, match="SC2154"):
        _shellcheck('echo "$undefined_here"')
