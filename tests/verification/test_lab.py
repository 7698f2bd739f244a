"""Whole hosts over SSH: another user with sudo, listeners on other hosts, a host that is down."""

import re

import pytest

from tests.lab.bench import Bench
from tests.verification.fakehost import verify

pytestmark = pytest.mark.lab

# b is reached as a user who has to use sudo; nobody is at the address of `down`.
INVENTORY = """
from netwright.lab import lab

A, B, PORT = "198.18.91.10", "198.18.91.11", 4242
there = {"at": "b/ns1", "port": PORT}
hosts = lab(__file__, subnet="198.18.91.0/24", hosts={
    "a": {"network": {
        "links": {"eth0": {"state": "up", "mtu": 1500}},
        "routes": [{"dst": "10.201.0.0/24", "via": B}],
        "checks": [
            {"from": "host", "ping": "10.201.0.2"},
            {"from": "host", "tcp": f"10.201.0.2:{PORT}", "listen": there, "source_seen": A},
            {"from": "host", "udp": f"10.201.0.2:{PORT}", "listen": there, "source_seen": A},
            {"from": "host", "http": f"http://10.201.0.2:{PORT}/", "listen": there,
             "source_seen": A, "count": 20},
            {"from": "b/ns1", "tcp": f"{A}:{PORT}", "listen": {"port": PORT},
             "source_seen": "10.201.0.2"},
            {"from": "b/ns1", "tcp": f"{A}:22"},
            {"from": "b/ns1", "arping": "10.201.0.1"},
            {"from": "host", "tcp": f"10.201.0.2:{PORT}", "source": A, "expect": "refused"},
            {"from": "host", "tcp": f"10.201.0.2:{PORT}", "source": A, "dev": "eth0",
             "listen": there, "source_seen": A},
            {"from": "host", "udp": f"10.201.0.2:{PORT}", "source": A, "listen": there},
            {"from": "down/host", "ping": A},
        ]}},
    "b": {"_sudo": True, "network": {
        "sysctl": {"net.ipv4.ip_forward": 1},
        "links": {"p1": {"kind": "veth", "veth": {"peer": {"name": "eth0", "netns": "ns1"}},
                         "addresses": ["10.201.0.1/24"]}},
        "netns": {"ns1": {"links": {"lo": {}, "eth0": {"addresses": ["10.201.0.2/24"]}},
                          "routes": [{"dst": "default", "via": "10.201.0.1"}]}},
        "checks": [
            {"from": "a/host", "ping": "10.201.0.2", "expect": "timeout",
             "with": {"sysctl": {"net.ipv4.ip_forward": 0}}},
            {"from": "a/host", "ping": "10.201.0.2"},
        ]}},
})
hosts[1][1]["ssh_user"] = "admin"
hosts.append(("down", {**hosts[0][1], "ssh_hostname": "198.18.91.99",
                       "network": {"links": {"lo": {}}}}))
"""
# As an admin would by hand; the verification must not depend on netwright's own converging.
B_BY_HAND = """
sysctl -qw net.ipv4.ip_forward=1
ip netns add ns1
ip link add p1 type veth peer name eth0 netns ns1
ip address add 10.201.0.1/24 dev p1
ip link set p1 up
ip -n ns1 link set lo up
ip -n ns1 address add 10.201.0.2/24 dev eth0
ip -n ns1 link set eth0 up
ip -n ns1 route add default via 10.201.0.1
"""


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.run("netwright", "lab", "down", "--all")


@pytest.fixture
def inventory(bench):
    path = bench.path / "verified.py"
    path.write_text(INVENTORY)
    bench.run("netwright", "lab", "up", path)
    bench.ssh("verified", "a", "ip route add 10.201.0.0/24 via 198.18.91.11")
    bench.ssh("verified", "b", B_BY_HAND)
    return path


def test_hosts_over_ssh(bench, inventory):
    done = verify(inventory, env=bench.environment)
    failed = re.findall(r"^(\S+::.*) FAILED ", done.stdout, re.M)
    skipped = re.findall(r"^(\S+::.*) SKIPPED ", done.stdout, re.M)
    assert failed == ["a::checks[10] down/host ping 198.18.91.10", "down::connection"], done.stdout
    # What was set by hand is not said to come back.
    assert skipped == ["a::boot", "b::boot", "down::links.lo.state", "down::boot"]
    assert "down is not reached: Could not connect" in done.stdout
    assert "Traceback" not in done.stdout
    for host in ("a", "b"):
        left = bench.ssh(
            "verified", host, "ls /tmp /run/netwright 2>&1; pgrep -a 'socat|perl' || :"
        )
        assert "netwright-check" not in left
        assert "socat" not in left


def test_a_user_without_rights_is_told_so(bench, inventory):
    inventory.write_text(INVENTORY.replace('"_sudo": True, ', ""))
    done = verify(inventory, "b::connection", env=bench.environment)
    assert "b::connection: b can't be read: it needs root; set _sudo" in done.stdout, done.stdout


def test_sudo_with_a_password(bench, inventory):
    bench.ssh(
        "verified", "b", "echo admin:secret | chpasswd; sed -i s/NOPASSWD:// /etc/sudoers.d/admin"
    )
    inventory.write_text(
        INVENTORY.replace('"_sudo": True, ', '"_sudo": True, "_sudo_password": "secret", ')
    )
    done = verify(inventory, "b", env=bench.environment)
    assert done.returncode == 0, done.stdout
    assert "secret" not in done.stdout
    inventory.write_text(INVENTORY)
    done = verify(inventory, "b::connection", env=bench.environment)
    assert "b::connection: b is not reached: sudo asks for a password" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
