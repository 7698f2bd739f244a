"""A lab host with a Docker engine and three containers, and another one that asks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netwright.lab.busybox import tarball
from tests.installs.bench import Bench

__all__ = ["ADDRESS", "ITS_OWN", "PUBLISHED", "ROUTED", "declared", "engine"]

ADDRESS = "198.18.71.10"
PUBLISHED = f"http://{ADDRESS}:8080/"
ITS_OWN = "http://172.30.0.12/"
ROUTED = {"network": {"routes": [{"dst": "172.30.0.0/24", "via": ADDRESS}]}, "docker": False}
DOCKERFILE = """FROM busybox
RUN echo 'a page' >/www/index.html
CMD ["/bin/httpd", "-f", "-h", "/www"]
"""


def _container(last: int, **more: Any) -> dict[str, Any]:
    return {"image": "pages", "network": "lan", "address": f"172.30.0.{last}", **more}


def declared(**daemon: Any) -> dict[str, Any]:
    """Three containers on one network."""
    return {
        "daemon": {"live-restore": True, "log-opts": {"max-size": "10m"}, **daemon},
        "users": ["admin"],
        "networks": {"lan": {"subnet": "172.30.0.0/24", "gateway": "172.30.0.1"}},
        "images": {"busybox": {"tar": str(tarball())}, "pages": {"dockerfile": DOCKERFILE}},
        "containers": {
            "web": _container(11, ports=["8080:80"], memory="64m"),
            "two": _container(12),
            "three": _container(13),
        },
    }


@contextmanager
def engine(path: Path) -> Iterator[Bench]:
    """An engine's host, and one that knows the way to its containers."""
    made = Bench(path, "in7-docker", "198.18.71.0/24", "docker", ("docker.io",))
    try:
        made.declare({"d0": {}, "client": ROUTED}, docker=declared())
        made.up()
        yield made
    finally:
        made.down()
