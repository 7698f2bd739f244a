"""What only the live host shows to be wrong with the tables, and what it warns about."""

from __future__ import annotations

import pytest

from netwright.errors import HostError
from tests.iptables.host import Host

pytestmark = pytest.mark.live

_INPUT = {"iptables": {"filter": {"INPUT": ["-i lo -j ACCEPT"]}}}


def _refused(host: Host, document: object) -> list[str]:
    with pytest.raises(HostError) as error:
        host.prepare(document)
    return [str(problem) for problem in error.value.problems]


def test_without_iptables(host: Host) -> None:
    host.sh("rm /mnt/bin/*; printf 'exit 1' > /mnt/bin/none; mount --bind /mnt/bin /usr/sbin")
    host.sh("ln -s /bin/ip /mnt/bin/ip")
    sets = {"ipsets": {"a": {"type": "hash:ip"}}}
    assert _refused(host, {**_INPUT, **sets}) == [
        "ipsets: ipset is not installed on this host (package ipset)",
        "iptables: iptables is not installed on this host (package iptables)",
    ]
    assert not host.prepare({"links": {"lo": {"state": "down"}}}).network


def test_the_tools_are_found_with_the_path_of_a_user(host: Host) -> None:
    """As sudo has it without secure_path, and su."""
    host.path = "/mnt/bin:/usr/local/bin:/usr/bin:/bin"
    assert host.run("command -v modprobe || command -v ipset").returncode
    assert host.converge({**_INPUT, "ipsets": {"a": {"type": "hash:ip", "entries": ["1.1.1.1"]}}})
    assert host.chain("INPUT") == ["-i lo -j ACCEPT"]
    assert "add a 1.1.1.1" in host.sh("PATH=$PATH:/usr/sbin; ipset save")
    host.sh("PATH=$PATH:/usr/sbin; iptables -F INPUT; ipset destroy a")
    assert host.run("sh /etc/netwright/network/boot").returncode == 0
    assert host.chain("INPUT") == ["-i lo -j ACCEPT"]


def test_rules_that_only_nft_can_show() -> None:
    with Host("nft") as host:
        host.sh(
            "nft add table ip filter\n"
            "nft 'add chain ip filter INPUT { type filter hook input priority 0; }'\n"
            "nft 'add rule ip filter INPUT meta mark set 5 log prefix \"x\" drop'"
        )
        before = host.sh("nft list ruleset")
        what = "holds rules that only nft can show; move them into a table of their own"
        assert _refused(host, _INPUT) == [f"iptables.filter: {what}"]
        assert host.sh("nft list ruleset") == before
        assert host.converge({"iptables": {"nat": {"PREROUTING": ["-p udp -j RETURN"]}}})


@pytest.mark.parametrize(("backend", "other"), [("nft", "legacy"), ("legacy", "nft")])
def test_rules_of_the_other_backend_are_warned_about(backend: str, other: str) -> None:
    with Host(backend) as host:
        assert host.prepare(_INPUT).warnings == ()
        host.sh(f"iptables-{other} -A INPUT -s 9.9.9.9 -j DROP")
        (warning,) = host.prepare(_INPUT).warnings
        said = f"iptables: iptables-{other} holds rules as well: packets meet both"
        assert str(warning) == said
        host.converge(_INPUT)
        assert host.sh(f"iptables-{other}-save | grep -c '^-A'") == "1\n"


def test_each_namespace_is_warned_about_by_itself() -> None:
    with Host("nft") as host:
        host.sh("for name in n m; do ip netns add $name; done")
        host.sh("ip netns exec n iptables-legacy -P FORWARD DROP")
        document = {**_INPUT, "netns": {"n": _INPUT, "m": _INPUT}}
        (warning,) = host.prepare(document).warnings
        said = "netns.n.iptables: iptables-legacy holds rules as well: packets meet both"
        assert str(warning) == said


def test_reading_makes_no_tables() -> None:
    with Host("legacy") as host:
        host.prepare(_INPUT)
        assert host.sh("cat /proc/net/ip_tables_names") == ""


def test_without_a_throw_away_namespace(host: Host) -> None:
    host.sh("printf '#!/bin/sh\\nexit 1' > /mnt/bin/unshare; chmod +x /mnt/bin/unshare")
    assert host.converge(_INPUT)
    assert not host.converge(_INPUT)
    assert host.sh("ls /run/netns") == ""
    host.sh(
        "echo '[ $1 != netns ] || { echo no >&2; exit 1; }' > /mnt/bin/ip\n"
        "echo 'exec /bin/ip \"$@\"' >> /mnt/bin/ip"
    )
    host.sh("chmod +x /mnt/bin/ip")
    what = "can't be validated: there is no throw-away namespace for them on this host"
    assert _refused(host, _INPUT) == [f"iptables: {what} (no)"]


def test_a_chain_that_others_need_is_not_removed(host: Host) -> None:
    document = {"iptables": {"filter": {"MINE": ["-j DROP"]}}}
    host.converge(document)
    host.sh("iptables -A INPUT -j MINE")
    before = host.rules()
    for goes in ({}, {"iptables": {"filter": {"MINE": {"state": "absent"}}}}):
        what = "is still needed by INPUT (-j MINE), which isn't ours"
        assert _refused(host, goes) == [f"iptables.filter.MINE: {what}"]
    assert host.rules() == before
