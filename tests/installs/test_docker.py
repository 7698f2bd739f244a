"""A Docker engine on a lab host: from nothing, and what it survives."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installs.asking import PAGE, Asking, Inside, answered
from tests.installs.bench import Bench
from tests.installs.engine import ADDRESS, ITS_OWN, LIMITS, PUBLISHED, ROUTED, declared, engine

pytestmark = pytest.mark.lab


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with engine(tmp_path) as made:
        yield made


def test_from_nothing_through_restarts_and_a_broken_setting(bench: Bench) -> None:
    bench.sh("d0", "sysctl -qw net.ipv4.ip_forward=0")
    bench.deploy("docker", "-y")
    bench.silent("docker")
    bench.deploy("network", "-y")
    bench.verified(16)
    # dockerd found forwarding switched on, and so has not closed FORWARD.
    assert bench.sh("d0", "iptables -S FORWARD | head -n 1") == "-P FORWARD ACCEPT"
    assert "docker.io" in bench.sh("d0", "apt-mark showhold").split()
    assert "docker" in bench.sh("d0", "id -nG admin").split()
    assert answered(PUBLISHED)
    # From one container to each other, by its fixed address.
    for last in (12, 13):
        assert bench.sh("d0", f"docker exec web wget -qO- 172.30.0.{last}") == "a page"
    _limited(bench)
    _restarts(bench)
    _reload(bench)
    _what_is_wrong(bench)


def _limited(bench: Bench) -> None:
    """By the kernel's own words; an option that this kernel lacks is not declared, see `LIMITS`."""
    pid = "$(docker inspect -f '{{.State.Pid}}' web)"
    place = f"/sys/fs/cgroup$(sed -n s/^0:://p /proc/{pid}/cgroup)"
    for option, file, value in (
        ("memory", "memory.max", str(64 << 20)),
        ("cpus", "cpu.max", "50000 100000"),
    ):
        if option in LIMITS:
            assert bench.sh("d0", f"cat {place}/{file}") == value
    print(f"\nlimits of a container that this kernel has: {', '.join(LIMITS) or 'none'}")


def _restarts(bench: Bench) -> None:
    """`mtu` needs a restart; with live-restore the containers do not notice."""
    show = "docker inspect -f '{{.Id}} {{.State.StartedAt}}' web two three"
    before = bench.sh("d0", show)
    with Asking(PUBLISHED) as published, Inside(bench, "client", ITS_OWN) as own:
        bench.declare({"d0": {}, "client": ROUTED}, docker=declared(mtu=1400))
        assert "daemon.json: mtu: restart" in bench.deploy("docker", "-y")
        bench.sh("d0", "systemctl restart docker; docker info >/dev/null")
    print(f"\n{own.figures('a container by its own address, two restarts of Docker')}")
    print(published.figures("the same by a published port"))
    assert bench.sh("d0", show) == before
    assert own.answers > 10
    assert own.failures == 0
    # Docker makes its rules anew at its start: for that long the port is not translated.
    assert published.answers > 20
    assert published.gap < 10
    bench.silent("docker")


def _reload(bench: Bench) -> None:
    bench.declare({"d0": {}, "client": ROUTED}, docker=declared(mtu=1400, debug=True))
    pid = bench.sh("d0", "pidof dockerd")
    assert "daemon.json: debug: reload" in bench.deploy("docker", "-y")
    assert bench.sh("d0", "pidof dockerd") == pid
    assert bench.sh("d0", "docker info -f '{{.Debug}}'") == "true"


def _what_is_wrong(bench: Bench) -> None:
    show = "cat /etc/docker/daemon.json; pidof dockerd"
    before = bench.sh("d0", show)
    for wrong, said in (
        ({"log-optss": {}}, "did you mean log-opts?"),
        ({"log-opts": {"max-file": 3}}, "numbers in quotes"),
        ({"hosts": ["tcp://127.0.0.1"]}, "-H fd://"),
    ):
        bench.declare({"d0": {}, "client": ROUTED}, docker=declared(**wrong))
        output = bench.deploy("docker", "-y", ok=False)
        assert said in output
        assert "no host was changed" in output
        assert "Traceback" not in output
        assert bench.sh("d0", show) == before
    # Valid as far as anybody can tell, and dockerd still does not start with it: put back.
    bad = declared(mtu=1400, debug=True, **{"storage-driver": "nonesuch"})
    bench.declare({"d0": {}, "client": ROUTED}, docker=bad)
    with Inside(bench, "client", ITS_OWN) as own:
        output = bench.deploy("docker", "-y", ok=False)
    print(own.figures("a container by its own address, a daemon that does not start"))
    assert own.failures == 0
    assert "the old daemon.json is back, and it runs" in output
    there = json.loads(bench.sh("d0", "cat /etc/docker/daemon.json"))
    assert there["mtu"] == 1400
    assert "storage-driver" not in there
    assert answered(PUBLISHED)
    # What somebody else wrote is no JSON: it is not overwritten.
    bench.sh("d0", "echo '{' >/etc/docker/daemon.json")
    output = bench.deploy("docker", "-y", ok=False)
    assert "is broken, and is left as it is" in output
    assert bench.sh("d0", "cat /etc/docker/daemon.json") == "{"


