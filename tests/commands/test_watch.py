"""`netwright watch`: a hundred drifts, each told once and no other; small; and what it prints."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netwright import watch
from netwright.address import SeenAddress
from netwright.commands.watch import _Sink
from netwright.commands.watch_here import apart
from netwright.drift import drifts
from netwright.errors import HostError, Problem, SnapshotError
from netwright.run import prepare
from netwright.snapshot import Snapshot
from netwright.state import load

ROOT = Path(__file__).parents[2]
COUNT = 100
MEMORY = 20_000
"""kB, with what it has started."""

SANDBOX = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
mount --make-private /run
cp -a /etc /run/etc
mount --bind /run/etc /etc
rm -rf /etc/netwright
ip link set dev lo up
exec "$@"
"""


@pytest.mark.live
def test_every_drift_is_told_once_and_nothing_else():
    command = [sys.executable, "-m", "tests.commands.watch_live", str(COUNT)]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--fork", "sh", "-c", SANDBOX, "sandbox", *command],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    print("\n".join(done.stdout.splitlines()[-3:]))
    counts = re.search(r"injected (\d+), told (\d+), exit status 0", done.stdout)
    assert counts, done.stdout
    assert counts[1] == counts[2]
    assert int(counts[1]) >= COUNT
    used = re.search(r"private memory: (\d+) kB", done.stdout)
    assert used, done.stdout
    # No interpreter has less than 3 MB.
    assert 3_000 < int(used[1]) < MEMORY


def _drifts(document, seen):
    declared = load(document)
    return drifts(prepare("network", declared, Snapshot(load(seen))))


def test_a_thing_that_is_gone_is_one_drift():
    found = _drifts(
        {"links": {"br0": {"kind": "bridge", "mtu": 1400, "addresses": ["10.0.0.1/24"]}}},
        {"links": {"lo": {}}},
    )
    assert [item.path for item in found.values()] == ["links.br0"]


def test_a_thing_that_has_to_be_made_again_is_one_drift():
    pair = {"kind": "veth", "veth": {"peer": {"name": "e0"}}}
    found = _drifts({"links": {"x0": {"kind": "bridge"}}}, {"links": {"x0": pair, "e0": {}}})
    (drift,) = [item for item in found.values() if item.path == "links.x0"]
    assert (drift.present["kind"], drift.declared["kind"]) == ("veth", "bridge")


def test_two_addresses_that_are_gone_are_two():
    link = {"kind": "bridge", "addresses": ["10.0.0.1/24", "10.1.0.1/24"]}
    found = _drifts({"links": {"x0": link}}, {"links": {"x0": {**link, "addresses": []}}})
    assert sorted(item.declared for item in found.values()) == link["addresses"]


def test_what_makes_a_run_impossible_is_a_drift():
    error = HostError([Problem("links.eth7", "is not there, and no kind says how to make it")])
    (found,) = drifts(error).values()
    assert found.path == "links.eth7"


def test_the_same_drift_is_no_event_and_another_value_is():
    one = watch.Drift("links.a.mtu", 1400, 1500)
    other = watch.Drift("links.a.mtu", 1300, 1500)

    def events(before, now):
        keyed = ({item.key: item for item in items} for items in (before, now))
        return [event.what for event in watch.changes("a", *keyed)]

    assert events([], [one]) == ["drift"]
    assert events([one], [one]) == []
    assert events([one], [other]) == ["drift"]
    assert events([other], []) == ["mended"]


def test_drift_is_plain_whatever_type_it_was_of():
    """A watcher that rests has none of the types in its memory."""
    link = load({"links": {"tool0": {"kind": "dummy", "addresses": []}}})
    seen = link.links["tool0"].but(addresses=(SeenAddress("192.0.2.9/32"),))
    (found,) = drifts(prepare("network", link, Snapshot(link.but(links={"tool0": seen})))).values()
    assert (type(found.present), found.present) == (str, "192.0.2.9/32")


