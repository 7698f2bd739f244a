"""What the kernel tells of a namespace is what ip shows of it, or it is left to ip."""

from __future__ import annotations

import json
from shlex import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netwright import neighbour, netlink_shell, route, rule
from netwright.errors import HostError
from netwright.links import link as links
from netwright.setns_shell import SETNS
from tests.core.documents import pairs
from tests.live.sandbox import Sandbox
from tests.live.settled import settled

pytestmark = pytest.mark.live

_PROBE = (
    SETNS
    + netlink_shell.TELL
    + """
for my $name (@given) {
  entered($name) or die "$name: $!";
  my $told = told_of();
  print "\\@\\@ $name\\n", $told // "left\\n";
}
"""
)
# The last link came when links had been asked for.
_LATE = """
my $whole = \\&dumped;
{
  no warnings "redefine";
  *dumped = sub { my $found = $whole->(@_); pop(@$found) if $_[1] == 18; return $found; };
}
"""
_NO_BRIDGE = """
for link in $(ip -n {name} -o link show type bridge | sed 's/^[0-9]*: \\([^:]*\\):.*/\\1/'); do
  ip -n {name} link delete "$link"
done
"""
_SHOW = """
for name in {names}; do
  echo "@@ $name"
  ip -n "$name" -j -d -N -batch - <<END
address show
route show table all
rule show
neigh show nud permanent
neigh show proxy
END
done
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as made:
        yield made


def _sections(lines):
    found = {}
    for line in lines:
        if line.startswith("@@ "):
            body = found[line[3:]] = []
        elif line:
            body.append(line)
    return found


def _things(entries, routes, *others):
    """Each thing as the rooms read it, also what puts addresses back, in words."""
    for entry in filter(None, entries):
        seen = links.parse(entry)
        yield f"{entry['ifname']}: {seen!r}"
        yield from (f"{text!r} {text.words}" for text in (*seen.addresses, *seen.dynamic))
    yield from (repr(route.parse(entry)) for entry in routes if entry and route.parse(entry))
    yield from (repr(item) for item in others if item is not None)


def _shown(lines):
    """What ip shows."""
    entries, routes, rules, *more = (json.loads(line) for line in lines)
    others = [rule.parse(item, "inet") for item in rules]
    others += [neighbour.parse(item) for part in more for item in part if item]
    return [*_things(entries, routes, *others)]


def _told(lines):
    return [*_things(*netlink_shell.parse(lines))]


def _compared(sandbox, names, before=""):
    """Which namespaces the kernel told of, and which were left; those told of are as ip says."""
    text = _PROBE.replace("for my $name", f"{before}for my $name", 1)
    probe = f'perl -e {quote(text)} "$(uname -m)" {" ".join(names)}'
    for _ in range(5):
        shown = sandbox.sh(_SHOW.format(names=" ".join(names)))
        done = sandbox.sh(probe)
        # IPv6 changes by itself for a while.
        if shown.out == sandbox.sh(_SHOW.format(names=" ".join(names))).out:
            break
    assert (done.status, done.err) == (0, [])
    told, shown = _sections(done.out), _sections(shown.out)
    assert list(told) == list(shown) == list(names)
    left = {name for name, lines in told.items() if lines == ["left"]}
    for name in set(names) - left:
        by_kernel, by_ip = _told(told[name]), _shown(shown[name])
        assert sorted({*by_kernel} ^ {*by_ip}) == []
        assert by_kernel == by_ip
    return set(names) - left, left


# Each in a namespace with a pair to the host, up; what is to be told of.
_TOLD = {
    "empty": [],
    "addresses": [
        "address add 10.1.0.1/24 broadcast + dev eth0",
        "address add 10.1.0.2/24 dev eth0",
        "address add 10.2.0.1/32 peer 10.2.0.2/32 dev eth0",
        "address add 10.3.0.1/16 dev eth0 label eth0:1 scope link",
        "address add 10.4.0.1/24 dev eth0 metric 7 noprefixroute",
        "address add 10.5.0.1/24 dev eth0 valid_lft 900 preferred_lft 900",
        "address add fd01::1/64 dev eth0 nodad",
        "address add fd02::1/64 dev eth0 home nodad",
        "address add fd03::1/128 peer fd03::2 dev eth0 nodad",
        "address add ::ffff:10.9.0.1/128 dev lo",
        "address add 127.0.0.5/8 dev lo",
    ],
    "attributes": [
        "link set dev eth0 mtu 1400",
        "link set dev eth0 promisc on",
        "link set dev eth0 txqueuelen 77",
        "link set dev eth0 address 02:00:00:00:0a:0b",
        "link add name b0 type veth peer name b1",
        "link set dev b0 up",
        "link set dev lo down",
    ],
    "routes": [
        "address add 10.1.0.1/24 dev eth0",
        "address add fd01::1/64 dev eth0 nodad",
        "route add default via 10.1.0.9",
        "route add 10.7.0.0/16 via 10.1.0.9 src 10.1.0.1 metric 5 proto 17",
        "route add 10.7.0.0/16 dev eth0 table 100",
        "route add 10.8.0.1 dev eth0",
        "route add 10.9.0.0/16 via 192.0.2.1 dev eth0 onlink",
        "route add blackhole 10.10.0.0/16",
        "route add unreachable 10.11.0.0/16 metric 9",
        "route add prohibit fd07::/64",
        "route add local 10.12.0.0/16 dev lo",
        "route add fd08::/64 via fd01::9 src fd01::1",
        "route add default via fd01::9 metric 3",
        "route add fd09::/64 dev eth0 table 300",
        "route add 0.0.0.0/1 via 10.1.0.9",
        "route add 10.13.0.0/16 dev eth0 scope host",
        "route add throw 10.14.0.0/16",
        "route add multicast 239.0.0.0/8 dev eth0",
    ],
}
# Of these ip has more to tell.
_LEFT = {
    "rule": ["rule add from 10.1.0.0/24 table 7 priority 30"],
    "neighbour": ["neigh add 10.1.0.9 lladdr 02:00:00:00:00:99 dev eth0 nud permanent"],
    "proxy": ["neigh add proxy 10.1.0.9 dev eth0"],
    "bridge": ["link add name br0 type bridge"],
    "port": ["link add name br0 type bridge", "link set dev eth0 master br0"],
    "macvlan": ["link add link eth0 name mv0 type macvlan mode bridge"],
    "vxlan": ["link add name vx0 type vxlan id 7 dstport 4789 remote 10.1.0.9"],
    "metrics": ["route add 10.7.0.0/16 dev eth0 mtu 1300"],
    "multipath": [
        "address add 10.1.0.1/24 dev eth0",
        "route add 10.7.0.0/16 nexthop via 10.1.0.8 nexthop via 10.1.0.9",
    ],
    "other-family": ["route add 10.7.0.0/16 via inet6 fe80::1 dev eth0"],
    "nexthop": ["nexthop add id 7 dev eth0", "route add 10.7.0.0/16 nhid 7"],
    "encapsulated": ["route add 10.7.0.0/16 encap ip id 7 dst 10.1.0.9 dev eth0"],
    "tos": ["route add 10.7.0.0/16 tos 0x10 dev eth0"],
}


def test_one_by_one(sandbox):
    sandbox.reset()
    for number, (name, lines) in enumerate({**_TOLD, **_LEFT}.items()):
        sandbox.ip(
            f"netns add {name}",
            f"link add name h{number} up type veth peer name eth0 netns {name}",
            f"-n {name} link set dev lo up",
            f"-n {name} link set dev eth0 up",
            *(f"-n {name} {line}" for line in lines),
        )
    told, left = _compared(sandbox, [*_TOLD, *_LEFT])
    assert told == set(_TOLD)
    assert left == set(_LEFT)


def test_an_odd_name_is_left(sandbox):
    sandbox.reset()
    sandbox.ip("netns add odd", "-n odd link add name 'a\u00e4' type veth peer name 'b=c'")
    assert _compared(sandbox, ["odd"]) == (set(), {"odd"})
    sandbox.ip("-n odd link set dev 'a\u00e4' name 'd=e'")
    assert _compared(sandbox, ["odd"]) == ({"odd"}, set())


def test_a_link_that_comes_meanwhile(sandbox):
    """Its address, its route, or its peer names a link that nobody was told of."""
    sandbox.reset()
    more = {
        "address": "address add 10.1.0.1/24 dev eth0 noprefixroute",
        "route": "route add 10.7.0.0/16 dev eth0",
        "peer": "link add name b0 type veth peer name b1",
    }
    for name, line in more.items():
        sandbox.ip(
            f"netns add {name}",
            f"link add name h{name} up type veth peer name eth0 netns {name}",
            # Without an address of its own.
            f"-n {name} link set dev eth0 addrgenmode none",
            f"-n {name} link set dev eth0 up",
            f"-n {name} {line}",
        )
    assert _compared(sandbox, [*more]) == ({*more}, set())
    assert _compared(sandbox, [*more], _LATE) == (set(), {*more})


def test_random_hosts(sandbox):
    count = {"told": 0, "left": 0}

    @settings(
        max_examples=40, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(pairs())
    def try_one(pair):
        sandbox.reset()
        document = settled(pair[0])
        for space in document.get("netns", {}).values():
            # With one of them, or a bridge, it is left.
            space.pop("rules", None)
            space.pop("neighbours", None)
        try:
            sandbox.converge(document)
        except HostError:
            return
        names = sorted(line.split()[0] for line in sandbox.sh("ip netns list").out if line)
        sandbox.sh("".join(_NO_BRIDGE.format(name=name) for name in names))
        if names:
            told, left = _compared(sandbox, names)
            count["told"] += len(told)
            count["left"] += len(left)

    try_one()
    print(f"\nnamespaces of random hosts: {count}")
    assert count["told"] >= 30
