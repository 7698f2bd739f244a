"""What else sets a host's network: who is named, and which file of parameters decides at boot."""

import pytest

from netwright import run, site
from netwright.site import Site, at_boot
from netwright.snapshot import Snapshot
from netwright.state import load
from tests.core.kernel import Host

KEY = "net/ipv4/conf/eth0/rp_filter"
PATTERN = "net.ipv4.conf.*.rp_filter"
# Each is a rule of sysctl.d(5).
DECIDES = {
    "the later name, whatever the directory": (
        {"/usr/lib/sysctl.d/50-a.conf": [f"{KEY}=1"], "/etc/sysctl.d/10-b.conf": [f"{KEY}=2"]},
        ("/usr/lib/sysctl.d/50-a.conf", "1"),
    ),
    "of one name the one in /etc": (
        {"/usr/lib/sysctl.d/50-a.conf": [f"{KEY}=1"], "/etc/sysctl.d/50-a.conf": []},
        None,
    ),
    "of one name /run before /usr": (
        {"/usr/lib/sysctl.d/a.conf": [f"{KEY}=1"], "/run/sysctl.d/a.conf": [f"{KEY} = 2"]},
        ("/run/sysctl.d/a.conf", "2"),
    ),
    "the last line of a file": (
        {"/etc/sysctl.d/a.conf": [f"{KEY}=1", "net.ipv4.conf.eth0.rp_filter=0"]},
        ("/etc/sysctl.d/a.conf", "0"),
    ),
    "a value of its own before a later pattern": (
        {
            "/etc/sysctl.d/a.conf": [f"{KEY}=1"],
            "/etc/sysctl.d/b.conf": [f"{PATTERN}=2"],
        },
        ("/etc/sysctl.d/a.conf", "1"),
    ),
    "a pattern where nothing else is": (
        {"/etc/sysctl.d/b.conf": [f"{PATTERN}=2"]},
        ("/etc/sysctl.d/b.conf", "2"),
    ),
    "a pattern reaches no further down": (
        {"/etc/sysctl.d/b.conf": ["net.ipv4.*.rp_filter=2"]},
        None,
    ),
    "an exclusion keeps patterns away": (
        {"/etc/sysctl.d/b.conf": [f"{PATTERN}=2", f"-{KEY}"]},
        None,
    ),
    "a later exclusion takes an earlier value away": (
        {"/etc/sysctl.d/a.conf": [f"{KEY}=2"], "/etc/sysctl.d/b.conf": [f"-{KEY}"]},
        None,
    ),
    "a line whose failure does not matter": (
        {"/etc/sysctl.d/b.conf": [f"-{KEY}=2"]},
        ("/etc/sysctl.d/b.conf", "2"),
    ),
    "a dotted link": (
        {"/etc/sysctl.d/b.conf": ["net.ipv4.conf.eth0/3.rp_filter=2"]},
        None,
    ),
}


@pytest.mark.parametrize("what", DECIDES)
def test_which_file_decides(what):
    files, expected = DECIDES[what]
    assert at_boot(files, KEY) == expected


def test_a_dotted_link_is_found_by_either_spelling():
    for line in ("net.ipv4.conf.eth0/3.rp_filter=2", "net/ipv4/conf/eth0.3/rp_filter=2"):
        found = at_boot({"/etc/sysctl.d/b.conf": [line]}, "net/ipv4/conf/eth0.3/rp_filter")
        assert found == ("/etc/sysctl.d/b.conf", "2")


def _warnings(document, seen, keep=True):
    declared = load(document)
    found = Host().snapshot(declared)
    snapshot = Snapshot(found.state, site=seen)
    done = run.prepare("network", declared, snapshot, keep=keep)
    return {problem.path: problem.what for problem in done.warnings}


FORWARD = {"sysctl": {"net.ipv4.ip_forward": 1}}


