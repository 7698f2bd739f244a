"""Hosts as systemd-nspawn containers: booted with systemd, on an overlay of the root image."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from netwright.lab import places
from netwright.lab.cgroup import kill, pids, populated
from netwright.lab.seed import seed
from netwright.lab.spec import HostSpec, LabError, LabSpec

__all__ = ["Nspawn"]

SUPERVISE = Path(__file__).with_name("supervise.sh")
# systemd's own signal for "reboot", the same that `systemctl reboot` ends in.
SIGREBOOT = signal.SIGRTMIN + 5


class Nspawn:
    """The engine of containers; see Engine for the words."""

    def __init__(self, lab: LabSpec, image: str | None) -> None:
        """Args:
        lab: whose hosts these are.
        image: what new hosts overlay: directories, the upper first, with colons between.
        """
        self.lab = lab
        self.image = image

    def start(self, host: HostSpec) -> None:
        """Start the supervisor, which outlives this process."""
        if not shutil.which("systemd-nspawn"):
            raise LabError("systemd-nspawn is missing; lab/setup.sh installs what labs need")
        directory = self._dir(host)
        image = directory / "image"
        # A disk belongs to the image it was begun on, also when newer ones exist. The file is
        # written last: without it, what is there is the beginning of a disk.
        if not image.exists():
            if self.image is None:
                raise LabError(f"host {host.name} is new and there is no root image for it")
            self.delete(host)
            for name in ("upper", "work", "root"):
                (directory / name).mkdir(parents=True)
            seed(self.lab, host, directory / "upper")
            places.write(image, self.image)
        root = places.cgroup_root()
        with (directory / "console.log").open("ab") as log:
            supervisor = subprocess.Popen(
                [
                    "/bin/sh",
                    str(SUPERVISE),
                    str(directory),
                    str(root),
                    str(self._cgroup(host).relative_to(root)),
                    image.read_text(),
                    sys.executable,
                    host.name,
                    self.lab.uuid(host),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env={
                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "LANG": "C.UTF-8",
                    # The supervisor calls netwright.lab.wire, installed or from a checkout.
                    "PYTHONPATH": str(places.package_parent()),
                },
            )
        while not self.alive(host):
            if supervisor.poll() is not None:
                raise LabError(f"host {host.name} does not start: {self.log(host)}")
            time.sleep(0.005)

    def stop(self, host: HostSpec) -> None:
        """Kill the host's cgroup: the supervisor, nspawn and all that runs inside."""
        kill(self._cgroup(host))
        (self._dir(host) / "ready").unlink(missing_ok=True)

    def delete(self, host: HostSpec) -> None:
        """Stop it and remove its directory."""
        self.stop(host)
        if self._dir(host).exists():
            shutil.rmtree(self._dir(host))

    def alive(self, host: HostSpec) -> bool:
        """Whether its cgroup has processes."""
        return populated(self._cgroup(host))

    def boots(self, host: HostSpec) -> int:
        """As many as the supervisor has counted."""
        boots = self._dir(host) / "boots"
        return boots.stat().st_size if boots.exists() else 0

    def reboot(self, host: HostSpec, *, hard: bool) -> None:
        """Ask systemd inside, or kill everything but the supervisor, which starts it again."""
        (self._dir(host) / "ready").unlink(missing_ok=True)
        if hard:
            (self._dir(host) / "again").touch()
            (self._cgroup(host) / "host" / "cgroup.kill").write_text("1")
        else:
            os.kill(self._init(host), SIGREBOOT)

    def shell(self, host: HostSpec, command: Sequence[str]) -> list[str]:
        """Enter all namespaces of the host's init."""
        enter = ["nsenter", f"--target={self._init(host)}", "--all", "--wd=/root"]
        environment = ["env", "-i", "HOME=/root", f"TERM={os.environ.get('TERM', 'dumb')}"]
        environment.append("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        return [*enter, *environment, *(command or ("/bin/bash", "-l"))]

    def log(self, host: HostSpec) -> str:
        """The last lines of the console."""
        log = self._dir(host) / "console.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return " / ".join(line.strip() for line in lines[-3:] if line.strip())

    def _dir(self, host: HostSpec) -> Path:
        return places.host_dir(self.lab.name, host.name)

    def _cgroup(self, host: HostSpec) -> Path:
        return places.lab_cgroup(self.lab.name) / host.name

    def _init(self, host: HostSpec) -> int:
        """The pid, as the machine sees it, of the host's systemd."""
        for pid in pids(self._cgroup(host) / "host" / "payload" / "init.scope"):
            status = Path("/proc", str(pid), "status").read_text()
            # Its pid in each pid namespace from here inwards: the innermost one is 1.
            if any(
                line.startswith("NSpid:") and line.split()[-1] == "1"
                for line in status.splitlines()
            ):
                return pid
        raise LabError(f"host {host.name} of lab {self.lab.name} is not running")
