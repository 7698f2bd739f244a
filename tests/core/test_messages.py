"""Every kind of mistake has one line: where it is, what was written, and what would do."""

from __future__ import annotations

import pytest

from netwright.errors import DeclarationError, HostError, Problem
from netwright.links.link import Link
from netwright.links.veth import Peer, Veth
from netwright.plan import plan
from netwright.route import Route
from netwright.run import unanswered
from netwright.state import NetworkState, load

BRIDGE = {"kind": "bridge"}


def _veth(peer, **fields):
    return {"kind": "veth", "veth": {"peer": peer}, **fields}


def _br0(**fields):
    return {"links": {"br0": {**BRIDGE, **fields}}}


# The mistake, the path of its line, and what the line has to tell besides.
DOCUMENTS = {
    "unknown key": ({"linkz": {}}, "linkz", ["links", "netns", "sysctl"]),
    "unknown key of a link": (_br0(colour="red"), "links.br0.colour", ["addresses", "mtu"]),
    "unknown key of a bridge": (
        _br0(bridge={"stp": False}), "links.br0.bridge.stp", ["did you mean stp_state?"]
    ),
    "a namespace in a namespace": (
        {"netns": {"a": {"netns": {}}}}, "netns.a.netns", ["links", "routes"]
    ),
    "modules in a namespace": ({"netns": {"a": {"modules": ["x"]}}}, "netns.a.modules", ["links"]),
    "no prefix length": (_br0(addresses=["10.0.0.1"]), "links.br0.addresses[0]", ["10.0.0.1/32"]),
    "no prefix length, IPv6": (
        _br0(addresses=["fd00::1"]), "links.br0.addresses[0]", ["fd00::1/128"]
    ),
    "bad octet": (_br0(addresses=["10.0.0.256/24"]), "links.br0.addresses[0]", ["10.0.0.256/24"]),
    "prefix too long": (_br0(addresses=["10.0.0.1/33"]), "links.br0.addresses[0]", ["/33"]),
    "address with a host name": (_br0(addresses=["web/24"]), "links.br0.addresses[0]", ["web/24"]),
    "name of 16 characters": (
        {"links": {"abcdefghijklmnop": BRIDGE}}, "links.abcdefghijklmnop", ["1 to 15"]
    ),
    "name with a slash": ({"links": {"a/b": BRIDGE}}, "links.a/b", ["A-Z"]),
    "name with a space": ({"links": {"a b": BRIDGE}}, "links.a b", ["A-Z"]),
    "name for the shell": ({"links": {"a;b": BRIDGE}}, "links.a;b", ["A-Z"]),
    "name that is an option": ({"links": {"-x": BRIDGE}}, "links.-x", ["sign"]),
    "name that the kernel keeps": ({"links": {"all": BRIDGE}}, "links.all", ["`all`"]),
    "same address twice": (
        {"links": {"br0": {"addresses": ["10.0.0.1/24"]}, "br1": {"addresses": ["10.0.0.1/16"]}}},
        "links.br1.addresses[0]", ["10.0.0.1", "links.br0"],
    ),
    "mtu too small": (_br0(mtu=10), "links.br0.mtu", ["10", "68..65536"]),
    "mtu of a word": (_br0(mtu="big"), "links.br0.mtu", ["big"]),
    "IPv6 on a small mtu": (
        _br0(mtu=1000, addresses=["fd00::1/64"]), "links.br0.addresses[0]", ["1280", "1000"]
    ),
    "IPv6 where it is off": (
        _br0(addresses=["fd00::1/64"], ipv6={"disable_ipv6": 1}),
        "links.br0.addresses[0]", ["fd00::1/64", "disable_ipv6"],
    ),
    "IPv6 route where it is off": (
        {
            **_br0(ipv6={"disable_ipv6": 1}),
            "routes": [{"dst": "2001:db8::/32", "dev": "br0"}],
        },
        "routes[0].dev", ["br0", "disable_ipv6"],
    ),
    "unknown kind": ({"links": {"x": {"kind": "brige"}}}, "links.x.kind", ["brige", "bridge"]),
    "unknown state": (_br0(state="UP"), "links.br0.state", ["UP", "up", "down", "absent"]),
    "short MAC": (_br0(mac="02:00"), "links.br0.mac", ["02:00", "six"]),
    "MAC of digits": (_br0(mac=20000000001), "links.br0.mac", ["20000000001", "six"]),
    "MAC of a group": (_br0(mac="01:00:5e:00:00:01"), "links.br0.mac", ["01:00:5e:00:00:01"]),
    "veth without a peer": ({"links": {"v": {"kind": "veth"}}}, "links.v.veth.peer", ["missing"]),
    "peer in no namespace": (
        {"links": {"v": _veth({"name": "w", "netns": "nowhere"})}},
        "links.v.veth.peer.netns", ["nowhere", "declared"],
    ),
    "ends that do not match": (
        {"links": {"v": _veth({"name": "w"}), "w": _veth({"name": "u"})}},
        "links.v.veth.peer", ["w", "u"],
    ),
    "options of another kind": (
        {"links": {"v": {"kind": "bridge", "veth": {"peer": {"name": "w"}}}}},
        "links.v.veth", ["bridge"],
    ),
    "master that is declared absent": (
        {"links": {"br0": {"state": "absent"}, "v": _veth({"name": "w"}, master="br0")}},
        "links.v.master", ["br0", "absent"],
    ),
    "master that has no ports": (
        {"links": {"v": _veth({"name": "w"}), "x": _veth({"name": "y"}, master="v")}},
        "links.x.master", ["v", "veth"],
    ),
    "port without a master": (
        {"links": {"v": _veth({"name": "w"}, port={"hairpin": True})}}, "links.v.port", ["master"]
    ),
    "hairpin of a word": (
        {"links": {**_br0()["links"], "v": _veth({"name": "w"}, master="br0",
                                                 port={"hairpin": "maybe"})}},
        "links.v.port.hairpin", ["maybe", "true", "false"],
    ),
    "parameter out of range": (
        {"sysctl": {"net.ipv4.conf.all.rp_filter": 5}},
        "sysctl.net/ipv4/conf/all/rp_filter", ["5", "0..2"],
    ),
    "switch out of range": (
        {"sysctl": {"net.ipv4.ip_forward": 7}}, "sysctl.net/ipv4/ip_forward", ["7", "0..1"]
    ),
    "parameter that cannot come true": (
        {"sysctl": {"net.ipv4.conf.all.rp_filter": 1, "net.ipv4.conf.eth0.rp_filter": 0}},
        "sysctl.net/ipv4/conf/eth0/rp_filter", ["0", "net/ipv4/conf/all/rp_filter is 1"],
    ),
    "parameter that leaves its directory": (
        {"sysctl": {"kernel.../../etc/passwd": 1}}, "sysctl.kernel.../../etc/passwd", ["like"]
    ),
    "dotted link name": (
        {"sysctl": {"net.ipv4.conf.gw7.9.rp_filter": 1}},
        "sysctl.net.ipv4.conf.gw7.9.rp_filter", ["net/ipv4/conf/gw7.9/rp_filter"],
    ),
    "one parameter in two spellings": (
        {"sysctl": {"net/ipv4/conf/gw7.9/rp_filter": 1},
         "links": {"gw7.9": {"ipv4": {"rp_filter": 1}}}},
        "links.gw7.9.ipv4.rp_filter", ["sysctl"],
    ),
    "route that leads nowhere": ({"routes": [{"dst": "10.0.0.0/8"}]}, "routes[0]", ["via", "dev"]),
    "route with host bits": (
        {"routes": [{"dst": "10.0.0.1/8", "dev": "eth0"}]}, "routes[0].dst", ["10.0.0.1/8", "host"]
    ),
    "route twice": (
        {"routes": [{"dst": "10.0.0.0/8", "dev": "eth0"}, {"dst": "10.0.0.0/8", "dev": "eth1"}]},
        "routes[1]", ["10.0.0.0/8", "routes[0]"],
    ),
    "blackhole with a gateway": (
        {"routes": [{"dst": "10.0.0.0/8", "type": "blackhole", "via": "10.0.0.1"}]},
        "routes[0].via", ["blackhole"],
    ),
    "gateway of no address": (
        {"routes": [{"dst": "10.0.0.0/8", "via": "gw"}]}, "routes[0].via", ["gw", "172.16.0.1"]
    ),
    "rule without a table": ({"rules": [{"priority": 100}]}, "rules[0]", ["table", "type"]),
    "rule without a priority": ({"rules": [{"table": 100}]}, "rules[0].priority", ["missing"]),
    "neighbour without a MAC": (
        {"neighbours": [{"dst": "10.0.0.1", "dev": "eth0"}]}, "neighbours[0]", ["mac", "proxy"]
    ),
    "namespace named host": ({"netns": {"host": {}}}, "netns.host", ["`host`"]),
    "namespace with a slash": ({"netns": {"a/b": {}}}, "netns.a/b", ["1 to 64"]),
    "module of two words": ({"modules": ["a b"]}, "modules[0]", ["a b"]),
    "check from nowhere": (
        {"checks": [{"from": "nowhere", "ping": "10.0.0.1"}]}, "checks[0].from", ["nowhere", "host"]
    ),
    "check of nothing": ({"checks": [{"from": "host"}]}, "checks[0]", ["ping", "tcp", "http"]),
    "no as a word": (
        "links: {br0: {kind: bridge, promisc: no}}", "links.br0.promisc", ["no", "true", "false"]
    ),
    "a key twice": ("modules: []\nmodules: []\n", "line 2, column 1", ["modules", "twice"]),
    "no YAML": ("links: [", "line 2, column 1", ["YAML"]),
    "a list": ("- 1\n", "a declaration is a mapping, this is [1]", []),
    "a parameter twice, spelled in two ways": (
        {"sysctl": {"net.ipv4.conf.all.rp_filter": 1, "net/ipv4/conf/all/rp_filter": 0}},
        "sysctl.net/ipv4/conf/all/rp_filter", ["twice", "net.ipv4.conf.all.rp_filter"],
    ),
    "the same in a namespace": (
        {"netns": {"a": {"sysctl": {"net.ipv4.tcp_rmem": "1 2 3", "net/ipv4/tcp_rmem": "1 2 4"}}}},
        "netns.a.sysctl.net/ipv4/tcp_rmem", ["twice", "net.ipv4.tcp_rmem"],
    ),
    "two names of one value": (
        {"sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 0}},
        "sysctl.net/ipv4/conf/all/forwarding", ["0", "1", "ip_forward"],
    ),
    "no loopback": ({"links": {"lo": {"state": "absent"}}}, "links.lo.state", ["down"]),
    "another loopback": (
        {"netns": {"a": {"links": {"lo": BRIDGE}}}}, "netns.a.links.lo.kind", ["bridge"]
    ),
    "rule of two families": (
        {"rules": [{"priority": 1, "from": "10.0.0.0/8", "to": "fd00::/8", "table": 5}]},
        "rules[0]", ["from", "to"],
    ),
    "rule of another family": (
        {"rules": [{"priority": 1, "from": "10.0.0.0/8", "family": "inet6", "table": 5}]},
        "rules[0]", ["family"],
    ),
    "unknown key of a variation": (
        {"checks": [{"from": "host", "ping": "10.0.0.1", "with": {"linkz": {}}}]},
        "checks[0].with.linkz", ["did you mean links?"],
    ),
    "a peer in something that is no namespace": (
        {"links": {"v": _veth({"name": "v", "netns": "a/b"})}},
        "links.v.veth.peer.netns", ["a/b"],
    ),
    "a merge of no mapping": ("links: {<<: 3}", "line 1, column 9", ["<<", "mapping"]),
    "a merge of itself": ("links: &l {<<: *l}", "line 1, column 12", ["<<", "elsewhere"]),
    "a merge twice": ("links: {<<: {}, <<: {}}", "line 1, column 17", ["<<", "twice"]),
    "an anchor within itself": (
        "netns: {b: &b {netns: *b}}",
        "something in it contains itself, by an anchor (&) and an alias (*)", [],
    ),
    "a name of nothing": ("links: {null: {}}", "line 1, column 9", ["None"]),
    "a name twice, in quotes and without": (
        'netns: {7: {}, "7": {}}', "line 1, column 16", ["7", "twice"]
    ),
}  # fmt: skip

HOSTS = {
    "master that exists nowhere": (
        {"links": {"v": _veth({"name": "w"}, master="br7")}}, "links.v.master", ["br7"]
    ),
    "link without a kind": ({"links": {"eth7": {"mtu": 1400}}}, "links.eth7", ["kind"]),
    "gateway that no link reaches": (
        {**_br0(addresses=["10.0.0.1/24"]), "routes": [{"dst": "default", "via": "10.9.9.9"}]},
        "routes[0].via", ["10.9.9.9", "10.0.0.1/24"],
    ),
    "route over a link that is not there": (
        {"routes": [{"dst": "10.0.0.0/8", "dev": "eth7"}]}, "routes[0].dev", ["eth7"]
    ),
    "parameter of a link that is not there": (
        {"sysctl": {"net.ipv4.conf.eth7.rp_filter": 1}},
        "sysctl.net/ipv4/conf/eth7/rp_filter", ["eth7"],
    ),
    "neighbour on a link that is not there": (
        {"neighbours": [{"dst": "10.0.0.9", "mac": "02:00:00:00:00:09", "dev": "eth7"}]},
        "neighbours[0].dev", ["eth7"],
    ),
}  # fmt: skip


def _one(error, path, words):
    assert len(error.problems) == 1, str(error)
    text = str(error)
    assert "\n" not in text
    assert text == path or text.startswith(f"{path}: "), text
    for word in words:
        assert word in text, f"{word!r} is not in {text!r}"


@pytest.mark.parametrize(("document", "path", "words"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_mistake_in_a_declaration(document, path, words):
    with pytest.raises(DeclarationError) as caught:
        load(document)
    _one(caught.value, path, words)


@pytest.mark.parametrize(("document", "path", "words"), HOSTS.values(), ids=HOSTS)
def test_a_mistake_that_a_host_shows(document, path, words):
    with pytest.raises(HostError) as caught:
        plan(load({}), load(document))
    _one(caught.value, path, words)


def test_loops_of_masters():
    """Each of them is named."""
    with pytest.raises(DeclarationError) as caught:
        load({"links": {"a": {**BRIDGE, "master": "b"}, "b": {"kind": "bond", "master": "a"}}})
    assert [problem.path for problem in caught.value.problems] == ["links.a", "links.b"]
    assert "a -> b -> a" in str(caught.value)


def test_all_mistakes_at_once():
    document = {"linkz": {}, **_br0(mtu=1, addresses=["10.0.0.1"]), "routes": [{"dst": "x"}]}
    with pytest.raises(DeclarationError) as caught:
        load(document)
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"linkz", "links.br0.mtu", "links.br0.addresses[0]", "routes[0].dst"}


def test_a_mistake_in_an_entry_hides_none_in_the_others():
    """Their places are those that they were written at."""
    document = {
        "routes": [
            {"dst": "x"},
            {"dst": "10.0.0.0/8", "via": "10.1.0.1"},
            {"dst": "10.2.0.0/16"},
            {"metric": 5},
            {"dst": "10.0.0.0/8", "via": "10.1.0.2"},
        ],
        "links": {"b": {**BRIDGE, "addresses": ["10.0.0.1/24", "y", "10.0.0.1/24"]}},
        "iptables": {"filter": {"INPUT": [3, "-A INPUT"], "X": {"rules": ["-A X", 4], "at": 1}}},
    }
    with pytest.raises(DeclarationError) as caught:
        load(document)
    found = {problem.path: problem.what for problem in caught.value.problems}
    assert set(found) == {
        *("routes[0].dst", "routes[2]", "routes[3].dst", "routes[4]"),
        *("links.b.addresses[1]", "links.b.addresses[2]"),
        *("iptables.filter.INPUT.rules[0]", "iptables.filter.INPUT.rules[1]"),
        *("iptables.filter.X.rules[0]", "iptables.filter.X.rules[1]", "iptables.filter.X.at"),
    }
    assert found["routes[4]"] == "10.0.0.0/8 is also routes[1]"


def test_the_way_out_that_no_undo_makes_again_is_not_taken():
    """A container's uplink is an end of a pair whose other end is out of sight."""
    uplink = Link(kind="veth", state="up", addresses=("10.0.0.2/24",))
    route = Route(dst="default", via="10.0.0.1", dev="eth0").normal()
    host = NetworkState(links={"eth0": uplink}, routes=(route,))
    for link, path in (({"state": "absent"}, "state"), (BRIDGE, "kind")):
        with pytest.raises(HostError) as caught:
            plan(host, load({"links": {"eth0": link}}))
        _one(caught.value, f"links.eth0.{path}", ["other end"])
    assert plan(host, load({"links": {"eth0": {"mtu": 1400}}}))
    assert plan(host.but(routes=None), load({"links": {"eth0": {"state": "absent"}}}))


@pytest.mark.parametrize(("output", "told"), [([], []), ([""], []), (["@@ x"], ["not whole"])])
def test_a_script_that_only_complains_is_told_in_its_own_words(output, told):
    error = HostError([Problem("", "not whole")])
    found = unanswered(error, output, ["another run is at work", ""])
    words = [str(problem) for problem in found]
    assert words == [*told, "the script failed: another run is at work"]
    assert "not whole" in str(unanswered(error, output, [""])[0])


def test_one_address_in_two_namespaces_is_no_mistake():
    space = {"links": {"lo": {"addresses": ["10.0.0.1/32"]}}}
    assert set(load({"netns": {"a": space, "b": space}}).netns or {}) == {"a", "b"}


def test_yaml_has_no_surprises():
    """All of these are another type in YAML 1.1."""
    text = "links: {br0: {kind: bridge, mac: 02:00:00:00:00:01, mtu: 0700}}"
    link = (load(text).links or {})["br0"]
    assert (link.mac, link.mtu) == ("02:00:00:00:00:01", 700)


def test_names_are_what_was_written():
    """Some look like numbers; ports of a set are numbers."""
    text = """
    netns: {007: {}, 1e5: {}, 1.0: {}, true: {}, no: {}, 12:30: {}}
    links: {0: {kind: veth, veth: {peer: {name: 08, netns: 007}}, master: 7}, 7: {kind: bridge}}
    ipsets: {ports: {type: bitmap:port, range: 0-65535, entries: [80, 443]}}
    """
    with pytest.raises(DeclarationError) as caught:
        load(text)
    assert [problem.path for problem in caught.value.problems] == ["netns.12:30"]
    state = load(text.replace(", 12:30: {}", ""))
    assert set(state.netns or {}) == {"007", "1e5", "1.0", "true", "no"}
    veth = (state.links or {})["0"]
    assert (veth.master, veth.veth) == ("7", Veth(peer=Peer(name="08", netns="007")))
    assert (state.ipsets or {})["ports"].entries == ("80", "443")
    assert load({"netns": {7: {}}}) == load('netns: {"7": {}}')
