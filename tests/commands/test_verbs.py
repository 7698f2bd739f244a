"""Every verb takes an inventory as pyinfra does, and `--limit` leaves the other hosts alone."""

import subprocess
import sys
import threading

import click
import pytest

from netwright.commands import main

NETWRIGHT = [sys.executable, "-c", "from netwright.commands import main; main()"]
# Two groups of hosts that nobody can reach, and whose declarations `lint` has something to say of.
INVENTORY = """
there = {{"ssh_hostname": "127.0.0.1", "ssh_port": 9, "network": {network}}}
web = [("web1", there), ("web2", there)]
db = [("db1", there)]
"""
WORDS = {
    "adopt": [],
    "draw": ["--format", "mermaid"],
    "explain": ["web1/host", "192.0.2.1"],
    "lint": [],
    "plan": [],
    "rollout": [],
    "watch": [],
}
# A schema is of no host; a lab is up or down as a whole, and its words take hosts' names.
WITHOUT = {"lab", "schema"}

pytestmark = pytest.mark.slow


@pytest.fixture
def inventory(tmp_path):
    def write(verb):
        address = "10.0.0.1" if verb == "lint" else "10.0.0.1/24"
        network = {"links": {"br0": {"kind": "bridge", "addresses": [address]}}}
        path = tmp_path / "inventory.py"
        path.write_text(INVENTORY.format(network=network))
        return str(path)

    return write


def _run(verb, *words):
    """All that it says; one that goes on by itself is ended at its first words."""
    command = [*NETWRIGHT, verb, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        end = threading.Timer(120, process.kill)
        end.start()
        try:
            if verb != "watch" or "nosuch" in words:
                return process.stdout.read(), process.wait()
            said = ""
            # Each has been tried twice, so that there was time for any other.
            while min(said.count(f"{name}: ") for name in ("web1", "web2")) < 2:
                line = process.stdout.readline()
                assert line, said
                said += line
            process.terminate()
            return said, process.wait()
        finally:
            end.cancel()


def test_each_is_tried():
    assert set(main.list_commands(click.Context(main))) == {*WORDS, *WITHOUT}


@pytest.mark.parametrize("verb", WORDS)
def test_limit_leaves_the_others_alone(inventory, verb):
    said, _ = _run(verb, inventory(verb), *WORDS[verb], "--limit", "web")
    assert "Traceback" not in said
    assert "web1" in said, said
    assert ("web2" in said) or verb == "explain", said
    assert "db1" not in said


@pytest.mark.parametrize("verb", [verb for verb in WORDS if verb not in ("explain", "watch")])
def test_limits_add_up_and_may_be_patterns(inventory, verb):
    said, _ = _run(verb, inventory(verb), *WORDS[verb], "--limit", "d*", "--limit", "web2")
    assert "web1" not in said, said
    assert "web2" in said
    assert "db1" in said


@pytest.mark.parametrize("verb", WORDS)
def test_a_limit_that_names_nobody_is_one_line(inventory, verb):
    said, status = _run(verb, inventory(verb), *WORDS[verb], "--limit", "nosuch")
    assert said == "Error: --limit nosuch: no such host or group; hosts: web1, web2, db1\n"
    assert status == 1
