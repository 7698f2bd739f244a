"""Changing one attribute of a live network drops no packet of those that pass."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
INTERVAL = 0.01  # seconds between two pings

INVENTORY = """
from netwright.lab import lab
hosts = lab(
    __file__, name="noloss", subnet="198.18.122.0/24", hosts={{"h0": {{"network": {network!r}}}}}
)
"""


def _pair(number, **fields):
    peer = {"name": f"veth{number}", "netns": f"test{number}"}
    return {"kind": "veth", "veth": {"peer": peer}, "master": "testbr", **fields}


def _network(bridge=None, first=None, inside=None, sysctl=None):
    """Two namespaces on a bridge, with something else about the bridge, a port, or an end."""
    return {
        "sysctl": sysctl or {},
        "links": {
            "testbr": {"kind": "bridge", "bridge": {"stp_state": False}, **(bridge or {})},
            "br-veth1": _pair(1, **(first or {})),
            "br-veth2": _pair(2),
        },
        "netns": {
            "test1": {
                "links": {"lo": {}, "veth1": {"addresses": ["172.16.0.2/24"], **(inside or {})}}
            },
            "test2": {"links": {"lo": {}, "veth2": {"addresses": ["172.16.0.3/24"]}}},
        },
    }


CHANGES = {
    "mtu of the bridge": _network(bridge={"mtu": 1400}),
    "address of the bridge": _network(bridge={"addresses": ["172.16.0.1/24"]}),
    "ageing time of the bridge": _network(bridge={"bridge": {"ageing_time": 100}}),
    "hairpin of a port": _network(first={"port": {"hairpin": True}}),
    "learning of a port": _network(first={"port": {"learning": False}}),
    "mtu of an end": _network(inside={"mtu": 1400}),
    "second address of an end": _network(inside={"addresses": ["172.16.0.2/24", "10.9.9.9/32"]}),
    "parameter of an end": _network(inside={"ipv4": {"arp_ignore": 1}}),
    "parameter of the host": _network(sysctl={"net.ipv4.conf.default.arp_notify": 1}),
    "back to the base": _network(),
}


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
    """Converges the lab's host to a network; the lab is gone afterwards."""
    path = tmp_path / "noloss.py"

    def run(network):
        path.write_text(INVENTORY.format(network=network))
        return _command("-m", "pyinfra", "-y", str(path), "deploys/network.py")

    run.path = str(path)
    yield run
    _lab("down", str(path))


def test_changes_in_place_lose_nothing(converge):
    converge(_network())
    inside = ["lab", "shell", converge.path, "h0", "--", "ip", "netns", "exec", "test1"]
    warm = ["ping", "-c", "1", "-W", "5", "172.16.0.3"]
    _command("-c", "from netwright.commands import main; main()", *inside, *warm)
    ping = ["ping", "-q", "-i", str(INTERVAL), "-c", "100000", "172.16.0.3"]
    words = ["-c", "from netwright.commands import main; main()", *inside, *ping]
    running = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        for what, network in CHANGES.items():
            output = converge(network)
            assert re.search(r"\] Success", output), f"{what} changed nothing:\n{output}"
            assert "-/+" not in output, f"{what} made a link again:\n{output}"
    finally:
        _lab("shell", converge.path, "h0", "--", "pkill", "-INT", "-x", "ping")
        report = running.communicate(timeout=30)[0]
    sent, received = map(
        int, re.search(r"(\d+) packets transmitted, (\d+) received", report).groups()
    )
    print(f"\npackets sent {sent}, lost {sent - received}, over {len(CHANGES)} changes")
    # About a second for each change.
    assert sent > len(CHANGES) / INTERVAL / 4
    assert received >= sent - 1, report  # the last one may be on its way when ping is stopped


def test_taking_a_port_down_is_seen(converge):
    """The counter above can count: what is not a change in place loses packets."""
    converge(_network())
    inside = ["shell", converge.path, "h0", "--", "ip", "netns", "exec", "test1"]
    # A deadline, since ping counts what it could not even send as not yet sent.
    ping = ["ping", "-q", "-i", str(INTERVAL), "-w", "8", "172.16.0.3"]
    words = ["-c", "from netwright.commands import main; main()", "lab", *inside, *ping]
    with subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        converge(_network(first={"state": "down"}))
        report = running.communicate(timeout=60)[0]
    sent, received = map(
        int, re.search(r"(\d+) packets transmitted, (\d+) received", report).groups()
    )
    print(report)
    assert received < sent - 5, report
