"""Checks through pytest, on real packets: what holds is green, what doesn't says why."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest
import yaml

from netwright.operations.declared import Settings
from netwright.state import load
from netwright.verification.variation import VariationFailed, varied
from tests.verification.fakehost import FakeHost, command

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not shutil.which("arping"), reason="no arping here"),
]

BUILD = """
for number in 1 2; do
  ip netns add vt$number
  ip -n vt$number link set lo up
done
ip link add vtbr type bridge
ip address add 10.201.0.1/24 dev vtbr
ip address add fd00:201::1/64 dev vtbr nodad
ip link set vtbr up
for number in 1 2; do
  ip link add vtp$number type veth peer name v$number netns vt$number
  ip link set vtp$number master vtbr up
  ip -n vt$number address add 10.201.0.$((number + 1))/24 dev v$number
  ip -n vt$number address add fd00:201::$((number + 1))/64 dev v$number nodad
  ip -n vt$number link set v$number up
done
ip -n vt1 route add blackhole 10.203.0.0/24
ip -n vt1 route add prohibit 10.204.0.0/24
ip -n vt1 route add unreachable 10.205.0.0/24
# A router that has no way there says so, but not as often as it is asked.
echo 1 >/proc/sys/net/ipv4/ip_forward
ip route add prohibit 10.206.0.0/24
ip -n vt1 route add 10.206.0.0/24 via 10.201.0.1
ip -n vt1 neighbour add 10.201.0.88 lladdr 02:00:00:00:00:88 dev v1 nud permanent
ip -n vt2 address add 10.201.0.33/24 dev v2
ip -n vt2 link add vtdown type bridge
"""
HTTP = "http://10.201.0.3:4242/hello"


def listener(port=4242, **fields):
    return {"netns": "vt2", "port": port, **fields}


def red(words, **check):
    return pytest.param(check, words, id=f"red: {words}")


def green(**check):
    return pytest.param(check, None)


CHECKS = [
    green(ping="10.201.0.3"),
    green(ping="10.201.0.3", size=1000, count=2),
    green(ping="10.201.0.3", size=1472, dont_fragment=True),
    green(ping="fd00:201::3", source="fd00:201::2"),
    green(ping="10.201.0.88", expect="timeout"),
    green(ping="10.201.0.77", expect="timeout"),
    green(ping="10.205.0.1", expect="unreachable"),
    green(ping="10.204.0.1", expect="unreachable"),
    green(ping="10.206.0.1", expect="unreachable"),
    green(ping="10.206.0.2", expect="unreachable"),
    green(ping="10.206.0.3", expect="unreachable"),
    green(arping="10.201.0.3"),
    green(arping="10.201.0.3", dev="v1", source="10.201.0.2", count=2),
    green(arping="10.201.0.88", expect="timeout"),
    green(tcp="10.201.0.3:4242", expect="refused"),
    green(tcp="10.201.0.88:4242", expect="timeout"),
    # The kernel says `No route to host` here after a while, since nobody answers ARP.
    green(tcp="10.201.0.77:4242", expect="timeout", count=4),
    green(tcp="10.203.0.1:4242", expect="unreachable"),
    green(tcp="10.204.0.1:4242", expect="unreachable"),
    green(tcp="10.201.0.3:4242", listen=listener(), source_seen="10.201.0.2"),
    green(tcp="[fd00:201::3]:4242", listen=listener(), source_seen="fd00:201::2"),
    green(udp="10.201.0.3:4242", expect="refused"),
    green(udp="10.201.0.3:4242", listen=listener(), source_seen="10.201.0.2"),
    green(udp="10.201.0.88:4242", expect="timeout"),
    green(http=HTTP, listen=listener(), source_seen="10.201.0.2"),
    green(http=HTTP, expect="refused"),
    green(
        tcp="10.201.0.3:4242", count=20, spread=1, listen=[listener(), {"port": 4242}]
    ),
    red("expected timeout, found ok (1 of 1 answered)", ping="10.201.0.3", expect="timeout"),
    red("expected ok, found timeout (none of 1 answered)", ping="10.201.0.88"),
    red("expected ok, found unreachable", ping="10.205.0.1"),
    red("found unreachable (ping: local error: message too long", ping="10.201.0.3", size=1473,
        dont_fragment=True),
    red("expected ok, found refused", tcp="10.201.0.3:4242"),
    red("expected refused, found timeout", tcp="10.201.0.88:4242", expect="refused"),
    red("expected timeout, found refused", tcp="10.201.0.3:4242", expect="timeout"),
    red("expected refused, found ok", tcp="10.201.0.3:4242", expect="refused", listen=listener()),
    red("expected ok, found refused", tcp="10.201.0.3:4242", listen=listener(4243)),
    red("expected the listener to see 10.201.0.9, it saw 10.201.0.2", tcp="10.201.0.3:4242",
        listen=listener(), source_seen="10.201.0.9"),
    red("expected 2 endpoints, found 1 in 10 requests", tcp="10.201.0.3:4242", count=10, spread=2,
        listen=[listener(), {"port": 4242}]),
    red("expected ok, found timeout", udp="10.201.0.88:4242"),
    red("expected ok, found refused", http=HTTP),
    red("no link nix", ping="10.201.0.88", expect="timeout", dev="nix"),
    red("the link vtdown is not up", arping="10.201.0.88", expect="timeout", dev="vtdown",
        **{"from": "vt2"}),
    red("no link of @local/vt1 leads to 10.207.0.1", arping="10.207.0.1", expect="timeout"),
    red("nothing can be sent from @local/gone", ping="10.201.0.88", expect="timeout",
        **{"from": "gone"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """All of the checks in one run: each one's outcome and what was said, by its number."""
    host = FakeHost()
    try:
        host.run(BUILD)
        checks = [{"from": "vt1", **parameter.values[0]} for parameter in CHECKS]
        document = {"netns": {"vt1": {}, "vt2": {}, "gone": {}}, "checks": checks}
        done = host.verify(tmp_path_factory.mktemp("checks"), document, "--verify-grace=1")
        assert "Traceback" not in done.stdout, done.stdout
        assert not [line for line in host.processes() if "netwright" in line]
    finally:
        host.close()
    outcomes = dict(re.findall(r"^@local::checks\[(\d+)\] .* (PASSED|FAILED) ", done.stdout, re.M))
    said = dict(
        re.findall(r"^@local::checks\[(\d+)\] (.*)$", done.stdout.partition("FAILURES")[2], re.M)
    )
    return {int(number): (outcome, said.get(number, "")) for number, outcome in outcomes.items()}


