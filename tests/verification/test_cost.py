"""A hundred things cost a handful of commands; what is found is told in JUnit's form, too."""

from xml.etree import ElementTree

import pytest

from tests.verification.fakehost import FakeHost, verify

pytestmark = pytest.mark.live

BLUE = {
    "links": {"lo": {}, "eth0": {"addresses": ["10.202.0.2/24"]}},
    "routes": [{"dst": f"10.203.{number}.0/24", "via": "10.202.0.1"} for number in range(30)],
}
DECLARED = {
    "sysctl": {"net.ipv4.ip_forward": 1},
    "links": {
        **{f"vt{number}": {"kind": "bridge", "mtu": 1400} for number in range(20)},
        "br7": {"kind": "bridge", "addresses": ["10.202.0.1/24"]},
        "to-blue": {
            "kind": "veth",
            "master": "br7",
            "veth": {"peer": {"name": "eth0", "netns": "blue"}},
        },
    },
    "rules": [{"priority": 100 + number, "table": 100} for number in range(10)],
    "iptables": {"filter": {"VT": [f"-p tcp --dport {port} -j ACCEPT" for port in range(80, 90)]}},
    "netns": {"blue": BLUE},
}
# By hand, without netwright.
BUILD = "\n".join(
    [
        "sysctl -qw net.ipv4.ip_forward=1; ip netns add blue; ip -n blue link set lo up",
        *(f"ip link add vt{n} type bridge; ip link set vt{n} mtu 1400 up" for n in range(20)),
        "ip link add br7 type bridge; ip address add 10.202.0.1/24 dev br7; ip link set br7 up",
        "ip link add to-blue type veth peer name eth0 netns blue",
        "ip link set to-blue master br7 up; ip -n blue link set eth0 up",
        "ip -n blue address add 10.202.0.2/24 dev eth0",
        *(f"ip -n blue route add 10.203.{n}.0/24 via 10.202.0.1" for n in range(30)),
        *(f"ip rule add priority {100 + n} table 100" for n in range(10)),
        "iptables -N VT",
        *(f"iptables -A VT -p tcp --dport {port} -j ACCEPT" for port in range(80, 90)),
    ]
)


@pytest.fixture
def host():
    made = FakeHost()
    try:
        made.run(BUILD)
        yield made
    finally:
        made.close()


@pytest.fixture
def counted(tmp_path):
    """A shell that notes each start, for a PATH; and the file that it notes them in."""
    notes = tmp_path / "started"
    notes.touch()
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").write_text(f'#!/bin/sh\necho "$*" | head -n 1 >> {notes}\nexec /bin/sh "$@"\n')
    (folder / "sh").chmod(0o755)
    return folder, notes


def test_a_hundred_things_are_a_handful_of_commands(host, counted, tmp_path):
    folder, notes = counted
    path = host.inventory(tmp_path, DECLARED)
    junit = tmp_path / "network.xml"
    counting = [*host.enter, "sh", "-c", f'PATH={folder}:$PATH exec "$@"', "sh"]
    done = verify(path, f"--junit-xml={junit}", prefix=counting)
    failed = [line for line in done.stdout.splitlines() if " FAILED" in line]
    assert failed == [], done.stdout
    (suite,) = ElementTree.parse(junit).getroot()
    assert int(suite.get("tests")) >= 100
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    started = notes.read_text().splitlines()
    # What goes over the wire, and with it the shells that this starts on the host.
    assert 1 <= started.count("-c sh") <= 5, "\n".join(started)
    assert len(started) <= 10, "\n".join(started)


def test_what_is_wrong_is_one_finding_each_in_junit(host, tmp_path):
    host.run("ip link set vt3 mtu 1300; ip -n blue route del 10.203.7.0/24")
    junit = tmp_path / "network.xml"
    done = host.verify(tmp_path, DECLARED, f"--junit-xml={junit}")
    assert done.returncode == 1
    cases = ElementTree.parse(junit).getroot().iter("testcase")
    found = {case.get("name"): case.find("failure") for case in cases}
    failures = {name: item.get("message") for name, item in found.items() if item is not None}
    assert set(failures) == {"links.vt3.mtu", "netns.blue.routes[10.203.7.0/24]"}, failures
    assert "1300" in failures["links.vt3.mtu"]
    assert "1400" in failures["links.vt3.mtu"]
