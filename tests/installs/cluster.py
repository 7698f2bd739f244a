"""What a cluster on lab hosts says of itself, by etcdctl."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.installs.bench import Bench

__all__ = ["OPTIONS", "PACKAGES", "Members"]

PACKAGES = ("etcd-server", "etcd-client")
# The machine that tests is busy with three hosts: no election for a late heartbeat.
OPTIONS = {"heartbeat-interval": 250, "election-timeout": 2500}
CTL = (
    "ETCDCTL_API=3 etcdctl --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/member.pem"
    " --key=/etc/etcd/pki/member.key --endpoints="
)


class Members:
    """Those of one cluster, by host; asked on one of them."""

    def __init__(self, bench: Bench, addresses: dict[str, str]) -> None:
        self.bench, self.addresses = bench, addresses

    def status(self) -> dict[str, dict[str, Any]]:
        """Each member's own word."""
        urls = ",".join(f"https://{each}:2379" for each in self.addresses.values())
        words = self.bench.sh(next(iter(self.addresses)), f"{CTL}{urls} endpoint status -w json")
        (line,) = (line for line in words.splitlines() if line.startswith("["))
        return dict(zip(self.addresses, (each["Status"] for each in json.loads(line)), strict=True))

    def leader(self) -> str:
        (leader,) = (
            host
            for host, each in self.status().items()
            if each["leader"] == each["header"]["member_id"]
        )
        return leader

    def one_cluster(self) -> None:
        """One cluster id, one leader, as many members as there are hosts."""
        found = self.status().values()
        assert len({each["header"]["cluster_id"] for each in found}) == 1
        assert len({each["header"]["member_id"] for each in found}) == len(self.addresses)
        assert len({each["leader"] for each in found}) == 1

    def whole(self, patience: float = 60) -> None:
        """Wait until every member serves, whatever is done or not done about it."""
        deadline = time.monotonic() + patience
        urls = ",".join(f"https://{each}:2379" for each in self.addresses.values())
        ask = f"{CTL}{urls} endpoint health >/dev/null 2>&1 && echo yes || echo no"
        while self.bench.sh(next(iter(self.addresses)), ask) != "yes":
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def environment(self, host: str) -> list[str]:
        """What a member's process was started with."""
        text = self.bench.sh(host, "tr '\\0' '\\n' </proc/$(pidof etcd)/environ")
        return text.splitlines()
