"""Hosts as virtual machines: the same root image with Debian's own kernel under qemu.

For what the machine's kernel cannot do. Where KVM does not work it is emulated, and much slower.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from netwright.lab import kernel, places, wire
from netwright.lab.seed import seed
from netwright.lab.spec import HostSpec, LabError, LinkSpec
from netwright.lab.supervised import Supervised

__all__ = ["Vm"]

QEMU = "qemu-system-x86_64"


class Vm(Supervised):
    """The engine of virtual machines; see Engine for the words."""

    # An emulated host boots in 20 s on a machine with nothing else to do, and in minutes on others.
    boot_timeout = 600.0

    def prepare(self) -> None:
        """Build the root image, and get the kernel."""
        for tool in (QEMU, "mkfs.ext4"):
            if not shutil.which(tool):
                raise LabError(
                    f"{tool} is missing, hosts with the engine vm need it:"
                    " `sh lab/setup.sh qemu-system-x86 e2fsprogs` installs both"
                )
        self.layers()
        kernel.accelerator(kernel.kernel())

    def start(self, host: HostSpec) -> None:
        """Write a new host's own files, and power on; the supervisor makes the disk."""
        directory = self.directory(host)
        used = directory / "image"
        # Written last: without it, what is there is the beginning of a host.
        if not used.exists():
            self.delete(host)
            (directory / "seed").mkdir(parents=True)
            seed(self.lab, host, directory / "seed")
            places.write(used, ":".join(map(str, (kernel.kernel(), *self.layers()))))
        layers = used.read_text()
        own_kernel, _, _ = layers.partition(":")
        self.power_on(
            host,
            "vm",
            {
                "HOST_ACCEL": kernel.accelerator(Path(own_kernel)),
                "HOST_DEVICES": " ".join(_device(host, link) for link in host.links),
                "HOST_KERNEL": own_kernel,
                "HOST_LAYERS": layers,
                "HOST_LINKS": " ".join(map(_configuration, host.links)),
            },
        )

    def delete(self, host: HostSpec) -> None:
        """Stop it, pull its cables, and remove its directory."""
        self.stop(host)
        wire.unplug(host, places.switch(self.lab.name))
        super().delete(host)

    def reboot(self, host: HostSpec, *, hard: bool) -> None:
        """Ask systemd inside, or kill qemu and have the supervisor start it again."""
        (self.directory(host) / "ready").unlink(missing_ok=True)
        if hard:
            self.cut_power(host)
        else:
            # The connection ends with the host, or before: its status says nothing.
            subprocess.run(
                self.shell(host, ["systemctl", "reboot"]),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )

    def shell(self, host: HostSpec, command: Sequence[str]) -> list[str]:
        """SSH over a serial line, on which the host starts an sshd for each session in turn."""
        line = self.directory(host) / "shell.sock"
        # ssh knows nothing of this process' PYTHONPATH.
        python = ["env", f"PYTHONPATH={places.package_parent()}", sys.executable]
        proxy = shlex.join([*python, "-m", "netwright.lab.line", str(line)])
        options = ["-F", str(places.ssh_config(self.lab.name)), "-oConnectTimeout=300"]
        # A line that says nothing for two minutes is dead.
        options += ["-oServerAliveInterval=30", "-oServerAliveCountMax=4"]
        options += ["-t"] if sys.stdin.isatty() else []
        inside = [shlex.join(command)] if command else []
        return ["ssh", *options, f"-oProxyCommand={proxy}", host.name, *inside]


def _device(host: HostSpec, link: LinkSpec) -> str:
    port = places.port(host.index, link.ifname)
    return (
        f"-netdev tap,id={link.ifname},ifname={port},script=no,downscript=no"
        f" -device virtio-net-pci,netdev={link.ifname},mac={link.mac},romfile="
    )


def _configuration(link: LinkSpec) -> str:
    return f"lab.link={','.join((link.ifname, link.mac, *link.addresses, *link.gateways))}"
