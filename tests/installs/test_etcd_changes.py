"""A cluster on lab hosts: a package's trap, members that come and go, another CA, a restore."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netwright.installs.certificate import Authority, Pair, authority, issue
from tests.installs.bench import Bench
from tests.installs.cluster import OPTIONS, PACKAGES, Members
from tests.installs.writer import Client, Writer, context

pytestmark = pytest.mark.lab

HOSTS = ("n0", "n1", "n2", "n3")
FIRST = HOSTS[:3]
ADDRESSES = {host: f"198.18.72.{last}" for last, host in enumerate(HOSTS, 10)}
DECLARED = {"tls": {"ca": "pki"}, "options": OPTIONS, "snapshots": {"keep": 2}}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "in7-change", "198.18.72.0/24", "etcd", PACKAGES)
    _declare(made, FIRST)
    made.up()
    yield made
    made.down()


def _declare(
    bench: Bench, members: tuple[str, ...], hosts: dict[str, Any] | None = None, **changed: Any
) -> None:
    """Write the inventory: who is a member, what one host has of its own, what the group has."""
    none: dict[str, Any] = {host: {"etcd": False} for host in HOSTS if host not in members}
    each = {host: (hosts or {}).get(host, none.get(host, {})) for host in HOSTS}
    bench.declare(each, etcd={**DECLARED, **changed})


def _members(bench: Bench, hosts: tuple[str, ...]) -> Members:
    return Members(bench, {host: ADDRESSES[host] for host in hosts})


def test_from_the_packages_trap_through_every_change(bench: Bench, tmp_path: Path) -> None:
    _the_trap(bench)
    _what_is_wrong(bench, tmp_path)
    _certificate_renewed(bench, tmp_path / "pki")
    _facts_and_an_alarm(bench, tmp_path / "pki")
    members = _members_come_and_go(bench, tmp_path)
    _another_ca(bench, tmp_path, members)
    _restored(bench, tmp_path, members)
    bench.silent("etcd")
    assert "24 passed" in bench.verify()


def _the_trap(bench: Bench) -> None:
    """The trap as it is: one id on all hosts, each a cluster of one, each healthy."""
    own = "ETCDCTL_API=3 etcdctl"
    for host in FIRST:
        bench.sh(host, f"apt-get -qq update; apt-get -qqy install {' '.join(PACKAGES)}")
    assert {bench.sh(host, f"{own} member list").split(",")[0] for host in FIRST} == {
        "8e9e05c52164694d"
    }
    show = "cat /etc/default/etcd; pidof etcd"
    before = [bench.sh(host, show) for host in FIRST]
    output = bench.deploy("etcd", "-y", ok=False)
    assert "n0, n1, n2: a cluster of one member on each" in output
    assert "Traceback" not in output
    # A key in one of them: nobody but its owner moves that aside.
    bench.sh("n1", f"{own} put something precious")
    _declare(bench, FIRST, move_aside=True)
    assert "n1 has keys in it" in bench.deploy("etcd", "-y", ok=False)
    assert [bench.sh(host, show) for host in FIRST] == before
    bench.sh("n1", "systemctl stop etcd; rm -rf /var/lib/etcd/default; systemctl start etcd")

    assert "aside n0" in bench.deploy("etcd", "-y")
    _members(bench, FIRST).one_cluster()
    for host in FIRST:
        assert "default.aside-" in bench.sh(host, "ls /var/lib/etcd")
    _declare(bench, FIRST)
    bench.silent("etcd")


def _what_is_wrong(bench: Bench, path: Path) -> None:
    """Said before any host is changed."""
    show = "cat /etc/default/etcd /etc/etcd/pki/*; pidof etcd"
    before = [bench.sh(host, show) for host in FIRST]
    long_ago = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)
    _store(path / "over", authority("over", long_ago))
    same = {"etcd": {"address": ADDRESSES["n0"]}}
    for hosts, changed, said in (
        ({"n1": {"etcd": {**DECLARED, "name": "n0"}}}, {}, "n0: n0 has the same name"),
        ({"n1": {"etcd": {**DECLARED, **same["etcd"]}}}, {}, "n0 has the same URL"),
        ({}, {"tls": {"ca": "over"}}, "etcd.tls.ca: "),
        ({}, {"tls": {"ca": "nowhere", "make": False}}, "No such file"),
        ({}, {"tls": {"ca": "nowhere"}}, "n0, n1, n2 have certificates of one"),
        ({}, {"tls": {"ca": "pki", "trust": ["nothing.pem"]}}, "etcd.tls.trust: "),
        ({}, {"version": "3.6.1"}, "3.5 is the next"),
    ):
        _declare(bench, FIRST, hosts, **changed)
        output = bench.deploy("etcd", "-y", ok=False)
        assert said in output, output
        assert "no host was changed" in output
        assert "Traceback" not in output
    assert [bench.sh(host, show) for host in FIRST] == before
    assert not (path / "nowhere").exists()
    _declare(bench, FIRST)


def _store(directory: Path, pair: Pair) -> None:
    directory.mkdir()
    (directory / "ca.pem").write_text(pair.certificate)
    (directory / "ca.key").write_text(pair.key)


def _certificate_renewed(bench: Bench, pki: Path) -> None:
    """A leaf that is over is replaced, and the new one served, without a restart."""
    ca = Authority(Pair((pki / "ca.pem").read_text(), (pki / "ca.key").read_text()))
    over = issue(ca, "n1", [ADDRESSES["n1"], "127.0.0.1", "n1"], days=-3)
    bench.sh(
        "n1",
        f"cd /etc/etcd/pki; echo '{over.certificate}' >member.pem; echo '{over.key}' >member.key",
    )
    served = f"echo | openssl s_client -connect {ADDRESSES['n1']}:2379 2>/dev/null"
    ends = f"{served} | openssl x509 -noout -checkend 864000"
    assert "will expire" in bench.sh("n1", ends, check=False)
    assert "n1::etcd.tls: it expired 3 days ago" in bench.verify(ok=False)
    pid = bench.sh("n1", "pidof etcd")
    output = bench.deploy("etcd", "-y")
    assert "[n1] certificate: it expired 3 days ago" in output
    assert "PRIVATE" not in output
    assert "will not expire" in bench.sh("n1", ends)
    assert bench.sh("n1", "pidof etcd") == pid
    _members(bench, FIRST).one_cluster()


def _facts_and_an_alarm(bench: Bench, pki: Path) -> None:
    """What the facts say, beside etcdctl's and openssl's own words; an alarm refuses a run."""
    told, health = _members(bench, FIRST).status(), bench.facts("etcd.EtcdHealth")
    for host in FIRST:
        assert health[host]["healthy"] is True
        assert health[host]["version"] == told[host]["version"] == "3.4.23"
        assert health[host]["size"] == told[host]["dbSize"]
        assert health[host]["leader"] is (host == _members(bench, FIRST).leader())
    certificates = bench.facts("etcd.EtcdCertificate")
    for days, what in ((364, "will not expire"), (366, "will expire")):
        words = f"openssl x509 -noout -checkend {days * 86400} -in /etc/etcd/pki/member.pem"
        assert what in bench.sh("n1", f"{words} || :")
    assert certificates["n1"]["days"] == 364
    alarm = {"memberID": str(told["n1"]["header"]["member_id"]), "alarm": "NOSPACE"}
    with closing(Client([ADDRESSES["n0"]], context(pki))) as client:
        client.ask("maintenance/alarm", {**alarm, "action": "ACTIVATE"})
        name = f"NOSPACE on {told['n1']['header']['member_id']:x}"
        assert bench.facts("etcd.EtcdHealth")["n0"]["alarms"] == [name]
        output = bench.deploy("etcd", "-y", ok=False)
        assert f"no host was changed: n0: alarm {name}" in output
        client.ask("maintenance/alarm", {**alarm, "action": "DEACTIVATE"})


def _members_come_and_go(bench: Bench, path: Path) -> tuple[str, ...]:
    """A fourth one comes; then the leader goes, since it is not declared any more."""
    client = Client(tuple(ADDRESSES.values()), context(path / "pki"))
    with closing(client), Writer(client, "members") as writer:
        _declare(bench, HOSTS)
        planned = bench.deploy("etcd", "--dry")
        assert "join n3: it is no member yet" in planned
        output = bench.deploy("etcd", "-y")
        assert "4 members can lose 1, as many as 3 can" in output
        _members(bench, HOSTS).one_cluster()
        gone = _members(bench, HOSTS).leader()
        left = tuple(host for host in HOSTS if host != gone)
        _declare(bench, left)
        assert f"remove {gone}: it is not declared" in bench.deploy("etcd", "--dry")
        assert f"remove {gone}: it is not declared" in bench.deploy("etcd", "-y")
        _members(bench, left).one_cluster()
    print(f"\n{writer.figures('a member added, then the leader removed')}")
    with closing(Client([ADDRESSES[host] for host in left], client.tls)) as asking:
        writer.client = asking
        assert writer.missing() == []
    assert bench.sh(gone, "systemctl is-active etcd", check=False) == "inactive"
    assert bench.sh(gone, "systemctl is-enabled etcd", check=False) == "disabled"
    assert bench.sh(gone, "ls -d /var/lib/etcd/default", check=False).startswith("ls: cannot")
    bench.silent("etcd")
    return left


def _another_ca(bench: Bench, path: Path, members: tuple[str, ...]) -> None:
    """First with the old one beside it, for clients that have its certificates; then without."""
    _store(path / "new", authority("new"))
    addresses = [ADDRESSES[host] for host in members]
    old = context(path / "pki", path / "new/ca.pem")
    with closing(Client(addresses, old)) as client, Writer(client, "ca") as writer:
        _declare(bench, members, tls={"ca": "new", "trust": ["pki/ca.pem"]})
        planned = bench.deploy("etcd", "--dry")
        assert "trust" in planned
        output = bench.deploy("etcd", "-y")
        assert "trust n0" in output or "trust n1" in output
        assert "PRIVATE" not in output
        _members(bench, members).one_cluster()
        bench.silent("etcd")
    print(writer.figures("another CA on all members"))
    assert len(writer.lost) <= 0.01 * (len(writer.written) + len(writer.lost)), writer.lost
    _declare(bench, members, tls={"ca": "new"})
    assert "restart" in bench.deploy("etcd", "-y")
    _members(bench, members).one_cluster()
    with closing(Client(addresses, old)) as client, pytest.raises(OSError, match="no endpoint"):
        client.ask("kv/range", {"key": "eA=="}, 3)
    with closing(Client(addresses, context(path / "new"))) as client:
        writer.client = client
        assert writer.missing() == []


def _restored(bench: Bench, path: Path, members: tuple[str, ...]) -> None:
    """What was written after the snapshot is gone, all before it is there; old ones go."""
    by = members[0]
    for _ in range(3):
        line = bench.sh(by, "etcd-snapshot; sleep 1").splitlines()[-1]
    assert len(bench.sh(by, "ls /var/backups/etcd").split()) == 2
    assert bench.sh(by, "systemctl is-active etcd-snapshot.timer") == "active"
    file = path / "snapshot.db"
    file.write_bytes(base64.b64decode(bench.sh(by, f"base64 {line.split()[0]}")))
    before, after = (base64.b64encode(each).decode() for each in (b"members/000000", b"zzz"))
    addresses = [ADDRESSES[host] for host in members]
    with closing(Client(addresses, context(path / "new"))) as client:
        client.ask("kv/put", {"key": after, "value": after})
        assert "kvs" in client.ask("kv/range", {"key": after}, 20)
        bench.deploy("etcd_restore", "-y", "--data", f"etcd_snapshot={file}")
        _members(bench, members).one_cluster()
        assert "kvs" not in client.ask("kv/range", {"key": after}, 20)
        assert "kvs" in client.ask("kv/range", {"key": before}, 20)
