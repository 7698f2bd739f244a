"""The timer of a run: never early, and once confirmed no matter for the next of the same name."""

import subprocess

import pytest

from netwright import run, snapshot
from netwright.state import load

pytestmark = pytest.mark.live

SANDBOX = """
set -eu
mount -t tmpfs none /run
mkdir -p /run/netns
mount -t tmpfs none /etc
ip link set dev lo up
sh "$1/first" > /dev/null
sh "$1/first-confirmed" > /dev/null
sh "$1/second" > /dev/null
sleep 3.5
echo "after the first's time: $(ip -br link show dev br2 | cut -d' ' -f1)"
ls /run/netwright
sleep 4
echo "after the second's time: $(ip -br link show dev br2 2>&1)"
ip -br link show dev br1 | cut -d' ' -f1
ls /run/netwright
"""


def _bridges(*names):
    return load({"links": {name: {"kind": "bridge"} for name in names}})


def _inside(text, folder):
    """What a script prints in a host of its own, whose first argument is the folder."""
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", text, "sandbox", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_earlier_timer_does_nothing(tmp_path):
    empty = snapshot.Snapshot(load({"links": {"lo": {}}}))
    first = run.prepare("network", _bridges("br1"), empty)
    (tmp_path / "first").write_text(first.script("test", confirm=2))
    (tmp_path / "first-confirmed").write_text(first.confirmation())
    second = run.prepare("network", _bridges("br2"), empty)
    (tmp_path / "second").write_text(second.script("test", confirm=6))
    said = _inside(SANDBOX, tmp_path)
    early, late = said.split("after the second's time: ")
    assert "after the first's time: br2" in early
    assert early.splitlines()[1:] == ["network"], "the second run no longer waits"
    assert "does not exist" in late, "the second run was not undone in its own time"
    assert late.splitlines()[1:] == ["br1", "network.undone"]


EARLY = """
set -eu
mount -t tmpfs none /run
mkdir -p /run/netns
mount -t tmpfs none /etc
ip link set dev lo up
for part in 05 35 65 95; do
  # Armed at any part of a second.
  until read -r now _ < /proc/uptime && [ "${now#*.}" = "$part" ]; do :; done
  sh "$1/run" > /dev/null
  while ip link show dev br1 > /dev/null 2>&1; do sleep 0.05; done
  read -r then _ < /proc/uptime
  echo "$now $then"
  while [ -e /run/netwright/network ]; do sleep 0.05; done
done
"""


def test_the_undo_is_never_early(tmp_path):
    empty = snapshot.Snapshot(load({"links": {"lo": {}}}))
    run_ = run.prepare("network", _bridges("br1"), empty)
    (tmp_path / "run").write_text(run_.script("test", confirm=1))
    said = _inside(EARLY, tmp_path)
    times = [[float(part) for part in line.split()] for line in said.splitlines()]
    waited = [then - now for now, then in times]
    assert len(waited) == 4
    assert min(waited) >= 1, waited
    assert max(waited) < 1 + 5, waited
