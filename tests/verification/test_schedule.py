"""Which checks run beside which: what could disturb another waits for it."""

import pytest

from netwright.state import load
from netwright.verification.place import resolve
from netwright.verification.schedule import stages


def found(*checks):
    """The stages that have any, each lane by its checks' numbers."""
    document = {"netns": {"blue": {}, "red": {}}, "checks": [{"from": "blue", **c} for c in checks]}
    declared = {("a", number): check for number, check in enumerate(load(document).checks)}
    made = stages(declared, lambda key: resolve(declared[key].from_, key[0], ["a"]))
    return [[[number for _, number in lane] for lane in stage] for stage in made if stage]


PING = {"ping": "10.0.0.1"}
SILENT = {"ping": "10.0.0.2", "expect": "timeout"}
REFUSED = {"tcp": "10.0.0.1:80", "expect": "refused"}
UNREACHABLE = {"ping": "10.0.0.3", "expect": "unreachable"}
RED = {"from": "red"}


def listens(port, probed=None, **fields):
    return {
        "tcp": f"10.0.0.1:{probed or port}", "listen": {"netns": "red", "port": port}, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([], []),
        # What hopes for answers or silence: all at once.
        ([PING, PING, SILENT, SILENT], [[[0], [1], [2], [3]]]),
        # Errors after those that must not see any; each place has its own share of them.
        ([UNREACHABLE, SILENT, REFUSED, {**REFUSED, **RED}], [[[1]], [[0, 2], [3]]]),
        # Listeners last of all, and those of one port one after the other.
        ([listens(80), PING, listens(81), listens(80)], [[[1]], [[2], [0, 3]]]),
        # The port that is published is met by another's.
        ([listens(80), listens(443), listens(8080, probed=80)], [[[1], [0, 2]]]),
        ([listens(80), listens(81), listens(80, probed=81)], [[[0, 1, 2]]]),
        # With a listener too, those of one place that wait for errors or see none.
        (
            [listens(80, expect="refused"), listens(81, expect="timeout"), listens(82),
             listens(83, expect="timeout", **RED)],
            [[[0, 1], [2], [3]]],
        ),
        # What changes the host has it for itself.
        (
            [{**PING, "with": {"netns": {}}}, PING, {**listens(80), "with": {"netns": {}}}],
            [[[1]], [[0]], [[2]]],
        ),
    ],
)  # fmt: skip
def test_what_disturbs_another_waits(checks, expected):
    assert found(*checks) == expected
