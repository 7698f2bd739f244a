"""Every scenario as its users run it: converge, again, verify, reboot, verify."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
# Those of other deploys have tests of their own, in tests/installs.
INSTALLS = ("docker", "etcd", "fabric", "notebook")
INVENTORIES = sorted(
    path for path in (ROOT / "inventories").glob("*.py") if path.stem not in INSTALLS
)


def _run(*words, check=True):
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    output = done.stdout + done.stderr
    if check:
        assert done.returncode == 0, output
    return output


def _deploy(inventory, *flags):
    return _run("pyinfra", *flags, inventory, "deploys/network.py")


def _verify(inventory):
    """Runs the verification; the number of its items, all of which have passed."""
    output = _run("pytest", "-q", "--pyinfra-inventory", inventory, "--verify")
    last = output.strip().splitlines()[-1]
    passed = re.search(r"(\d+) passed", last)
    assert passed, output
    assert "failed" not in last, output
    return int(passed[1])


@pytest.fixture(params=INVENTORIES, ids=lambda path: path.stem)
def inventory(request):
    """The path of a scenario's inventory; its lab is up, and down afterwards if it was before."""
    path = str(request.param.relative_to(ROOT))
    lab = "from netwright.commands import main; main()"
    command = [sys.executable, "-c", lab, "lab"]
    was_up = subprocess.run([*command, "status", path], cwd=ROOT, check=False, capture_output=True)
    subprocess.run([*command, "up", path], cwd=ROOT, check=True, capture_output=True)
    yield path, command
    if was_up.returncode != 0:
        subprocess.run([*command, "down", path], cwd=ROOT, check=True, capture_output=True)


def test_scenario(inventory):
    path, lab = inventory
    _deploy(path, "-y")
    second = _deploy(path, "-y")
    assert "No changes" in second, second
    assert not re.search(r"\] +Success", second), second
    items = _verify(path)
    assert items > 5
    subprocess.run([*lab, "reboot", path], cwd=ROOT, check=True, capture_output=True)
    dry = _deploy(path, "--dry")
    assert re.search(r"Network +- +-", dry), f"the reboot changed something:\n{dry}"
    assert _verify(path) == items
