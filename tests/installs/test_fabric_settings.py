"""What is declared of a fabric, what is wrong with it, and who gets which block and address."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.errors import DeclarationError
from netwright.installs import fabric_blocks
from netwright.installs.fabric import Fabric
from netwright.installs.fabric_network import ifname, network
from netwright.installs.fabric_pairs import Place, allowed, heard, partners
from netwright.installs.fabric_problems import problems
from netwright.installs.read import read
from netwright.state import load

HOSTS = ["f0", "f1", "f2"]


def _fabric(**data):
    return read(Fabric, "fabric", {"pool": "10.66.0.0/16", **data})


def _wrong(**data):
    """Path and text of what is wrong, the settings alone and between hosts."""
    try:
        return [str(problem) for problem in problems(_fabric(**data), HOSTS)]
    except DeclarationError as error:
        return [str(problem) for problem in error.problems]


def _node(address=None, block=None, **workloads):
    found = {name: {"address": each} for name, each in workloads.items()}
    return {"address": address, "block": block, "workloads": found}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"pool": "10.66.0.1/16"}, "fabric.pool: '10.66.0.1/16' is not an IPv4"),
        ({"block_size": 12}, "fabric.block_size"),
        ({"pool": "10.66.0.0/27"}, "a /26 is larger than pool 10.66.0.0/27"),
        ({"asn": 0}, "fabric.asn"),
        ({"bgp": 1}, "fabric.bgp: is not a key here; accepted: pool, block_size, asn"),
        ({"password": 'a"b'}, "fabric.password: is not 1 to 80"),
        ({"hosts": {"f9": {}}}, "fabric.hosts.f9: is no host of the fabric: f0, f1, f2"),
        ({"reflectors": ["f9"]}, "fabric.reflectors[0]: f9 is no host of the fabric: f0, f1, f2"),
        (
            {"hosts": {"f0": _node(block="10.66.0.0/26"), "f1": _node(block="10.66.0.0/26")}},
            "fabric.hosts.f1.block: 10.66.0.0/26 overlaps 10.66.0.0/26 of f0",
        ),
        (
            {"hosts": {"f0": _node(block="10.66.0.0/26"), "f1": _node(block="10.66.0.0/25")}},
            "fabric.hosts.f1.block: 10.66.0.0/25 overlaps 10.66.0.0/26 of f0",
        ),
        (
            {"hosts": {"f0": _node(block="10.67.0.0/26")}},
            "fabric.hosts.f0.block: 10.67.0.0/26 is not in pool 10.66.0.0/16",
        ),
        (
            {"hosts": {"f0": _node(block="10.66.0.0/26", web="10.66.0.64")}},
            "fabric.hosts.f0.workloads.web.address: 10.66.0.64 is not in the host's block",
        ),
        (
            {"hosts": {"f0": _node(web="10.67.0.1")}},
            "fabric.hosts.f0.workloads.web.address: 10.67.0.1 is not in pool",
        ),
        (
            {"hosts": {"f0": _node(a="10.66.0.1"), "f1": _node(b="10.66.0.1")}},
            "fabric.hosts.f1.workloads.b.address: 10.66.0.1 is that of f0/a",
        ),
        (
            {"hosts": {"f0": {"workloads": {n: {"container": "web-1"} for n in ("a", "b")}}}},
            "fabric.hosts.f0.workloads.b.container: web-1 is that of a",
        ),
        (
            {"hosts": {"f0": {"workloads": {"a": {"container": "$(id)"}}}}},
            "fabric.hosts.f0.workloads.a.container: is not a container's name",
        ),
        ({"hosts": {"f0": _node(address="10.66.0.9")}}, "is in pool 10.66.0.0/16, which is for"),
        (
            {"policy": {"rules": [{"action": "deny", "to": "web"}]}},
            "fabric.policy.rules[0].to: no workload is in group web; groups: none",
        ),
        (
            {"policy": {"rules": [{"action": "deny", "ports": ["80"]}]}},
            "ports need protocol tcp or udp",
        ),
    ],
)
def test_what_is_wrong_is_named(data, said):
    found = _wrong(**data)
    assert any(said in line for line in found), found


def test_everything_wrong_is_said_at_once():
    found = _wrong(
        reflectors=["f8"],
        hosts={"f9": {}, "f0": _node(block="10.67.0.0/26"), "f1": _node(block="10.66.0.0/24")},
    )
    assert len(found) == 4


def test_a_block_is_declared_or_allocated_or_kept():
    fabric = _fabric(hosts={"f1": {"block": "10.66.0.0/26"}})
    assert fabric_blocks.blocks(fabric, HOSTS, {}) == {
        "f0": "10.66.0.64/26", "f1": "10.66.0.0/26", "f2": "10.66.0.128/26",
    }  # fmt: skip
    had = {"f2": "10.66.7.0/26", "f0": "10.66.0.0/26"}
    found = fabric_blocks.blocks(fabric, HOSTS, had)
    assert found["f2"] == "10.66.7.0/26"
    assert found["f0"] == "10.66.0.64/26", "what is declared counts more than what was there"


def test_a_host_that_declares_addresses_has_the_block_they_are_in():
    fabric = _fabric(hosts={"f2": _node(a="10.66.0.5")})
    found = fabric_blocks.blocks(fabric, HOSTS, {})
    assert found == {"f0": "10.66.0.64/26", "f1": "10.66.0.128/26", "f2": "10.66.0.0/26"}
    both = _fabric(hosts={"f2": _node(a="10.66.0.5", b="10.66.0.70")})
    with pytest.raises(DeclarationError, match="holds its workloads"):
        fabric_blocks.blocks(both, HOSTS, {})


def test_a_pool_has_an_end():
    fabric = _fabric(pool="10.66.0.0/25")
    with pytest.raises(DeclarationError, match=r"fabric.hosts.f2: pool .* has no /26 left"):
        fabric_blocks.blocks(fabric, HOSTS, {})


def test_a_block_has_an_end():
    five = {"f0": {"workloads": {name: {} for name in "abcde"}}}
    (line,) = _wrong(block_size=30, hosts=five)
    assert line == "fabric.hosts.f0.workloads: 5, a block of /30 has 4 addresses"


@given(st.lists(st.sets(st.sampled_from([f"h{n}" for n in range(12)]), min_size=1), max_size=8))
def test_hosts_that_come_and_go_leave_the_others_their_blocks(steps):
    fabric = _fabric(pool="10.66.0.0/22")
    had = {}
    for step in steps:
        found = fabric_blocks.blocks(fabric, sorted(step), had)
        assert all(found[host] == had[host] for host in found if host in had)
        nets = [IPv4Network(block) for block in found.values()]
        assert len(set(nets)) == len(step)
        assert all(net.subnet_of(IPv4Network("10.66.0.0/22")) for net in nets)
        had = found


def test_addresses_are_declared_or_kept_or_free():
    fabric = _fabric(hosts={"f0": _node(a=None, b="10.66.0.0", c=None, d=None)})
    found = fabric_blocks.addresses(fabric, "f0", "10.66.0.0/26", {"c": "10.66.0.1"})
    assert found == {"a": "10.66.0.2", "b": "10.66.0.0", "c": "10.66.0.1", "d": "10.66.0.3"}
    moved = fabric_blocks.addresses(
        _fabric(hosts={"f0": _node(a=None)}), "f0", "10.66.1.0/26", {"a": "10.66.0.2"}
    )
    assert moved == {"a": "10.66.1.0"}
    with pytest.raises(DeclarationError, match=r"10.66.0.0 is not in the host's block"):
        fabric_blocks.addresses(fabric, "f0", "10.66.1.0/26", {})


def test_the_network_is_calicos_for_a_workload():
    fabric = _fabric(hosts={"f0": _node(web=None)})
    state = load(network(fabric, "f0", {"f0": {"web": "10.66.0.7"}}))
    name = ifname("web")
    assert name.startswith("cali")
    assert len(name) == 15
    assert state.links[name].mac == "ee:ee:ee:ee:ee:ee"
    routes = {(route.dst, route.dev, route.metric, route.scope) for route in state.routes}
    assert ("10.66.0.7/32", name, 1024, "link") in routes
    for parameter in ("proxy_arp", "forwarding", "route_localnet", "rp_filter"):
        assert state.sysctl[f"net/ipv4/conf/{name}/{parameter}"] == "1"
    assert state.sysctl[f"net/ipv4/neigh/{name}/proxy_delay"] == "0"
    inside = state.netns["web"]
    assert inside.links["eth0"].addresses == ("10.66.0.7/32",)
    assert {(route.dst, route.via) for route in inside.routes} == {
        ("169.254.1.1/32", None), ("default", "169.254.1.1"),
    }  # fmt: skip


def test_rules_do_not_grow_with_workloads():
    rules = [{"action": "allow", "from": "g", "to": "g"}]

    def count(number):
        workloads = {f"w{n}": {"groups": ["g"]} for n in range(number)}
        fabric = _fabric(
            block_size=20, hosts={"f0": {"workloads": workloads}}, policy={"rules": rules}
        )
        own = fabric_blocks.addresses(fabric, "f0", "10.66.0.0/20", {})
        state = load(network(fabric, "f0", {"f0": own}))
        assert len(state.ipsets["fabric-g"].entries) == number
        chains = [chain for table in state.iptables.values() for chain in table.values()]
        return sum(len(chain.rules) for chain in chains)

    assert count(2) == count(500) == 7


def test_a_policys_first_rule_that_fits_decides():
    nodes = {"f0": {"workloads": {"a": {"groups": ["web"]}, "b": {"groups": ["db"]}, "c": {}}}}
    rules = [
        {"action": "allow", "from": "web", "to": "db", "protocol": "tcp", "ports": ["5432"]},
        {"action": "allow", "from": "web", "to": "db", "protocol": "icmp"},
        {"action": "deny", "to": "db"},
    ]
    fabric = _fabric(hosts=nodes, policy={"rules": rules})
    a, b, c = (Place("f0", name, f"10.66.0.{n}") for n, name in enumerate("abc"))
    assert allowed(fabric, a, b)
    assert not allowed(fabric, a, b, "udp")
    assert not allowed(fabric, c, b)
    assert allowed(fabric, b, c)


def test_of_many_workloads_each_asks_some_of_every_host():
    few = [Place("f0", f"w{n}", str(IPv4Address("10.66.0.0") + n)) for n in range(12)]
    assert len(partners(few[0], few)) == 11
    many = [
        Place(f"f{host}", f"w{n}", str(IPv4Address("10.66.0.0") + host * 1024 + n))
        for host in range(3)
        for n in range(500)
    ]
    found = partners(many[700], many)
    assert len(found) == 12
    assert {place.host for place in found} == {"f0", "f1", "f2"}


def test_what_the_receiver_has_seen_is_the_first_source():
    line = (
        "ipv4     2 icmp     1 29 src=10.66.0.0 dst=10.66.0.65 type=8 code=0 id=689"
        " src=10.66.0.65 dst=198.18.80.10 type=0 code=0 id=689 mark=0 zone=0 use=2"
    )
    assert list(heard(line)) == [("10.66.0.0", "10.66.0.65")]
