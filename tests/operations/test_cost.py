"""The cost on the wire: one command to read, one to change, whatever is declared, and however."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.operations.test_examples import SANDBOX

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]

AS_OPERATIONS = """
from netwright.operations import link, netns, route, sysctl

netns.netns(name="1", netns="blue")
link.bridge(name="2", ifname="br7", addresses=["172.31.0.1/24"])
link.veth(name="3", ifname="to-blue", peer={"name": "eth0", "netns": "blue"}, master="br7")
link.link(name="4", ifname="lo", netns="blue")
link.link(name="5", ifname="eth0", netns="blue", addresses=["172.31.0.2/24"])
route.route(name="6", dst="default", via="172.31.0.1", netns="blue")
sysctl.sysctl(name="7", key="net.ipv4.conf.br7.rp_filter", value=0)
"""

AS_DOCUMENT = """
from netwright.operations import network

network.state(name="1", network={
    "sysctl": {"net.ipv4.conf.br7.rp_filter": 0},
    "links": {
        "br7": {"kind": "bridge", "addresses": ["172.31.0.1/24"]},
        "to-blue": {
            "kind": "veth",
            "veth": {"peer": {"name": "eth0", "netns": "blue"}},
            "master": "br7",
        },
    },
    "netns": {
        "blue": {
            "links": {"lo": {}, "eth0": {"addresses": ["172.31.0.2/24"]}},
            "routes": [{"dst": "default", "via": "172.31.0.1"}],
        }
    },
})
"""

SPLIT = AS_OPERATIONS.replace(
    "link.veth(",
    'from pyinfra.operations import server\nserver.shell(name="x", commands="true")\nlink.veth(',
)


def _commands(deploy, tmp_path, *flags):
    """How many commands a first run sends, and how many a second one."""
    path = tmp_path / "deploy.py"
    path.write_text(deploy)
    pyinfra = [sys.executable, "-m", "pyinfra", "-vv", *flags, "@local", str(path)]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX, "sandbox", "", *pyinfra],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    first, _, second = done.stdout.partition("== again")
    return first.count(">>>"), second.count(">>>")


def test_a_document(tmp_path):
    assert _commands(AS_DOCUMENT, tmp_path, "-y") == (2, 1)


def test_neighbouring_operations(tmp_path):
    assert _commands(AS_OPERATIONS, tmp_path, "-y") == (2, 1)


def test_a_dry_run_reads_once(tmp_path):
    assert _commands(AS_DOCUMENT, tmp_path, "--dry") == (1, 1)


def test_another_operation_in_between_parts_them(tmp_path):
    """Two runs, each with its read and its change, and the other operation's own command."""
    assert _commands(SPLIT, tmp_path, "-y") == (5, 3)
