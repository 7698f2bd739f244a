"""Calico's deploy on lab hosts, against a release server and a program that answers like calicoctl.

What the real images would do is not shown here: docs/calico.md lists it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installs.bench import Bench
from tests.installs.calico_site import releases
from tests.installs.workloads import sh

pytestmark = pytest.mark.lab

HOSTS = ("c0", "c1", "c2")
MACHINE = "198.18.83.1"
VERSIONS = ["3.31.6", "3.31.7"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "fb8c", "198.18.83.0/24", "calico", ())
    made.declare({host: {} for host in HOSTS})
    made.up()
    yield made
    made.down()


@pytest.fixture
def site(bench: Bench) -> Iterator[str]:
    """The base URL of the release server, which is the datastore too."""
    program = Path(__file__).with_name("calico_site.py")
    words = [sys.executable, str(program), MACHINE, *VERSIONS]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://{MACHINE}:{server.stdout.readline().strip()}"
        server.kill()


def _sha(version: str) -> str:
    content = releases([version])[f"/releases/v{version}/calicoctl-linux-amd64"]
    return hashlib.sha256(content).hexdigest()


def _declare(bench: Bench, site: str, version: str = "3.31.6", **data: Any) -> None:
    calico = {
        "version": version,
        "calicoctl": {"url": f"{site}/releases", "sha256": _sha(version)},
        "etcd": {"endpoints": [site]},
        "runtime": "/usr/local/bin/runtime",
        "pools": {"workloads": {"cidr": "10.65.0.0/16"}},
        "felix": {"bpfEnabled": False, "defaultEndpointToHostAction": "ACCEPT"},
        **data,
    }
    bench.declare({host: {} for host in HOSTS}, calico=calico)


def _log(site: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{site}/log", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def test_from_nothing_and_what_changes(bench: Bench, site: str) -> None:
    for host in HOSTS:
        sh(bench, host, f"curl -fsS -o /usr/local/bin/runtime {site}/runtime;"
                        " chmod 755 /usr/local/bin/runtime")  # fmt: skip
    _wrong_checksum(bench, site)
    _declare(bench, site)
    bench.deploy("calico", "-y")
    made = [(each["verb"], each["document"]["kind"]) for each in _log(site)]
    assert made == [
        ("apply", "IPPool"), ("apply", "FelixConfiguration"), ("apply", "BGPConfiguration"),
    ]  # fmt: skip
    assert sh(bench, "c1", "calicoctl version").startswith("Client Version:    v3.31.6")
    conflist = json.loads(sh(bench, "c1", "cat /etc/cni/net.d/10-calico.conflist"))
    assert conflist["plugins"][0]["nodename"] == "c1"
    bench.silent("calico")
    assert len(_log(site)) == 3
    _starts_only_when_its_inputs_change(bench, site)
    _live_pool(bench, site)
    _reflectors(bench, site)
    _ghost(bench, site)


def _wrong_checksum(bench: Bench, site: str) -> None:
    url = {"url": f"{site}/releases", "sha256": "0" * 64}
    _declare(bench, site, calicoctl=url)
    bench.deploy("calico", "-y", ok=False)
    there = "ls /etc/calico /usr/local/bin/calicoctl /etc/systemd/system/calico-node.service"
    for host in HOSTS:
        assert sh(bench, host, f"({there}) 2>/dev/null || true") == ""


def _starts_only_when_its_inputs_change(bench: Bench, site: str) -> None:
    _declare(bench, site, "3.31.7", felix={"bpfEnabled": False, "logSeverityScreen": "Warning"})
    bench.deploy("calico", "-y")
    assert sh(bench, "c2", "calicoctl version").startswith("Client Version:    v3.31.7")
    (last,) = _log(site)[3:]
    assert last["document"]["spec"] == {
        # What is no longer declared stays as it is.
        "bpfEnabled": False, "defaultEndpointToHostAction": "ACCEPT",
        "logSeverityScreen": "Warning",
    }  # fmt: skip
    assert sh(bench, "c2", "wc -l </var/log/starts") == "2"
    sh(bench, "c2", "rm /usr/local/bin/calicoctl")
    bench.deploy("calico", "-y")
    assert sh(bench, "c2", "wc -l </var/log/starts") == "2"
    bench.silent("calico")


def _live_pool(bench: Bench, site: str) -> None:
    """What addresses were given out of doesn't change."""
    for pools, said in (
        ({"workloads": {"cidr": "10.70.0.0/16"}}, "pools.workloads.cidr: 10.70.0.0/16: the live"),
        ({"workloads": {"cidr": "10.65.0.0/16", "block_size": 24}}, "block_size: 24: the live"),
        (
            {"more": {"cidr": "10.65.128.0/17"}},
            "more.cidr: 10.65.128.0/17 overlaps 10.65.0.0/16 of workloads",
        ),
    ):
        _declare(bench, site, "3.31.7", pools=pools)
        output = bench.deploy("calico", "-y", ok=False)
        assert said in output, output
        assert "no host was changed" in output
    assert len(_log(site)) == 4


def _reflectors(bench: Bench, site: str) -> None:
    """At no change is a host without the sessions that it needs afterwards."""
    felix = {"bpfEnabled": False}
    before = len(_log(site))
    _declare(bench, site, "3.31.7", felix=felix, reflectors=["c0"])
    bench.deploy("calico", "-y")
    log = _log(site)[before:]
    (end,) = [each for each in log if each["document"]["kind"] == "BGPConfiguration"]
    assert log[-1] is end
    assert end["document"]["spec"]["nodeToNodeMeshEnabled"] is False
    status = sh(bench, "c1", "calicoctl node status")
    assert "198.18.83.10 | node specific | up" in status
    assert "198.18.83.12" not in status
    # Both of the others had their sessions with the reflector when the mesh ended.
    for host in ("c1", "c2"):
        assert "198.18.83.10" in end["before"][host]
    bench.silent("calico")
    before = len(_log(site))
    _declare(bench, site, "3.31.7", felix=felix)
    bench.deploy("calico", "-y")
    first, *others = _log(site)[before:]
    assert first["document"]["spec"]["nodeToNodeMeshEnabled"] is True
    assert [each["verb"] for each in others] == ["patch", "delete"]
    for each in others:
        assert "198.18.83.12" in each["before"]["c1"], "the mesh was not there yet"
    assert "198.18.83.12" in sh(bench, "c1", "calicoctl node status")
    bench.silent("calico")
    assert "12 passed" in bench.verify()


def _ghost(bench: Bench, site: str) -> None:
    _declare(bench, site, "3.31.7", hosts={"c1": {"nodename": "c1.example.net"}})
    output = bench.deploy("calico", "-y", ok=False)
    assert "calico.hosts.c1.nodename: c1.example.net: the host has been c1" in output
