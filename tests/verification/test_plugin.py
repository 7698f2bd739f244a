"""`pytest --pyinfra-inventory INVENTORY --verify` as its users see it, without any host."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.verification.fakehost import ROOT, verify

pytestmark = pytest.mark.slow

BRIDGE = {"links": {"vtbr": {"kind": "bridge", "addresses": ["10.201.0.1/24"]}}}


@pytest.fixture
def inventory(tmp_path):
    def write(text):
        path = tmp_path / "inventory.py"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def collected(path, *options):
    """The names of the items; no host is contacted for them."""
    done = verify(path, "--collect-only", "-q", "-q", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def usage_error(path, *options):
    done = verify(path, *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    return line.removeprefix("ERROR: ")


def test_every_declared_thing_is_an_item_by_its_path(inventory):
    path = inventory("""
        hosts = [("a", {"network": {
            "sysctl": {"net.ipv4.ip_forward": 1},
            "links": {
                "br0": {"kind": "bridge", "addresses": ["10.0.0.1/24"], "ipv4": {"rp_filter": 0}},
                "br-veth1": {"kind": "veth", "veth": {"peer": {"name": "veth1", "netns": "test1"}},
                             "master": "br0", "port": {"hairpin": True}},
            },
            "netns": {"test1": {"routes": [{"dst": "default", "dev": "veth1"}]}},
            "checks": [{"from": "test1", "ping": "172.16.0.3"},
                       {"from": "host", "tcp": "[fd00::1]:80", "expect": "refused"}],
        }})]
    """)
    assert collected(path) == [
        "a::connection",
        "a::sysctl.net/ipv4/ip_forward",
        "a::sysctl.net/ipv4/conf/br0/rp_filter",
        "a::sysctl.net/ipv4/conf/br0/rp_filter (effective)",
        "a::links.br0.kind",
        "a::links.br0.state",
        "a::links.br0.addresses",
        "a::links.br-veth1.kind",
        "a::links.br-veth1.state",
        "a::links.br-veth1.master",
        "a::links.br-veth1.port.hairpin",
        "a::links.br-veth1.veth.peer",
        "a::netns.test1",
        "a::netns.test1.routes[default]",
        "a::boot",
        "a::checks[0] test1 ping 172.16.0.3",
        "a::checks[1] host tcp [fd00::1]:80 refused",
    ]


def test_data_comes_from_wherever_pyinfra_takes_it(inventory, tmp_path):
    (tmp_path / "group_data").mkdir()
    (tmp_path / "group_data" / "all.py").write_text("network = 'nets/all.yaml'\n")
    (tmp_path / "group_data" / "special.py").write_text(f"network = {BRIDGE!r}\n")
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "all.yaml").write_text("links: {lo: {mtu: 65536}}\n")
    path = inventory("""
        from pathlib import Path
        plain = ["a"]
        special = ["b"]
        own = [("c", {"network": Path(__file__).parent / "nets/all.yaml"}), ("d", {"network": {}})]
    """)
    found = collected(path)
    assert [name for name in found if name.startswith("a::")] == [
        "a::connection",
        "a::links.lo.state",
        "a::links.lo.mtu",
        "a::boot",
    ]
    assert "b::links.vtbr.addresses" in found
    assert "c::links.lo.mtu" in found
    assert [name for name in found if name.startswith("d::")] == ["d::connection"]


def test_nothing_else_is_collected(inventory, tmp_path):
    (tmp_path / "test_other.py").write_text("raise SystemExit('collected')\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    path = inventory(f"hosts = [('a', {{'network': {BRIDGE!r}}})]")
    names = collected(path)
    assert {name.partition("::")[0] for name in names} == {"a"}
    assert collected(path, str(tmp_path)) == names
    assert collected(path, "test_other.py") == names


def test_arguments_select_by_name(inventory):
    path = inventory(f"hosts = [(name, {{'network': {BRIDGE!r}}}) for name in ('a', 'ab')]")
    assert {name.partition("::")[0] for name in collected(path, "a")} == {"a"}
    assert collected(path, "a::links.vtbr.addresses", "ab::connection") == [
        "a::links.vtbr.addresses",
        "ab::connection",
    ]
    assert collected(path, "a::links", "-k", "kind") == ["a::links.vtbr.kind"]
    assert "no such host; there: a, ab" in usage_error(path, "c::links")
    assert "nothing is declared at a::routes" in usage_error(path, "a::routes")


def test_an_inventory_without_a_network_is_a_usage_error(inventory):
    assert "declares no `network` for any host (a, b)" in usage_error(inventory("h = ['a', 'b']"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hosts = []", "names no hosts"),
        ("hosts = [", "can't be read: '[' was never closed"),
        ("x = 1\nraise ValueError('no luck')", "inventory.py, line 2: ValueError: no luck"),
        ("import nothing_of_this_name", "line 1: ModuleNotFoundError: No module named"),
        ("hosts = ['@nothing/x']", "nothing"),
    ],
)
def test_a_broken_inventory_is_a_usage_error(inventory, text, words):
    assert words in usage_error(inventory(text))


def test_an_inventory_that_isnt_there_is_a_usage_error(tmp_path):
    assert "no such file" in usage_error(tmp_path / "nothing.py")


def test_verify_alone_is_a_usage_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--verify"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--verify needs --pyinfra-inventory INVENTORY" in done.stderr


def test_every_problem_of_a_declaration_is_an_item_and_no_host_is_contacted(inventory):
    path = inventory("""
        hosts = [
            ("a", {"network": {"links": {"br0": {"kind": "bridg", "mtu": 7}}}}),
            ("b", {"network": {"checks": [{"from": "c/host", "ping": "10.0.0.1"}]}}),
            ("good", {"network": {}}),
            ("d", {"network": {"links": {"lo": {}},
                   "checks": [{"from": "host", "ping": "10.0.0.1",
                               "with": {"links": {"lo": {"mtu": 7}}}}]}}),
            ("e", {"network": "missing.yaml"}),
        ]
    """)
    done = verify(path)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Traceback" not in done.stdout
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    assert len(failed) == 5, done.stdout
    assert "a::declaration[0] network.links.br0.mtu - " in done.stdout
    assert "network.links.br0.kind: 'bridg' is not one of" in done.stdout
    assert "network.checks[0].from: 'c' is no host of the inventory" in done.stdout
    assert "network.checks[0].with.links.lo.mtu: 7 is not in 68..65536" in done.stdout
    assert "missing.yaml can't be read" in done.stdout
    assert "connection" not in done.stdout


def test_a_host_that_is_not_reached_fails_in_one_line_and_the_others_go_on(inventory):
    path = inventory("""
        down = {"ssh_hostname": "127.0.0.1", "ssh_port": 1, "ssh_allow_agent": False,
                "ssh_known_hosts_file": "/dev/null", "ssh_config_file": "/dev/null"}
        hosts = [("down", {"network": {"links": {"lo": {}}}, **down}),
                 ("@local", {"network": {"links": {"lo": {}}}})]
    """)
    done = verify(path)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "down::connection FAILED" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("down::connection: ")]
    assert line.startswith("down::connection: down is not reached: Could not connect")
    assert "down::links.lo.state SKIPPED (down is not reached" in done.stdout
    assert "@local::links.lo.state PASSED" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_host_that_is_not_reached_is_never_green(inventory):
    path = inventory("""
        hosts = [("down", {"network": {"links": {"lo": {}}}, "ssh_hostname": "127.0.0.1",
                  "ssh_port": 1, "ssh_known_hosts_file": "/dev/null", "ssh_allow_agent": False})]
    """)
    done = verify(path, "down::links")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "down::links.lo.state: down is not reached" in done.stdout


def test_is_one_process_whatever_the_options_say(inventory):
    path = inventory("hosts = [('@local', {'network': {'links': {'lo': {'mtu': 65536}}}})]")
    done = verify(path, "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_a_failure_says_what_is_declared_and_what_is_found(inventory):
    path = inventory("hosts = [('@local', {'network': {'links': {'lo': {'mtu': 1500}}}})]")
    done = verify(path)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "\n@local::links.lo.mtu: declared 1500, found 65536\n" in done.stdout
    assert "FAILED @local::links.lo.mtu - declared 1500, found 65536\n" in done.stdout
    assert "1 failed, 2 passed" in done.stdout


def test_the_options_explain_themselves(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
    )
    assert "network verification:" in done.stdout
    assert "--pyinfra-inventory=INVENTORY" in done.stdout
    assert "Nothing else is collected" in done.stdout
