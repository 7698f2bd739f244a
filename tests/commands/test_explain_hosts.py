"""`netwright explain` over SSH: a packet is followed from one host to the other, and back."""

import json
import os
import re
import subprocess
import time

import pytest

from tests.lab.bench import BIN, Bench

pytestmark = pytest.mark.lab

SUBNET = "198.18.150"
A, B, NOBODY, WEB = f"{SUBNET}.10", f"{SUBNET}.11", f"{SUBNET}.99", "10.151.1.2"
INVENTORY = f"""
from netwright.lab import lab
hosts = lab(__file__, name="ex9-explain", subnet="{SUBNET}.0/24", hosts={{"a": {{}}, "b": {{}}}})
"""
# a/blue -- a ------ b -- (br0) -- b/web, where somebody answers on port 80.
ON_A = f"""
ip netns add blue
ip link add to-blue type veth peer name eth0 netns blue
ip address add 10.150.1.1/24 dev to-blue
ip link set to-blue up
ip -n blue link set eth0 up
ip -n blue address add 10.150.1.2/24 dev eth0
ip -n blue route add default via 10.150.1.1
sysctl -qw net.ipv4.ip_forward=1
ip route add 10.151.1.0/24 via {B}
"""
ON_B = f"""
ip netns add web
ip link add br0 type bridge
ip address add 10.151.1.1/24 dev br0
ip link set br0 up
ip link add to-web type veth peer name eth0 netns web
ip link set to-web master br0 up
ip -n web link set eth0 up
ip -n web address add {WEB}/24 dev eth0
ip -n web route add default via 10.151.1.1
sysctl -qw net.ipv4.ip_forward=1
ip route add 10.150.1.0/24 via {A}
systemd-run -q ip netns exec web socat -u tcp-listen:80,fork,reuseaddr /dev/null
until ip netns exec web ss -ltn | grep -q :80; do sleep 0.1; done
"""
# Rules, tables, files and processes: all that could be left behind.
LEFT = r"""
for in in '' $(ls /run/netns | sed 's/^/ip,netns,exec,/'); do
  for tool in iptables-save ip6tables-save 'nft list ruleset'; do
    $(echo $in | tr , ' ') $tool | sed -e '/^#/d' -e 's/\[[0-9:]*\]//' \
      -e 's/packets [0-9]* bytes [0-9]*//'
  done
done
ls -d /run/netwright* /tmp/netwright* 2>&1
pgrep -a 'nft|xtables|socat|ping|cat|timeout'
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    made = Bench(tmp_path_factory.mktemp("explain"))
    try:
        path = made.path / "inventory.py"
        path.write_text(INVENTORY)
        made.run("netwright", "lab", "up", path)
        made.ssh("ex9-explain", "a", f"set -e; {ON_A}")
        made.ssh("ex9-explain", "b", f"set -e; {ON_B}")
        yield made
    finally:
        made.run("netwright", "lab", "down", "--all")


def _on(bench, host, script):
    return bench.ssh("ex9-explain", host, script)


def _left(bench):
    return [re.sub(r"^\d+ ", "", _on(bench, host, f"{LEFT}\n:"), flags=re.M) for host in "ab"]


def _until_left(bench, before, seconds):
    until = time.monotonic() + seconds
    while (now := _left(bench)) != before:
        assert time.monotonic() < until, (before, now)
        time.sleep(0.5)


def _explain(bench, *words, inventory="inventory"):
    """What it says as JSON; nothing of it is left on either host."""
    before = _left(bench)
    done = subprocess.run(
        [BIN / "netwright", "explain", bench.path / f"{inventory}.py", *words, "--format", "json"],
        env=bench.environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    _until_left(bench, before, 60)
    print(done.stdout)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["arrives"] and told["answered"] else 1)
    return told


def _places(told):
    return list(dict.fromkeys(f"{step['host']}/{step['netns']}" for step in told["steps"]))


def _end(told):
    return told["host"], told["where"], told["arrives"], told["answered"]


@pytest.fixture
def rules(bench):
    """Adds rules of iptables to b for one test."""
    added = []

    def add(text):
        _on(bench, "b", f"iptables {text}")
        added.append(text)

    yield add
    for text in reversed(added):
        _on(bench, "b", f"iptables {re.sub('-[AI] ', '-D ', text, count=1)}")


@pytest.mark.parametrize("probe", ["tcp:80", "icmp"])
def test_it_is_followed_to_a_namespace_of_the_other_host(bench, probe):
    told = _explain(bench, "a/blue", WEB, probe)
    assert _end(told) == ("b", "web", True, True), told["why"]
    assert _places(told) == ["a/blue", "a/host", "b/host", "b/web"]
    said = [(step["host"], step["netns"], step["says"]) for step in told["steps"]]
    assert ("a", "host", "leaves by eth0") in said
    assert ("b", "host", "comes in by eth0") in said
    assert told["notes"] == []


def test_a_rule_of_the_other_host_ends_it(bench, rules):
    rules("-A FORWARD -s 192.0.2.1 -j ACCEPT")
    rules("-A FORWARD -p tcp --dport 80 -j DROP")
    told = _explain(bench, "a/blue", WEB, "tcp:80")
    assert _end(told) == ("b", "host", False, False)
    last = told["steps"][-1]
    assert (last["host"], last["table"], last["chain"], last["rule"], last["verdict"]) == (
        "b", "filter", "FORWARD", 2, "DROP"
    )  # fmt: skip
    assert told["why"].startswith("dropped by rule 2 of chain FORWARD of filter: -p tcp")
    counted = _on(bench, "b", "iptables -nvxL FORWARD 2").split()
    assert int(counted[0]) > 0
    assert "b/web" not in _places(told)


def test_the_answer_dies_on_the_other_host(bench, rules):
    rules("-A FORWARD -i br0 -p icmp -j DROP")
    told = _explain(bench, "a/blue", WEB)
    assert _end(told) == ("b", "host", True, False)
    assert told["why"].startswith("arrives in b/web, but its answer is dropped by rule 1 of chain")


def test_nat_of_the_other_host_leads_to_its_namespace(bench, rules):
    rules(f"-t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination {WEB}:80")
    told = _explain(bench, "a/host", B, "tcp:8080")
    assert _end(told) == ("b", "web", True, True), told["why"]
    assert _places(told) == ["a/host", "b/host", "b/web"]
    nat = [(step["host"], step["says"]) for step in told["steps"] if step["what"] == "nat"]
    assert nat == [("b", f"destination {B}:8080 becomes {WEB}:80")]


def test_an_address_that_no_host_has(bench):
    told = _explain(bench, "a/blue", NOBODY)
    assert _end(told) == ("a", "host", False, False)
    assert f"nobody answers for {NOBODY} on eth0" in told["why"]
    assert _places(told) == ["a/blue", "a/host"]


def test_a_host_that_is_not_reached_is_told_and_the_rest_is_followed(bench):
    text = f'{INVENTORY}hosts.append(("c", {{**hosts[0][1], "ssh_hostname": "{NOBODY}"}}))\n'
    (bench.path / "more.py").write_text(text)
    told = _explain(bench, "a/blue", WEB, "tcp:80", inventory="more")
    assert _end(told) == ("b", "web", True, True), told["why"]
    assert [note.partition(" is not reached")[0] for note in told["notes"]] == [
        "not followed on c: c"
    ]


def test_limit_leaves_the_other_host_alone(bench):
    before = _on(bench, "b", "journalctl -u ssh | grep -c Accepted")
    told = _explain(bench, "a/blue", WEB, "tcp:80", "--limit", "a")
    after = _on(bench, "b", "journalctl -u ssh | grep -c Accepted")
    # This question, and what looks for things left behind.
    assert int(after) - int(before) == 3
    assert (told["host"], told["where"]) == ("a", "host")
    assert told["why"] == "leaves the host by eth0"


def test_people_are_told_both_hosts(bench, rules):
    rules("-A FORWARD -p tcp --dport 80 -j REJECT")
    done = bench.run(
        "netwright", "explain", bench.path / "inventory.py", "a/blue", WEB, "tcp:80", ok=False
    )
    lines = done.stdout.splitlines()
    assert lines[0] == f"a/blue to {WEB} tcp port 80"
    assert any(re.match(r"  b/host +rule +filter FORWARD rule 1: ", line) for line in lines), lines
    assert any(line.startswith("dies: b/host: rejected by rule 1 of chain") for line in lines)


def test_nothing_is_left_when_it_is_killed(bench):
    before = _left(bench)
    with subprocess.Popen(
        [BIN / "netwright", "explain", bench.path / "inventory.py", "a/blue", WEB, "tcp:81"],
        env=bench.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        until = time.monotonic() + 120
        while "netwright-explain" not in _on(bench, "b", "nft list tables"):
            assert time.monotonic() < until
            assert process.poll() is None
        os.kill(process.pid, 9)
    _until_left(bench, before, 150)
