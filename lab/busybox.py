"""A root file system for containers, without any registry: busybox out of the labs' root image."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from netwright.lab import image, places

__all__ = ["tarball"]

APPLETS = (
    "cat",
    "echo",
    "hostname",
    "httpd",
    "ifconfig",
    "ip",
    "ls",
    "mkdir",
    "nc",
    "ping",
    "ps",
    "route",
    "sh",
    "sleep",
    "wget",
)


def tarball() -> Path:
    """The tar's path; made once for each root image, the same bytes each time.

    With NETWRIGHT_LAB=off, as for a lab itself, nothing is made.
    """
    target = places.cache() / f"busybox-{image.recipe()}.tar"
    if target.exists() or os.environ.get("NETWRIGHT_LAB") == "off":
        return target
    root = image.image()
    new = target.with_suffix(".new")
    with tarfile.open(new, "w") as tar:
        for directory in ("bin", "tmp", "www"):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        entry = tarfile.TarInfo("bin/busybox")
        content = (root / "bin/busybox").read_bytes()
        entry.size, entry.mode = len(content), 0o755
        tar.addfile(entry, io.BytesIO(content))
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    new.rename(target)
    return target
