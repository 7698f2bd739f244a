"""Where labs keep things on the machine: what is needed to find a lab again after any crash."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netwright
from netwright.lab.progress import say
from netwright.lab.spec import LabError

__all__ = ["cache", "cgroup_root", "host_dir", "known_hosts", "lab_cgroup", "lab_dir"]
__all__ += ["lab_names", "labs", "link", "locked"]
__all__ += ["package_parent", "port", "ssh_config", "ssh_key", "state", "switch"]
__all__ += ["wired", "write"]

CGROUP = "netwright-lab"


def state() -> Path:
    """Disks, keys and records of the labs: NETWRIGHT_STATE, or /var/lib/netwright."""
    return Path(os.environ.get("NETWRIGHT_STATE") or "/var/lib/netwright").absolute()


def cache() -> Path:
    """Root images, which can be made again: NETWRIGHT_CACHE, or /var/cache/netwright."""
    return Path(os.environ.get("NETWRIGHT_CACHE") or "/var/cache/netwright").absolute()


def labs() -> Path:
    """The parent of all labs' directories."""
    return state() / "labs"


def lab_names() -> list[str]:
    """All labs of this machine that have left anything, also half-made ones."""
    return sorted(path.name for path in labs().iterdir()) if labs().exists() else []


def lab_cgroup(lab: str) -> Path:
    """All processes of a lab are in here, those of each host in a cgroup of its name."""
    return cgroup_root() / CGROUP / f"{lab}-{_mark(lab)}"


def link(lab: str) -> str:
    """The machine's link to a lab; 14 of the 15 characters that Linux allows."""
    return f"nwlab-{_mark(lab)}"


def port(index: int, ifname: str) -> str:
    """The port of the lab's switch for a link of its host with that index."""
    return f"p{index}-{ifname}"


def lab_dir(lab: str) -> Path:
    """A lab's directory: its record, its switch, its hosts."""
    return labs() / lab


def switch(lab: str) -> Path:
    """What holds the namespace of a lab's switch."""
    return lab_dir(lab) / "switch"


def host_dir(lab: str, host: str) -> Path:
    """A host's directory: its disk, its log."""
    return lab_dir(lab) / "hosts" / host


def ssh_key() -> Path:
    """The key that opens every lab host of this machine."""
    return state() / "ssh" / "id_ed25519"


def known_hosts(lab: str) -> Path:
    """The host keys of a lab, known before the hosts are up."""
    return lab_dir(lab) / "known_hosts"


def wired(lab: str) -> Path:
    """Says that the lab's switch was made to the end."""
    return lab_dir(lab) / "wired"


def ssh_config(lab: str) -> Path:
    """Settings with which plain `ssh -F` reaches the lab's hosts by name."""
    return lab_dir(lab) / "ssh_config"


def package_parent() -> Path:
    """Where netwright is, installed or in a checkout: the PYTHONPATH of our own processes."""
    return Path(netwright.__path__[0]).parent


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, and only if it differs: others may read it meanwhile."""
    if path.exists() and path.read_text() == text:
        return
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.rename(path)


def _mark(lab: str) -> str:
    # Labs of the same name in two state directories are two labs.
    return hashlib.sha256(str(lab_dir(lab)).encode()).hexdigest()[:8]


def cgroup_root() -> Path:
    """Where the machine has its cgroup v2 tree, also where it is beside v1.

    Raises:
        LabError: if it has none.
    """
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(target)
    raise LabError("this machine has no writable cgroup v2 tree (mount -t cgroup2), labs need one")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at path; whoever comes second waits. The kernel frees it after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process, which holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
