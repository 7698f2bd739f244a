"""A confirmed change stays, also when the next one comes at once."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
CONFIRM = 6

INVENTORY = """
from netwright.lab import lab
hosts = lab(__file__, name="confirm", subnet="198.18.123.0/24", hosts={hosts!r})
"""


def _command(*words):
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _lab(*words):
    return _command("-c", "from netwright.commands import main; main()", "lab", *words)


@pytest.fixture
def converge(tmp_path):
    """Converges the lab's host to some bridges; the lab is gone afterwards."""
    path = tmp_path / "confirm.py"

    def run(*bridges):
        network = {"links": {name: {"kind": "bridge"} for name in bridges}}
        hosts = {"h0": {"network": network, "confirm": CONFIRM}}
        path.write_text(INVENTORY.format(hosts=hosts))
        return _command("-m", "pyinfra", "-y", str(path), "deploys/network.py")

    run.path = str(path)
    yield run
    _lab("down", str(path))


def test_timers_of_confirmed_runs_do_nothing(converge):
    for number in range(1, 4):
        assert "Success" in converge(*(f"br{index}" for index in range(number)))
        time.sleep(CONFIRM / 3)
    time.sleep(CONFIRM + 1)
    seen = _lab(
        "shell", converge.path, "h0", "--", "sh", "-c", "ip -br link; ls /run/netwright* 2>&1; true"
    )
    for name in ("br0", "br1", "br2"):
        assert name in seen
    assert "No such file" in seen, seen
    assert "No changes" in converge("br0", "br1", "br2")
