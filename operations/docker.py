"""Docker: images and containers, where pyinfra's own operations fall short."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from pathlib import Path
from shlex import join, quote
from typing import Any

from pyinfra import logger
from pyinfra.api import FileUploadCommand, FunctionCommand, Host, State, StringCommand, operation

from netwright.facts.docker import DockerEvidence
from netwright.installs.docker import LABEL, Container, Image, create, digest
from netwright.installs.read import read
from netwright.operations.converge import actual_host
from netwright.operations.remote import carried_out

__all__ = ["container", "image"]


@operation()
def image(image: str, declared: Mapping[str, Any] | Image) -> Generator[Any, None, None]:
    """
    Have an image: imported from a tar, built from a Dockerfile, or pulled.

    + image: its name, with a tag or without
    + declared: `tar`, a path on the controller; or `dockerfile`, its text, and `context`, a
      directory; or nothing, then it is pulled

    Reads the images on the host. What was made carries a hash of what it was made of, so that it
    is made again when that changes, and only then.

    **Example:**

    .. code:: python

        from netwright.operations import docker

        docker.image(name="A tiny system", image="tiny", declared={"tar": "tiny.tar"})
    """
    host = actual_host()
    wanted = declared if isinstance(declared, Image) else read(Image, "image", declared)
    evidence = host.get_fact(DockerEvidence)
    there = evidence.images.get(image if ":" in image else f"{image}:latest")
    if wanted.tar is None and wanted.dockerfile is None and wanted.context is None:
        if there is None:
            yield StringCommand("docker", "pull", quote(image))
        else:
            host.noop(f"{image} is there")
        return
    mark = digest(wanted, *_content(wanted))
    if there is not None and ((there.get("Config") or {}).get("Labels") or {}).get(LABEL) == mark:
        host.noop(f"{image} is there")
        return
    yield from _make(host, image, wanted, mark)


def _make(host: Host, name: str, wanted: Image, mark: str) -> Generator[Any, None, None]:
    place = f"/var/tmp/netwright-{mark}"
    yield StringCommand("rm", "-rf", place)
    yield StringCommand("mkdir", "-p", place)
    if wanted.tar is not None:
        yield FileUploadCommand(wanted.tar, f"{place}/root.tar", f"{place}/root.tar.new")
        label = quote(f"LABEL {LABEL}={mark}")
        yield StringCommand("docker", "import", "-c", label, f"{place}/root.tar", quote(name))
    else:
        yield FunctionCommand(_dockerfile, (place, wanted), {})
        for path in _files(wanted):
            target = f"{place}/context/{path.relative_to(str(wanted.context))}"
            yield StringCommand("mkdir", "-p", quote(str(Path(target).parent)))
            yield FileUploadCommand(str(path), target, f"{target}.new")
        label = quote(f"{LABEL}={mark}")
        words = ("-f", f"{place}/Dockerfile", "-t", quote(name), f"{place}/context")
        yield StringCommand("docker", "build", "--quiet", "--label", label, *words)
    yield StringCommand("rm", "-rf", place)


def _dockerfile(state: State, host: Host, place: str, wanted: Image) -> bool:
    text = wanted.dockerfile
    if text is None:
        text = (Path(str(wanted.context)) / "Dockerfile").read_text()
    return carried_out(
        state, host, f"mkdir -p {place}/context\ncat >{place}/Dockerfile <<'END'\n{text}\nEND"
    )


def _files(wanted: Image) -> list[Path]:
    if wanted.context is None:
        return []
    return sorted(path for path in Path(wanted.context).rglob("*") if path.is_file())


def _content(wanted: Image) -> list[str]:
    paths = [Path(wanted.tar)] if wanted.tar is not None else _files(wanted)
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@operation()
def container(
    container: str, declared: Mapping[str, Any] | Container
) -> Generator[StringCommand, None, None]:
    """
    Have a container run as declared.

    + container: its name
    + declared: image, command, network, address, ports, restart, memory, cpus, environment

    Reads the container and its image's id. Another declaration, or another image, is another
    container: the old one is removed, the new one made and started. One that stands is started.

    **Example:**

    .. code:: python

        from netwright.operations import docker

        docker.container(
            name="A server",
            container="web",
            declared={"image": "tiny", "command": ["httpd", "-f"], "ports": ["8080:80"]},
        )
    """
    host = actual_host()
    wanted = declared if isinstance(declared, Container) else read(Container, "container", declared)
    evidence = host.get_fact(DockerEvidence)
    words = create(container, wanted, evidence.image(wanted.image) or "")
    mark = words[words.index("--label") + 1].partition("=")[2]
    there = evidence.containers.get(container)
    same = there is not None and (there["Config"].get("Labels") or {}).get(LABEL) == mark
    if there is not None and same and there["State"]["Running"]:
        host.noop(f"{container} runs as declared")
        return
    if there is not None and not same:
        logger.info(f"{host.print_prefix}container {container}: declared otherwise, made again")
        yield StringCommand("docker", "rm", "--force", quote(container))
    if not same:
        yield StringCommand(f"docker create {join(words)}")
    yield StringCommand("docker", "start", quote(container))
