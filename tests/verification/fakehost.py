"""A host of its own on this machine's kernel: network, /run and namespaces are nobody else's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from netwright.state import load
from netwright.verification import reading
from netwright.verification.claims import claims
from netwright.verification.seen import Seen

ROOT = Path(__file__).parents[2]
# A name below /run for every namespace that is made, a /sys that shows this network.
_HOLD = """
mount -t tmpfs tmpfs /run && mkdir -m 755 /run/netns && mount -t sysfs sysfs /sys || exit 1
ip link set lo up
echo ready
exec sleep 1200
"""


class FakeHost:
    """Everything of it, its processes too, is gone when its first process is."""

    def __init__(self):
        namespaces = ["--net", "--mount", "--pid", "--propagation", "private"]
        self.holder = subprocess.Popen(
            ["unshare", *namespaces, "--fork", "--kill-child", "--mount-proc", "sh", "-c", _HOLD],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.holder.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        first = children.read_text().split()[0]
        self.enter = ["nsenter", "-t", first, "--net", "--mount", "--pid", "--"]

    def close(self):
        """End it."""
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()

    def run(self, script, check=True):
        """Run a shell script inside."""
        done = subprocess.run(
            [*self.enter, "sh", "-e"], input=script, text=True, capture_output=True, check=False
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout

    def processes(self):
        """The command lines of what runs inside, but for the first process and this question."""
        lines = self.run("ps -e -o pid=,args=").splitlines()
        asks = ("ps -e", "sh -e", "sleep 1200")
        return [line for line in lines if not line.split(None, 1)[1].startswith(asks)]

    def script(self, text, timeout=60.0):
        """As the verification's connection runs it."""
        done = subprocess.run(
            [*self.enter, "sh"],
            input=f"(\n{text}\n) < /dev/null",
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def failures(self, document):
        """The paths of a declaration that don't hold here, with what is said of each."""
        state = load(document)
        seen = Seen(*reading.parse(self.script(reading.script(state)).stdout))
        found = {claim.path: claim.failure(seen) for claim in claims(state)}
        return {path: text for path, text in found.items() if text is not None}

    def verify(self, tmp_path, document, *options):
        """Run pytest inside as a user does; the inventory has this host alone."""
        return verify(self.inventory(tmp_path, document), *options, prefix=self.enter)

    def inventory(self, tmp_path, document):
        """The file of an inventory that has this host alone."""
        path = tmp_path / "inventory.py"
        text = json.dumps({"network": document})
        path.write_text(f"import json\nhosts = [('@local', json.loads({text!r}))]\n")
        return path


def command(inventory, *options, env=None):
    """The command line of `pytest --pyinfra-inventory INVENTORY --verify`, and its surroundings."""
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "-W", "error"]
    words += [f"--pyinfra-inventory={inventory}", "--verify", *options]
    # What the tests are run from, not what is installed; and each message in one line.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "250", **(env or {})}
    return words, {"cwd": Path(inventory).parent, "env": env, "text": True}


def verify(inventory, *options, prefix=(), env=None):
    """Run the verification to its end."""
    words, surroundings = command(inventory, *options, env=env)
    return subprocess.run(
        [*prefix, *words], capture_output=True, check=False, timeout=300, **surroundings
    )
