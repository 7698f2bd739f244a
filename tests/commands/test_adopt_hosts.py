"""`netwright adopt` over SSH: a host made by hand is taken over as it is."""

import pytest
import yaml

from tests.lab.bench import Bench

pytestmark = pytest.mark.lab

SUBNET = "198.18.151"
INVENTORY = f"""
from netwright.lab import lab
hosts = lab(__file__, name="ex9-adopt", subnet="{SUBNET}.0/24",
            hosts={{"a": {{DATA}}, "b": {{}}}})
"""
BY_HAND = """
set -e
ip link add br0 type bridge
ip address add 10.152.0.1/24 dev br0
ip link set br0 up
ip netns add blue
ip link add to-blue type veth peer name eth0 netns blue
ip link set to-blue master br0 up
ip -n blue link set eth0 up
ip -n blue address add 10.152.0.2/24 dev eth0
ip -n blue route add default via 10.152.0.1
ip route add 10.153.0.0/24 via 10.152.0.2
sysctl -qw net.ipv4.ip_forward=1
iptables -A FORWARD -i br0 -j ACCEPT
iptables -P FORWARD DROP
"""
SEEN = """
for in in '' 'ip netns exec blue'; do
  # Without whether it is operational, which the kernel says when it gets to it.
  $in ip -br link | awk '{print $1, $3, $4}'
  $in ip -br address | awk '{$2 = ""; print}'
  $in ip route
  $in ip rule
  $in iptables-save | sed -e '/^#/d' -e 's/\\[.*//'
done
cat /proc/sys/net/ipv4/ip_forward
"""


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.run("netwright", "lab", "down", "--all")


def test_a_host_made_by_hand_is_taken_over(bench):
    path = bench.path / "inventory.py"
    path.write_text(INVENTORY.replace("{DATA}", "{}"))
    bench.run("netwright", "lab", "up", path)
    bench.ssh("ex9-adopt", "a", BY_HAND)
    before = bench.ssh("ex9-adopt", "a", SEEN)

    said = bench.run("netwright", "adopt", path, "--limit", "a", "-o", bench.path / "nets").stdout
    assert said.startswith(f"a: {bench.path}/nets/a.yaml")
    assert sorted(item.name for item in (bench.path / "nets").iterdir()) == ["a.yaml"]
    found = yaml.safe_load((bench.path / "nets/a.yaml").read_text())
    assert found["links"]["br0"] == {"kind": "bridge", "addresses": ["10.152.0.1/24"]}
    assert found["iptables"]["filter"]["FORWARD"] == {
        "policy": "DROP", "rules": ["-i br0 -j ACCEPT"]
    }  # fmt: skip
    assert found["netns"]["blue"]["routes"] == [
        {"dst": "default", "via": "10.152.0.1", "dev": "eth0"}
    ]
    nets = ("-o", bench.path / "nets")
    again = bench.run("netwright", "adopt", path, "--limit", "a", *nets, ok=False)
    assert "is there already; --force writes over it" in again.stderr

    path.write_text(INVENTORY.replace("{DATA}", '{"network": "nets/a.yaml"}'))
    # What the next boot reads is new; of the network nothing is.
    plan = bench.run("netwright", "plan", path, "--limit", "a", ok=False)
    assert plan.returncode == 2, plan
    assert all(line.startswith("[a] + files./etc/") for line in plan.stdout.splitlines()), plan
    bench.run("pyinfra", "-y", path, "deploys/network.py", "--limit", "a")
    assert bench.ssh("ex9-adopt", "a", SEEN) == before
    plan = bench.run("netwright", "plan", path, "--limit", "a")
    assert plan.stdout == "[a] nothing would change\n", plan
