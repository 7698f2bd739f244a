"""Who takes part: how each makes W(n) on the lab host, as one process of the controller."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import pairs
from benchmarks.floor import script
from benchmarks.playbook import playbook

__all__ = ["CONTENDERS", "MANAGERS", "Contender", "Process", "Target", "beside"]
__all__ += ["inventory_of", "missing"]

ROOT = Path(__file__).parents[1]
FOLDER = "benchmarks"


@dataclass(frozen=True)
class Target:
    """The lab host, as `ssh` reaches it."""

    address: str
    key: str
    config: str

    def ssh(self, *command: str) -> list[str]:
        """A command of its own connection."""
        options = ["-F", self.config, "-i", self.key, "-o", "BatchMode=yes"]
        return ["ssh", *options, f"root@{self.address}", *command]


@dataclass(frozen=True)
class Process:
    """What the controller starts."""

    words: list[str]
    environment: dict[str, str]
    stdin: str = ""


@dataclass(frozen=True)
class Contender:
    """One tool; `most` is the n up to which it ends in bearable time."""

    name: str
    make: Callable[[Target, Path, int, bool], Process]
    most: int
    again: bool = True
    """Whether it knows a run that finds all as it should be."""


def _floor(number: int, changed: bool) -> str:
    return "ip link set dev p1 mtu 1400\n" if changed else script(number)


def _pyinfra(deploy: str, **more: str) -> Callable[[Target, Path, int, bool], Process]:
    def make(target: Target, folder: Path, number: int, changed: bool) -> Process:
        inventory = f"{FOLDER}/bench_host.py"
        words = [sys.executable, "-m", "pyinfra", "-y", inventory, deploy]
        what = {"WORKLOAD": str(number), "WORKLOAD_CHANGED": "1" * changed}
        return Process(words, {**what, **more})

    return make


def _typed(text: Callable[[int, bool], str]) -> Callable[[Target, Path, int, bool], Process]:
    def make(target: Target, folder: Path, number: int, changed: bool) -> Process:
        return Process(target.ssh("sh"), {}, text(number, changed))

    return make


def _ansible(target: Target, folder: Path, number: int, changed: bool) -> Process:
    path = folder / f"playbook-{number}-{int(changed)}.yaml"
    if not path.exists():
        path.write_text(playbook(number, changed))
    environment = {
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_NOCOWS": "1",
    }
    words = [beside("ansible-playbook"), "-i", str(inventory_of(target, folder)), str(path)]
    return Process(words, environment)


def inventory_of(target: Target, folder: Path) -> Path:
    """Ansible's, with the one host in it."""
    variables = f"ansible_host={target.address} ansible_user=root"
    variables += f" ansible_ssh_private_key_file={target.key}"
    variables += f" ansible_ssh_common_args='-F {target.config}'"
    path = folder / "hosts"
    path.write_text(f"bench {variables}\n")
    return path


def beside(name: str) -> str:
    """A program of the virtual environment that this runs in."""
    return str(Path(sys.executable).parent / name)


CONTENDERS = (
    Contender("by hand", _typed(_floor), 1000, again=False),
    Contender("netwright", _pyinfra("deploys/network.py"), 1000),
    Contender("pyinfra's operations", _pyinfra(f"{FOLDER}/own_operations.py"), 100),
    Contender("Ansible", _ansible, 100),
)
MANAGERS = (
    Contender("by hand", _typed(pairs.floor), 1000, again=False),
    Contender("netwright", _pyinfra("deploys/network.py", WORKLOAD_PAIRS="1"), 1000),
    Contender("ifupdown2", _typed(pairs.ifupdown2), 1000),
    Contender("systemd-networkd", _typed(pairs.networkd), 1000),
)
"""For L(n). Debian 12 has no nmstate, and its netplan knows no veths."""


def missing(contender: Contender) -> str | None:
    """Why it can't take part, or None."""
    if contender.name == "Ansible" and shutil.which(beside("ansible-playbook")) is None:
        return "ansible-core is not installed: pip install '.[bench]'"
    return None


def environment(process: Process) -> dict[str, str]:
    """The controller's, with the process's own; all tools find the repo's packages."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **process.environment}
