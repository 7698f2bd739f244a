"""A fabric on three lab hosts: from nothing, through changes and faults, with what they cost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netwright.installs import fabric_calico, fabric_routing
from netwright.installs.fabric_network import ifname
from tests.installs.bench import Bench
from tests.installs.workloads import Between, connects, places, power_off, sh

pytestmark = pytest.mark.lab

HOSTS = ("f0", "f1", "f2")
HOLD = 9
NAMES = ("web", "app", "db", "job")


def _fabric(**data: Any) -> dict[str, Any]:
    return {
        "pool": "10.66.0.0/16",
        "hold_time": HOLD,
        "password": "a-secret",
        "hosts": {host: {"workloads": {n: {"groups": [n]} for n in NAMES}} for host in HOSTS},
        **data,
    }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, "fb8", "198.18.81.0/24", "fabric", ("bird2",))
    _declare(made)
    made.up()
    yield made
    made.down()


def _declare(bench: Bench, **data: Any) -> None:
    bench.declare({host: {} for host in HOSTS}, fabric=_fabric(**data))


def _until(what: Callable[[], bool], seconds: float) -> float:
    """Seconds until it is so."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def _quiet(bench: Bench, what: str, seconds: float = 2) -> Between:
    """All pairs for a while: every packet arrives, with its sender's address."""
    with Between(bench, places(bench, HOSTS)) as between:
        time.sleep(seconds)
    print(between.figures(what))
    assert between.lost == {}
    assert between.wrong_sources() == {}
    return between


def test_from_nothing_through_every_fault(bench: Bench) -> None:
    print()
    output = bench.deploy("fabric", "-y")
    assert "a-secret" not in output
    assert len(_quiet(bench, "from nothing").pairs) == 12 * 11
    bench.silent("fabric")
    _bad_input(bench)
    _workload_added(bench)
    _bird_killed(bench)
    _reflectors_and_back(bench)
    _broken_configuration(bench)
    _leaving(bench)
    _traps(bench)
    _policy(bench)
    _host_stopped(bench)
    _host_stopped_with_bfd(bench)
    _verified(bench)


def _bad_input(bench: Bench) -> None:
    before = sh(bench, "f0", "cat /etc/bird/bird.conf; iptables -S; ip route")
    _declare(bench, reflectors=["f9"], block_size=12)
    output = bench.deploy("fabric", "-y", ok=False)
    assert "fabric.block_size" in output
    _declare(bench, reflectors=["f9"])
    output = bench.deploy("fabric", "-y", ok=False)
    assert "no host was changed" in output
    assert "fabric.reflectors[0]: f9 is no host of the fabric: f0, f1, f2" in output
    assert "Traceback" not in output
    assert sh(bench, "f0", "cat /etc/bird/bird.conf; iptables -S; ip route") == before


def _workload_added(bench: Bench) -> None:
    there = places(bench, HOSTS)
    nodes = _fabric()["hosts"]
    nodes["f1"]["workloads"] = {"new": {}, **nodes["f1"]["workloads"]}
    _declare(bench, hosts=nodes)
    planned = bench.deploy("fabric", "--dry")
    assert re.search(rf"\[f1\] +\+ links\.{ifname('new')} \(veth\)", planned), planned
    assert places(bench, HOSTS) == there, "a dry run has changed something"
    with Between(bench, there) as between:
        bench.deploy("fabric", "-y")
    print(between.figures("a workload added"))
    assert between.lost == {}
    assert {**places(bench, HOSTS), **there} == places(bench, HOSTS), "an address has changed"
    assert len(_quiet(bench, "with it", 1).pairs) == 13 * 12
    _declare(bench)
    with Between(bench, there) as between:
        bench.deploy("fabric", "-y")
    print(between.figures("and removed"))
    assert between.lost == {}
    assert places(bench, HOSTS) == there


def _established(bench: Bench, host: str, count: int) -> bool:
    shown = sh(bench, host, "birdc show protocols || true")
    return len(re.findall(r"^peer_\S+ +BGP .* Established", shown, re.M)) == count


def _bird_killed(bench: Bench) -> None:
    pid = sh(bench, "f0", "pidof bird")
    with Between(bench, places(bench, HOSTS)) as between:
        sh(bench, "f0", "kill -9 $(pidof bird)")
        _until(lambda: sh(bench, "f0", "pidof bird || true") not in ("", pid), 20)
        took = _until(lambda: all(_established(bench, host, 2) for host in HOSTS), 30)
        # As long as whoever waits for the end of a restart might wait.
        time.sleep(3)
    print(between.figures("BIRD killed"), f"; sessions back after {took:.1f} s", sep="")
    assert between.lost == {}