def _end(last: int) -> dict[str, Any]:
    return {"links": {"eth0": {"addresses": [f"10.77.0.{last}/24"]}}}


# A host that forwards only what is allowed, in the places that Docker leaves to its admin; two
# namespaces on a bridge, whose traffic Docker's host filters as well.
NETWORK = {
    "links": {
        "testbr": {"kind": "bridge", "bridge": {"forward_delay": 0}},
        **{
            f"to-{name}": {
                "kind": "veth",
                "veth": {"peer": {"name": "eth0", "netns": name}},
                "master": "testbr",
            }
            for name in ("one", "other")
        },
    },
    "netns": {"one": _end(2), "other": _end(3)},
    "iptables": {
        "filter": {
            "INPUT": ["-s 192.0.2.66 -j DROP", "-p icmp -j OURS"],
            "FORWARD": {"policy": "DROP"},
            "DOCKER-USER": [
                "-s 192.0.2.77 -j DROP",
                "-d 172.30.0.0/24 -j ACCEPT",
                "-s 172.30.0.0/24 -j ACCEPT",
                "-s 10.77.0.0/24 -d 10.77.0.0/24 -j ACCEPT",
                "-j RETURN",
            ],
            "OURS": ["-j ACCEPT"],
        },
        "nat": {"PREROUTING": ["-p tcp --dport 8888 -j DNAT --to-destination 172.30.0.12:80"]},
    },
}
OURS = ("192.0.2.", "10.77.", "172.30.0.0/24 -j ACCEPT", "OURS", "8888")
LINE = re.compile(r"(?:\[(\d+):\d+\] )?(-A .*)")


def _rules(bench: Bench) -> tuple[dict[str, int], dict[str, int]]:
    """Packets by rule: ours, in order, and Docker's, which it is free to order."""
    lines = bench.sh("d0", "iptables-save -c | grep -- '] -A'").splitlines()
    found = [LINE.fullmatch(line) for line in lines]
    packets = {each[2]: int(each[1]) for each in found if each}
    ours = {rule: n for rule, n in packets.items() if any(word in rule for word in OURS)}
    return ours, {rule: packets[rule] for rule in sorted(packets) if rule not in ours}


def _kept(before: dict[str, int], after: dict[str, int]) -> None:
    assert list(after) == list(before)
    for rule, packets in before.items():
        assert after[rule] >= packets, f"{rule}: {packets} packets, then {after[rule]}"


def _policy(bench: Bench) -> str:
    return bench.sh("d0", "iptables -S FORWARD | head -n 1")


def _bridged_and_routed(bench: Bench) -> None:
    assert bench.sh("client", f"curl -s -m 20 {ITS_OWN}") == "a page"
    bench.sh("d0", "ip netns exec one ping -c 1 -W 10 10.77.0.3")


def test_both_kinds_of_rules_survive_restarts_of_both(bench: Bench) -> None:
    bench.deploy("docker", "-y")
    assert answered(PUBLISHED)
    _, dockers = _rules(bench)
    (published,) = (rule for rule in dockers if "--to-destination 172.30.0.11:80" in rule)
    assert dockers[published] > 0
    bench.declare({"d0": {"network": NETWORK}, "client": ROUTED}, docker=declared())
    bench.deploy("network", "-y")
    # We changed three of Docker's tables' chains, and no counter of Docker's went back.
    ours, now = _rules(bench)
    assert len(ours) == 8
    _kept(dockers, now)
    translated = f"http://{ADDRESS}:8888/"
    for url in (PUBLISHED, translated):
        assert answered(url)
    bench.sh("client", f"ping -c 2 -W 5 {ADDRESS}")
    _bridged_and_routed(bench)
    ours, dockers = _rules(bench)
    assert sum(packets > 0 for packets in ours.values()) >= 4
    for restart in ("systemctl restart docker", "systemctl restart netwright-network"):
        bench.sh("d0", restart)
        assert answered(PUBLISHED)
        after, theirs = _rules(bench)
        # Docker makes its own anew, and counts from nothing, whoever else has rules.
        assert list(theirs) == list(dockers), restart
        _kept(ours, after)
        if "docker" not in restart:
            _kept(dockers, theirs)
        ours, dockers = after, theirs
        assert _policy(bench) == "-P FORWARD DROP"
        _bridged_and_routed(bench)
        bench.silent("network")
        _kept(dockers, _rules(bench)[1])
    # With live-restore a shutdown would wait for the containers until it kills them.
    bench.lab("reboot", bench.name, "d0", "--hard")
    assert answered(PUBLISHED)
    assert [list(each) for each in _rules(bench)] == [list(ours), list(dockers)]
    assert _policy(bench) == "-P FORWARD DROP"
    with urllib.request.urlopen(translated, timeout=10) as answer:
        assert answer.read() == PAGE
    _bridged_and_routed(bench)
    bench.silent("network")
    bench.silent("docker")
