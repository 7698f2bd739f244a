"""The distribution's sources are told from those of third parties."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.lab import apt
from netwright.lab.spec import LabError

OWN = f"""\
# the archive
Types: deb deb-src
URIs: http://archive.invalid/debian
Suites: CODE CODE-updates
Components: main
Signed-By: {apt.KEYRING}

Types: deb
Enabled: no
URIs: http://disabled.invalid/debian
Suites: CODE
Components: main
Signed-By: {apt.KEYRING}
"""
THIRD = """\
Types: deb
URIs: http://third.invalid/debian
Suites: CODE
Components: stable
Signed-By: /usr/share/keyrings/third.gpg
"""


def etc(root: Path, **files: str) -> Path:
    (root / "sources.list.d").mkdir()
    for name, text in files.items():
        file = name.replace("__", "/").replace("_", ".")
        (root / file).write_text(text.replace("CODE", apt.codename()))
    return root


def uris(found: list[apt.Source]) -> list[str]:
    return [uri for source in found for uri in source.uris]


def test_third_parties_and_disabled_entries_are_left_out(tmp_path: Path) -> None:
    found = apt.sources(
        etc(
            tmp_path,
            sources_list="deb http://plain.invalid/debian CODE main # comment\n"
            "deb-src http://source.invalid/debian CODE main\n",
            sources_list_d__debian_sources=OWN,
            sources_list_d__third_sources=THIRD,
            sources_list_d__docker_list="deb [arch=amd64 signed-by=/k.gpg] http://d.invalid CODE x",
            sources_list_d__bare_list="deb http://bare.invalid CODE main",
            sources_list_d__off_disabled="deb http://off.invalid CODE main",
        )
    )
    assert uris(found) == ["http://plain.invalid/debian", "http://archive.invalid/debian"]


def test_what_is_written_is_what_was_read(tmp_path: Path) -> None:
    (found,) = apt.sources(etc(tmp_path, sources_list_d__debian_sources=OWN))
    assert list(apt.parse_sources(found.render())) == [found]


def test_no_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no package source of Debian"):
        apt.sources(etc(tmp_path, sources_list_d__third_sources=THIRD))
