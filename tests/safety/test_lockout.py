"""Declarations that cut the controller off: the host undoes them, every time, and says so."""

import json
import re
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
SUBNET = "198.18.120"
HOSTS = 5
ROUNDS = 10
CONFIRM = 5
GATEWAY = f"{SUBNET}.1"


def _own(index):
    return f"{SUBNET}.{10 + index}"


def _eth0(**fields):
    return {"links": {"eth0": fields}}


# Each takes the host's own address, and declares what cuts it off.
KINDS = {
    "address removed": lambda own: _eth0(addresses=[]),
    "address changed": lambda own: _eth0(addresses=[f"{SUBNET}.200/24"]),
    "route replaced": lambda own: {"routes": [{"dst": f"{SUBNET}.0/24", "type": "unreachable"}]},
    "link down": lambda own: _eth0(state="down"),
    "mtu too small": lambda own: _eth0(mtu=68),
    "link on a bridge": lambda own: {
        "links": {"br9": {"kind": "bridge", "state": "down"}, "eth0": {"master": "br9"}}
    },
    "blackhole route": lambda own: {"routes": [{"dst": GATEWAY, "type": "blackhole"}]},
    "prohibiting rule": lambda own: {
        "rules": [{"priority": 5, "to": f"{GATEWAY}/32", "type": "prohibit"}]
    },
    "wrong neighbour": lambda own: {
        "neighbours": [{"dst": GATEWAY, "dev": "eth0", "mac": "02:00:00:00:00:99"}]
    },
    "output dropped": lambda own: {"iptables": {"filter": {"OUTPUT": {"policy": "DROP"}}}},
    "input dropped": lambda own: {"iptables": {"filter": {"INPUT": ["-p tcp --dport 22 -j DROP"]}}},
}

INVENTORY = """
from netwright.lab import lab
hosts = lab(__file__, name="lockout", subnet={subnet!r}, hosts={hosts!r})
"""

# What a person has set up by hand, and what hangs on the link that is about to be cut off.
BY_HAND = """
cd /
ip route replace 203.0.113.0/24 via {gateway} dev eth0
ip route replace 198.51.100.0/24 dev eth0 src {own} metric 7
ip address replace 192.0.2.{index}/32 dev eth0
ip link add name kept type veth peer name kept1
ip link set dev kept up
"""

FINGERPRINT = """
cd /
ip -j -d addr show; ip -j route show table all; ip -j rule; ip -j -6 rule
ip -j neigh show nud permanent
"""
VOLATILE = re.compile(r"timer|valid_life|preferred_life|tentative|bridge_id|root_id|operstate|id$")


def _command(*words):
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def _lab(*words):
    done = _command("-c", "from netwright.commands import main; main()", "lab", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _stable(value):
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if not VOLATILE.search(key)}
    return value


def _fingerprint(path, host):
    """The host as seen from inside, without its network: each thing in ip's own words."""
    text = _lab("shell", path, host, "--", "sh", "-c", FINGERPRINT)
    found = set()
    for line in text.splitlines():
        for entry in json.loads(line) if line.startswith("[") else ():
            for address in entry.pop("addr_info", ()):
                found.add(f"{entry['ifname']}: {json.dumps(_stable(address))}")
            # The kernel's own for an address, a moment after it; the addresses are compared.
            if entry.get("table") != "local":
                found.add(json.dumps(_stable(entry)))
    assert len(found) > 10, text
    return found


@pytest.fixture
def lockout(tmp_path):
    """Writes the inventory with each host's network; the lab is gone afterwards."""
    path = tmp_path / "lockout.py"

    def write(networks):
        hosts = {
            f"h{index}": {"network": network, "confirm": CONFIRM}
            for index, network in enumerate(networks)
        }
        path.write_text(INVENTORY.format(subnet=f"{SUBNET}.0/24", hosts=hosts))
        return str(path)

    write([{}] * HOSTS)
    yield write
    _lab("down", str(path))


def test_every_lockout_is_undone(lockout):
    path = lockout([{}] * HOSTS)
    _lab("up", path)
    for index in range(HOSTS):
        by_hand = BY_HAND.format(gateway=GATEWAY, own=_own(index), index=index + 1)
        _lab("shell", path, f"h{index}", "--", "sh", "-ec", by_hand)
    before = [_fingerprint(path, f"h{index}") for index in range(HOSTS)]
    kinds = list(islice(cycle(KINDS), HOSTS * ROUNDS))
    tried = recovered = 0
    slow = []
    while kinds:
        now, kinds = kinds[:HOSTS], kinds[HOSTS:]
        path = lockout([KINDS[kind](_own(index)) for index, kind in enumerate(now)])
        start = time.monotonic()
        done = _command("-m", "pyinfra", "-y", path, "deploys/network.py")
        slow.append(time.monotonic() - start)
        output = done.stdout + done.stderr
        assert done.returncode == 1, output
        for index, kind in enumerate(now):
            tried += 1
            host = rf"\[h{index}\] +"
            assert re.search(host + "the change cut this connection off", output), (kind, output)
            assert re.search(host + "the host has undone it by itself", output), (kind, output)
            after = _fingerprint(path, f"h{index}")
            assert before[index] - after == set(), kind
            assert after - before[index] == set(), kind
            recovered += 1
    print(f"\nlock-outs tried {tried}, recovered {recovered}, kinds {len(KINDS)},", end=" ")
    print(f"slowest run {max(slow):.1f} s with confirm {CONFIRM} s")
    assert tried == recovered == HOSTS * ROUNDS
    # Start, the time to confirm, five seconds for the undo.
    assert max(slow) < CONFIRM + 5 + 5
