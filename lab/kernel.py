"""Debian's cloud kernel for virtual machines, from the archive and not installed on the machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from netwright.lab import apt, image, packages, places
from netwright.lab.progress import say
from netwright.lab.spec import LabError

__all__ = ["accelerator", "kernel"]

PACKAGE = "linux-image-cloud-amd64"
INIT = Path(__file__).with_name("vm_init.sh")
# What the first process needs to see the disk, the links and the serial line of `shell`.
DRIVERS = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console")
TCG = "tcg,thread=multi"
PROBE_TIMEOUT = 10.0


def kernel() -> Path:
    """A layer for root file systems with the kernel and its modules; fetched when it is not there.

    Raises:
        LabError: if it cannot be fetched, or this machine is no PC.
    """
    if os.uname().machine != "x86_64":
        raise LabError("the engine vm boots Debian's amd64 kernel and needs an x86_64 machine")
    parts = (PACKAGE, apt.codename(), INIT.read_text(), *DRIVERS)
    name = f"kernel-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
    root = image.image()
    return image.cached(name, "fetching Debian's kernel, once", lambda half: _fetch(half, root))


def accelerator(kernel: Path) -> str:
    """What qemu runs on: kvm where a machine boots on it, else emulation.

    Args:
        kernel: for the test boot. The answer is kept until this machine boots again.
    """
    known = places.cache() / "accelerator"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if known.exists() and known.read_text().startswith(boot):
        return known.read_text().split()[1]
    found = "kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) and _boots(kernel) else TCG
    places.write(known, f"{boot} {found}\n")
    return found


def _boots(kernel: Path) -> bool:
    """Whether KVM gets as far as the first process; there are machines on which it hangs."""
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"]
    command += ["-no-reboot", "-machine", "q35", "-accel", "kvm", "-cpu", "max", "-m", "256"]
    command += ["-kernel", str(kernel / "boot/vmlinuz"), "-initrd", str(kernel / "boot/initrd")]
    try:
        done = subprocess.run(
            ["setpriv", "--pdeathsig=KILL", *command, "-append", "quiet lab.probe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PROBE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        say("KVM does not boot a machine here: emulation it is, several times as slow")
        return False
    return done.returncode == 0


def _fetch(half: Path, root: Path) -> None:
    pool, unpacked, initrd = half / "pool", half / "unpacked", half / "initrd"
    packages.fetch([PACKAGE], pool, root)
    # The package itself only depends on the one of its present version.
    (package,) = pool.glob("linux-image-[0-9]*.deb")
    _run("dpkg-deb", "--extract", str(package), str(unpacked))
    (vmlinuz,) = (unpacked / "boot").glob("vmlinuz-*")
    version = vmlinuz.name.partition("-")[2]
    _run("depmod", "-b", str(unpacked), version)
    _initrd(initrd, unpacked, version, root)
    # A layer of a root file system, in which /lib is a link to /usr/lib.
    (half / "usr" / "lib").mkdir(parents=True)
    (half / "boot").mkdir()
    (unpacked / "lib" / "modules").rename(half / "usr" / "lib" / "modules")
    vmlinuz.rename(half / "boot" / "vmlinuz")
    pack = 'cd "$0" && find . | "$1" cpio -o -H newc >../boot/initrd'
    _run("sh", "-c", pack, str(initrd), str(root / "bin/busybox"))
    for done in (pool, unpacked, initrd):
        shutil.rmtree(done)


def _initrd(initrd: Path, tree: Path, version: str, root: Path) -> None:
    """A busybox, the drivers and the first process."""
    for name in ("bin", "dev", "proc", "sys", "root"):
        (initrd / name).mkdir(parents=True)
    shutil.copy2(root / "bin/busybox", initrd / "bin")
    shutil.copyfile(INIT, initrd / "init")
    (initrd / "init").chmod(0o755)
    files: list[Path] = []
    for driver in DRIVERS:
        needed = _run("modprobe", "-d", str(tree), "-S", version, "--show-depends", driver)
        files += [
            Path(line.split()[1]) for line in needed.splitlines() if line.startswith("insmod")
        ]
    for file in dict.fromkeys(files):
        shutil.copyfile(file, initrd / file.name)
    order = "".join(f"/{file.name}\n" for file in dict.fromkeys(files))
    (initrd / "modules.order").write_text(order)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"the kernel could not be prepared: {command[0]}: {done.stderr.strip()}")
    return done.stdout
