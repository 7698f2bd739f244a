"""Every scenario as its users run it: converge, again, verify, reboot, verify."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
ALL = sorted((ROOT / "inventories").glob("*.py"))
# Each by the deploy of its name. The notebook's own test runs its inventory: tests/installs.
INSTALLS = ("docker", "etcd", "fabric")
NETWORKS = [path for path in ALL if path.stem not in (*INSTALLS, "notebook")]

# What is sent, and what a cable then shows: from where, what; at which host, link, filter; words.
SEEN = {
    "vlan": (
        ("a", "ip netns exec web ping -c 3 10.3.0.21"),
        ("b", "eth0", "vlan and icmp", r"ethertype 802\.1Q \(0x8100\).* vlan 3,"),
    ),
    "qinq": (
        ("a", "ip netns exec left1 ping -c 3 10.7.0.2"),
        ("a", "core2", "icmp or vlan", r"802\.1Q-QinQ \(0x88a8\).* vlan 100,.* vlan 7,"),
    ),
}


def _run(*words, check=True):
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    output = done.stdout + done.stderr
    if check:
        assert done.returncode == 0, output
    return output


def _deploy(inventory, *flags, deploy="network"):
    return _run("pyinfra", *flags, inventory, f"deploys/{deploy}.py")


def _silent(inventory, deploy="network"):
    """Nothing is left to be changed."""
    output = _deploy(inventory, "-y", deploy=deploy)
    assert "No changes" in output, output
    assert not re.search(r"\] +Success", output), output


def _verify(inventory, until=0.0):
    """Runs the verification; the number of its items, all of which have passed.

    + until: the time before which it is run again if one hasn't
    """
    output = _run("pytest", "-q", "--pyinfra-inventory", inventory, "--verify", check=False)
    last = output.strip().splitlines()[-1]
    if not re.match(r"\d+ passed", last) and time.monotonic() < until:
        return _verify(inventory, until)
    passed = re.search(r"(\d+) passed", last)
    assert passed, output
    assert not re.search("failed|error", last), output
    return int(passed[1])


@pytest.fixture
def inventory(request, tmp_path, monkeypatch):
    """The path of a scenario's inventory; its lab is up, and down afterwards.

    Labs of one state come up one after the other: this one has a state of its own, since others
    run beside it."""
    monkeypatch.setenv("NETWRIGHT_STATE", str(tmp_path / "state"))
    path = str(request.param.relative_to(ROOT))
    if '"engine": "vm"' in request.param.read_text() and not shutil.which("qemu-system-x86_64"):
        pytest.skip("has virtual machines, and there is no qemu: `make packages` installs it")
    lab = "from netwright.commands import main; main()"
    command = [sys.executable, "-c", lab, "lab"]
    try:
        subprocess.run([*command, "up", path], cwd=ROOT, check=True, capture_output=True)
        yield path, command
    finally:
        subprocess.run([*command, "down", path], cwd=ROOT, check=True, capture_output=True)


def _look(path, lab, sent, seen):
    """What tcpdump tells of a cable while something is sent over it."""
    host, ifname, wanted, words = seen
    capture = f"timeout 60 tcpdump -nn -e -c 6 -i {ifname} {wanted}"
    command = [*lab, "shell", path, host, "--", "sh", "-c", f"{capture} 2>&1"]
    heard = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as listen:
        for line in listen.stdout:
            heard += line
            if line.startswith("listening on"):
                # Over SSH: the way in without the network is for one at a time.
                pinged = _run("pyinfra", "--limit", sent[0], path, "exec", "--", sent[1])
                assert " 0% packet loss" in pinged, pinged
    assert re.search(words, heard), heard


@pytest.mark.parametrize("inventory", NETWORKS, indirect=True, ids=lambda path: path.stem)
def test_scenario(inventory):
    path, lab = inventory
    _deploy(path, "-y")
    _silent(path)
    items = _verify(path)
    assert items > 5
    if Path(path).stem in SEEN:
        _look(path, lab, *SEEN[Path(path).stem])
    subprocess.run([*lab, "reboot", path], cwd=ROOT, check=True, capture_output=True)
    dry = _deploy(path, "--dry")
    assert re.search(r"Network +- +-", dry), f"the reboot changed something:\n{dry}"
    again = _verify(path)
    print(f"\nreboots tried 1, identical {int(again == items)}: {items} items, before and after")
    assert again == items


@pytest.mark.parametrize(
    "inventory", [ROOT / "inventories" / f"{name}.py" for name in INSTALLS], indirect=True,
    ids=INSTALLS,
)  # fmt: skip
def test_install(inventory):
    path, lab = inventory
    deploy = Path(path).stem
    _deploy(path, "-y", deploy=deploy)
    _silent(path, deploy)
    items = _verify(path)
    assert items > 5
    # The power is cut: containers take their time to go.
    subprocess.run([*lab, "reboot", path, "--hard"], cwd=ROOT, check=True, capture_output=True)
    # Daemons find each other again.
    assert _verify(path, time.monotonic() + 120) == items
    _silent(path, deploy)
