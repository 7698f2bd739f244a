"""`netwright explain`: says where a packet goes and of what it dies, and leaves nothing behind."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netwright import explain_text
from netwright.commands import main
from netwright.commands.explain import _target
from netwright.commands.explain_hosts import traced
from netwright.errors import SnapshotError
from netwright.explain import seen
from netwright.explain_places import followed, told
from netwright.explain_shell import Question, trace
from tests.iptables.host import Host

ROOT = Path(__file__).parents[2]

# a -- host -- b, and somebody who answers on port 80 of b.
NETWORK = """
ip link set lo up
for i in a b; do
  ip netns add $i
  ip link add v$i type veth peer name eth0 netns $i
  ip link set v$i up
  ip -n $i link set eth0 up
  ip -n $i link set lo up
done
ip address add 198.18.95.1/24 dev va
ip address add 198.18.96.1/24 dev vb
ip -n a address add 198.18.95.2/24 dev eth0
ip -n b address add 198.18.96.2/24 dev eth0
ip -n a route add default via 198.18.95.1
ip -n b route add default via 198.18.96.1
ip address add fd95::1/64 dev va nodad
ip address add fd96::1/64 dev vb nodad
ip -n a address add fd95::2/64 dev eth0 nodad
ip -n b address add fd96::2/64 dev eth0 nodad
ip -n a route add default via fd95::1
ip -n b route add default via fd96::1
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
ip netns exec b socat -u tcp-listen:80,fork,reuseaddr /dev/null > /dev/null 2>&1 &
echo $! > /run/server
until ip netns exec b ss -ltn | grep -q :80; do sleep 0.1; done
"""
CHAIN = """
iptables -N X
iptables -A FORWARD -s 192.0.2.1 -j ACCEPT
iptables -A FORWARD -j X
iptables -A X -p udp -j ACCEPT
iptables -A X -p tcp --dport 80 -m comment --comment "no way" -j TARGET
"""
BRIDGE = """
ip link add br0 type bridge
ip address add 198.18.97.1/24 dev br0
ip link set br0 up
ip address flush dev va
ip link set va master br0
ip -n a address add 198.18.97.2/24 dev eth0
ip -n a route replace default via 198.18.97.1
ip netns exec a socat -u tcp-listen:80,fork,reuseaddr /dev/null > /dev/null 2>&1 &
until ip netns exec a ss -ltn | grep -q :80; do sleep 0.1; done
echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
iptables -t nat -A PREROUTING -d 198.18.97.1 -p tcp --dport 8080 -j DNAT --to 198.18.97.2:80
iptables -t nat -A POSTROUTING -s 198.18.97.2 -d 198.18.97.2 -j MASQUERADE
"""
B = "198.18.96.2"


def _end(host):
    """Ends what serves in its namespaces, which live as long as it does."""
    own = {os.readlink(f"/proc/{host.pid}/ns/net")}
    own |= {f"net:[{os.stat(f'/proc/{host.pid}/root/run/netns/{i}').st_ino}]" for i in "ab"}
    return own


def _inside(spaces):
    """The processes in these network namespaces."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(path / "ns/net") in spaces:
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            continue
    return found


@pytest.fixture
def backend():
    return "nft"


@pytest.fixture
def host(backend):
    with Host(backend) as made:
        made.sh(NETWORK)
        spaces = _end(made)
        yield made
        for pid in set(_inside(spaces)) - {made.pid}:
            os.kill(pid, 9)


def _state(host):
    """All that could be left: tables of both kinds, files, links, processes."""
    lines = []
    for netns in ("", "ip netns exec a ", "ip netns exec b "):
        for command in (
            "iptables-save",
            "ip6tables-save",
            "nft list ruleset",
            "cut -d: -f1 /proc/net/dev",
        ):
            lines += host.sh(f"{netns}{command}").splitlines()
    lines += host.sh(
        "ls -A /run; cut -d: -f1 /proc/net/dev; cat /proc/net/ip_tables_names"
    ).splitlines()
    counters = r"\[\d+:\d+\]|packets \d+ bytes \d+|^#.*"
    return [re.sub(counters, "", line) for line in lines], sorted(_inside(_end(host)).values())


def _differences(before, after):
    return [set(one) ^ set(other) for one, other in zip(before, after, strict=True)]


