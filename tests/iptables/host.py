"""A host of its own for a test: mount and network namespaces, with one backend of iptables."""

from __future__ import annotations

import subprocess
from types import TracebackType
from typing import Any, Self

from netwright import iptables_scratch, script, snapshot
from netwright import run as runs
from netwright.snapshot import Snapshot, reads
from netwright.state import NetworkState, load
from netwright.step import Plan

# What the machine has of ours is hidden; the names of the tools lead to one backend.
_START = r"""
set -e
mount -t tmpfs none /run
mount -t tmpfs none /mnt
mkdir /run/netns /mnt/new /mnt/work /mnt/bin
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/new,workdir=/mnt/work none /etc
for tool in iptables ip6tables; do
  for kind in '' -save -restore; do
    ln -s "$(command -v $tool-BACKEND$kind)" "/mnt/bin/$tool$kind"
  done
done
echo ready
exec sleep infinity
"""

_UNSHARE = ("unshare", "-m", "-n", "-i", "--propagation", "private")


class Host:
    """Started by `with`; everything in it dies with it."""

    path = "/mnt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def __init__(self, backend: str = "nft") -> None:
        self.backend = backend
        self._process = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", _START.replace("BACKEND", backend)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """A process in its namespaces."""
        return self._process.pid

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a script as a host does."""
        enter = ["nsenter", "-t", str(self._process.pid), "-m", "-n", "-i"]
        return subprocess.run(
            [*enter, "env", f"PATH={self.path}", "sh"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )

    def sh(self, text: str) -> str:
        """What others do on the host, and what they see."""
        done = self.run(f"set -e\n{text}")
        assert done.returncode == 0, (text, done.stderr)
        return done.stdout

    def rules(self, tool: str = "iptables", *options: str, netns: str = "") -> list[str]:
        """The lines of the tables, without those that tell the time and count."""
        place = f"ip netns exec {netns} " if netns else ""
        lines = self.sh(f"{place}{tool}-save {' '.join(options)}").splitlines()
        return [line.split(" [")[0] for line in lines if not line.startswith("#")]

    def chain(self, chain: str, table: str = "filter", tool: str = "iptables") -> list[str]:
        """The rules of one chain."""
        lines = self.rules(tool, "-t", table)
        return [line.split(" ", 2)[2] for line in lines if line.startswith(f"-A {chain} ")]

    def snapshot(self, declared: NetworkState, name: str = "network") -> Snapshot:
        """The project's own reading."""
        rules = iptables_scratch.render(declared)
        done = self.run(snapshot.script(reads(declared), runs.files(name), rules))
        assert done.returncode == 0, done.stderr
        return snapshot.parse(done.stdout.splitlines())

    def prepare(self, document: Any, name: str = "network", **how: Any) -> runs.Run:
        """What a run would do."""
        declared = load(document)
        return runs.prepare(name, declared, self.snapshot(declared, name), **how)

    def execute(self, run: runs.Run) -> script.Answer:
        """Run a run's script; the answer says what failed."""
        done = self.run(run.script("test"))
        assert done.stdout, done.stderr
        return runs.answer(run, done.stdout.splitlines())

    def converge(self, document: Any, name: str = "network", **how: Any) -> Plan:
        """A whole run, which has to come true; returns its steps."""
        declared = load(document)
        before = self.snapshot(declared, name)
        run = runs.prepare(name, declared, before, **how)
        if run.plan:
            problems = runs.outcome(run, before, self.execute(run))
            assert not problems, "\n".join(map(str, problems))
        return run.plan
