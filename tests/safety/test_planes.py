"""A lab host whose planes are set apart on purpose: what runs, what boots, whose it is; and the
controller, or its connection, killed at many moments of a run.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.lab.bench import BIN, Bench

pytestmark = pytest.mark.lab

SUBNET = "198.18.124"
CONFIRM = 4
NETWORK = {
    "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.arp_announce": 1},
    "modules": ["br_netfilter"],
    "links": {
        "eth0": {"txqueuelen": 1000},
        "br0": {"kind": "bridge", "addresses": ["192.0.2.1/24"]},
    },
    "routes": [{"dst": "203.0.113.0/24", "via": "192.0.2.9"}],
    "iptables": {"filter": {"INPUT": ["-i br0 -p tcp --dport 9 -j DROP"]}},
}
INVENTORY = """
from netwright.lab import lab
hosts = lab(__file__, subnet={subnet!r}, hosts={{"h0": {data!r}}})
"""


class Site(Bench):
    """A lab of one host, and what is run against it."""

    def write(self, network: object = NETWORK, **data: object) -> None:
        text = INVENTORY.format(subnet=f"{SUBNET}.0/24", data={"network": network, **data})
        (self.path / "planes.py").write_text(text)

    def pyinfra(self, *flags: str, deploy: str = "network", ok: bool = True) -> str:
        words = ("pyinfra", "-y", *flags, self.path / "planes.py", f"deploys/{deploy}.py")
        done = self.run(*words, ok=ok)
        return done.stdout + done.stderr

    def on(self, command: str) -> str:
        return self.ssh("planes", "h0", command)

    def boot_item(self) -> str:
        """What the verification says of the next boot; empty when it is as declared."""
        words = ["pytest", "-q", "--pyinfra-inventory", str(self.path / "planes.py"), "--verify"]
        done = subprocess.run(
            [BIN / words[0], *words[1:], "h0::boot"],
            # What is wrong stands in one line, which is cut at the width.
            env={**self.environment, "COLUMNS": "500"},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert ("1 passed" in done.stdout) is (done.returncode == 0), done.stdout
        return "" if done.returncode == 0 else done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    made = Site(tmp_path_factory.mktemp("planes"))
    made.write()
    made.run("netwright", "lab", "up", made.path / "planes.py")
    yield made
    made.run("netwright", "lab", "down", "--all")


def _drift(site: Site) -> list[str]:
    """The paths of what a run would change."""
    done = subprocess.run(
        [BIN / "netwright", "plan", "--format", "json", str(site.path / "planes.py")],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode in (0, 2), done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    found = [step["path"] for step in host["changes"]]
    assert (done.returncode == 2) is bool(found)
    return found


def test_what_boots_is_a_plane_of_its_own(site: Site) -> None:
    site.write()
    site.pyinfra()
    assert site.boot_item() == ""
    assert _drift(site) == []
    unit = "netwright-network.service"
    broken = {
        f"systemctl disable -q {unit}": "nothing starts it",
        f"ln -sf /dev/null /etc/systemd/system/{unit}": "nothing starts it",
        "rm /etc/sysctl.d/99-zz-netwright-network.conf": "no file of sysctl.d sets net/ipv4",
        "rm /etc/modules-load.d/netwright-network.conf": "no file has the module br_netfilter",
    }
    for command, words in broken.items():
        site.on(command)
        assert words in site.boot_item(), command
        assert _drift(site), command
        site.pyinfra()
        assert site.boot_item() == "", command
        assert _drift(site) == [], command


def test_a_file_of_others_that_is_read_later_is_named(site: Site) -> None:
    site.write()
    site.pyinfra()
    site.on("echo 'net.ipv4.ip_forward = 0' > /etc/sysctl.d/zz-site.conf")
    try:
        assert "sysctl.d gives net/ipv4/ip_forward 0, not 1" in site.boot_item()
        said = site.pyinfra("--dry")
        assert "/etc/sysctl.d/zz-site.conf sets 0 and is read after ours" in said
    finally:
        site.on("rm /etc/sysctl.d/zz-site.conf")
    assert "is read after ours" not in site.pyinfra("--dry")


def test_networkd_on_a_declared_link_is_named(site: Site) -> None:
    site.write()
    site.pyinfra()
    text = r"[Match]\nName=eth0\n[Network]\nAddress=" + f"{SUBNET}.10/24" + r"\n"
    site.on(f"printf '{text}' > /etc/systemd/network/eth0.network")
    site.on("systemctl start systemd-networkd")
    try:
        until = time.monotonic() + 30
        while "NETWORK_FILE" not in site.on("cat /run/systemd/netif/links/*"):
            assert time.monotonic() < until
        said = site.pyinfra("--dry")
        assert "links.eth0: systemd-networkd sets it up too (/etc/systemd/network/eth0" in said
        assert "links.br0" not in said
    finally:
        site.on("systemctl stop systemd-networkd systemd-networkd.socket")
        site.on("rm -r /etc/systemd/network/eth0.network /run/systemd/netif")
    assert "systemd-networkd" not in site.pyinfra("--dry")


def test_a_lost_ledger_is_said_and_rebuilt(site: Site) -> None:
    site.write()
    site.pyinfra()
    site.on("rm /etc/netwright/network/ledger.json")
    said = site.pyinfra()
    assert "/etc/netwright/network/ledger.json: is lost" in said
    assert "is lost" not in site.pyinfra("--dry")
    site.on("echo '{' > /etc/netwright/network/ledger.json")
    said = site.pyinfra(ok=False)
    assert "(/etc/netwright/network/ledger.json or /run/netwright/network.json)" in said
    assert "is damaged; move it away" in said
    site.on("rm /etc/netwright/network/ledger.json")
    site.pyinfra()
    site.pyinfra(deploy="absent")
    assert "br0" not in site.on("ip -br link")


def test_everything_of_every_name_goes(site: Site) -> None:
    site.write()
    before = site.on("ip -br address | cut -d/ -f1; ip route; iptables-save | grep ^-A || :")
    site.pyinfra()
    site.write({"links": {"br1": {"kind": "bridge"}}}, network_name="other", persist=False)
    site.pyinfra()
    assert "br1" in site.on("ip -br link")
    site.pyinfra("--data", "network_name=*", deploy="absent")
    after = site.on("ip -br address | cut -d/ -f1; ip route; iptables-save | grep ^-A || :")
    assert after == before
    left = "find /etc -name '*netwright*'; ls -A /run/netwright 2> /dev/null || :"
    assert site.on(left) == ""
    assert "No changes" in site.pyinfra("--data", "network_name=*", deploy="absent")


OLD = {"links": {"lo": {"addresses": ["192.0.2.7/32"]}}}
NEW = {
    "sysctl": {f"net.ipv4.conf.{name}.arp_ignore": 1 for name in ("all", "lo")},
    "links": {
        f"br{index}": {"kind": "bridge", "addresses": [f"10.9.{index}.1/24"], "mtu": 1400}
        for index in range(8)
    },
    "routes": [{"dst": f"10.8.{index}.0/24", "via": f"10.9.{index}.2"} for index in range(8)],
    "netns": {"one": {"links": {"lo": {}}}},
}
LOOK = (
    "ip -br -4 address | sort; ip route; ip netns; cat /proc/sys/net/ipv4/conf/lo/arp_ignore;"
    " find /etc -name '*netwright*' | sort; cat /etc/netwright/network/ledger.json"
)


def _states(site: Site) -> tuple[str, str, float]:
    """What the host is like before and after, and how many seconds the run between them takes."""
    site.write(OLD, confirm=CONFIRM)
    site.pyinfra()
    old = site.on(LOOK)
    site.write(NEW, confirm=CONFIRM)
    began = time.monotonic()
    site.pyinfra()
    took = time.monotonic() - began
    new = site.on(LOOK)
    assert old != new
    return old, new, took


def _settled(site: Site) -> str:
    """The host's state once nothing of a run is left on it."""
    until = time.monotonic() + CONFIRM + 15
    while site.on("ls /run/netwright/network 2> /dev/null || :"):
        assert time.monotonic() < until
        time.sleep(0.2)
    return site.on(LOOK)