def _until(condition, what, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what()
        time.sleep(0.1)


def in_turn(what, jobs):
    """What `traced` does on one host needs no more."""
    return {name: job() for name, job in jobs.items()}


def _explain(host, *question, number=20001):
    before = _state(host)

    def run(script):
        done = host.run(script)
        assert not done.stderr, done.stderr
        return done.stdout

    answer = traced({"h": run}, Question(*question, number=number), in_turn)
    _until(lambda: _state(host) == before, lambda: _differences(before, _state(host)))
    print("\n".join(explain_text.text("h", *answer)))
    said = [(step.netns, step.what, step.says) for step in explain_text.steps(*answer[:2])]
    return answer[2], said


def _places(said):
    return list(dict.fromkeys(netns for netns, _, _ in said))


@pytest.mark.live
@pytest.mark.parametrize(
    "question",
    [("a", B), ("a", B, "tcp", 80), ("a", "fd96::2"), ("a", "fd96::2", "tcp", 80)],
    ids=lambda item: "-".join(map(str, item)),
)
def test_it_arrives_through_the_host(host, question):
    host.sh("iptables -A FORWARD -i va -j ACCEPT; ip6tables -A FORWARD -i va -j ACCEPT")
    end, said = _explain(host, *question)
    assert (end.arrives, end.answered, end.netns, end.status) == (True, True, "b", 0)
    assert _places(said) == ["a", "host", "b"]
    assert ("host", "rule", "filter FORWARD rule 1: -i va -j ACCEPT [ACCEPT]") in said
    assert [says for netns, what, says in said if (netns, what) == ("host", "out")] == [
        "leaves by vb"
    ]


@pytest.mark.live
@pytest.mark.parametrize("backend", ["nft", "legacy"])
@pytest.mark.parametrize(
    ("target", "why"), [("DROP", "dropped"), ("REJECT --reject-with tcp-reset", "rejected")]
)
def test_a_rule_ends_it(host, backend, target, why):
    host.sh(CHAIN.replace("TARGET", target))
    end, said = _explain(host, "a", B, "tcp", 80)
    assert (end.arrives, end.netns, end.status) == (False, "host", 1)
    assert end.why.startswith(
        f"{why} by rule 2 of chain X of filter, which rule 2 of FORWARD jumps to: -p tcp"
    )
    assert said[-1][1:] == (
        "rule" if backend == "nft" else "counted",
        next(says for _, _, says in said if says.startswith("filter X rule 2: -p tcp")),
    )
    assert ("as its counter tells" in end.why) is (backend == "legacy")
    # The kernel's own count says that it was this rule.
    counted = host.sh("iptables -nvxL X 2").split()
    assert int(counted[0]) > 0
    assert "b" not in _places(said)


@pytest.mark.live
@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_a_policy_ends_it(host):
    host.sh("iptables -P FORWARD DROP")
    end, _ = _explain(host, "a", B)
    assert end.netns == "host"
    assert end.why.startswith("dropped by the policy of chain FORWARD of filter")


@pytest.mark.live
@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_its_answer_is_dropped(host):
    host.sh("iptables -A FORWARD -i vb -j DROP")
    end, _ = _explain(host, "a", B)
    assert (end.arrives, end.answered, end.netns, end.status) == (True, False, "host", 1)
    assert end.why.startswith("arrives in b, but its answer is dropped by rule 1 of chain FORWARD")


@pytest.mark.live
def test_nothing_listens(host):
    end, _ = _explain(host, "a", B, "tcp", 81)
    assert (end.arrives, end.netns, end.status) == (True, "b", 0)
    assert "nothing listens" in end.why


@pytest.mark.live
@pytest.mark.parametrize(
    ("setup", "netns", "why"),
    [
        ("true", "host", "no route leads to 198.18.98.9"),
        ("ip -n a route del default", "a", "no route leads to 198.18.98.9"),
        ("ip route add blackhole 198.18.98.0/24", "host", "(blackhole 198.18.98.0/24"),
        ("ip route add prohibit 198.18.98.0/24", "host", "(prohibit 198.18.98.0/24"),
        ("ip route add unreachable 198.18.98.0/24", "host", "(unreachable 198.18.98.0/24"),
        ("ip -n a route add prohibit 198.18.98.0/24", "a", "(prohibit 198.18.98.0/24"),
        ("ip route add 198.18.98.0/24 dev vb", "host", "nobody answers for 198.18.98.9 on vb"),
        (
            "ip route add 198.18.98.0/24 dev vb; echo 0 > /proc/sys/net/ipv4/ip_forward",
            "host", "va does not forward",
        ),
    ],
    ids=lambda item: item[:40],
)  # fmt: skip
def test_the_routing_ends_it(host, setup, netns, why):
    host.sh(setup)
    end, said = _explain(host, "a", "198.18.98.9", "tcp", 80)
    assert (end.arrives, end.netns, end.status) == (False, netns, 1)
    assert why in end.why
    assert any(step[:2] == (netns, "route") for step in said)


@pytest.mark.live
@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_nat_to_a_namespace(host):
    host.sh(
        "iptables -t nat -A PREROUTING -i va -p tcp --dport 8080 -j DNAT --to 198.18.96.2:80\n"
        "iptables -t nat -A POSTROUTING -o vb -j MASQUERADE\n"
    )
    end, said = _explain(host, "a", "198.18.95.1", "tcp", 8080, number=20777)
    assert (end.arrives, end.answered, end.netns) == (True, True, "b")
    assert [says for netns, what, says in said if what == "nat"] == [
        "destination 198.18.95.1:8080 becomes 198.18.96.2:80",
        "source 198.18.95.2:20777 becomes 198.18.96.1:20777",
    ]
    assert _places(said) == ["a", "host", "b"]


@pytest.mark.live
def test_the_reverse_path_filter_ends_it(host):
    host.sh(
        "ip -n a address add 198.18.98.1/32 dev lo; ip -n a route change default via 198.18.95.1 "
        "src 198.18.98.1\nip route add 198.18.98.0/24 dev vb\n"
        "echo 1 > /proc/sys/net/ipv4/conf/va/rp_filter\n"
        # The filter takes ARP by its source as well, so that it would be no more than that.
        "ip netns exec a sysctl -qw net.ipv4.conf.all.arp_announce=2"
    )
    end, _ = _explain(host, "a", B)
    assert (end.arrives, end.netns) == (False, "host")
    assert "reverse path filter" in end.why
    assert "198.18.98.1 is not reached by va" in end.why
    dropped = host.sh("nstat -az TcpExtIPReversePathFilter").split()
    assert int(dropped[dropped.index("TcpExtIPReversePathFilter") + 1]) > 0


@pytest.mark.live
@pytest.mark.parametrize("hairpin", [False, True])
def test_a_bridge_sends_it_back_by_its_port_only_with_hairpin(host, hairpin):
    host.sh(BRIDGE)
    if hairpin:
        host.sh("ip link set dev va type bridge_slave hairpin on")
    end, _ = _explain(host, "a", "198.18.97.1", "tcp", 8080)
    assert end.arrives is hairpin
    if not hairpin:
        assert end.netns == "host"
        assert end.why.endswith("by va, where it came from: its hairpin is off")


@pytest.mark.live
@pytest.mark.parametrize("way", ["there", "back"])
def test_out_of_a_bridge_whose_packets_iptables_sees(host, way):
    host.sh(BRIDGE)
    if way == "there":
        host.sh("iptables -A FORWARD -p tcp --dport 80 -j DROP")
        end, said = _explain(host, "a", B, "tcp", 80)
        assert (end.arrives, end.netns) == (False, "host")
        assert end.why.startswith("dropped by rule 1 of chain FORWARD of filter: -p tcp")
        assert _places(said) == ["a", "host"]
    else:
        host.sh("iptables -A FORWARD -p icmp -s 198.18.97.2 -d 198.18.96.2 -j DROP")
        host.sh("ip route replace 198.18.97.0/24 dev br0")
        end, said = _explain(host, "b", "198.18.97.2")
        assert (end.arrives, end.answered, end.netns) == (True, False, "host")
        assert "its answer is dropped by rule 1 of chain FORWARD of filter" in end.why


@pytest.mark.live
def test_nothing_is_left_of_one_that_is_killed(host):
    before = _state(host)
    enter = ["nsenter", "-t", str(host.pid), "-m", "-n", "-i", "sh"]
    question = Question("a", "198.18.96.9", "tcp", 80)
    with subprocess.Popen(
        enter, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        process.stdin.write(trace(question, ["a", "host"]))
        process.stdin.close()
        _until(
            lambda: "netwright-explain" in host.sh("nft list tables") and
            any(b"socat -u /dev/null" in line for line in _inside(_end(host)).values()),
            lambda: _inside(_end(host)),
        )  # fmt: skip
        process.kill()
    _until(lambda: _state(host) == before, lambda: _differences(before, _state(host)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "nowhere"], "TO: 'nowhere' is no address"),
        (["a", "192.0.2.1", "tcp:0"], "'tcp:0': accepted are tcp:PORT, udp:PORT, icmp"),
        (["a/", "192.0.2.1"], "FROM: 'a/' names no namespace"),
    ],
)
def test_usage(words, said):
    done = CliRunner().invoke(main, ["explain", "@local", *words])
    assert done.exit_code == 2
    assert said in done.output


