"""The root image: one Debian directory for all hosts of all labs, which each overlays."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from netwright.lab import apt, places
from netwright.lab.progress import say
from netwright.lab.spec import LabError

__all__ = ["PACKAGES", "cached", "image", "recipe"]

# No Python: what Netwright converges has a shell, iproute2 and procps, and the lab proves it.
# arping is the one of iputils: it belongs to ping, and its exit status says whether it was heard.
PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "conntrack",
    "curl",
    "dbus",
    "ipset",
    "iproute2",
    "iptables",
    "ipvsadm",
    "iputils-arping",
    "iputils-ping",
    "kmod",
    "netcat-openbsd",
    "nftables",
    "openssh-server",
    "procps",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tcpdump",
    "udev",
    "util-linux",
    "wireguard-tools",
)
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
VERSION = 1
CUSTOMIZE = Path(__file__).with_name("root.sh")


def recipe() -> str:
    """The name of the image: a hash of what decides its content, but for packages' versions."""
    parts = [
        str(VERSION),
        apt.codename(),
        os.uname().machine,
        *PACKAGES,
        *DPKG_OPTIONS,
        CUSTOMIZE.read_text(),
    ]
    return f"root-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def image() -> Path:
    """The image's directory; builds it when it is not there, and removes those of older recipes.

    Raises:
        LabError: if it cannot be built; with the last words of the build.
    """
    told = "building the root image, once: about half a minute"
    return cached(recipe(), told, lambda half: _build(half / "root"), "root")


def cached(name: str, told: str, build: Callable[[Path], None], part: str = ".") -> Path:
    """A directory of the cache, made when it is not there; older ones of its kind go then.

    Args:
        name: KIND-HASH, where the hash is of all that decides the content.
        told: what the user reads while it is built.
        build: builds in the empty directory that it gets.
        part: what of that directory is kept.

    Raises:
        LabError: if it cannot be built.
    """
    cache = places.cache()
    target = cache / name
    with places.locked(cache / "lock"):
        keep = _in_use(cache)
        if target.is_dir():
            return target
        # Under the lock, whatever is half-built was left behind by a build that died.
        kinds = ("half", name.partition("-")[0])
        for old in cache.iterdir():
            if old.is_dir() and old.name.partition("-")[0] in kinds and str(old) not in keep:
                shutil.rmtree(old)
        say(told)
        half = Path(tempfile.mkdtemp(prefix="half-", dir=cache))
        half.chmod(0o755)
        build(half)
        (half / part).rename(target)
        if half.exists():
            half.rmdir()
    return target


def _in_use(cache: Path) -> set[str]:
    """The images under the disks of any host, in whichever state directory its lab is."""
    users = cache / "users"
    known = users.read_text().splitlines() if users.exists() else []
    states = sorted({state for state in [*known, str(places.state())] if Path(state).is_dir()})
    places.write(users, "".join(f"{state}\n" for state in states))
    return {
        layer
        for state in states
        for file in Path(state).glob("labs/*/hosts/*/image")
        for layer in file.read_text().split(":")
    }


def _build(root: Path) -> None:
    command = [
        # Nothing of a build outlives the builder, however that ends: no process, no mount.
        "setpriv",
        "--pdeathsig=KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=apt",
        "--format=directory",
        f"--keyring={apt.KEYRING}",
        f"--include={','.join(PACKAGES)}",
        *(f"--aptopt={option}" for option in (*apt.apt_options(), 'Acquire::Languages "none"')),
        *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
        f'--customize-hook=/bin/sh {shlex.quote(str(CUSTOMIZE))} "$1"',
        apt.codename(),
        str(root),
        "-",
    ]
    if not shutil.which("mmdebstrap"):
        raise LabError("mmdebstrap is missing; lab/setup.sh installs what labs need")
    built = subprocess.run(
        command,
        input="\n".join(source.render() for source in apt.sources()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if built.returncode:
        words = " / ".join(line for line in built.stdout.splitlines()[-4:] if line)
        raise LabError(f"the root image could not be built: {words}")