def test_a_later_file_that_says_something_else_is_named():
    late = {"/etc/sysctl.d/zz.conf": ("net.ipv4.ip_forward = 0",)}
    found = _warnings(FORWARD, Site(files=late))
    assert found.keys() == {"sysctl.net/ipv4/ip_forward"}
    assert "/etc/sysctl.d/zz.conf sets 0" in found["sysctl.net/ipv4/ip_forward"]
    assert "declared is 1" in found["sysctl.net/ipv4/ip_forward"]
    assert not _warnings(FORWARD, Site(files=late), keep=False)
    left_out = {"/etc/sysctl.d/zz.conf": ("-net.ipv4.ip_forward",)}
    found = _warnings(FORWARD, Site(files=left_out))
    assert "/etc/sysctl.d/zz.conf keeps it out" in found["sysctl.net/ipv4/ip_forward"]
    for harmless in (
        {"/etc/sysctl.d/zz.conf": ("net.ipv4.ip_forward = 1",)},
        {"/etc/sysctl.d/99-sysctl.conf": ("net.ipv4.ip_forward = 0",)},
        {"/etc/sysctl.d/zz.conf": ("net.ipv4.*forward = 0",)},
    ):
        assert not _warnings(FORWARD, Site(files=harmless)), harmless


PRINTED = """\
init ifupdown
file /etc/sysctl.d/masked.conf
file /usr/lib/sysctl.d/masked.conf
line /usr/lib/sysctl.d/masked.conf:net.ipv4.ip_forward=0
networkd /run/systemd/netif/links/7:NETWORK_FILE=/etc/systemd/network/lo.network
manager /run/NetworkManager/devices/9:connection-uuid=1-2-3
ifupdown lo=lo
ifupdown eth1=eth1
firewall ufw
"""


def test_what_the_host_prints_is_read():
    found = site.parse(PRINTED.splitlines())
    assert found.init == "ifupdown"
    assert at_boot(found.files, "net/ipv4/ip_forward") is None, "the empty file masks the other"
    assert found.indexes == {
        7: ("networkd", "/etc/systemd/network/lo.network"),
        9: ("manager", "1-2-3"),
    }
    assert found.names == {"eth1": ("ifupdown", "as eth1")}
    assert found.firewalls == ("ufw",)


def test_another_manager_of_a_declared_link_is_named():
    index = Host().snapshot(load({})).state.links["lo"].index
    seen = Site(indexes={index: ("networkd", "/etc/systemd/network/lo.network")})
    found = _warnings({"links": {"lo": {"addresses": ["192.0.2.1/32"]}}}, seen)
    assert "/etc/systemd/network/lo.network" in found["links.lo"]
    assert not _warnings({"links": {"lo": {}}}, seen), "nothing of it is declared"
    assert not _warnings(FORWARD, seen)


def test_another_firewall_is_named_where_rules_are_declared():
    rules = {"iptables": {"filter": {"INPUT": {"policy": "ACCEPT"}}}}
    assert "ufw is enabled" in _warnings(rules, Site(firewalls=("ufw",)))["iptables"]
    assert not _warnings(FORWARD, Site(firewalls=("ufw",)))


BRIDGE = {"links": {"br0": {"kind": "bridge"}}}
HOOKS = {
    "systemd": "/etc/systemd/system/netwright-network.service",
    "ifupdown": "/etc/network/if-pre-up.d/netwright-network",
    "openrc": "/etc/local.d/netwright-network.start",
}


@pytest.mark.parametrize("init", HOOKS)
def test_each_start_has_its_hook(init):
    declared = load(BRIDGE)
    snapshot = Snapshot(Host().snapshot(declared).state, site=Site(init=init))
    done = run.prepare("network", declared, snapshot)
    paths = {step.path.removeprefix("files.") for step in done.plan}
    assert paths & set(HOOKS.values()) == {HOOKS[init]}


def test_a_host_that_starts_nothing_is_told_so():
    assert "set `persist: false`" in _warnings(BRIDGE, Site(init="none"))["persist"]
    assert not _warnings(BRIDGE, Site(init="none"), keep=False)
