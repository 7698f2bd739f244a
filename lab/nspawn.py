"""Hosts as systemd-nspawn containers: booted with systemd, on an overlay of the root image."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from netwright.lab import places
from netwright.lab.cgroup import pids
from netwright.lab.seed import seed
from netwright.lab.spec import HostSpec, LabError
from netwright.lab.supervised import Supervised

__all__ = ["Nspawn"]

# systemd's own signal for "reboot", the same that `systemctl reboot` ends in.
SIGREBOOT = signal.SIGRTMIN + 5


class Nspawn(Supervised):
    """The engine of containers; see Engine for the words."""

    boot_timeout = 90.0

    def prepare(self) -> None:
        """Build the root image, fetch the packages."""
        if not shutil.which("systemd-nspawn"):
            raise LabError("systemd-nspawn is missing; lab/setup.sh installs what labs need")
        self.layers()

    def start(self, host: HostSpec) -> None:
        """Seed the writable layer of a new host, and power on."""
        directory = self.directory(host)
        used = directory / "image"
        # A disk belongs to the image it was begun on, also when newer ones exist. The file is
        # written last: without it, what is there is the beginning of a disk.
        if not used.exists():
            self.delete(host)
            for name in ("upper", "work", "root"):
                (directory / name).mkdir(parents=True)
            seed(self.lab, host, directory / "upper")
            places.write(used, ":".join(map(str, self.layers())))
        settings = {"HOST_LAYERS": used.read_text(), "HOST_UUID": self.lab.uuid(host)}
        self.power_on(host, "nspawn", settings)

    def reboot(self, host: HostSpec, *, hard: bool) -> None:
        """Ask systemd inside, or kill everything but the supervisor, which starts it again."""
        (self.directory(host) / "ready").unlink(missing_ok=True)
        if hard:
            self.cut_power(host)
        else:
            os.kill(self._init(host), SIGREBOOT)

    def shell(self, host: HostSpec, command: Sequence[str]) -> list[str]:
        """Enter all namespaces of the host's init."""
        enter = ["nsenter", f"--target={self._init(host)}", "--all", "--wd=/root"]
        environment = ["env", "-i", "HOME=/root", f"TERM={os.environ.get('TERM', 'dumb')}"]
        environment.append("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        return [*enter, *environment, *(command or ("/bin/bash", "-l"))]

    def _init(self, host: HostSpec) -> int:
        """The pid, as the machine sees it, of the host's systemd."""
        for pid in pids(self.cgroup(host) / "host" / "payload" / "init.scope"):
            status = Path("/proc", str(pid), "status").read_text()
            # Its pid in each pid namespace from here inwards: the innermost one is 1.
            if any(
                line.startswith("NSpid:") and line.split()[-1] == "1"
                for line in status.splitlines()
            ):
                return pid
        raise LabError(f"host {host.name} of lab {self.lab.name} is not running")
