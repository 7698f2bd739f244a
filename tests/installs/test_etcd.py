"""An etcd cluster on three lab hosts: from nothing, through changes and faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.installs.bench import Bench
from tests.installs.writer import Client, Writer, context

pytestmark = pytest.mark.lab

# The machine that tests is busy with three hosts: no election for a late heartbeat.
OPTIONS = {"heartbeat-interval": 250, "election-timeout": 2500}
HOSTS = ("n0", "n1", "n2")
ADDRESSES = ("198.18.201.10", "198.18.201.11", "198.18.201.12")
CHANGED = {
    "tls": {"ca": "pki"},
    "options": {**OPTIONS, "snapshot-count": 5000},
}
CTL = (
    "ETCDCTL_API=3 etcdctl --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/member.pem"
    " --key=/etc/etcd/pki/member.key --endpoints="
    + ",".join(f"https://{a}:2379" for a in ADDRESSES)
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "inst-etcd", "198.18.201.0/24", "etcd", ("etcd-server", "etcd-client"))
    made.declare({host: {} for host in HOSTS}, etcd={"tls": {"ca": "pki"}, "options": OPTIONS})
    made.up()
    yield made
    made.down()


def _status(bench: Bench) -> list[dict[str, int]]:
    """Each member's own word, by etcdctl with all endpoints."""
    words = bench.sh("n0", f"{CTL} endpoint status -w json")
    (line,) = (line for line in words.splitlines() if line.startswith("["))
    return [each["Status"] for each in json.loads(line)]


def _leader(bench: Bench) -> str:
    found = _status(bench)
    (leader,) = (
        host
        for host, each in zip(HOSTS, found, strict=True)
        if each["leader"] == each["header"]["member_id"]
    )
    return leader


def _one_cluster(bench: Bench) -> None:
    found = _status(bench)
    assert len({each["header"]["cluster_id"] for each in found}) == 1
    assert len({each["header"]["member_id"] for each in found}) == 3
    assert len({each["leader"] for each in found}) == 1


def test_from_nothing_through_every_fault(bench: Bench, tmp_path: Path) -> None:
    output = bench.deploy("etcd", "-y")
    assert "PRIVATE" not in output
    _one_cluster(bench)
    bench.silent("etcd")
    modes = bench.sh("n1", "stat -c '%a %U' /etc/etcd/pki/member.key")
    assert modes == "600 etcd"
    assert (tmp_path / "pki" / "ca.key").stat().st_mode & 0o777 == 0o600

    with closing(Client(ADDRESSES, context(tmp_path / "pki"))) as client:
        _through_every_fault(bench, client, tmp_path)


def _through_every_fault(bench: Bench, client: Client, tmp_path: Path) -> None:
    faults = {
        "a setting changed on all members": _setting,
        "the leader killed": _killed,
        "a member's data wiped": _wiped,
        "a host rebooted": _rebooted,
        "a host rebuilt": _rebuilt,
    }
    writers = {}
    for number, (what, fault) in enumerate(faults.items()):
        with Writer(client, f"w{number}") as writer:
            fault(bench)
            _one_cluster(bench)
        writers[what] = writer
        print(f"\n{writer.figures(what)}", end="")
        assert len(writer.written) > 40
    print()
    for what, writer in writers.items():
        assert writer.missing() == [], what
    change = writers["a setting changed on all members"]
    assert len(change.lost) <= 0.01 * (len(change.written) + len(change.lost)), change.lost
    bench.silent("etcd")
    assert "24 passed" in bench.verify()
    bench.sh("n2", "systemctl stop etcd")
    said = bench.verify(ok=False)
    assert "n2::etcd.health: a linearizable read fails" in said
    assert "n2: etcd does not run" in said


def _setting(bench: Bench) -> None:
    leader = _leader(bench)
    bench.declare({host: {} for host in HOSTS}, etcd=CHANGED)
    planned = bench.deploy("etcd", "--dry")
    assert "restart" not in "".join(_environment(bench, "n0"))
    output = bench.deploy("etcd", "-y")
    for text in (planned, output):
        order = list(dict.fromkeys(re.findall(r"restart (n\d): ETCD_SNAPSHOT_COUNT", text)))
        assert sorted(order) == list(HOSTS)
        assert order[-1] == leader
    assert "snapshot on" in output
    for host in HOSTS:
        assert "ETCD_SNAPSHOT_COUNT=5000" in _environment(bench, host)


def _environment(bench: Bench, host: str) -> list[str]:
    return bench.sh(host, "tr '\\0' '\\n' </proc/$(pidof etcd)/environ").splitlines()


def _killed(bench: Bench) -> None:
    bench.sh(_leader(bench), "systemctl kill -s KILL etcd")
    bench.deploy("etcd", "-y")


def _wiped(bench: Bench) -> None:
    bench.sh("n1", "systemctl stop etcd; rm -rf /var/lib/etcd/default")
    assert "join n1" in bench.deploy("etcd", "-y")


def _rebooted(bench: Bench) -> None:
    bench.lab("reboot", bench.name, "n2", "--hard")
    bench.deploy("etcd", "-y")


def _rebuilt(bench: Bench) -> None:
    bench.declare({host: {} for host in HOSTS[:2]}, etcd=CHANGED)
    bench.up()
    bench.declare({host: {} for host in HOSTS}, etcd=CHANGED)
    bench.up()
    assert "join n2" in bench.deploy("etcd", "-y")
