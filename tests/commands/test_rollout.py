"""A rollout in waves: one bad host undoes its wave, nobody else is touched, and it is resumed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netwright.errors import DeclarationError
from netwright.rollout import Fate, report, waves

ROOT = Path(__file__).parents[2]
SUBNET = "198.18.193"
COUNT = 20
NETWRIGHT = [sys.executable, "-c", "from netwright.commands import main; main()"]
INVENTORY = """
from netwright.lab import lab
hosts = lab(__file__, name="tool-rollout", subnet={subnet!r}, hosts={hosts!r})
"""


@pytest.mark.parametrize(
    ("count", "sizes", "expected"),
    [
        (20, "1,10%,100%", [1, 2, 17]),
        (3, "1,10%,100%", [1, 1, 1]),
        (1, "1,10%,100%", [1]),
        (0, "1", []),
        (5, "2", [5]),
        (10, "5,50%,1", [5, 5]),
    ],
)
def test_waves_hold_every_host_once(count, sizes, expected):
    hosts = [f"h{number}" for number in range(count)]
    found = waves(hosts, sizes)
    assert [len(wave) for wave in found] == expected
    assert [name for wave in found for name in wave] == hosts


@pytest.mark.parametrize("sizes", ["", "0", "1,,2", "101%", "half", "-1", "1.5"])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(DeclarationError, match="--waves"):
        waves(["a"], sizes)


def test_the_report_counts():
    fates = {
        "a": Fate("a", "confirmed", 1),
        "b": Fate("b", "undone", 2, "x"),
        "c": Fate("c", "untouched"),
    }
    assert list(report(fates))[-1] == "1 confirmed, 1 undone, 1 untouched"


def _network(index, bad):
    network = {
        "links": {"toolbr": {"kind": "bridge", "addresses": [f"10.77.{index}.1/24"]}},
        "checks": [{"from": "host", "ping": f"10.77.{index}.1"}],
    }
    if bad == "check":
        network["checks"].append({"from": "host", "ping": "10.77.99.1", "expect": "ok"})
    if bad == "cut off":
        network["links"]["eth0"] = {"addresses": [f"{SUBNET}.200/24"]}
    if bad == "refused":
        # Which ones there are only the kernel knows.
        network["sysctl"] = {"net.ipv4.tcp_congestion_control": "nosuch"}
    return network


def _run(*words, check=True):
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def lab(tmp_path):
    """A function that writes the inventory, with one bad host; its lab goes at the end."""
    path = tmp_path / "inventory.py"

    def write(bad):
        hosts = {
            f"h{index}": {"network": _network(index, bad.get(index, ""))} for index in range(COUNT)
        }
        path.write_text(INVENTORY.format(subnet=f"{SUBNET}.0/24", hosts=hosts))
        return str(path)

    write({})
    try:
        _run(*NETWRIGHT, "lab", "up", str(path))
        yield write
    finally:
        _run(*NETWRIGHT, "lab", "down", str(path))


def _seen(path):
    """What each host has, by its own tools: whether there is the bridge, and what waits."""
    found = []
    for index in range(COUNT):
        script = "ip -j link show; ls -RA /run/netwright /etc/netwright 2> /dev/null | tr '\\n' ' '"
        shell = [*NETWRIGHT, "lab", "shell", path, f"h{index}", "sh", "-c", script]
        links, _, rest = _run(*shell).stdout.partition("\n")
        names = {item["ifname"] for item in json.loads(links)}
        found.append(("toolbr" in names, "ledger.json" in rest))
    return found


@pytest.mark.lab
def test_a_bad_host_stops_it_and_it_is_resumed(lab):
    def roll(path):
        return _run(*NETWRIGHT, "rollout", path, "--confirm", "60", check=False)

    nothing, done = (False, False), (True, True)
    for first, bad in enumerate(("check", "cut off", "refused")):
        # Of those that are left: one alone, then a tenth of whom one is bad, then the rest.
        path = lab({first + 2: bad})
        found = roll(path)
        assert found.returncode == 1, found.stdout + found.stderr
        assert "Traceback" not in found.stderr
        lines = [line for line in found.stdout.splitlines() if line.startswith("h")]
        expected = ["as declared"] * first + ["confirmed"] + ["undone"] * 2
        expected += ["untouched"] * (COUNT - len(expected))
        said = [line.split("  ")[1].strip() for line in lines]
        assert said == expected, found.stdout
        assert (f"h{first + 2}::checks[1]" in found.stdout) == (bad == "check")
        assert _seen(path) == [done] * (first + 1) + [nothing] * (COUNT - first - 1)
    good = lab({})
    last = roll(good)
    assert last.returncode == 0, last.stdout + last.stderr
    assert f"{COUNT - 3} confirmed, 3 as declared" in last.stdout
    assert _seen(good) == [done] * COUNT
    assert roll(good).stdout.splitlines()[-1] == f"{COUNT} as declared"
    assert _run(*NETWRIGHT, "plan", good).returncode == 0
