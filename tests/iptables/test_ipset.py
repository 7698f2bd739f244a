"""Sets: exact entries in every spelling; exchanged under the rules that look into them."""

from __future__ import annotations

from typing import Any

import pytest

from netwright.errors import HostError
from tests.iptables.host import Host

pytestmark = pytest.mark.live

SETS: dict[str, Any] = {
    "addresses": {"type": "hash:ip", "entries": ["10.0.0.0/30", "192.0.2.1", "192.0.2.1"]},
    "plain": {"type": "hash:ip", "entries": ["192.0.2.9", "10.0.0.1", "192.0.2.9"]},
    "ranges": {"type": "hash:ip", "entries": ["192.0.2.10-192.0.2.12"]},
    "networks": {"type": "hash:net", "entries": ["10.1.2.3/8", "192.0.2.128/25 nomatch"]},
    "six": {"type": "hash:net", "family": "inet6", "entries": ["2001:DB8::/32", "fd00::1"]},
    "services": {"type": "hash:ip,port", "entries": ["10.0.0.1,tcp:80", "10.0.0.1,udp:53-54"]},
    "ports": {"type": "bitmap:port", "range": "0-65535", "entries": ["22", "80-82"]},
    "named": {"type": "hash:ip", "comment": True, "entries": ['10.0.0.1 comment "a b"']},
    "timed": {"type": "hash:ip", "timeout": 600, "entries": ["10.0.0.1", "10.0.0.2 timeout 300"]},
    "both": {"type": "list:set", "entries": ["addresses", "networks"]},
    "open": {"type": "hash:ip"},
}


def _entries(host: Host, name: str) -> list[str]:
    lines = host.sh(f"ipset save {name}").splitlines()
    return sorted(line.split(" ")[2] for line in lines if line.startswith("add "))


def test_entries_in_every_spelling() -> None:
    with Host() as host:
        host.converge({"ipsets": SETS})
        assert not host.converge({"ipsets": SETS})
        assert _entries(host, "addresses") == [*(f"10.0.0.{n}" for n in range(4)), "192.0.2.1"]
        assert _entries(host, "plain") == ["10.0.0.1", "192.0.2.9"]
        assert _entries(host, "networks") == ["10.0.0.0/8", "192.0.2.128/25"]
        assert _entries(host, "six") == ["2001:db8::/32", "fd00::1"]
        assert _entries(host, "ports") == ["22", "80", "81", "82"]
        assert _entries(host, "services") == [
            "10.0.0.1,tcp:80",
            "10.0.0.1,udp:53",
            "10.0.0.1,udp:54",
        ]
        host.sh("ipset add open 192.0.2.9; ipset del addresses 10.0.0.2; ipset add ports 99")
        assert host.converge({"ipsets": SETS})
        assert _entries(host, "addresses") == [*(f"10.0.0.{n}" for n in range(4)), "192.0.2.1"]
        assert _entries(host, "ports") == ["22", "80", "81", "82"]
        assert _entries(host, "open") == ["192.0.2.9"]
        host.converge({})
        assert host.sh("ipset save") == ""


def test_refused_entries_are_told_all_at_once() -> None:
    wrong = {"type": "hash:ip", "entries": ["10.0.0.1", "10.0.0.0/33", "fd00::1", "10.0.0.2"]}
    with Host() as host, pytest.raises(HostError) as error:
        host.prepare({"ipsets": {"a": wrong, "b": SETS["ports"]}})
    assert [problem.path for problem in error.value.problems] == [
        "ipsets.a.entries[1]",
        "ipsets.a.entries[2]",
    ]
    assert "out of range" in error.value.problems[0].what


def test_one_that_cannot_be_changed_is_exchanged_under_its_rules(host: Host) -> None:
    rule = {"iptables": {"filter": {"INPUT": ["-m set --match-set s src -j DROP"]}}}
    small = {"type": "hash:ip", "maxelem": 100, "entries": ["10.0.0.1", "10.0.0.2"]}
    large = {"type": "hash:ip", "maxelem": 200, "entries": ["10.0.0.2", "10.0.0.3"]}
    host.converge({**rule, "ipsets": {"s": small}})
    before = host.rules()
    answer = host.execute(
        host.prepare({**rule, "ipsets": {"s": large}, "sysctl": {"net.ipv4.no_such": 1}})
    )
    assert answer.failed is not None
    assert answer.left == ()
    assert "maxelem 100" in host.sh("ipset save s")
    assert _entries(host, "s") == ["10.0.0.1", "10.0.0.2"]
    host.converge({**rule, "ipsets": {"s": large}})
    assert "maxelem 200" in host.sh("ipset save s")
    assert _entries(host, "s") == ["10.0.0.2", "10.0.0.3"]
    assert host.sh("ipset list -n") == "s\n"
    assert host.rules() == before
    assert not host.converge({**rule, "ipsets": {"s": large}})
