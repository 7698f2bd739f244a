"""Where the live tests try labs: a directory of inventories and a state directory of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["Bench"]

BIN = Path(sys.executable).parent


class Bench:
    """A directory of inventories and a state directory; the machine's root image."""

    patience = 180.0
    """Seconds that a command may take."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state"
        self.environment = {**os.environ, "NETWRIGHT_STATE": str(self.state)}

    def inventory(self, name: str, subnet: str, hosts: str) -> Path:
        """An inventory file with hosts that have no data."""
        file = self.path / f"{name}.py"
        data = {host: {} for host in hosts.split()}
        file.write_text(
            "from netwright.lab import lab\n"
            f"hosts = lab(__file__, subnet={subnet!r}, hosts={data!r})\n"
        )
        return file

    def run(self, *command: str | Path, ok: bool | None = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the virtual environment; an unexpected status fails the test.

        None takes any: the state is about to change, and the command is faster or slower.
        """
        done = subprocess.run(
            [BIN / command[0], *command[1:]],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=self.patience,
        )
        assert ok in (None, done.returncode == 0), (done.stdout, done.stderr)
        return done

    def link(self, lab: str) -> str:
        """The name of the machine's link to a lab of this state directory."""
        ask = f"from netwright.lab import places; print(places.link({lab!r}))"
        return self.run("python", "-c", ask).stdout.strip()

    def ssh(self, lab: str, host: str, command: str) -> str:
        """What a command on the host prints, by plain ssh."""
        config = self.state / "labs" / lab / "ssh_config"
        done = subprocess.run(
            ["ssh", "-F", config, "-oBatchMode=yes", "-oConnectTimeout=60", host, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, (command, done)
        return done.stdout
