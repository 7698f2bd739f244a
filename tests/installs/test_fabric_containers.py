"""What is due of workloads' containers, and the scripts that do it."""

import subprocess

import pytest

from netwright.installs import fabric_containers, fabric_evidence
from netwright.installs.fabric_containers import Plugs

WEB = {"web": "web-1"}


def _plugs(word="plugged", **more):
    had = {"there": True, "current": True, "enabled": True, "containers": WEB}
    return Plugs(**{**had, "words": {"web": word}, **more})


def _due(plugs, declared, persist=True):
    return list(plugs.due(declared, persist))


def test_nothing_is_due_when_all_is_as_declared():
    assert _due(Plugs(), {}) == []
    assert _due(_plugs(), WEB) == []
    # It is plugged when it starts.
    assert _due(_plugs("down"), WEB) == []


@pytest.mark.parametrize(
    ("plugs", "declared", "persist", "said"),
    [
        (Plugs(), WEB, True, ["web: web-1 is plugged", "UNIT"]),
        (_plugs("unplugged"), WEB, True, ["web: web-1 is plugged"]),
        (_plugs("bridge"), WEB, True, ["web: web-1 is plugged"]),
        (_plugs(), {}, True, ["web: web-1 is unplugged"]),
        (_plugs(), {"web": "web-2"}, True, ["web: web-1 is unplugged", "web: web-2 is plugged"]),
        (_plugs(current=False), WEB, True, ["UNIT"]),
        (_plugs(), WEB, False, ["UNIT"]),
        (_plugs(enabled=False), WEB, True, ["UNIT"]),
        (_plugs(enabled=False), WEB, False, []),
    ],
)
def test_what_is_due(plugs, declared, persist, said):
    unit = "fabric-containers.service: is written, and started"
    assert _due(plugs, declared, persist) == [unit if line == "UNIT" else line for line in said]


@pytest.mark.parametrize(
    "text",
    [
        fabric_evidence.script(),
        fabric_containers.apply(Plugs(), WEB, persist=True),
        fabric_containers.apply(_plugs(), {}, persist=True),
        fabric_containers.apply(Plugs(), WEB, True)
        .partition("<<'END-OF-FILE'\n")[2]
        .split("\nEND")[0],
    ],
    ids=["evidence", "plug", "unplug", "program"],
)
def test_scripts_are_sound(text):
    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--severity=warning", "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
