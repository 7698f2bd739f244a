"""The lab of the tests in here, and what they do to its hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.lab.bench import Bench

__all__ = ["Machines"]

ROOT = Path(__file__).parents[2]
INVENTORY = """
from pathlib import Path

from netwright.lab import lab

here = Path(__file__).parent
hosts = lab(__file__, subnet="198.18.171.0/24", hosts={
    name: {"engine": engine, "network": here / f"{name}.yaml"}
    for name, engine in (("a", "vm"), ("c", "nspawn"))
})
"""


class Machines(Bench):
    """`a` has Debian's own kernel, `c` this machine's."""

    # An emulated machine boots in 20 s, or minutes where others use the processors as well.
    patience = 300.0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.inventory = path / "vm-tests.py"
        self.inventory.write_text(INVENTORY)
        for name in "ac":
            self.declare(name, {})

    def declare(self, host: str, network: dict[str, Any]) -> None:
        """What the next deploy makes of a host."""
        self.inventory.with_name(f"{host}.yaml").write_text(yaml.safe_dump(network))

    def deploy(self, host: str) -> str:
        """Converge a host to what is declared, however slow it is; what pyinfra said."""
        return self._pyinfra("-y", "--data", "confirm=300", "--limit", host)

    def is_silent(self, host: str) -> bool:
        """Whether a run would change nothing."""
        return bool(re.search(r"Network +- +-", self._pyinfra("--dry", "--limit", host)))

    def verify(self) -> int:
        """Runs the verification; the number of its items, all of which have passed."""
        done = self.run("pytest", "-q", "--pyinfra-inventory", self.inventory, "--verify")
        passed = re.fullmatch(r"(\d+) passed in .*", done.stdout.strip().splitlines()[-1])
        assert passed, done.stdout
        return int(passed[1])

    def _pyinfra(self, *flags: str) -> str:
        done = self.run("pyinfra", *flags, self.inventory, ROOT / "deploys/network.py")
        return done.stdout + done.stderr

    def lab(self, command: str, *arguments: str) -> str:
        """A command of `netwright lab`."""
        return self.run("netwright", "lab", command, self.inventory, *arguments).stdout

    def on(self, host: str, command: str) -> str:
        """What a command on the host prints, by plain ssh; slow hosts too."""
        return self.ssh("vm-tests", host, command)