def _reflectors_and_back(bench: Bench) -> None:
    """No packet is lost, and no host is without a block's route for a moment between packets."""
    watch = "(timeout 300 ip monitor route) </dev/null >/tmp/routes 2>&1 & sleep 0.2"
    for what, data, counts in (
        ("mesh to reflectors", {"reflectors": ["f1"]}, (1, 2, 1)),
        ("another reflector", {"reflectors": ["f2"]}, (1, 1, 2)),
        ("reflectors to mesh", {}, (2, 2, 2)),
    ):
        _declare(bench, **data)
        for host in HOSTS:
            sh(bench, host, watch)
        with Between(bench, places(bench, HOSTS)) as between:
            bench.deploy("fabric", "-y")
            for host, count in zip(HOSTS, counts, strict=True):
                assert _established(bench, host, count), what
            time.sleep(2)
        print(between.figures(what))
        assert between.lost == {}
        for host in HOSTS:
            sh(bench, host, "kill $(pidof timeout)")
            assert "Deleted 10.66." not in sh(bench, host, "cat /tmp/routes"), f"{what}: {host}"
        bench.silent("fabric")


def _broken_configuration(bench: Bench) -> None:
    before = sh(bench, "f0", "cat /etc/bird/bird.conf; pidof bird")
    script = fabric_routing.apply("protocol nonsense {\n")
    said = sh(bench, "f0", f"({script}) 2>&1 || true")
    assert "bird -p refuses it" in said
    assert sh(bench, "f0", "cat /etc/bird/bird.conf; pidof bird") == before
    assert _established(bench, "f0", 2)


def _leaving(bench: Bench) -> None:
    """What leaves the pool has its host's address; the machine sees that, and no other."""
    (source,) = (at for name, (_, at) in places(bench, HOSTS).items() if name == "f1/web")
    sh(bench, "f1", "ip netns exec web ping -c 1 -W 3 198.18.81.12")
    lines = sh(bench, "f2", "grep 'icmp.* dst=198.18.81.12 type=8' /proc/net/nf_conntrack")
    assert "src=198.18.81.11 " in lines
    assert source not in lines


def _traps(bench: Bench) -> None:
    """A host without a default route, and a FORWARD policy of DROP; each bites without our cure."""
    forget = "for n in $(ip netns list | cut -d' ' -f1); do ip -n $n neigh flush dev eth0; done"
    sh(bench, "f0", f"ip route del default; {forget}")
    _quiet(bench, "no default route", 1)
    cure = "ip route {} local 169.254.1.1 dev lo table local proto static"
    target = places(bench, HOSTS)["f1/web"][1]
    ping = f"ip netns exec web ping -c 1 -W 2 {target} >/dev/null && echo answers || echo silence"
    assert sh(bench, "f0", f"{cure.format('del')}; {forget}; {ping}") == "silence"
    assert sh(bench, "f0", f"{cure.format('add')}; {forget}; {ping}") == "answers"
    sh(bench, "f0", "ip route add default via 198.18.81.1 proto static")
    sh(bench, "f2", "iptables -P FORWARD DROP")
    _quiet(bench, "FORWARD DROP on a host", 1)
    there = places(bench, HOSTS)
    ping = f"ip netns exec web ping -c 1 -W 2 {there['f0/web'][1]} >/dev/null && echo answers"
    rule = "FORWARD -j fabric-forward"
    assert sh(bench, "f2", f"iptables -D {rule}; {ping} || echo silence") == "silence"
    assert sh(bench, "f2", f"iptables -I {rule}; {ping} || echo silence") == "answers"
    sh(bench, "f2", "iptables -P FORWARD ACCEPT")
    bench.silent("fabric")


RULES = [
    {"action": "allow", "protocol": "icmp"},
    {"action": "allow", "from": "web", "to": "app", "protocol": "tcp", "ports": ["80"]},
    {"action": "deny", "to": "app"},
]


def _policy(bench: Bench) -> None:
    there = places(bench, HOSTS)
    assert len(connects(bench, there, "f1/app", 80)) == 11
    _declare(bench, policy={"rules": RULES})
    with Between(bench, there) as between:
        bench.deploy("fabric", "-y")
    print(between.figures("a policy"))
    assert between.lost == {}
    web = {"f0/web", "f1/web", "f2/web"}
    assert connects(bench, there, "f1/app", 80) == web
    assert connects(bench, there, "f1/app", 81) == set()
    assert len(connects(bench, there, "f1/db", 80)) == 11
    denied = {"default": "deny", "rules": RULES[:2]}
    _declare(bench, policy=denied)
    bench.deploy("fabric", "-y")
    assert connects(bench, there, "f0/app", 80) == web
    assert connects(bench, there, "f0/db", 80) == set()
    _declare(bench)
    bench.deploy("fabric", "-y")
    assert "fabric-app" not in sh(bench, "f0", "ipset list -n")


def _way(bench: Bench, host: str, other: str) -> bool:
    """Whether a host has the other one's block."""
    address = f"198.18.81.{10 + HOSTS.index(other)}"
    return f" via {address} " in sh(bench, host, "ip -4 route show proto bird")


