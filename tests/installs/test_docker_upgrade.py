"""Docker from a repository as upstream has one, and upgraded in place on a lab host."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installs.asking import Asking, Inside, answered
from tests.installs.bench import Bench
from tests.installs.engine import ITS_OWN, declared, engine, published, routed
from tests.installs.repository import Key, again, empty, publish, served

pytestmark = pytest.mark.lab

NET = "198.18.73"
PUBLISHED, ROUTED = published(NET), routed(NET)
REVISIONS = ("5:20.10.24~1", "5:20.10.24~2")
SUITE = "bookworm"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with engine(tmp_path, "in7-upgrade", NET) as made:
        yield made


@pytest.fixture
def upstream(bench: Bench, tmp_path: Path) -> Iterator[tuple[Key, Path, str]]:
    """A repository as docker-ce has one: its key, its directory, its URL. The first revision."""
    root = tmp_path / "repository"
    root.mkdir()
    key = Key(tmp_path / "keyring", "upstream")
    try:
        for name in ("docker.io", "containerd"):
            (deb,) = bench.layer().glob(f"srv/packages/{name}_*.deb")
            subprocess.run(["dpkg-deb", "-R", deb, tmp_path / name], check=True)
        _revision(tmp_path, root, REVISIONS[0])
        publish(root, SUITE, key)
        with served(root, "198.18.73.1") as url:
            yield key, root, url
    finally:
        key.close()


def _revision(trees: Path, root: Path, version: str) -> None:
    """Debian's programs under the names that upstream gives its packages."""
    none = {"Conflicts": "", "Breaks": "", "Replaces": "", "Built_Using": "", "Recommends": ""}
    needs = (
        f"containerd.io (>= {version}), docker-ce-cli, iptables, tini, libc6, libdevmapper1.02.1"
    )
    again(
        trees / "containerd", root, Package="containerd.io", Version=version, **none,
        Provides="containerd",
    )  # fmt: skip
    shutil.rmtree(trees / "cli", ignore_errors=True)
    empty(trees / "cli", root, Package="docker-ce-cli", Version=version)
    again(trees / "docker.io", root, Package="docker-ce", Version=version, Depends=needs, **none)


def test_upstreams_repository_and_an_upgrade_in_place(
    bench: Bench, upstream: tuple[Key, Path, str], tmp_path: Path
) -> None:
    key, root, url = upstream
    other = Key(tmp_path / "other", "other")
    files = {each.name: each.export(tmp_path / f"{each.name}.asc") for each in (key, other)}
    other.close()

    def declare(version: str, url: str = url, file: str = "upstream") -> None:
        source = {"url": url, "suite": SUITE, "key": str(files[file])}
        bench.declare(
            {"d0": {}, "client": ROUTED},
            docker={**declared(), "source": source, "version": version},
        )

    for url_of_it, file in ((url, "other"), ("http://198.18.73.1:9", "upstream")):
        declare(REVISIONS[0], url_of_it, file)
        output = bench.deploy("docker", "-y", ok=False)
        assert ("not signed" if file == "other" else "Failed to fetch") in output, output
        assert "Traceback" not in output
        assert "docker" not in bench.sh("d0", "dpkg -l; ls /etc")
    declare(REVISIONS[0])
    bench.deploy("docker", "-y")
    bench.silent("docker")
    bench.deploy("network", "-y")
    assert answered(PUBLISHED)
    _revision(tmp_path, root, REVISIONS[1])
    publish(root, SUITE, key)
    bench.sh("d0", "apt-get -qq update")
    # Held: an upgrade comes when this deploy brings it.
    assert "docker-ce" in bench.sh("d0", "apt-get -s upgrade | grep -A 3 'kept back'")
    assert bench.sh("d0", _VERSION) == REVISIONS[0]
    _upgraded(bench, declare)


_VERSION = "dpkg-query -W -f '${Version}' docker-ce"


def _upgraded(bench: Bench, declare: Callable[[str], None]) -> None:
    show = "docker inspect -f '{{.Id}} {{.State.StartedAt}}' web two three"
    pids = "pidof dockerd; pidof containerd"
    before, ran = bench.sh("d0", show), bench.sh("d0", pids).split()
    with Asking(PUBLISHED) as by_port, Inside(bench, "client", ITS_OWN) as own:
        declare(REVISIONS[1])
        bench.deploy("docker", "-y")
        assert answered(PUBLISHED)
    print(f"\n{own.figures('a container by its own address, Docker upgraded')}")
    print(by_port.figures("the same by a published port"))
    assert bench.sh("d0", _VERSION) == REVISIONS[1]
    assert not set(ran) & set(bench.sh("d0", pids).split())
    assert bench.sh("d0", show) == before
    assert own.answers > 10
    assert own.failures == 0
    assert "docker-ce" in bench.sh("d0", "apt-mark showhold").split()
    bench.silent("docker")
    bench.verified(17)
