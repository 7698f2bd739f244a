"""An etcd cluster on three lab hosts: from nothing, through changes and faults."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.installs.bench import Bench
from tests.installs.cluster import OPTIONS, PACKAGES, Members
from tests.installs.repository import served
from tests.installs.writer import Client, Writer, context

pytestmark = pytest.mark.lab

HOSTS = ("n0", "n1", "n2")
ADDRESSES = ("198.18.70.10", "198.18.70.11", "198.18.70.12")
CHANGED = {
    "tls": {"ca": "pki"},
    "options": {**OPTIONS, "snapshot-count": 5000},
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "in7-etcd", "198.18.70.0/24", "etcd", PACKAGES)
    made.declare({host: {} for host in HOSTS}, etcd={"tls": {"ca": "pki"}, "options": OPTIONS})
    made.up()
    yield made
    made.down()


def _members(bench: Bench) -> Members:
    return Members(bench, dict(zip(HOSTS, ADDRESSES, strict=True)))


def test_from_nothing_through_every_fault(bench: Bench, tmp_path: Path) -> None:
    output = bench.deploy("etcd", "-y")
    assert "PRIVATE" not in output
    _members(bench).one_cluster()
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
            _members(bench).one_cluster()
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
    leader = _members(bench).leader()
    bench.declare({host: {} for host in HOSTS}, etcd=CHANGED)
    planned = bench.deploy("etcd", "--dry")
    assert "restart" not in "".join(_members(bench).environment("n0"))
    output = bench.deploy("etcd", "-y")
    for text in (planned, output):
        order = list(dict.fromkeys(re.findall(r"restart (n\d): ETCD_SNAPSHOT_COUNT", text)))
        assert sorted(order) == list(HOSTS)
        assert order[-1] == leader
    assert "snapshot on" in output
    for host in HOSTS:
        assert "ETCD_SNAPSHOT_COUNT=5000" in _members(bench).environment(host)


def _killed(bench: Bench) -> None:
    bench.sh(_members(bench).leader(), "systemctl kill -s KILL etcd")
    bench.deploy("etcd", "-y")


def _wiped(bench: Bench) -> None:
    bench.sh("n1", "systemctl stop etcd; rm -rf /var/lib/etcd/default")
    assert "join n1" in bench.deploy("etcd", "-y")


def _rebooted(bench: Bench) -> None:
    """It is back by itself; the run that follows finds nothing to do."""
    bench.lab("reboot", bench.name, "n2", "--hard")
    _members(bench).whole()
    bench.silent("etcd")


def _rebuilt(bench: Bench) -> None:
    bench.declare({host: {} for host in HOSTS[:2]}, etcd=CHANGED)
    bench.up()
    bench.declare({host: {} for host in HOSTS}, etcd=CHANGED)
    bench.up()
    assert "join n2" in bench.deploy("etcd", "-y")


@pytest.fixture
def mirror(tmp_path: Path, bench: Bench) -> Iterator[tuple[str, str]]:
    """A release of Debian's own programs, served to the lab: its URL and its checksum."""
    release = tmp_path / "mirror" / "v3.4.23"
    unpacked = tmp_path / "etcd-v3.4.23-linux-amd64"
    release.mkdir(parents=True)
    unpacked.mkdir()
    for deb in bench.layer().glob("srv/packages/etcd-*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, tmp_path / "deb"], check=True)
    for name in ("etcd", "etcdctl"):
        shutil.copy(tmp_path / "deb/usr/bin" / name, unpacked)
    file = release / f"{unpacked.name}.tar.gz"
    with tarfile.open(file, "w:gz", compresslevel=1) as tar:
        tar.add(unpacked, unpacked.name)
    with served(tmp_path / "mirror", "198.18.70.1") as url:
        yield url, sha256(file.read_bytes()).hexdigest()


def test_a_pinned_release_from_a_mirror(bench: Bench, mirror: tuple[str, str]) -> None:
    url, checksum = mirror

    def declare(url: str, checksum: str) -> None:
        data = {
            "tls": {"ca": "pki"},
            "options": OPTIONS,
            "version": "3.4.23",
            "source": {"url": url, "sha256": checksum},
        }
        bench.declare({host: {} for host in HOSTS}, etcd=data)

    for wrong, said in (((url, "0" * 64), "did not match"), ((f"{url}1/x", checksum), "curl:")):
        declare(*wrong)
        output = bench.deploy("etcd", "-y", ok=False)
        assert said in output
        assert "Traceback" not in output
        for host in HOSTS:
            there = "ls -d /etc/default/etcd /usr/local/bin/etcd /etc/etcd 2>/dev/null"
            assert bench.sh(host, there, check=False) == ""
    declare(url, checksum)
    bench.deploy("etcd", "-y")
    _members(bench).one_cluster()
    assert bench.sh("n0", "readlink /proc/$(pidof etcd)/exe") == "/opt/netwright/etcd-3.4.23/etcd"
    bench.silent("etcd")
