"""Where the time of a run goes: each stage by itself, one after the other, on the same lab host."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from benchmarks import workload
from benchmarks.contenders import FOLDER, ROOT, Process, Target, environment
from benchmarks.measure import Stopped, reset
from netwright import run as runs
from netwright.operations.converge import Wanted
from netwright.snapshot import parse
from netwright.state import load

__all__ = ["Stage", "profile"]

Result = TypeVar("Result")

_START = "import pyinfra_cli.main, netwright.operations.network"


@dataclass(frozen=True)
class Stage:
    """One stage of a run for W(n)."""

    what: str
    seconds: float
    size: int | None = None
    """Bytes that come or go with it."""
    who: str = "controller"
    """Whose: the `start`'s, the `controller`'s after it, the `host`'s, the `verification`'s."""


def profile(target: Target, number: int, limit: float) -> Iterator[Stage]:
    """Every stage of a run from nothing, of one without change, and of its verification.

    + limit: seconds after which the verification is stopped

    Raises Stopped.
    """
    reset(target)
    # As deploys/network.py has it.
    gc.set_threshold(1_000_000)
    try:
        yield replace(_of("start: imports of pyinfra and ours", _started)[0], who="start")
        stage, declared = _of(
            "declaration: read, checked", lambda: load(workload.declaration(number, False))
        )
        yield stage
        wanted = Wanted(declared)
        yield from _run(target, wanted, "from nothing")
        yield from _run(target, wanted, "without change")
        stage, _ = _of("verification of all that is declared", lambda: _verified(number, limit))
        yield replace(stage, who="verification")
    finally:
        reset(target)


def _run(target: Target, wanted: Wanted, words: str) -> Iterator[Stage]:
    stage, text = _of(f"{words}: question made", wanted.script)
    yield replace(stage, size=len(text))
    stage, lines = _of(f"{words}: host reads", lambda: _on(target, text))
    yield replace(stage, size=sum(map(len, lines)), who="host")
    stage, before = _of(f"{words}: answer taken apart", lambda: parse(lines))
    yield stage
    stage, run = _of(f"{words}: planned, with the ledger and the boot's part",
                     lambda: wanted.prepare(before))  # fmt: skip
    yield stage
    if not run.plan:
        return
    stage, text = _of(f"{words}: script made", lambda: run.script("bench"))
    yield replace(stage, size=len(text))
    stage, lines = _of(f"{words}: host changes and reads again", lambda: _on(target, text))
    yield replace(stage, size=sum(map(len, lines)), who="host")
    stage, problems = _of(f"{words}: answer taken apart and compared",
                          lambda: runs.outcome(run, before, runs.answer(run, lines)))  # fmt: skip
    if problems:
        raise Stopped("; ".join(map(str, problems[:3])))
    yield stage


def _of(what: str, do: Callable[[], Result]) -> tuple[Stage, Result]:
    began = time.monotonic()
    result = do()
    return Stage(what, time.monotonic() - began), result


def _started() -> None:
    subprocess.run([sys.executable, "-c", _START], cwd=ROOT, check=True)


def _on(target: Target, text: str) -> list[str]:
    done = subprocess.run(target.ssh("sh"), input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stopped(done.stderr.strip()[-300:])
    return done.stdout.splitlines()


def _verified(number: int, limit: float) -> None:
    inventory = f"{FOLDER}/bench_host.py"
    words = [sys.executable, "-m", "pytest", "-q", "--pyinfra-inventory", inventory, "--verify"]
    process = Process(words, {"WORKLOAD": str(number)})
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=environment(process), capture_output=True, text=True,
            check=False, timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Stopped(f"the verification did not end within {limit:.0f} s") from None
    if done.returncode:
        raise Stopped(f"the verification: {done.stdout.strip()[-300:]}")