@pytest.mark.parametrize("what", ["controller", "connection"])
def test_a_run_that_loses_its_head(site: Site, what: str) -> None:
    old, new, took = _states(site)
    site.write(OLD, confirm=CONFIRM)
    site.pyinfra()
    ends = {"old": 0, "new": 0}
    # Where it's the connection, to say so takes some time as well.
    moments = [took * (0.15 + 0.1 * number) for number in range(10)]
    for moment in moments:
        site.write(NEW, confirm=CONFIRM)
        done = _cut(site, what, moment)
        where = _settled(site)
        assert where in (old, new), (moment, done, where)
        ends["old" if where == old else "new"] += 1
        site.write(OLD, confirm=CONFIRM)
        said = site.pyinfra()
        if where == new:
            assert "br7" in said
        assert site.on(LOOK) == old, moment
    print(f"\n{what} killed at {len(moments)} moments: {ends}, a third state 0")
    assert ends["old"], "some of them came in time"


def _cut(site: Site, what: str, moment: float) -> str:
    """Start a run and kill it, or its connection, after so many seconds."""
    words = ["-m", "pyinfra", "-y", str(site.path / "planes.py"), "deploys/network.py"]
    process = subprocess.Popen(
        [sys.executable, *words],
        env=site.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(moment)
    if what == "controller":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        # The sessions that are there now, but for the one that says so.
        site.on("for p in $(pgrep -f '^sshd: root'); do [ $p = $PPID ] || kill -9 $p; done")
    return process.communicate(timeout=120)[0]
