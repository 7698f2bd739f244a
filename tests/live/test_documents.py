"""From one document to another and away, by pyinfra itself: each once, and nothing is left."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
DOCUMENTS = Path(__file__).parent / "documents"
NAMES = sorted(path.stem for path in DOCUMENTS.glob("*.yaml"))

# Converges to each document twice, verifies it, and to nothing at the end; what is there before and
# after is told by ip and by /proc.
SCRIPT = """
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
mount --make-private /run
cp -a /etc /run/etc
mount --bind /run/etc /etc
rm -rf /etc/netwright
ip link set dev lo up
tell() {
  ip -j -d addr; ip -j route show table all; ip -j rule; ip -6 -j rule; ip netns
  grep -rH . /proc/sys/net/ipv4/conf/lo /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn
  find /etc/netwright /run/netwright /etc/sysctl.d /etc/modules-load.d /etc/systemd/system
}
converge() {
  echo "== $1"
  NETWORK=$1 "$PYTHON" -m pyinfra -y "$INVENTORY" deploys/network.py
}
tell > /run/before 2>&1 || true
echo '{}' > /run/nothing.yaml
for document; do
  converge "$document"; converge "$document"
  echo '== verify'
  NETWORK=$document "$PYTHON" -m pytest -q --pyinfra-inventory "$INVENTORY" --verify
done
converge /run/nothing.yaml; converge /run/nothing.yaml
tell > /run/after 2>&1 || true
diff /run/before /run/after
"""


@pytest.mark.parametrize("names", [*itertools.permutations(NAMES, 2), (*NAMES, NAMES[0])])
def test_documents(names, tmp_path):
    inventory = tmp_path / "inventory.py"
    inventory.write_text('import os\nhosts = [("@local", {"network": os.environ["NETWORK"]})]\n')
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", SCRIPT, "documents",
         *(str(DOCUMENTS / f"{name}.yaml") for name in names)],
        cwd=ROOT,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHON": sys.executable,
             "INVENTORY": str(inventory), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    results = re.findall(r"\[@local\] (Success|No changes)", output)
    assert results == ["Success", "No changes"] * (len(names) + 1), output
