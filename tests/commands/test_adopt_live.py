"""Adoption on the real kernel: every scenario's hosts, and random states, there and back again."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
PARTS = 4
COUNT = 50
# Their hosts' networks are declared, and made, by deploys of their own.
OTHERS = {"docker", "etcd", "fabric"}
SCENARIOS = {path.stem for path in (ROOT / "inventories").glob("*.py")} - OTHERS
# VLANs of bridges and 802.1Q, IPVS.
NEED_A_MODULE = {"qinq/a", "vlan/a", "vlan/b", "service_ipvs/a"}

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


def _sandbox(*words):
    command = [sys.executable, "-m", "tests.commands.adopt_live", *words]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX, "sandbox", *command],
        cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    print(done.stdout)
    return done.stdout.splitlines()


def test_every_scenario_there_and_back_again():
    lines = _sandbox("scenarios")
    done = {line.split()[1] for line in lines if line.startswith("scenario ")}
    left_out = {line.split()[2].rstrip(":") for line in lines if line.startswith("left out ")}
    # What a kernel may be built without; every other host has to make it.
    assert left_out <= NEED_A_MODULE
    assert {name.partition("/")[0] for name in done | left_out} == SCENARIOS
    assert len(done) >= 18, done


@pytest.mark.parametrize("part", range(PARTS))
def test_random_hosts_there_and_back_again(part):
    """Two hundred in all: links, addresses, routes, rules, neighbours, parameters, tables, sets;
    half of them with links of every kind that needs no module."""
    lines = _sandbox(str(COUNT), str(part))
    assert f"random states {COUNT}" in lines
