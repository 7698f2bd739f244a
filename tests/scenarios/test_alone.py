"""A host that is down, or that refuses what is declared, fails alone: the others are converged."""

import json
import re

import pytest

from tests.lab.bench import Bench
from tests.scenarios.test_scenarios import ROOT

pytestmark = pytest.mark.lab

# Its kernel or its iptables has no such match: only the host itself can tell.
INVENTORY = """
from netwright.lab import lab

good = {"links": {"br0": {"kind": "bridge", "addresses": ["10.202.0.1/24"]}}}
refused = {**good, "iptables": {"filter": {"INPUT": ["-m nosuchmatch -j ACCEPT"]}}}
hosts = lab(__file__, subnet="198.18.125.0/24", hosts={
    "refuses": {"network": refused}, "works": {"network": good},
})
hosts.insert(0, ("down", {**hosts[1][1], "ssh_hostname": "198.18.125.99"}))
"""


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.run("netwright", "lab", "down", "--all")


def test_two_of_three_hosts_fail(bench):
    inventory = bench.path / "alone.py"
    inventory.write_text(INVENTORY)
    deploy = ("pyinfra", "-y", inventory, ROOT / "deploys/network.py")
    for time in ("first", "second"):
        done = bench.run(*deploy, ok=False)
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert re.search(r"\[down\].*(Could not connect|SSH connect error|timed out)", said), said
        assert "iptables.filter.INPUT.rules[0]: '-m nosuchmatch -j ACCEPT' is refused" in said, said
        assert ("+ links.br0" in said) is (time == "first"), said
    links = {
        host: {link["ifname"] for link in json.loads(bench.ssh("alone", host, "ip -j link"))}
        for host in ("refuses", "works")
    }
    assert links == {"refuses": {"lo", "eth0"}, "works": {"lo", "eth0", "br0"}}
    assert "ledger.json" in bench.ssh("alone", "works", "ls /etc/netwright/network")
    assert bench.ssh("alone", "refuses", "ls -A /etc/netwright /run/netwright 2>/dev/null; :") == ""
