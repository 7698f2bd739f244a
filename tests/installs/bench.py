"""A lab for installs: an inventory that tests write again and again, deploys, verification."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from netwright.lab import control, places
from netwright.lab.status import recorded

__all__ = ["Bench"]

ROOT = Path(__file__).parents[2]
INVENTORY = """from netwright.lab import lab

{group} = (
    lab(
        __file__,
        name={name!r},
        subnet={subnet!r},
        hosts={hosts!r},
        packages={packages!r},
    ),
    {data!r},
)
"""


class Bench:
    """One lab and its inventory file."""

    def __init__(
        self, path: Path, name: str, subnet: str, group: str, packages: tuple[str, ...]
    ) -> None:
        self.path, self.name, self.subnet, self.group = path, name, subnet, group
        self.packages = packages
        self.file = path / f"{name}.py"
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def declare(self, hosts: dict[str, dict[str, Any]], **data: Any) -> None:
        """Write the inventory: hosts with their data, and the group's."""
        self.file.write_text(
            INVENTORY.format(
                group=self.group, name=self.name, subnet=self.subnet, hosts=hosts,
                packages=self.packages, data=data,
            )
        )  # fmt: skip

    def lab(self, *words: str, check: bool = True) -> str:
        """`netwright lab`; up, down, reboot, shell."""
        main = "from netwright.commands import main; main()"
        return self._run([sys.executable, "-c", main, "lab", *words], check)

    def up(self) -> None:
        self.lab("up", str(self.file))

    def down(self) -> None:
        self.lab("down", self.name)

    def layer(self) -> Path:
        """The layer of packages under the hosts' disks."""
        (first, *_) = places.labs().joinpath(self.name, "hosts").iterdir()
        return Path((first / "image").read_text().split(":")[0])

    def sh(self, host: str, script: str, check: bool = True) -> str:
        """What a script prints that is root on a host, past its network."""
        spec = recorded(self.name)
        assert spec is not None
        words = control.shell(spec, spec.host(host), ["sh", "-c", f"cd /; {script}"])
        text = self._run(words, check)
        return text.replace("sh: 0: getcwd() failed: No such file or directory\n", "").strip()

    def deploy(self, name: str, *flags: str, ok: bool = True, first: tuple[str, ...] = ()) -> str:
        """Run one of the deploys, after other files in the same run; all that it prints."""
        files = [str(self.file), *first, f"deploys/{name}.py"]
        return self._run([sys.executable, "-m", "pyinfra", *flags, *files], ok)

    def facts(self, name: str) -> dict[str, Any]:
        """What a fact says, by host."""
        words = [sys.executable, "-m", "pyinfra", str(self.file), "fact", f"netwright.facts.{name}"]
        text = self._run(words, True)
        found: dict[str, Any] = json.loads(text[text.index("\n{") : text.rindex("\n}") + 2])
        return found

    def silent(self, name: str) -> None:
        """Run it again: nothing may change."""
        output = self.deploy(name, "-y")
        assert "No changes" in output, output
        assert not re.search(r"\] +Success", output), output

    def verify(self, ok: bool = True) -> str:
        """The verification's output."""
        words = ["-m", "pytest", "-q", "--pyinfra-inventory", str(self.file), "--verify"]
        return self._run([sys.executable, *words], ok)

    def verified(self, at_least: int) -> None:
        """All items pass, and there are so many of them."""
        found = re.search(r"(\d+) passed", self.verify())
        assert found
        assert int(found[1]) >= at_least

    def _run(self, words: list[str], ok: bool) -> str:
        done = subprocess.run(
            words, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=400,
        )  # fmt: skip
        assert (done.returncode == 0) is ok, done.stdout
        return done.stdout
