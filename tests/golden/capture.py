"""What a real kernel and its tools say of a host made by a case's `current.sh`, as `current.json`.

python -m tests.golden.capture CASE             on this machine, in a namespace of its own
python -m tests.golden.capture CASE --script    prints what another machine's sh shall run,
python -m tests.golden.capture CASE --answer    and reads here what that printed
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from netwright import snapshot
from netwright.state import load

HERE = Path(__file__).parent

SANDBOX = """
unshare --net --mount /bin/sh -s <<'GOLDEN_SANDBOX'
mount -t tmpfs none /run && mkdir /run/netns && ip link set dev lo up || exit
{made}
/bin/sh <<'GOLDEN_SNAPSHOT'
{script}
GOLDEN_SNAPSHOT
GOLDEN_SANDBOX
"""


def script(case: Path) -> str:
    """For the sh of a machine that has every kind of link."""
    declared = load((case / "desired.yaml").read_text())
    made = (case / "current.sh").read_text()
    return SANDBOX.format(made=made, script=snapshot.script(snapshot.reads(declared)))


def sections(output: Iterable[str]) -> dict[str, list[Any]]:
    """Section -> its lines; those in JSON as what they say."""
    found: dict[str, list[Any]] = {}
    lines: list[Any] = []
    for line in output:
        if line.startswith("@@ "):
            lines = found.setdefault(line[3:].strip(), [])
        elif line:
            lines.append(json.loads(line) if line[0] in "[{" else line)
    # Which modules a machine has loaded besides says nothing here.
    modules = [name for name in found.get("modules", ()) if name in ("tun", "br_netfilter")]
    return {**found, "modules": modules}


def text(found: dict[str, list[Any]]) -> list[str]:
    """The way back."""
    lines = []
    for name, part in found.items():
        lines.append(f"@@ {name}")
        lines += [item if isinstance(item, str) else json.dumps(item) for item in part]
    return lines


def main(name: str, *how: str) -> None:
    case = HERE / name
    if how == ("--script",):
        print(script(case))
        return
    if how == ("--answer",):
        output = sys.stdin.read()
    else:
        done = subprocess.run(["sh"], input=script(case), capture_output=True, text=True)
        output = done.stdout
        print(done.stderr, end="")
    found = sections(output.splitlines())
    assert "end" in found, output[-500:]
    (case / "current.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
