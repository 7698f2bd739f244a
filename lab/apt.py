"""The distribution's own package sources, as this machine has them, and the way it reaches them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netwright.lab.spec import LabError

__all__ = ["KEYRING", "Source", "apt_options", "codename", "parse_list", "parse_sources", "sources"]

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# How the machine gets at the archive: proxies, and the clock where it reads an old snapshot.
OPTIONS = (
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
)


@dataclass(frozen=True)
class Source:
    """One source of binary packages; signed_by is None where the entry names no key."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str | None

    def render(self) -> str:
        """As a deb822 paragraph."""
        return (
            f"Types: deb\nURIs: {' '.join(self.uris)}\nSuites: {' '.join(self.suites)}\n"
            f"Components: {' '.join(self.components)}\nSigned-By: {KEYRING}\n"
        )


def parse_sources(text: str) -> Iterator[Source]:
    """Read deb822 (`*.sources`); comments, disabled and deb-src paragraphs are left out."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0].isspace():
                fields[key] = f"{fields.get(key, '')} {line.strip()}"
            else:
                name, _, value = line.partition(":")
                key = name.strip().lower()
                fields[key] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
            yield Source(
                tuple(fields.get("uris", "").split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by"),
            )


def parse_list(text: str) -> Iterator[Source]:
    """Read the one-line format (`*.list`)."""
    for line in text.splitlines():
        found = re.match(r"deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+(.+)", line.split("#")[0])
        if found:
            options = dict(
                option.split("=", 1) for option in (found[1] or "").split() if "=" in option
            )
            yield Source(
                (found[2],), (found[3],), tuple(found[4].split()), options.get("signed-by")
            )


def sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """The sources of the distribution itself, and no third party's.

    An entry counts if the archive's own key signs it, or if it names no key and stands in a file
    of the distribution; mmdebstrap then accepts no other key.

    Raises:
        LabError: if there are none.
    """
    found: list[Source] = []
    parts = etc / "sources.list.d"
    files = [etc / "sources.list", *(sorted(parts.iterdir()) if parts.is_dir() else ())]
    suite = codename()
    for file in files:
        if file.suffix not in (".list", ".sources") or not file.is_file():
            continue
        own = file.name in ("sources.list", "debian.sources")
        parse = parse_sources if file.suffix == ".sources" else parse_list
        for source in parse(file.read_text()):
            trusted = own if source.signed_by is None else source.signed_by == KEYRING
            if trusted and any(name.partition("/")[0].startswith(suite) for name in source.suites):
                found.append(source)
    if not found:
        raise LabError(
            f"{etc}: no package source of Debian {suite} itself (signed by {KEYRING}) found;"
            " the lab's root image is built from it"
        )
    return found


def codename() -> str:
    """The release this machine runs, such as bookworm.

    Raises:
        LabError: if it is not Debian.
    """
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    if release.get("ID", "").strip('"') != "debian" or "VERSION_CODENAME" not in release:
        raise LabError("labs are built from the machine's own packages and need Debian for that")
    return release["VERSION_CODENAME"].strip('"')


def apt_options() -> list[str]:
    """The machine's options of apt that a build of the same sources needs as well."""
    dump = subprocess.run(
        ["apt-config", "dump", *OPTIONS], capture_output=True, text=True, check=True
    )
    return [line.rstrip(";") for line in dump.stdout.splitlines() if not line.endswith('"";')]
