"""Docker: daemon.json, images and containers, where pyinfra's own operations fall short."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from pathlib import Path
from shlex import join, quote
from typing import Any

from pyinfra import logger
from pyinfra.api import FileUploadCommand, FunctionCommand, Host, State, StringCommand, operation

from netwright.errors import NetwrightError
from netwright.facts.docker import DockerEvidence
from netwright.installs import daemon as room
from netwright.installs.docker import LABEL, Container, Image, create, digest
from netwright.installs.docker_evidence import FILE
from netwright.installs.read import read
from netwright.operations.converge import actual_host
from netwright.operations.remote import run

__all__ = ["container", "daemon", "image", "refused", "upgraded"]

# The daemon either comes back with the new file or with the old one.
_CHANGE = f"""cd /
answers() {{ docker info -f '{{{{.ServerVersion}}}}' 2>/dev/null | grep -q .; }}
comes() {{
  for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if answers; then return 0; fi
    case $(systemctl is-active docker) in failed) return 1 ;; esac
    sleep 1
  done
  return 1
}}
act() {{
  case $1 in
  reload) systemctl reload docker ;;
  restart) systemctl reset-failed docker docker.socket 2>/dev/null; systemctl restart docker ;;
  esac
}}
rm -f {FILE}.before
if [ -e {FILE} ]; then cp -p {FILE} {FILE}.before; fi
umask 022
cat >{FILE}.new <<'END'
{{text}}END
mv {FILE}.new {FILE}
for step in {{act}}; do
  if ! act $step || ! comes; then
    why=$(journalctl --no-pager -u docker -n 20 -o cat | grep -iE 'unable|error|fail' | head -n 1)
    if [ -e {FILE}.before ]; then mv {FILE}.before {FILE}; else rm -f {FILE}; fi
    act restart
    if comes; then state='and it runs'; else state='and it does not run with that either'; fi
    echo "the daemon did not come back: $why; the old daemon.json is back, $state" >&2
    exit 1
  fi
done
rm -f {FILE}.before
"""


@operation()
def daemon(settings: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """
    Merge settings into /etc/docker/daemon.json; reload or restart the daemon, as they need.

    + settings: keys of daemon.json as dockerd(8) has them; null takes a key away

    Reads the file, and the running daemon. Writes the file; if the daemon does not come back
    with it, the old file is put back. A restart that would stop containers is refused. What keeps
    the daemon from starting is refused before anything is written.

    **Example:**

    .. code:: python

        from netwright.operations import docker

        docker.daemon(name="Containers outlive the daemon", settings={"live-restore": True})
    """
    host = actual_host()
    evidence = host.get_fact(DockerEvidence)
    try:
        wrong = list(room.problems(settings))
        current = room.parse(evidence.file)
    except ValueError as error:
        wrong, current = [f"{FILE} is broken, and is left as it is: {error}"], {}
    found = room.change(current, settings, evidence.running, evidence.live_restore)
    if found.refused:
        wrong.append(found.refused)
    if wrong:
        for line in wrong:
            logger.error(f"{host.print_prefix}docker.daemon: {line}")
        yield FunctionCommand(_fail, (), {})
    elif found.text is None:
        host.noop("daemon.json is as declared")
    else:
        logger.info(f"{host.print_prefix}daemon.json: {', '.join(found.keys)}: {found.act[-1]}")
        yield FunctionCommand(_script, (_filled(found.text, found.act),), {})


def _filled(text: str, act: tuple[str, ...]) -> str:
    return _CHANGE.replace("{text}", text).replace("{act}", " ".join(act))


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
    return _script(
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


def _script(state: State, host: Host, script: str) -> bool:
    ok, _, errors = run(actual_host(), script)
    if not ok:
        logger.error(f"{host.print_prefix}{'; '.join(line for line in errors if line)}")
    return ok


@operation()
def upgraded() -> Generator[StringCommand | FunctionCommand, None, None]:
    """
    Have the daemon run the program that is installed.

    Reads the running daemon's program. Debian's package leaves the old one running at an upgrade;
    a restart that would stop containers is refused.

    **Example:**

    .. code:: python

        from netwright.operations import docker

        docker.upgraded(name="The daemon that is installed")
    """
    host = actual_host()
    evidence = host.get_fact(DockerEvidence)
    if not evidence.stale:
        host.noop("the daemon is the installed one")
    elif evidence.running and not evidence.live_restore:
        logger.error(f"{host.print_prefix}docker: {_STOPS.format(evidence.running)}")
        yield FunctionCommand(_fail, (), {})
    else:
        yield StringCommand("systemctl", "restart", "docker.service")


_STOPS = "a restart would stop {} running containers; set live-restore to true first, or stop them"


def refused(host: Host, settings: Mapping[str, Any], upgrade: bool = False) -> str | None:
    """What forbids to change anything on a host, from what it shows now.

    + upgrade: whether other packages are due
    """
    try:
        evidence = host.get_fact(DockerEvidence)
        current = room.parse(evidence.file)
    except (NetwrightError, ValueError) as error:
        return f"{FILE} is broken, and is left as it is: {error}"
    if upgrade and evidence.running and not evidence.live_restore:
        return f"upgrade: {_STOPS.format(evidence.running)};"
    return room.change(current, settings, evidence.running, evidence.live_restore).refused


def _fail(state: State, host: Host) -> bool:
    """Fails this host, and no other, without a traceback."""
    return False
