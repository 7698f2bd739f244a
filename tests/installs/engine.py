"""A lab host with a Docker engine and three containers, and another one that asks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netwright.lab.busybox import tarball
from tests.installs.bench import Bench

__all__ = ["ADDRESS", "ITS_OWN", "LIMITS", "PUBLISHED", "ROUTED", "declared", "engine"]
__all__ += ["published", "routed"]

NET = "198.18.71"
ITS_OWN = "http://172.30.0.12/"


def published(net: str) -> str:
    """Where the machine gets a container's page."""
    return f"http://{net}.10:8080/"


def routed(net: str) -> dict[str, Any]:
    """The host beside the engine's knows the way to its containers."""
    return {
        "network": {"routes": [{"dst": "172.30.0.0/24", "via": f"{net}.10"}]},
        "docker": False,
    }


ADDRESS, PUBLISHED, ROUTED = f"{NET}.10", published(NET), routed(NET)
DOCKERFILE = """FROM busybox
RUN echo 'a page' >/www/index.html
CMD ["/bin/httpd", "-f", "-h", "/www"]
"""


def _controllers() -> set[str]:
    """What this kernel has to limit with that lab hosts get: no older hierarchy has it."""
    lines = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
    return {name for name, hierarchy, _, enabled in lines if (hierarchy, enabled) == ("0", "1")}


# Without a controller Docker takes a limit away, and the verification is red.
LIMITS = {
    option: value
    for option, controller, value in (("memory", "memory", "64m"), ("cpus", "cpu", 0.5))
    if controller in _controllers()
}


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
            "web": _container(11, ports=["8080:80"], **LIMITS),
            "two": _container(12),
            "three": _container(13),
        },
    }


@contextmanager
def engine(path: Path, name: str = "in7-docker", net: str = NET) -> Iterator[Bench]:
    """An engine's host, and one that knows the way to its containers.

    + name: the lab's, and `net` its network: tests that run at the same time have their own
    """
    made = Bench(path, name, f"{net}.0/24", "docker", ("docker.io",))
    try:
        made.declare({"d0": {}, "client": routed(net)}, docker=declared())
        made.up()
        yield made
    finally:
        made.down()
