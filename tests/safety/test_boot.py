"""What the next boot runs: without systemd, with a parent that comes late; and every file."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.core.test_site import DECIDES, KEY
from tests.iptables.host import Host
from tests.safety.killing import document

pytestmark = pytest.mark.live

DOCS = Path(__file__).parents[2] / "docs" / "safety.md"
BRIDGE = {
    "links": {"br0": {"kind": "bridge", "addresses": ["192.0.2.1/24"], "mtu": 1400}},
    "iptables": {"filter": {"INPUT": ["-i br0 -j ACCEPT"]}},
}
# What the first process is called tells how a host starts.
BY_INIT = """
echo init > /mnt/comm
mount --bind /mnt/comm /proc/1/comm
rm -rf /etc/network /etc/local.d
"""
GONE = "ip link del br0; iptables -F INPUT"


def _wait(host: Host, condition: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while host.run(condition).returncode:
        assert time.monotonic() < until, condition
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("directory", "hook"),
    [
        ("/etc/network/if-pre-up.d", "netwright-network"),
        ("/etc/local.d", "netwright-network.start"),
    ],
)
def test_without_systemd_its_hook_brings_it_back(directory: str, hook: str) -> None:
    with Host() as host:
        host.sh(f"{BY_INIT}mkdir -p {directory}")
        host.converge(BRIDGE)
        assert host.sh("find /etc/systemd -name '*netwright*'") == ""
        assert host.sh(f"stat -c %a {directory}/{hook}") == "755\n"
        before = host.sh("ip -4 -d -o address show dev br0 | cut -d' ' -f2-7"), host.rules()
        host.sh(GONE)
        assert host.prepare(BRIDGE).plan, "nothing is left of it"
        host.sh(f"IFACE=eth7 {directory}/{hook}") if "network" in directory else None
        assert host.run("ip link show dev br0").returncode or "local" in directory
        host.sh(f"IFACE=--all {directory}/{hook}")
        _wait(host, "ip link show dev br0 && iptables -C INPUT -i br0 -j ACCEPT")
        assert (
            host.sh("ip -4 -d -o address show dev br0 | cut -d' ' -f2-7"),
            host.rules(),
        ) == before
        assert not host.prepare(BRIDGE).plan
        host.converge({})
        assert host.sh(f"ls -A {directory}") == ""


def test_ifupdown_takes_the_hook_by_its_name() -> None:
    with Host() as host:
        host.sh(f"{BY_INIT}mkdir -p /etc/network/if-pre-up.d")
        host.converge(BRIDGE)
        found = host.sh("run-parts --test /etc/network/if-pre-up.d").split()
        assert found == ["/etc/network/if-pre-up.d/netwright-network"]


def test_a_host_that_starts_nothing_is_told_so() -> None:
    with Host() as host:
        host.sh(BY_INIT)
        warnings = host.prepare(BRIDGE).warnings
        assert [problem.path for problem in warnings] == ["persist"]


# On a veth, which others make, and make late.
ON_LATE = {
    "links": {
        "late0": {"mtu": 1400},
        "mv0": {
            "kind": "macvlan",
            "macvlan": {"link": "late0", "mode": "bridge"},
            "addresses": ["192.0.2.9/24"],
            "ipv4": {"arp_ignore": 1},
        },
    },
    "routes": [{"dst": "203.0.113.0/24", "via": "192.0.2.1", "dev": "mv0"}],
}


def test_a_parent_that_comes_late_is_waited_for() -> None:
    parent = "ip link add late0 type veth peer name late1; ip link set late1 up"
    with Host() as host:
        host.sh(parent)
        host.converge(ON_LATE)
        host.sh("ip link del late0")
        enter = ["nsenter", "-t", str(host.pid), "-m", "-n", "-i"]
        boot = [*enter, "sh", "/etc/netwright/network/boot"]
        with subprocess.Popen(boot, stderr=subprocess.PIPE, text=True) as process:
            time.sleep(2)
            assert process.poll() is None, "it waits"
            assert host.run("ip link show dev mv0").returncode, "there is nothing to make it on"
            host.sh(parent)
            words = process.communicate(timeout=60)[1]
            assert process.returncode == 0, words
        assert not host.prepare(ON_LATE).plan
        assert host.sh("cat /proc/sys/net/ipv4/conf/mv0/arp_ignore") == "1\n"


ROW = re.compile(r"^\| `([^`]+)`(?:, `([^`]+)`)? \| (\w+) \|", re.MULTILINE)
LIST = r"""
find /etc /run -path '*netwright*' -printf '%p %y %m\n'
"""


def test_every_file_is_in_the_docs_with_its_mode() -> None:
    rows: dict[str, str] = {}
    for first, second, mode in ROW.findall(DOCS.read_text()):
        for path in filter(None, (first, second)):
            full = path if path.startswith("/") else f"{first.rpartition('/')[0]}/{path}"
            rows[full.replace("NAME", "network").rstrip("/")] = mode
    assert len(rows) > 12, "the table is read"
    found: dict[str, str] = {}
    for keep in (True, False):
        with Host() as host:
            run = host.prepare(document("old"), keep=keep)
            assert not host.execute(run).failed
            found |= _listed(host)
            change = host.prepare(document("new"), keep=keep)
            host.run(change.script("test", confirm=2))
            found |= _listed(host)
            _wait(host, "[ -e /run/netwright/network.undone ]")
            found |= _listed(host)
    for init, directory in (("ifupdown", "/etc/network/if-pre-up.d"), ("openrc", "/etc/local.d")):
        with Host() as host:
            host.sh(f"{BY_INIT}mkdir -p {directory}")
            host.converge(BRIDGE)
            found |= {path: mode for path, mode in _listed(host).items() if directory in path}
            assert any(directory in path for path in found), init
    versions = {path for path in found if path.startswith("/etc/netwright/.network.")}
    assert versions, "the versions behind the link"
    inside = {path for path in found if path.startswith("/run/netwright/network/")}
    assert inside, "the journal, which the docs name as a whole"
    for path in sorted(found.keys() - versions - inside):
        if not path.endswith(".nw-new"):
            assert path in rows, f"docs/safety.md lists no {path}"
            assert rows[path] == found[path], path


def _listed(host: Host) -> dict[str, str]:
    """Path -> mode, or `link`."""
    lines = [line.rsplit(" ", 2) for line in host.sh(LIST).splitlines()]
    return {path: "link" if kind == "l" else f"0{mode}" for path, kind, mode in lines}


SYSTEMD_SYSCTL = Path("/lib/systemd/systemd-sysctl")


@pytest.mark.skipif(not SYSTEMD_SYSCTL.exists(), reason="this machine has no systemd-sysctl")
@pytest.mark.parametrize("what", DECIDES)
def test_systemd_decides_as_we_say(what: str) -> None:
    files, expected = DECIDES[what]
    with Host() as host:
        host.sh("for at in /etc /run /usr/lib; do mkdir -p $at/sysctl.d; done")
        host.sh("mount -t tmpfs none /usr/lib/sysctl.d; mount -t tmpfs none /etc/sysctl.d")
        host.sh("ip link add eth0 type veth peer name eth1")
        host.sh(f"echo 0 > /proc/sys/{KEY}")
        for path, lines in files.items():
            text = "".join(f"{line}\n" for line in lines)
            host.sh(f"cat > {path} <<'END'\n{text}END")
        host.run(str(SYSTEMD_SYSCTL))
        value = host.sh(f"cat /proc/sys/{KEY}").strip()
        assert value == ("0" if expected is None else expected[1])
