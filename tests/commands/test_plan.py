"""`netwright plan`: as the deploy's dry run, in three forms, with an exit status; no secrets."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from netwright import report
from netwright.file import Files
from netwright.run import Run
from netwright.state import NetworkState
from netwright.step import Phase, Step

ROOT = Path(__file__).parents[2]
NETWRIGHT = [sys.executable, "-c", "from netwright.commands import main; main()"]

INVENTORY = """
hosts = [("@local", {"network": {
    "links": {"toolbr": {"kind": "bridge", "addresses": ["198.18.190.1/24"]}},
    "iptables": {"nat": {"POSTROUTING": ["-s 198.18.190.0/24 -j MASQUERADE"]}},
    "netns": {"toolns": {"sysctl": {"net.ipv4.ip_forward": 1}}},
}})]
"""
# A network, a /run and an /etc of its own, so that the machine's are not touched.
SANDBOX = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
mount --make-private /run
cp -a /etc /run/etc
mount --bind /run/etc /etc
rm -rf /etc/netwright
ip link set dev lo up
plan() {
  echo "== plan $*"; status=0
  netwright plan "$INVENTORY" "$@" || status=$?
  echo "== $status"
}
netwright() { "$PYTHON" -c 'from netwright.commands import main; main()' "$@"; }
plan; plan --format json; plan --format markdown
"$PYTHON" -m pyinfra -y "$INVENTORY" deploys/network.py > /run/log 2>&1 || { cat /run/log; exit 1; }
plan
ip address delete 198.18.190.1/24 dev toolbr
iptables -t nat -F POSTROUTING
echo 0 | ip netns exec toolns tee /proc/sys/net/ipv4/ip_forward > /run/none
plan --format json
sed -i 's/198.18.190.1.24"/10.0.0.1"/' "$INVENTORY"
plan
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Each plan of the sandbox: what it printed, and its exit status."""
    path = tmp_path_factory.mktemp("plan") / "inventory.py"
    path.write_text(INVENTORY)
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHON": sys.executable,
             "INVENTORY": str(path), "HOME": str(path.parent)},
    )  # fmt: skip
    found = re.findall(r"^== plan[^\n]*\n(.*?)^== (\d)$", done.stdout, re.S | re.M)
    assert len(found) == 6, done.stdout + done.stderr
    return [(text, int(status)) for text, status in found]


@pytest.mark.live
def test_before_the_first_run_everything_is_new(answers):
    text, status = answers[0]
    assert status == 2
    for line in ("+ links.toolbr (bridge)", "~ iptables.nat.POSTROUTING", "+ netns.toolns"):
        assert f"[@local] {line}" in text
    found = json.loads(answers[1][0])
    assert (found["version"], found["status"], answers[1][1]) == (1, "changes", 2)
    (host,) = found["hosts"]
    changes = {item["path"]: item for item in host["changes"]}
    assert changes["links.toolbr"]["action"] == "create"
    assert changes["links.toolbr.addresses"]["after"] == "198.18.190.1/24"
    assert set(changes["links.toolbr"]) == {"path", "action", "before", "after", "goes_along"}
    markdown, status = answers[2]
    assert status == 2
    assert "| @local | changes |" in markdown
    assert markdown.count("```") == 2


@pytest.mark.live
def test_converged_is_the_same(answers):
    assert answers[3] == ("[@local] nothing would change\n", 0)


@pytest.mark.live
def test_drift_is_told_and_nothing_else(answers):
    text, status = answers[4]
    assert status == 2
    (host,) = json.loads(text)["hosts"]
    own = [item for item in host["changes"] if not item["goes_along"]]
    assert {item["path"]: (item["before"], item["after"]) for item in own} == {
        "links.toolbr.addresses": (None, "198.18.190.1/24"),
        "iptables.nat.POSTROUTING": (
            {"policy": "ACCEPT", "rules": []},
            {"policy": "ACCEPT", "rules": ["-s 198.18.190.0/24 -j MASQUERADE"]},
        ),
        "netns.toolns.sysctl.net/ipv4/ip_forward": ("0", "1"),
    }


@pytest.mark.live
def test_a_wrong_declaration_is_an_error(answers):
    text, status = answers[5]
    assert status == 1
    assert "[@local] error: network.links.toolbr.addresses[0]: '10.0.0.1' has no prefix" in text


def test_secrets_are_left_out():
    def step(thing, attribute, before, after):
        return Step(Phase.LINK, "host", thing, attribute, before, after, lambda step: ())

    steps = [
        step("links.wg0", "wireguard.private_key", "first-secret", "second-secret"),
        step("links.wg0", "wireguard", None, {"private_key": "third-secret", "port": 5}),
        step("files./etc/x", "", None, "fourth-secret\nlines\n"),
    ]
    run = Run("network", NetworkState(), NetworkState(), steps, Files())
    found = json.dumps(report.document([report.of_run("a", run)]))
    assert 'secret"' not in found.replace('"(secret)"', "")
    assert "-secret" not in found
    assert found.count("(secret)") == 3
    assert '"port": 5' in found


def test_a_host_that_is_not_reached_is_one_line(tmp_path):
    path = tmp_path / "inventory.py"
    path.write_text('hosts = [("127.0.0.1", {"ssh_port": 9, "network": {}}), ("127.0.0.2", {})]\n')
    done = subprocess.run(
        [*NETWRIGHT, "plan", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("[127.0.0.1] error: 127.0.0.1 is not reached: ")
    assert lines[1:] == ["[127.0.0.2] declares no network"]
    assert "Traceback" not in done.stderr


@pytest.mark.lab
def test_on_lab_hosts_with_a_limit(tmp_path):
    path = tmp_path / "inventory.py"
    path.write_text(
        "from netwright.lab import lab\n"
        'network = {"links": {"toolbr": {"kind": "bridge"}}}\n'
        'hosts = lab(__file__, name="tool-plan", subnet="198.18.190.0/24",\n'
        '            hosts={"a": {"network": network}, "b": {"network": network}})\n'
    )

    def run(*words):
        return subprocess.run(
            [*NETWRIGHT, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )

    try:
        assert run("lab", "up", str(path)).returncode == 0
        deploy = [
            sys.executable,
            "-m",
            "pyinfra",
            "-y",
            "--limit",
            "a",
            str(path),
            "deploys/network.py",
        ]
        subprocess.run(deploy, cwd=ROOT, check=True, capture_output=True, timeout=300)
        both, only = run("plan", str(path)), run("plan", str(path), "--limit", "a")
        assert (only.returncode, only.stdout) == (0, "[a] nothing would change\n"), only.stderr
        assert both.returncode == 2
        assert "[b] + links.toolbr (bridge)" in both.stdout
    finally:
        run("lab", "down", str(path))
