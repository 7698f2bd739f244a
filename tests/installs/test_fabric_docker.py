"""Docker's containers on a fabric: a network of the host's block, which BIRD announces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netwright.lab.busybox import tarball
from tests.installs.bench import Bench
from tests.installs.workloads import sh

pytestmark = pytest.mark.lab

BLOCKS = {"d0": "10.67.0.0/26", "d1": "10.67.0.64/26"}
WORKLOADS = {"d0": "10.67.0.60", "d1": "10.67.0.124"}
ADDRESSES = {"d0": "10.67.0.10", "d1": "10.67.0.70"}


def _docker(host: str) -> dict[str, object]:
    command = ["/bin/httpd", "-f", "-p", "80", "-h", "/www"]
    return {
        "networks": {"fabric": {"subnet": BLOCKS[host], "masquerade": False}},
        "images": {"busybox": {"tar": str(tarball())}},
        "containers": {
            "web": {
                "image": "busybox", "command": command, "network": "fabric",
                "address": ADDRESSES[host],
            }
        },
    }  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "fb8d", "198.18.84.0/24", "fabric", ("bird2", "docker.io"))
    fabric = {
        "pool": "10.67.0.0/16",
        "hosts": {
            host: {"block": block, "workloads": {"ns": {"address": WORKLOADS[host]}}}
            for host, block in BLOCKS.items()
        },
    }
    made.declare({host: {"docker": _docker(host)} for host in BLOCKS}, fabric=fabric)
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
