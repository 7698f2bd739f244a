"""Docker's containers on a fabric: a network of the host's block, which BIRD announces; and without
a network of Docker's, as workloads like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netwright.lab.busybox import tarball
from tests.installs.bench import Bench
from tests.installs.workloads import sh

pytestmark = pytest.mark.lab

BLOCKS = {"d0": "10.67.0.0/26", "d1": "10.67.0.64/26"}
WORKLOADS = {"d0": "10.67.0.60", "d1": "10.67.0.124"}
ADDRESSES = {"d0": "10.67.0.10", "d1": "10.67.0.70"}
ALONE = {"d0": "10.67.0.50", "d1": "10.67.0.114"}


def _docker(host: str, round_: str = "1") -> dict[str, object]:
    command = ["/bin/httpd", "-f", "-p", "80", "-h", "/www"]
    return {
        "networks": {"fabric": {"subnet": BLOCKS[host], "masquerade": False}},
        "images": {"busybox": {"tar": str(tarball())}},
        "containers": {
            "web": {
                "image": "busybox", "command": command, "network": "fabric",
                "address": ADDRESSES[host],
            },
            "alone": {
                "image": "busybox", "command": command, "network": "none",
                "environment": {"ROUND": round_},
            },
        },
    }  # fmt: skip


def _declare(bench: Bench, round_: str = "1", **more: dict[str, object]) -> None:
    hosts: dict[str, dict[str, Any]] = {
        host: {"block": block, "workloads": {"ns": {"address": WORKLOADS[host]}, **more}}
        for host, block in BLOCKS.items()
    }
    for host, node in hosts.items():
        if "box" in more:
            node["workloads"]["box"] = {**more["box"], "address": ALONE[host]}
    data = {host: {"docker": _docker(host, round_)} for host in BLOCKS}
    bench.declare(data, fabric={"pool": "10.67.0.0/16", "hosts": hosts})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "fb8d", "198.18.84.0/24", "fabric", ("bird2", "docker.io"))
    _declare(made)
    made.up()
    yield made
    made.down()


def _seen(bench: Bench, host: str, source: str, target: str) -> bool:
    words = f"grep -c 'icmp.* src={source} dst={target} type=8' /proc/net/nf_conntrack || true"
    return int(sh(bench, host, words)) > 0


def test_containers_on_two_hosts(bench: Bench) -> None:
    bench.deploy("docker", "-y")
    # What Docker leaves behind when it has to switch forwarding on by itself.
    for host in BLOCKS:
        sh(bench, host, "iptables -P FORWARD DROP")
    bench.deploy("fabric", "-y")
    for host, other in (("d0", "d1"), ("d1", "d0")):
        ping = f"docker exec web ping -c 2 -W 3 {ADDRESSES[other]}"
        assert "2 packets received" in sh(bench, host, ping)
        assert _seen(bench, other, ADDRESSES[host], ADDRESSES[other]), "not its own address"
        # A workload in a namespace and a container reach each other as well.
        sh(bench, host, f"ip netns exec ns ping -c 2 -W 3 {ADDRESSES[other]}")
    bench.silent("fabric")
    sh(bench, "d0", "systemctl restart docker")
    sh(bench, "d0", "for n in $(seq 60); do docker exec web true && break; sleep 0.5; done")
    assert "2 packets received" in sh(
        bench, "d0", f"docker exec web ping -c 2 -W 3 {ADDRESSES['d1']}"
    )
    bench.silent("fabric")
    bench.silent("docker")
    _without_a_network(bench)


def _pings(host: str, other: str) -> str:
    return f"docker exec alone ping -c 2 -W 3 {ALONE[other]}"


def _until(bench: Bench, host: str, words: str) -> None:
    """Wait for what may take its time after a start."""
    sh(
        bench,
        host,
        f"for n in $(seq 100); do {words} >/dev/null 2>&1 && exit; sleep 0.3; done; false",
    )


def _own(bench: Bench, host: str) -> bool:
    """Whether the workload's name is that of the namespace that the container has now."""
    pid = "$(docker inspect -f '{{.State.Pid}}' alone)"
    return sh(bench, host, f"ip netns identify {pid}") == "box"


def _docker_away(bench: Bench) -> None:
    """For longer than systemd has patience with a unit that ends again and again."""
    sh(bench, "d0", "systemctl stop docker.socket docker")
    ended = "systemctl show -P NRestarts fabric-containers"
    sh(bench, "d0", f"had=$({ended}); until [ $({ended}) -gt $((had + 6)) ]; do sleep 0.5; done")
    sh(bench, "d0", "systemctl start docker")
    _until(bench, "d0", _pings("d0", "d1"))
    assert _own(bench, "d0")


def _without_a_network(bench: Bench) -> None:
    """Two hosts' containers, with their own addresses; restarts, a boot, and the way back."""
    box: dict[str, object] = {"container": "alone", "groups": ["box"]}
    _declare(bench, box={"container": "web"})
    said = bench.deploy("fabric", "-y", ok=False)
    assert "web: its network is fabric, a workload's is none" in said
    _declare(bench, box=box)
    bench.deploy("fabric", "-y")
    for host, other in (("d0", "d1"), ("d1", "d0")):
        assert _own(bench, host)
        assert "2 packets received" in sh(bench, host, _pings(host, other))
        assert _seen(bench, other, ALONE[host], ALONE[other]), "not its own address"
        sh(bench, host, f"ip netns exec ns ping -c 2 -W 3 {ALONE[other]}")
    bench.silent("fabric")
    bench.verified(at_least=14)
    # Another namespace, and nobody runs anything.
    sh(bench, "d0", "docker restart --time 0 alone")
    _until(bench, "d0", _pings("d0", "d1"))
    assert _own(bench, "d0")
    bench.silent("fabric")
    _docker_away(bench)
    sh(bench, "d0", "systemctl stop fabric-containers; docker restart --time 0 alone")
    assert not _own(bench, "d0")
    assert "d0::fabric.workloads.box.container: fabric-containers.service" in bench.verify(ok=False)
    bench.deploy("fabric", "-y")
    assert "2 packets received" in sh(bench, "d0", _pings("d0", "d1"))
    # Containers that are made again in the same run.
    _declare(bench, round_="2", box=box)
    bench.deploy("fabric", "-y", first=("deploys/docker.py",))
    assert _own(bench, "d0")
    assert "2 packets received" in sh(bench, "d0", _pings("d0", "d1"))
    # The power is cut: containers take their time to go.
    bench.lab("reboot", bench.name, "--hard")
    for host, other in (("d0", "d1"), ("d1", "d0")):
        _until(bench, host, _pings(host, other))
        assert _own(bench, host)
    bench.silent("fabric")
    _declare(bench)
    bench.deploy("fabric", "-y")
    assert "eth0" not in sh(bench, "d0", "docker exec alone ip link")
    assert sh(bench, "d0", "ip netns list | grep -c box || true") == "0"
    assert (
        sh(
            bench, "d0", "ls /usr/local/sbin/fabric-containers /etc/fabric-containers 2>&1 || true"
        ).count("No such")
        == 2
    )
    bench.silent("fabric")
