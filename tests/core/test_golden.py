"""Golden folders, found by one loop: from what real tools showed to what is declared, by this plan.

`tests/golden/CASE/`: `current.sh`, how the host was made by hand; `current.json`, what the tools of
a real kernel said of it (tests/golden/capture.py); `desired.yaml`; and `plan.txt`, what people see
of the plan, then each line for the host.
"""

import json
from pathlib import Path

import pytest

from netwright import run, snapshot
from netwright.plan import plan
from netwright.state import load
from tests.golden.capture import text

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/desired.yaml"))


def _planned(case):
    current = snapshot.parse(text(json.loads((case / "current.json").read_text()))).state
    steps = plan(current, load((case / "desired.yaml").read_text()))
    lines = [
        f"{command.tool} {command.netns}: {command.line}"
        for step in steps
        for command in step.commands()
    ]
    return "".join(f"{line}\n" for line in [*run.lines(steps), "", *lines])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case):
    assert _planned(case) == (case / "plan.txt").read_text()


def test_of_keys_only_public_ones_and_hashes_leave_the_host():
    """Not the private and the preshared one that `current.sh` puts into files."""
    case = GOLDEN / "wireguard"
    secrets = [
        line.split()[1]
        for line in (case / "current.sh").read_text().splitlines()
        if line.startswith("echo ")
    ]
    assert len(secrets) == 2
    for name in ("current.json", "plan.txt"):
        text_of = (case / name).read_text()
        assert not [key for key in secrets if key in text_of]
