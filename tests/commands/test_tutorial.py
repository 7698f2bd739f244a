"""The tutorial, done as it is written: its files, its commands, what they print."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.lab.bench import BIN

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/tutorial.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Whose exit status says something else than success; the tutorial tells of it.
STATUS = {"netwright plan": {0, 2}, "pyinfra -y": {0, 1}}


def _commands(block):
    """Each command of a block, with the lines that it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, [line for line in lines if line.strip()]


def test_it_is_as_it_says(tmp_path):
    (tmp_path / "deploys").symlink_to(ROOT / "deploys")
    inventory = tmp_path / "tutorial.py"
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "NETWRIGHT_STATE": str(tmp_path / "state"),
        "COLUMNS": "200",
    }

    def run(command):
        return subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip

    whole, done = "", []
    try:
        for kind, block in BLOCK.findall(TEXT):
            if kind == "python" and not whole:
                whole = block
                inventory.write_text(whole)
            elif kind == "python":
                # What it is to be for the next commands, and then no longer.
                inventory.write_text(whole.replace("\nhosts =", f"\n{block}\nhosts ="))
            for command, lines in _commands(block) if kind == "console" else ():
                found = run(command)
                accepted = STATUS.get(" ".join(command.split()[:2]), {0})
                assert found.returncode in accepted, (command, found.stdout)
                rest = found.stdout
                for line in lines:
                    assert line.strip() in rest, (command, line, found.stdout)
                    rest = rest.partition(line.strip())[2]
                if command.startswith("netwright plan") and not lines:
                    assert found.returncode == 0, "nothing has drifted"
                if "cut this connection off" in block:
                    assert found.returncode == 1
                    inventory.write_text(whole)
                done.append(command)
        assert len(done) > 10, done
    finally:
        run("netwright lab down --all")
