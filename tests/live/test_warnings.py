"""Traps are told by the run itself, before it changes the host; it goes on all the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.test_adopt_live import SANDBOX

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
NETWORK = {
    "links": {
        "br0": {"kind": "bridge", "bridge": {"stp_state": True}},
        "p0": {
            "kind": "veth",
            "veth": {"peer": {"name": "p1"}},
            "master": "br0",
            "addresses": ["10.0.0.1/24"],
            "port": {"learning": False},
        },
        "p1": {},
    }
}
TOLD = {
    "links.p0.addresses": "put it on br0",
    "links.br0.bridge.stp_state": "forwards nothing for 30 s",
}


@pytest.mark.parametrize("flag", ["--dry", "-y"])
def test_traps_are_in_sight(tmp_path, flag):
    inventory = tmp_path / "here.py"
    inventory.write_text(f"hosts = [('@local', {{'network': {NETWORK!r}}})]\n")
    run = [sys.executable, "-m", "pyinfra", flag, str(inventory), "deploys/network.py"]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX, "sandbox", *run],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "+ links.br0" in said, said
    for path, words in TOLD.items():
        lines = [line for line in said.splitlines() if path in line and words in line]
        assert len(lines) == 1, (path, said)