def test_a_host_has_to_be_named_where_there_are_several():
    hosts = {"web1": "one", "web2": "two"}
    assert _target(hosts, "web2/a") == "two"
    assert _target({"web1": "one"}, "a") == "one"
    with pytest.raises(click.UsageError, match="other: no such host; hosts: web1, web2"):
        _target(hosts, "other/a")
    with pytest.raises(click.UsageError, match="on which of 2 hosts"):
        _target(hosts, "a")


CLI = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
NETWORK
iptables -A FORWARD -p tcp --dport 81 -j DROP
netwright() { "$PYTHON" -c 'from netwright.commands import main; main()' "$@"; }
explain() {
  status=0
  netwright explain @local "$@" > /run/out 2> /run/err || status=$?
  printf '%s\\n' "== $status" "$(cat /run/out)" "-- $(cat /run/err)"
}
explain a 198.18.96.2 tcp:80
explain a 198.18.96.2 tcp:81 --format json
explain nobody 198.18.96.2
kill $(cat /run/server)
"""


@pytest.mark.live
def test_the_command():
    script = CLI.replace("NETWORK", NETWORK)
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", "-c", script],
        cwd=ROOT, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    arrived, dropped, nowhere = done.stdout.split("== ")[1:]
    assert arrived.startswith("0\n@local/a to 198.18.96.2 tcp port 80\n")
    assert "arrives: b: arrives, and is answered" in arrived
    assert dropped.startswith("1\n")
    told = json.loads(dropped.partition("\n")[2].rpartition("-- ")[0])
    assert (told["version"], told["arrives"], told["where"]) == (1, False, "host")
    last = told["steps"][-1]
    assert (last["table"], last["chain"], last["rule"], last["verdict"]) == (
        "filter", "FORWARD", 1, "DROP"
    )  # fmt: skip
    assert nowhere.startswith("2\n")
    assert "there is no namespace nobody; there: host, " in nowhere


CAPTURED = Path(__file__).parent / "explain"


def _captured(name, *question):
    """What `explain_capture.py` has written, read again."""
    printed = iter((CAPTURED / f"{name}.txt").read_text().split("\f\n"))
    found, after, end = traced({"h": lambda script: next(printed)}, Question(*question), in_turn)
    return found, end, [(item.netns, item.what) for item in explain_text.steps(found, after)]


def test_captured_a_rule_of_a_chain():
    found, end, steps = _captured("dropped", "a", B, "tcp", 80)
    assert list(found.stops) == ["a", "host"]
    last = found.stops["host"][-1]
    assert (last.table, last.chain, last.number, last.verdict) == ("filter", "X", 2, "DROP")
    assert last.text == '-p tcp -m tcp --dport 80 -m comment --comment "no way" -j DROP'
    assert (last.packet.iif, last.packet.oif, last.packet.ttl) == ("va", "vb", 63)
    assert last.packet.source == "198.18.95.2:20001"
    assert "dropped by rule 2 of chain X of filter, which rule 2 of FORWARD jumps to" in end.why
    assert steps == [
        ("a", "route"), ("a", "out"), ("host", "in"), ("host", "route"), ("host", "rule"),
        ("host", "rule"),
    ]  # fmt: skip


def test_captured_nat():
    found, end, steps = _captured("nat", "a", "198.18.95.1", "tcp", 8080)
    assert list(found.stops) == ["a", "host", "b"]
    assert (end.arrives, end.answered, end.netns) == (True, True, "b")
    assert found.stops["b"][0].packet.source == "198.18.96.1:20001"
    assert steps.count(("host", "nat")) == 2
    assert steps[-1] == ("b", "local")


def test_captured_hairpin():
    found, end, _ = _captured("hairpin", "a", "198.18.97.1", "tcp", 8080)
    first = found.stops["host"][0].packet
    assert (first.bridged, first.iif, first.source, first.ttl) == (True, "va", "198.18.97.2", 64)
    assert end.why == "br0 does not send it back by va, where it came from: its hairpin is off"


def test_captured_a_bridge_gives_it_another_id():
    found, end, _ = _captured("bridged", "a", B, "tcp", 80)
    assert len({item.id for item in found.stops["host"]}) == 2
    assert end.why.startswith("dropped by rule 1 of chain FORWARD of filter: -p tcp")


def test_captured_an_answer_in_ipv6():
    found, end, _ = _captured("answer6", "a", "fd96::2")
    assert list(found.stops) == ["a", "host", "b"]
    assert (end.arrives, end.answered, end.netns, end.status) == (True, False, "host", 1)
    assert found.back["host"][-1].packet.source == "fd96::2"
    assert end.why == (
        "arrives in b, but its answer is dropped by rule 1 of chain FORWARD of filter: "
        "-i vb -j DROP"
    )


def test_a_trace_that_breaks_off_is_an_error():
    text = (CAPTURED / "nat.txt").read_text().split("\f\n")[1]
    with pytest.raises(SnapshotError, match="broke off"):
        seen(Question("a", B), text.rpartition("=netwright-explain= end")[0])


def test_it_is_looked_for_where_nat_sends_it():
    text = (CAPTURED / "nat.txt").read_text().split("\f\n")[0]
    question = Question("a", "198.18.95.1", "tcp", 8080)
    assert followed(question, "h", {"h": told(question, text)}) == {"h": ("a", "host", "b")}
    without = text.replace("--to-destination", "")
    assert followed(question, "h", {"h": told(question, without)}) == {"h": ("a", "host")}
