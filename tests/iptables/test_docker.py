"""Beside a real Docker daemon, started again between runs: its rules stay, and ours do."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from tests.iptables.host import Host

pytestmark = pytest.mark.live

_DOCKER = f"""
PATH=$PATH:{os.environ["PATH"]}
socket=unix:///mnt/docker.sock
start() {{
  setsid dockerd --data-root /mnt/data --exec-root /mnt/exec -H $socket \\
    --pidfile /mnt/docker.pid --storage-driver vfs > /mnt/docker.log 2>&1 < /dev/null &
  for _ in $(seq 60); do
    ! docker -H $socket version > /dev/null 2>&1 || return 0
    sleep 0.5
  done
  tail -n 5 /mnt/docker.log >&2
  return 1
}}
stop() {{
  kill "$(cat /mnt/docker.pid)"
  while [ -e /mnt/docker.pid ]; do sleep 0.2; done
}}
"""

DOCUMENT: dict[str, Any] = {
    "iptables": {
        "filter": {
            "INPUT": {
                "policy": "DROP",
                "rules": ["-i lo -j ACCEPT", "-p tcp --dport 22 -j ACCEPT"],
            },
            "FORWARD": {"at": "top", "rules": ["-i lan -o wan -j ACCEPT", "-i wan -j OURS"]},
            "OURS": ["-p tcp --dport 80 -j ACCEPT", "-j RETURN"],
            "DOCKER-USER": ["-s 192.0.2.1 -j DROP", "-j RETURN"],
        },
        "nat": {"POSTROUTING": ["-s 10.10.0.0/16 -o wan -j MASQUERADE"]},
    }
}
_OURS = ("lan", "wan", "OURS", "192.0.2.1", "dport 22", "-i lo", "INPUT")


def _dockers(host: Host) -> list[str]:
    return [line for line in host.rules() if not any(word in line for word in _OURS)]


@pytest.mark.skipif(not shutil.which("dockerd"), reason="no dockerd on this machine")
def test_both_sets_of_rules_survive_each_other(host: Host) -> None:
    host.sh(f"ip link set lo up; mount -t sysfs none /sys\n{_DOCKER}start")
    try:
        before = _dockers(host)
        assert "-A FORWARD -o docker0 -j DOCKER" in before
        assert host.converge(DOCUMENT)
        assert _dockers(host) == before
        assert host.chain("FORWARD")[:2] == ["-i lan -o wan -j ACCEPT", "-i wan -j OURS"]
        assert not host.converge(DOCUMENT)
        host.sh(f"{_DOCKER}stop; start")
        assert not host.converge(DOCUMENT)
        assert sorted(_dockers(host)) == sorted(before)
        assert host.chain("DOCKER-USER") == ["-s 192.0.2.1/32 -j DROP", "-j RETURN"]
        assert host.converge({})
        assert sorted(_dockers(host)) == sorted(before)
        assert not [line for line in host.rules() if "wan" in line or "192.0.2.1" in line]
        assert host.chain("DOCKER-USER") == ["-j RETURN"]
    finally:
        host.sh(f"{_DOCKER}stop")
