"""What both engines share: a host is a directory and a cgroup, where supervise.sh runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from netwright.lab import image, packages, places
from netwright.lab.cgroup import kill, populated
from netwright.lab.spec import HostSpec, LabError, LabSpec

__all__ = ["Supervised"]

SUPERVISE = Path(__file__).with_name("supervise.sh")


class Supervised:
    """Power on and off, by words that do not depend on what runs inside; see Engine."""

    def __init__(self, lab: LabSpec) -> None:
        """Args:
        lab: whose hosts these are.
        """
        self.lab = lab

    def layers(self) -> list[Path]:
        """What a new host's disk is made of, the upper first."""
        root = image.image()
        wanted = self.lab.packages
        return [packages.layer(wanted, root), root] if wanted else [root]

    def stop(self, host: HostSpec) -> None:
        """Kill the host's cgroup: the supervisor and all that runs under it."""
        kill(self.cgroup(host))
        (self.directory(host) / "ready").unlink(missing_ok=True)

    def delete(self, host: HostSpec) -> None:
        """Stop it and remove its directory."""
        self.stop(host)
        if self.directory(host).exists():
            shutil.rmtree(self.directory(host))

    def cut_power(self, host: HostSpec) -> None:
        """Kill everything but the supervisor, which starts it again."""
        (self.directory(host) / "again").touch()
        (self.cgroup(host) / "host" / "cgroup.kill").write_text("1")

    def alive(self, host: HostSpec) -> bool:
        """Whether its cgroup has processes."""
        return populated(self.cgroup(host))

    def boots(self, host: HostSpec) -> int:
        """As many as the supervisor has counted."""
        boots = self.directory(host) / "boots"
        return boots.stat().st_size if boots.exists() else 0

    def log(self, host: HostSpec) -> str:
        """The last lines of the console."""
        log = self.directory(host) / "console.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return " / ".join(line.strip() for line in lines[-3:] if line.strip())

    def directory(self, host: HostSpec) -> Path:
        """Its disk, its log."""
        return places.host_dir(self.lab.name, host.name)

    def cgroup(self, host: HostSpec) -> Path:
        """All of its processes are in here: `supervisor`, and `host` for what it runs."""
        return places.lab_cgroup(self.lab.name) / host.name

    def power_on(self, host: HostSpec, engine: str, settings: Mapping[str, str]) -> None:
        """Start the supervisor, which outlives this process.

        Args:
            host: which; its disk is there.
            engine: names the script that boots it.
            settings: what that script reads from its environment.
        """
        directory = self.directory(host)
        # A killed supervisor left it: who waits for this boot must not be told of the last one.
        (directory / "ready").unlink(missing_ok=True)
        root = places.cgroup_root()
        command = ["/bin/sh", str(SUPERVISE), str(directory), str(root)]
        with (directory / "console.log").open("ab") as log:
            supervisor = subprocess.Popen(
                [*command, str(self.cgroup(host).relative_to(root)), engine],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env={
                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "LANG": "C.UTF-8",
                    # The supervisor calls netwright.lab.plug, installed or from a checkout.
                    "PYTHONPATH": str(places.package_parent()),
                    "HOST_PYTHON": sys.executable,
                    "HOST_NAME": host.name,
                    **settings,
                },
            )
        while not self.alive(host):
            if supervisor.poll() is not None:
                raise LabError(f"host {host.name} does not start: {self.log(host)}")
            time.sleep(0.005)