def _stopped(bench: Bench, host: str, before: str = "true") -> float:
    """Power off; seconds until nobody has its block any more."""
    address = f"198.18.81.{10 + HOSTS.index(host)}"
    others = [other for other in HOSTS if other != host]
    watch = f"""rm -f /tmp/gone; ip monitor route | while read line; do case $line in
'Deleted '*' via {address} '*) date +%s.%N >/tmp/gone.new; mv /tmp/gone.new /tmp/gone; break ;;
esac; done"""
    for other in others:
        sh(bench, other, f"({watch}) </dev/null >/dev/null 2>&1 & sleep 0.2")
    began = time.time()
    sh(bench, host, before)
    power_off(bench, host)
    for other in others:
        _until(lambda other=other: sh(bench, other, "ls /tmp/gone || true") == "/tmp/gone", 60)
    return max(float(sh(bench, other, "cat /tmp/gone")) for other in others) - began


def _back(bench: Bench, host: str) -> float:
    """Power on; seconds after its boot until every pair is there again."""
    bench.up()
    began = time.monotonic()
    others = [other for other in HOSTS if other != host]
    _until(
        lambda: all(_way(bench, other, host) and _way(bench, host, other) for other in others), 60
    )
    return time.monotonic() - began


def _host_stopped(bench: Bench) -> None:
    assert _way(bench, "f0", "f2")
    # Silent, as one without power: what its kernel says when its processes end is not heard.
    gone = _stopped(bench, "f2", "ip link set dev eth0 down")
    back = _back(bench, "f2")
    print(f"a host silent: withdrawn after {gone:.1f} s (hold time {HOLD} s), ", end="")
    print(f"back {back:.1f} s after its boot")
    assert gone < HOLD + 3
    assert back < 10
    _quiet(bench, "after its boot", 1)
    bench.silent("fabric")


def _host_stopped_with_bfd(bench: Bench) -> None:
    _declare(bench, bfd={"interval": 100, "multiplier": 5})
    bench.deploy("fabric", "-y")
    sessions = "birdc show bfd sessions | grep -c ' Up ' || true"
    _until(lambda: sh(bench, "f0", sessions) == "2", 30)
    gone = _stopped(bench, "f2")
    back = _back(bench, "f2")
    print(f"a host stopped, with BFD: withdrawn after {gone:.2f} s, ", end="")
    print(f"back {back:.1f} s after its boot")
    assert gone < 1
    assert back < 10
    _quiet(bench, "after its boot", 1)


def _not_as_calico(bench: Bench) -> None:
    """Each thing that is changed by hand is told, and put right by the next run."""
    web, app = ifname("web"), ifname("app")
    before = fabric_calico.differences(sh(bench, "f1", fabric_calico.script()).splitlines())
    assert before == []
    address = places(bench, HOSTS)["f1/app"][1]
    sh(
        bench,
        "f1",
        f"""ip link set dev {web} address 02:00:00:00:00:01
echo 0 >/proc/sys/net/ipv4/conf/{web}/proxy_arp
echo 0 >/proc/sys/net/ipv4/conf/{web}/rp_filter
echo 80 >/proc/sys/net/ipv4/neigh/{app}/proxy_delay
ip route del {address}
ip -n db address add 10.9.9.9/32 dev eth0
ip -n job route del default""",
    )
    found = fabric_calico.differences(sh(bench, "f1", fabric_calico.script()).splitlines())
    for line in (
        f"{web}: its address is 02:00:00:00:00:01, not ee:ee:ee:ee:ee:ee",
        f"{web}: proxy_arp is 0, not 1",
        f"{web}: rp_filter is 0, not 1",
        f"{app}: proxy_delay is 80, not 0",
        f"{app}: 0 routes lead to it, not one",
        f"{ifname('job')}: job: route default via 169.254.1.1 dev eth0: missing",
    ):
        assert line in found, found
    assert any(line.startswith(f"{ifname('db')}: db: eth0 has ") for line in found), found
    bench.deploy("fabric", "-y")
    found = fabric_calico.differences(sh(bench, "f1", fabric_calico.script()).splitlines())
    assert found == []


def _verified(bench: Bench) -> None:
    bench.silent("fabric")
    assert "33 passed" in bench.verify()
    _not_as_calico(bench)
    sh(bench, "f2", "systemctl stop bird; ip netns exec web ip link set dev eth0 down")
    said = bench.verify(ok=False)
    for words in (
        "f2::fabric.bird: BIRD does not run",
        "f0::fabric.sessions[f2]: ",
        "f2::fabric.network: netns.web.links.eth0.state",
        "f0::fabric.workloads.web: f2/web (",
    ):
        assert words in said, said
    bench.deploy("fabric", "-y")
    assert "33 passed" in bench.verify()
