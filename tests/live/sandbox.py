"""A Linux host of its own for a test, made of namespaces: nothing of the machine is touched.

Many tests share one, since `reset` makes it empty again in a moment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from netwright import iptables_scratch, script, snapshot
from netwright import run as runs
from netwright.snapshot import Snapshot, reads
from netwright.state import NetworkState, load
from netwright.step import Plan

ROOT = Path(__file__).parents[2]
_UNSHARE = ("unshare", "-m", "-n", "-p", "-i", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True)
class Done:
    """What came of a script."""

    status: int
    out: list[str]
    err: list[str]


class Sandbox:
    """Started by `with`; everything in it dies with its process 1."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [*_UNSHARE, sys.executable, "-m", "tests.live.agent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            bufsize=1,
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the sandbox's process 1 has ended"
        return json.loads(line)

    def _ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def sh(self, text: str, kill_after: float | None = None) -> Done:
        """Run a script by `sh`, as a host does."""
        return Done(**self._ask(do="sh", script=text, kill_after=kill_after))

    def ip(self, *lines: str) -> None:
        """What others do on the host."""
        done = self.sh("set -e\n" + "\n".join(f"ip {line}" for line in lines))
        assert done.status == 0, (lines, done.err)

    def read(self) -> dict[str, Any]:
        """All that the kernel has, by pyroute2."""
        found: dict[str, Any] = self._ask(do="read")
        return found

    def reset(self) -> None:
        """An empty host again."""
        self._ask(do="reset")

    def snapshot(self, wanted: NetworkState, name: str = "network") -> Snapshot:
        """The project's own reading of the host."""
        rules = iptables_scratch.render(wanted)
        done = self.sh(snapshot.script(reads(wanted), runs.files(name), rules))
        assert done.status == 0, done.err
        return snapshot.parse(done.out)

    def prepare(self, declared: NetworkState, name: str = "network", **how: Any) -> runs.Run:
        """What a run would do."""
        return runs.prepare(name, declared, self.snapshot(declared, name), **how)

    def execute(self, run: runs.Run) -> script.Answer:
        """Run a run's script; the answer says what failed."""
        done = self.sh(run.script("test"))
        assert done.out, done.err
        return runs.answer(run, done.out)

    def converge(self, document: Any, name: str = "network", **how: Any) -> Plan:
        """A whole run, which has to come true."""
        declared = document if isinstance(document, NetworkState) else load(document)
        before = self.snapshot(declared, name)
        run = runs.prepare(name, declared, before, **how)
        if run.plan:
            problems = runs.outcome(run, before, self.execute(run))
            assert not problems, "\n".join(map(str, problems))
        return run.plan
