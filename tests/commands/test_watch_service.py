"""The unit that the docs have, on a host with systemd: installed by the docs' own lines."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "docs/netwright-watch.service"
NETWRIGHT = [sys.executable, "-c", "from netwright.commands import main; main()"]
INVENTORY = """
from netwright.lab import lab
network = {"links": {"toolbr": {"kind": "bridge", "mtu": 1500}}}
hosts = lab(__file__, name="tlsvc", subnet="198.18.130.0/24", packages=("python3-venv",),
            hosts={"a": {"network": network}})
"""
PATIENCE = 120.0


def run(*words, **options):
    done = subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        capture_output=True,
        timeout=600,
        check=False,
        **options,
    )
    assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout if isinstance(done.stdout, bytes) else done.stdout.strip()


class Host:
    def __init__(self, inventory):
        self.shell = [*NETWRIGHT, "lab", "shell", inventory, "a"]

    def sh(self, text):
        return run(*self.shell, "sh", "-ec", f"cd /root\n{text}", text=True)

    def until(self, text, pattern):
        """Until what this prints is so."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, said := self.sh(text)):
            assert time.monotonic() < end, (text, said, self.sh("journalctl -n 30"))
            time.sleep(0.3)
        return said


def _wheels(host, path):
    """What pip would fetch, for a host that reaches nothing."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", path / "dist")
    (wheel,) = (path / "dist").glob("*.whl")
    version = host.sh("python3 -c 'import sys; print(*sys.version_info[:2], sep=chr(46))'")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    wanted = ["--python-version", version, "--only-binary", ":all:", "--dest", path / "wheels"]
    run(*pip, *wanted, wheel)
    files = run("tar", "--create", "--directory", path, "wheels")
    run(*host.shell, "tar", "--extract", "--directory", "/root", input=files)


def _steps():
    steps = re.findall(r"^#   (.*)$", UNIT.read_text(), re.M)
    assert [step.split()[0].rpartition("/")[2] for step in steps] == [
        "apt-get", "python3", "pip", "cp", "systemctl", "journalctl"
    ]  # fmt: skip
    return steps


def _install(host):
    run(*host.shell, "sh", "-c", f"cat > /root/{UNIT.name}", input=UNIT.read_bytes())
    host.sh(
        "export PIP_NO_INDEX=1 PIP_NO_COMPILE=1 PIP_FIND_LINKS=/root/wheels\n"
        + "\n".join(_steps()[1:5])
    )
    return _steps()[5]


def test_the_unit_tells_of_drift_in_the_journal_and_in_metrics_and_ends_cleanly(tmp_path):
    inventory = tmp_path / "inventory.py"
    inventory.write_text(INVENTORY)
    host = Host(inventory)
    try:
        run(*NETWRIGHT, "lab", "up", inventory)
        run(sys.executable, "-m", "pyinfra", "-y", inventory, "deploys/network.py")
        host.sh(f"apt-get update && {_steps()[0]}")
        _wheels(host, tmp_path)
        journal = _install(host)
        prom = "cat /var/lib/node_exporter/netwright.prom || true"
        host.until(prom, r'netwright_drifts\{host="a"\} 0')
        host.sh("ip link set dev toolbr mtu 1400")
        metric = r'netwright_drift\{host="a",path="links.toolbr.mtu"\} 1'
        host.until(prom, metric)
        line = host.until(journal, "links.toolbr.mtu")
        (told,) = [json.loads(item) for item in line.splitlines() if item.startswith("{")]
        told.pop("time")
        assert told == {
            "host": "a", "event": "drift", "path": "links.toolbr.mtu", "present": 1400,
            "declared": 1500,
        }  # fmt: skip
        show = "systemctl show netwright-watch -p Result,ExecMainStatus,NRestarts,UnitFileState"
        host.sh("systemctl stop netwright-watch")
        assert set(host.sh(show).splitlines()) == {
            "Result=success", "ExecMainStatus=0", "NRestarts=0", "UnitFileState=enabled"
        }  # fmt: skip
        assert host.sh("ps ax | grep -c -e '[i]p.*monitor' -e '[n]etwright watch' || true") == "0"
    finally:
        run(*NETWRIGHT, "lab", "down", inventory)