def test_only_what_goes_on_by_itself_is_left_out_of_a_fingerprint():
    line = '{"valid_life_time":%d,"hello_timer":%s,"mtu":%d}'
    one = watch.fingerprint([line % (3600, "0.25", 1500)])
    assert watch.fingerprint([line % (3599, "1.90", 1500)]) == one
    assert watch.fingerprint([line % (3600, "0.25", 1400)]) != one


def _refuse():
    raise HostError([Problem("links.a", "is wrong")])


def test_a_fork_hands_back_what_it_says_and_what_it_raises():
    assert apart(lambda: {"pid": os.getpid()})["pid"] != os.getpid()
    with pytest.raises(HostError) as caught:
        apart(_refuse)
    assert caught.value.problems == (Problem("links.a", "is wrong"),)
    with pytest.raises(SnapshotError, match=r"bad end \(-9\)"):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_neighbours_that_come_and_go_are_no_event():
    line = "[NEIGH]10.0.0.9 dev eth0 lladdr 02:00:00:00:00:09 {}"
    assert not watch.is_event(line.format("REACHABLE"), ())
    assert watch.is_event(line.format("REACHABLE"), {"10.0.0.9"})
    assert watch.is_event(line.format("PERMANENT"), ())
    assert watch.is_event("[LINK]5: br0: <BROADCAST> mtu 1500", ())


def test_metrics_are_as_prometheus_reads_them():
    drift = watch.Drift('links."a\n', None, 1)
    text = watch.prometheus({"a": [drift], "b": []}, {"a": 5.0})
    assert 'netwright_drifts{host="a"} 1' in text
    assert 'netwright_drifts{host="b"} 0' in text
    assert 'netwright_drift{host="a",path="links.\\"a\\n"} 1' in text
    form = r'# (HELP|TYPE) \w+ .+|\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? [0-9.]+'
    assert all(re.fullmatch(form, line) for line in text.splitlines())


def test_a_hook_is_told_all_of_each_event(tmp_path, capsys):
    found = tmp_path / "found"
    names = ("HOST", "EVENT", "PATH", "PRESENT", "DECLARED")
    hook = "; ".join(f'printf "%s\\n" "$NETWRIGHT_{name}" >> {found}' for name in names)
    drift = watch.Drift('links.$(id) "x".mtu', 1400, "a'b")
    events = list(watch.changes("web1", {}, {drift.key: drift}))
    _Sink("text", f"{hook}; exit 3", None).tell(events)
    assert found.read_text().splitlines() == [
        "web1", "drift", 'links.$(id) "x".mtu', "1400", '"a\'b"'
    ]  # fmt: skip
    assert "the hook failed with exit status 3" in capsys.readouterr().err


@pytest.mark.lab
def test_lab_hosts_are_watched_from_outside(tmp_path):
    inventory = tmp_path / "inventory.py"
    inventory.write_text(
        "from netwright.lab import lab\n"
        'network = {"links": {"toolbr": {"kind": "bridge", "mtu": 1500}}}\n'
        'hosts = lab(__file__, name="tool-watch", subnet="198.18.192.0/24",\n'
        '            hosts={"a": {"network": network}, "b": {"network": network}})\n'
    )
    netwright = [sys.executable, "-c", "from netwright.commands import main; main()"]

    def run(*words):
        return subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
        )

    try:
        run(*netwright, "lab", "up", str(inventory))
        run(sys.executable, "-m", "pyinfra", "-y", str(inventory), "deploys/network.py")
        on_b = [*netwright, "lab", "shell", str(inventory), "b"]
        with subprocess.Popen(
            [*netwright, "watch", str(inventory), "--interval", "600"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as watcher:  # fmt: skip
            for mtu in (1400, 1300, 1200):
                run(*on_b, "ip", "link", "set", "dev", "toolbr", "mtu", str(mtu))
                line = watcher.stdout.readline()
                assert line.split(" ", 1)[1] == f"b drift links.toolbr.mtu: {mtu}, declared 1500\n"
            watcher.terminate()
            assert watcher.stdout.read() == ""
        assert watcher.returncode == 0
        left = run(*on_b, "sh", "-c", "ps ax | grep -c '[i]p.*monitor' || true").stdout
        assert left.split()[-1] == "0", left
    finally:
        run(*netwright, "lab", "down", str(inventory))
