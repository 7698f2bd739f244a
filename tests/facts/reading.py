"""A fact read by pyinfra itself, in a sandbox where something was made by hand."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def example(fact):
    """The words of a fact's own example."""
    found = re.search(r"Example: `pyinfra INVENTORY fact (.*)`", fact.__doc__)
    assert found, f"{fact.__name__} has no example"
    return shlex.split(found[1])


def run_fact(by_hand, words):
    """What pyinfra did with a fact, after the shell commands `by_hand`."""
    pyinfra = [sys.executable, "-m", "pyinfra", "--json", "@local", "fact", *words]
    return subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", f'{by_hand}\nexec "$@"', "sandbox", *pyinfra],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def read_fact(by_hand, words):
    """A fact's answer."""
    done = run_fact(by_hand, words)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout).values()
    return found["@local"]
