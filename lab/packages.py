"""Packages for a lab's hosts: a repository in a layer over the root image.

Hosts don't reach the archive; what they may install is fetched by the machine, once, and apt on the
host installs it from there as it would from any mirror.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from netwright.lab import apt, places
from netwright.lab.progress import say
from netwright.lab.spec import LabError

__all__ = ["fetch", "layer", "stanza"]

VERSION = 3
WHERE = "srv/packages"
LIST = f"deb [trusted=yes] file:/{WHERE} ./\n"
# Nothing that a host starts is known by the archive: only the layer's own list counts.
APT = 'Acquire::Languages "none";\n'


def layer(packages: Sequence[str], root: Path) -> Path:
    """The directory to lay over the root image; fetches the packages when it is not there.

    Args:
        packages: names, with all that they depend on and the image has not.
        root: the root image.

    Raises:
        LabError: if they can't be fetched; with the last words of apt.
    """
    wanted = [str(VERSION), root.name, *sorted(packages)]
    name = f"packages-{hashlib.sha256(chr(0).join(wanted).encode()).hexdigest()[:16]}"
    cache = places.cache()
    target = cache / name
    with places.locked(cache / "lock"):
        if target.is_dir():
            return target
        say(f"fetching packages for hosts, once: {', '.join(packages)}")
        half = Path(tempfile.mkdtemp(prefix="half-", dir=cache))
        half.chmod(0o755)
        _fill(half, packages, root)
        half.rename(target)
    return target


def fetch(packages: Sequence[str], pool: Path, root: Path) -> None:
    """Get packages from the archive, and what they depend on and the root image has not.

    Args:
        packages: their names.
        pool: the directory for the files, which is not there yet.
        root: the root image.

    Raises:
        LabError: if they can't be fetched; with the last words of apt.
    """
    (pool / "partial").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        options = _options(Path(scratch), pool, root)
        _apt(options, "update")
        _apt(options, "install", "--download-only", "--no-install-recommends", *packages)
    shutil.rmtree(pool / "partial")
    (pool / "lock").unlink(missing_ok=True)


def stanza(deb: Path) -> str:
    """What an index of packages says of one."""
    control = subprocess.run(
        ["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=True
    ).stdout.strip()
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return f"{control}\nFilename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"


def _fill(half: Path, packages: Sequence[str], root: Path) -> None:
    pool, etc = half / WHERE, half / "etc/apt"
    etc.mkdir(parents=True)
    fetch(packages, pool, root)
    (pool / "Packages").write_text("\n".join(stanza(deb) for deb in sorted(pool.glob("*.deb"))))
    (etc / "sources.list").write_text(LIST)
    # The image's own sources are out of reach: an empty file over each.
    (etc / "sources.list.d").mkdir()
    for source in (root / "etc/apt/sources.list.d").iterdir():
        (etc / "sources.list.d" / source.name).touch()
    (etc / "apt.conf.d").mkdir()
    (etc / "apt.conf.d" / "99lab").write_text(APT)


def _options(scratch: Path, pool: Path, root: Path) -> list[str]:
    """An apt that sees the archive as this machine does, and the image's packages as installed."""
    (scratch / "sources").mkdir()
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "sources" / "lab.sources").write_text(
        "\n".join(source.render() for source in apt.sources())
    )
    values = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": scratch / "sources",
        "Dir::State": scratch,
        "Dir::State::lists": scratch / "lists",
        "Dir::State::status": root / "var/lib/dpkg/status",
        "Dir::Cache": scratch,
        "Dir::Cache::archives": pool,
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]


def _apt(options: list[str], *words: str) -> None:
    done = subprocess.run(
        ["apt-get", "--yes", "--quiet", *options, *words],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = " / ".join(line for line in done.stdout.splitlines()[-4:] if line)
        raise LabError(f"packages for the lab's hosts could not be fetched: {last}")
