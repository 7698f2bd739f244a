"""The lab of the tests in here, and what they do to its hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.lab.bench import Bench

__all__ = ["OWN", "SUBNET", "Machines"]

ROOT = Path(__file__).parents[2]
SUBNET = "198.18.171"
INVENTORY = f"""
from pathlib import Path

from netwright.lab import lab

here = Path(__file__).parent
hosts = lab(__file__, subnet="{SUBNET}.0/24", hosts={{
    name: {{"engine": engine, "network": here / f"{{name}}.yaml"}}
    for name, engine in (("a", "vm"), ("c", "nspawn"))
}})
"""

OWN = (f"{SUBNET}.10", f"fd00:{SUBNET.replace('.', ':')}::10")
"""The addresses of `a`."""


class Machines(Bench):
    """`a` has Debian's own kernel, `c` this machine's."""

    # An emulated machine boots in 20 s, or minutes where others use the processors as well.
    patience = 900.0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.inventory = path / "vm-tests.py"
        self.inventory.write_text(INVENTORY)
        for name in "ac":
            self.declare(name, {})

    def declare(self, host: str, network: dict[str, Any]) -> None:
        """What the next deploy makes of a host."""
        self.inventory.with_name(f"{host}.yaml").write_text(yaml.safe_dump(network))

    def deploy(self, host: str, *flags: str) -> str:
        """Converge a host to what is declared, however slow it is; what pyinfra said."""
        return self._pyinfra("-y", "--data", "confirm=300", "--limit", host, *flags)

    def is_cut_off(self, host: str, confirm: int) -> str:
        """Converge to what has to cut the controller off, and be undone; what pyinfra said."""
        flags = ("-y", "--data", f"confirm={confirm}", "--limit", host)
        said = self._pyinfra(*flags, ok=False)
        assert f"the change cut this connection off; it was not confirmed in {confirm} s" in said
        # A slow host still does when the controller asks.
        assert "undone it by itself" in said or "undoes the change by itself" in said
        return said

    def dry(self, host: str, *flags: str) -> str:
        """What pyinfra says of a run that changes nothing."""
        return self._pyinfra("--dry", "--limit", host, *flags)

    def is_silent(self, host: str) -> bool:
        """Whether a run would change nothing."""
        return bool(re.search(r"Network +- +-", self.dry(host)))

    def verification(self, *flags: str) -> str:
        """What the verification says, all of whose items have passed."""
        words = ("--pyinfra-inventory", self.inventory, "--verify", *flags)
        return self.run("pytest", *words).stdout

    def verify(self) -> int:
        """Runs the verification; the number of its items, all of which have passed."""
        said = self.verification("-q")
        passed = re.fullmatch(r"(\d+) passed in .*", said.strip().splitlines()[-1])
        assert passed, said
        return int(passed[1])

    def _pyinfra(self, *flags: str, ok: bool = True) -> str:
        done = self.run("pyinfra", *flags, self.inventory, ROOT / "deploys/network.py", ok=ok)
        return done.stdout + done.stderr

    def lab(self, command: str, *arguments: str) -> str:
        """A command of `netwright lab`."""
        return self.run("netwright", "lab", command, self.inventory, *arguments).stdout

    def on(self, host: str, command: str) -> str:
        """What a command on the host prints, by plain ssh; slow hosts too."""
        return self.ssh("vm-tests", host, command)
