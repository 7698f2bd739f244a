"""Adoption on the real kernel: every scenario's hosts, and random states, there and back again."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
COUNT = 10

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


def test_there_and_back_again():
    command = [sys.executable, "-m", "tests.commands.adopt_live", str(COUNT)]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX, "sandbox", *command],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    print(done.stdout)
    hosts = [line for line in done.stdout.splitlines() if line.startswith("scenario ")]
    assert len(hosts) >= 7, hosts
    assert f"random states {COUNT}" in done.stdout
