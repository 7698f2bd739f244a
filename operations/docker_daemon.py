"""Docker's daemon: its settings, and the program that it is."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra import logger
from pyinfra.api import FunctionCommand, Host, StringCommand, operation

from netwright.errors import NetwrightError
from netwright.facts.docker import DockerEvidence
from netwright.installs import daemon as room
from netwright.installs.docker_evidence import FILE
from netwright.operations.converge import actual_host
from netwright.operations.remote import carried_out, fails

__all__ = ["daemon", "refused", "upgraded"]

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

        from netwright.operations import docker_daemon

        docker_daemon.daemon(name="Containers outlive the daemon", settings={"live-restore": True})
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
        yield FunctionCommand(fails, (), {})
    elif found.text is None:
        host.noop("daemon.json is as declared")
    else:
        logger.info(f"{host.print_prefix}daemon.json: {', '.join(found.keys)}: {found.act[-1]}")
        yield FunctionCommand(carried_out, (_filled(found.text, found.act),), {})


def _filled(text: str, act: tuple[str, ...]) -> str:
    return _CHANGE.replace("{text}", text).replace("{act}", " ".join(act))


@operation()
def upgraded() -> Generator[StringCommand | FunctionCommand, None, None]:
    """
    Have the daemon run the program that is installed.

    Reads the running daemon's program. Debian's package leaves the old one running at an upgrade;
    a restart that would stop containers is refused.

    **Example:**

    .. code:: python

        from netwright.operations import docker_daemon

        docker_daemon.upgraded(name="The daemon that is installed")
    """
    host = actual_host()
    evidence = host.get_fact(DockerEvidence)
    if not evidence.stale:
        host.noop("the daemon is the installed one")
    elif why := room.stops(evidence.running, evidence.live_restore):
        logger.error(f"{host.print_prefix}docker: {why}")
        yield FunctionCommand(fails, (), {})
    else:
        yield StringCommand("systemctl", "restart", "docker.service")


def refused(host: Host, settings: Mapping[str, Any], upgrade: bool = False) -> str | None:
    """What forbids to change anything on a host, from what it shows now.

    + upgrade: whether other packages are due
    """
    try:
        evidence = host.get_fact(DockerEvidence)
        current = room.parse(evidence.file)
    except (NetwrightError, ValueError) as error:
        return f"{FILE} is broken, and is left as it is: {error}"
    if upgrade and (why := room.stops(evidence.running, evidence.live_restore)):
        return f"upgrade: {why};"
    return room.change(current, settings, evidence.running, evidence.live_restore).refused
