"""Which images are kept: those under a host's disk, in any state directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.lab import image, places


def build(root: Path) -> None:
    root.mkdir()


def test_older_images_go_unless_a_host_of_any_state_directory_is_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, elsewhere = tmp_path / "cache", tmp_path / "elsewhere"
    monkeypatch.setenv("NETWRIGHT_CACHE", str(cache))
    monkeypatch.setattr(image, "_build", build)
    for name in ("root-used", "root-old", "half-dead"):
        (cache / name / "etc").mkdir(parents=True)
    disk = elsewhere / "labs" / "x" / "hosts" / "a"
    disk.mkdir(parents=True)
    (disk / "image").write_text(str(cache / "root-used"))
    (cache / "users").write_text(f"{elsewhere}\n/nowhere\n")
    monkeypatch.setenv("NETWRIGHT_STATE", str(tmp_path / "here"))
    places.state().mkdir()

    made = image.image()
    assert made == cache / image.recipe()
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == sorted(
        [made.name, "root-used"]
    )
    assert (cache / "users").read_text().split() == [str(elsewhere), str(tmp_path / "here")]


def test_a_build_that_fails_leaves_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(root: Path) -> None:
        root.mkdir()
        raise image.LabError("no network")

    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(image, "_build", fail)
    with pytest.raises(image.LabError):
        image.image()
    assert not (tmp_path / image.recipe()).exists()
    monkeypatch.setattr(image, "_build", build)
    assert image.image().is_dir()
    assert not list(tmp_path.glob("half-*"))
