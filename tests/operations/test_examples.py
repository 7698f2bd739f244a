"""Every operation's example, run by pyinfra in a sandbox: it changes, and then it doesn't."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from netwright import operations

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
# Modules of netwright.operations that hold no operations but what those share.
SHARED = {"ahead", "confirm", "converge", "declared", "entry", "part"}
SHARED |= {"link_alone", "link_entry", "link_on"}
SHARED |= {"declared_installs", "docker_files", "etcd_files", "etcd_restore", "etcd_run", "remote"}
SHARED |= {"declared_fabric", "declared_once", "fabric_files", "fabric_look", "fabric_run"}
SHARED |= {"calico_files", "calico_run", "declared_calico", "etcd_pki"}
# Of an operation's module, but asked by the deploys: no operations.
ASKED = {"docker_daemon.refused", "etcd.refused"}
# What needs several hosts, or a daemon, is run by tests/installs on lab hosts.
ON_HOSTS = ("etcd.", "docker.", "docker_daemon.", "docker_repository.", "fabric.", "calico.")


def _examples():
    for info in pkgutil.iter_modules(operations.__path__):
        if info.name in SHARED:
            continue
        module = importlib.import_module(f"netwright.operations.{info.name}")
        for name in module.__all__:
            if f"{info.name}.{name}" in ASKED:
                continue
            doc = textwrap.dedent(getattr(module, name).__doc__)
            yield f"{info.name}.{name}", doc


EXAMPLES = dict(_examples())

# What has to be there for an example to change something.
BEFORE = {
    "network.absent": """
from netwright.operations import network

network.state(name="Something", network={"links": {"testbr": {"kind": "bridge"}}})
"""
}

# A network, a /run and an /etc of its own, so that the machine's are not touched.
SANDBOX = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
mount --make-private /run
cp -a /etc /run/etc
mount --bind /run/etc /etc
ip link set dev lo up
before=$1
shift
[ -z "$before" ] || "$1" -m pyinfra -y @local "$before" > /dev/null 2>&1
"$@" 2>&1
echo '== again'
"$@" 2>&1
"""


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_documents_itself(name):
    doc = EXAMPLES[name]
    module, _, operation = name.partition(".")
    made = getattr(importlib.import_module(f"netwright.operations.{module}"), operation)
    taken = inspect.signature(getattr(made, "_inner", made)).parameters
    for argument in taken:
        assert re.search(rf"^\+ .*\b{argument}\b", doc, re.M), f"{argument} is not described"
    assert "Reads" in doc, "does not say what it reads and writes"


def _lacks(name):
    """Whether this kernel has no such kind of link; a VM of the lab has them all."""
    if name.startswith("ipvs."):
        return not Path("/proc/net/ip_vs").exists()
    kind = name.removeprefix("link.")
    if not name.startswith("link.") or kind in ("link", "tun", "tap"):
        return False
    words = {"vlan": "id 7", "vrf": "table 7", "vxlan": "id 7 dstport 4789"}.get(kind, "")
    probe = f"ip link add trunk type veth; ip link add link trunk name nw type {kind} {words}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", probe], capture_output=True, text=True, check=False
    )
    return "Unknown device type" in done.stderr


@pytest.mark.parametrize("name", sorted(n for n in EXAMPLES if not n.startswith(ON_HOSTS)))
def test_example_changes_once(name, tmp_path):
    if _lacks(name):
        pytest.skip(f"this kernel has no {name.removeprefix('link.')}")
    found = re.search(r"\.\. code:: python\n\n((?:    .*\n|\n)+)", EXAMPLES[name] + "\n")
    assert found, "no example"
    deploy = tmp_path / "example.py"
    deploy.write_text(textwrap.dedent(found[1]))
    before = tmp_path / "before.py"
    before.write_text(BEFORE.get(name, ""))
    first = str(before) if name in BEFORE else ""
    pyinfra = [sys.executable, "-m", "pyinfra", "-y", "@local", str(deploy)]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SANDBOX, "sandbox", first, *pyinfra],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    first, _, second = done.stdout.partition("== again")
    assert "Success" in first, first
    assert "No changes" in second, second
    assert not re.search(r"\] Success", second), second
