"""Names of tables, protocols and scopes: the declaration's own; the host's files say nothing."""

from __future__ import annotations

import pytest

from netwright.errors import DeclarationError
from netwright.state import load
from tests.live.sandbox import Sandbox

pytestmark = pytest.mark.live

# What the host calls by the declaration's words is another; every number of ours has a name.
FILES = """
set -e
mkdir -p /etc/iproute2
cd /etc/iproute2
printf '%s\\n' '254 first' '103 isp2' '102 isp3' '1102 much' '10 main' > rt_tables
printf '%s\\n' '3 hand' '4 fixed' '2 core' > rt_protos
printf '%s\\n' '200 place' '253 here' > rt_scopes
printf '%s\\n' '0 every' '7 some' > group
printf '%s\\n' '0x10 low' '0 none' > rt_dsfield
printf '%s\\n' '0 none' '5 realm' > rt_realms
"""
NETWORK = {
    "tables": {"isp2": 102, "more": 1102},
    "links": {
        "v0": {
            "kind": "veth",
            "veth": {"peer": {"name": "v1", "netns": "n"}},
            "addresses": ["10.0.0.1/24", "fd00::1/64"],
        },
    },
    "routes": [
        {"dst": "default", "via": "10.0.0.2", "table": "isp2"},
        {"dst": "192.0.2.0/24", "via": "10.0.0.2", "table": "more"},
        {"dst": "198.51.100.0/24", "via": "10.0.0.2"},
        {"dst": "2001:db8::/64", "via": "fd00::2", "table": 10},
        {"dst": "203.0.113.0/24", "type": "blackhole", "table": 103},
    ],
    "rules": [
        {"priority": 100, "from": "10.0.0.0/24", "table": "isp2"},
        {"priority": 101, "iif": "v0", "table": "more"},
        {"priority": 102, "fwmark": 7, "table": "main"},
    ],
    "netns": {
        "n": {
            "links": {"lo": {}, "v1": {"addresses": ["10.0.0.2/24", "fd00::2/64"]}},
            "rules": [{"priority": 7, "iif": "lo", "table": "isp2"}],
        }
    },
}


def _tables(sandbox: Sandbox) -> set[tuple[str, int]]:
    return {(route[2], route[1]) for route in sandbox.read()["host"]["routes"]}


def test_the_names_of_the_host_are_not_read() -> None:
    with Sandbox() as sandbox:
        assert sandbox.sh(FILES).status == 0
        sandbox.converge(NETWORK)
        assert not sandbox.prepare(load(NETWORK)).plan
        assert _tables(sandbox) == {
            ("None/0", 102),
            ("192.0.2.0/24", 1102),
            ("198.51.100.0/24", 254),
            ("2001:db8::/64", 10),
            ("203.0.113.0/24", 103),
        }
        shown = "".join(sandbox.sh("ip rule").out)
        assert "lookup isp3" in shown, "the host's names are in force for ip"
        # What is there under another name for ip is found again, changed and taken away.
        changed = {**NETWORK, "tables": {"isp2": 103, "more": 1102}}
        sandbox.converge(changed)
        assert ("None/0", 103) in _tables(sandbox)
        assert ("None/0", 102) not in _tables(sandbox)
        sandbox.converge({})
        assert _tables(sandbox) == set()


def test_a_name_of_the_host_alone_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'isp3' is neither main"):
        load({**NETWORK, "rules": [{"priority": 1, "table": "isp3"}]})
