"""Five hundred workloads on a host: what a run costs on the wire, and in time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.operations.test_examples import SANDBOX

pytestmark = [pytest.mark.live, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
COUNT = 500
DEPLOY = """
from netwright.installs import fabric_blocks
from netwright.installs.fabric import Fabric
from netwright.installs.fabric_network import NAME, network as declared
from netwright.operations import network

groups = ["even", "odd"]
workloads = {{f"w{{n}}": {{"groups": [groups[n % 2]]}} for n in range({count})}}
rules = [{{"action": "allow", "from": "even", "to": "odd"}}, {{"action": "deny", "to": "odd"}}]
fabric = Fabric(
    pool="10.66.0.0/16", block_size=22, hosts={{"f0": {{"workloads": workloads}}}},
    policy={{"rules": rules}},
)
own = fabric_blocks.addresses(fabric, "f0", "10.66.0.0/22", {{}})
network.state(name="Fabric", network=declared(fabric, "f0", {{"f0": own}}), network_name=NAME)
"""


def _run(path):
    """All that pyinfra prints, commands among it, and the seconds it took."""
    began = time.monotonic()
    pyinfra = [sys.executable, "-m", "pyinfra", "-y", "-vv", "@local", str(path)]
    done = subprocess.run(pyinfra, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr, time.monotonic() - began


def main(path):
    """In the sandbox: from nothing, again, with one more, each with its commands."""
    figures = []
    for count in (COUNT, COUNT, COUNT + 1):
        path.write_text(DEPLOY.format(count=count))
        output, seconds = _run(path)
        links = output.count("(veth)")
        figures.append(f"{output.count('>>>')} commands, {links} links made, {seconds:.1f} s")
    shown = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True)
    figures.append(f"{shown.stdout.count(' cali')} links")
    saved = subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True)
    figures.append(f"{saved.stdout.count('-A ')} rules")
    print("\n".join(figures))


def test_what_five_hundred_cost(tmp_path):
    words = [sys.executable, str(Path(__file__)), str(tmp_path / "deploy.py")]
    sandbox = SANDBOX.partition("before=$1")[0] + '"$@"'
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", sandbox, "sandbox", *words],
        cwd=ROOT, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    first, again, one_more, links, rules = done.stdout.splitlines()
    print(f"\n{COUNT} workloads: {first}; again: {again}; one more: {one_more}; {rules}")
    assert first.startswith("2 commands, 500 links made")
    assert again.startswith("1 commands, 0 links made")
    assert one_more.startswith("2 commands, 1 links made")
    assert links == "501 links"
    # One of FORWARD, two of what is from or to the pool, and in front of workloads: what is
    # established, the policy's two, its default.
    assert rules == "7 rules"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
