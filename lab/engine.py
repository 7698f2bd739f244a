"""What a lab asks of whatever runs its hosts: containers or virtual machines, by the same words.

An engine is told a host and remembers nothing: everything is found again from the host's
directory, its cgroup and the kernel, so that a controller may die at any moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from netwright.lab.spec import HostSpec

__all__ = ["Engine"]


class Engine(Protocol):
    """Runs hosts of one lab."""

    # After how many seconds without an answer a boot has failed.
    boot_timeout: float

    def prepare(self) -> None:
        """Make what all of its hosts are made of, and say what the machine lacks for it."""

    def start(self, host: HostSpec) -> None:
        """Power on; return at once. The disk is made when there is none."""

    def stop(self, host: HostSpec) -> None:
        """Power off at once and leave no process; the disk stays."""

    def delete(self, host: HostSpec) -> None:
        """Stop, and remove the disk."""

    def alive(self, host: HostSpec) -> bool:
        """Whether it is powered on; not whether it answers."""

    def boots(self, host: HostSpec) -> int:
        """How often it has begun to boot since its disk was made."""

    def reboot(self, host: HostSpec, *, hard: bool) -> None:
        """Boot again with the same disk, return at once.

        Args:
            hard: cut the power instead of asking the host's init.
        """

    def shell(self, host: HostSpec, command: Sequence[str]) -> list[str]:
        """The arguments of a process that is root inside, without the host's network.

        Args:
            command: what to run there; a login shell if empty.
        """

    def log(self, host: HostSpec) -> str:
        """The end of its console, to explain why it does not come up."""