@pytest.mark.parametrize(("number", "check", "words"), [
    pytest.param(number, *parameter.values, id=f"{number} {parameter.id or 'green'}")
    for number, parameter in enumerate(CHECKS)
])  # fmt: skip
def test_a_check(reports, number, check, words):
    outcome, said = reports[number]
    assert outcome == ("FAILED" if words else "PASSED"), said
    assert (words or "") in said


DECLARED = """
links: {vtp2: {state: up}}
netns:
  vt1: {}
  vt2: {links: {v2: {mtu: 1500}}}
checks:
  - {from: vt1, ping: 10.201.0.3}
  - {from: vt1, ping: 10.201.0.3, expect: timeout, with: {links: {vtp2: {state: down}}}}
  - {from: vt1, ping: 10.201.0.3, with: {links: {vtp2: {state: down}}}}
  - {from: vt1, ping: 10.201.0.3, size: 1472, dont_fragment: true}
  - {from: vt1, ping: 10.201.0.3, with: {netns: {vt2: {links: {v2: {mtu: 1400}}}}}}
  - {from: vt1, ping: 10.201.0.3, with: {links: {vtp2: {master: nix}}}}
"""


@pytest.fixture
def host(fake_host):
    fake_host.run(BUILD)
    return fake_host


def state_of(host):
    return host.run("ip -br link show vtp2; ip -n vt2 -o link show v2; ls /run /etc/netwright || :")


def test_with_is_taken_back_whatever_comes_of_the_check(host, tmp_path):
    before = state_of(host)
    done = host.verify(tmp_path, yaml.safe_load(DECLARED), "--verify-grace=1")
    found = re.findall(r"^@local::checks\[\d+\] .* (PASSED|FAILED) ", done.stdout, re.M)
    assert found == ["PASSED", "PASSED", "FAILED", "PASSED", "PASSED", "FAILED"], done.stdout
    assert "checks[2] vt1 ping 10.201.0.3 with a variation: expected ok" in done.stdout
    assert "with: links.vtp2.master: 'nix' is neither declared" in done.stdout
    assert state_of(host) == before


def settings():
    return Settings(load(DECLARED))


DOWN = {"links": {"vtp2": {"state": "down"}}}


def is_down(host):
    return "DOWN" in host.run("ip -br link show vtp2").split()[1:2]


def test_with_is_taken_back_by_the_host_when_nobody_is_left_to_ask(host):
    """As when the run is killed: what was begun is never ended."""
    begun = varied(host, settings(), DOWN, 2)
    begun.__enter__()
    assert is_down(host)
    host.run("sleep 3.5")
    assert not is_down(host)
    with pytest.raises(VariationFailed, match="taken back before the check was over"):
        begun.__exit__(None, None, None)


def test_the_undo_of_one_check_leaves_the_next_ones_variation_alone(host):
    with varied(host, settings(), DOWN, 2):
        assert is_down(host)
    with varied(host, settings(), DOWN, 20):
        host.run("sleep 3")
        assert is_down(host)
    assert not is_down(host)


def test_a_variation_that_changes_nothing_touches_nothing(host):
    with varied(host, settings(), {"links": {"vtp2": {"state": "up"}}}, 20):
        assert "netwright" not in host.run("ls /run")


def test_silence_is_waited_for_side_by_side(host, tmp_path):
    """Each of them by itself takes three seconds at least."""
    checks = [{"from": "vt1", "ping": f"10.201.0.{last}", "expect": "timeout"}
              for last in range(101, 121)]  # fmt: skip
    began = time.monotonic()
    done = host.verify(tmp_path, {"netns": {"vt1": {}}, "checks": checks})
    assert "22 passed" in done.stdout, done.stdout
    assert time.monotonic() - began < 45


def test_an_interrupted_run_leaves_nothing(host, tmp_path):
    """Ctrl-C while a check waits for what never comes."""
    before = state_of(host)
    check = {"from": "vt1", "tcp": "10.201.0.88:4242", "listen": listener(), "with": DOWN}
    document = {**yaml.safe_load(DECLARED), "checks": [check]}
    words, surroundings = command(host.inventory(tmp_path, document), "--verify-grace=60")
    # Who runs this in the background may have it ignored, and with it all that is started.
    words = ["env", "--default-signal=INT", *words]
    run = subprocess.Popen(
        [*host.enter, *words], start_new_session=True, stdout=subprocess.PIPE, **surroundings
    )
    deadline = time.monotonic() + 30
    while not (is_down(host) and listening(host)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert listening(host)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    assert "KeyboardInterrupt" in output
    assert state_of(host) == before
    assert not listening(host)
    assert not [line for line in host.processes() if "netwright-check" in line]


def listening(host):
    return host.run("ip netns exec vt2 ss -Hltn").strip()
