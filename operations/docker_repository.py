"""docker-ce's repository, or a mirror of it: tried before apt on the host gets to know it."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path

from pyinfra.api import FunctionCommand, operation
from pyinfra.facts.files import Sha256File

from netwright.operations.converge import actual_host
from netwright.operations.remote import carried_out

__all__ = ["repository"]

KEYRING = "/etc/apt/keyrings/docker.asc"
SOURCES = "/etc/apt/sources.list.d/docker.sources"

# With lists and a key of its own: a repository that is not what it should be leaves nothing.
_TRY = f"""set -e
new=$(mktemp -d /var/tmp/netwright-apt.XXXXXX)
trap 'rm -rf "$new"' EXIT
chmod 0755 "$new"
mkdir -p "$new/lists/partial"
cat >"$new/docker.asc" <<'END'
{{key}}
END
cat >"$new/there" <<'END'
{{text}}END
sed "s|^Signed-By:.*|Signed-By: $new/docker.asc|" "$new/there" >"$new/tried.sources"
said=$(apt-get --quiet update -o Dir::Etc::sourcelist="$new/tried.sources" \\
  -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$new/lists" \\
  -o APT::Update::Error-Mode=any 2>&1) || {{ echo "$said" | grep '^[EW]:' >&2; exit 1; }}
install -D -m 0644 "$new/docker.asc" {KEYRING}
install -D -m 0644 "$new/there" {SOURCES}
"""


@operation()
def repository(
    url: str, suite: str, key: str, components: Sequence[str] = ("stable",)
) -> Generator[FunctionCommand, None, None]:
    """
    Have a repository of Docker's packages, signed by a key that is good for it alone.

    + url: its base, or a mirror's
    + suite: as bookworm; one with a slash at its end is flat and has no components
    + key: the key's file on the controller, armored
    + components: of the suite

    Reads the two files that it writes, /etc/apt/keyrings/docker.asc and
    /etc/apt/sources.list.d/docker.sources. Its index is fetched and its signature checked before
    they are written; what apt says against it is the error.

    **Example:**

    .. code:: python

        from netwright.operations import docker_repository

        docker_repository.repository(
            name="Docker's repository",
            url="https://download.docker.com/linux/debian",
            suite="bookworm",
            key="docker.asc",
        )
    """
    host = actual_host()
    armored = Path(key).read_text().strip()
    text = _sources(url, suite, components)
    found = [host.get_fact(Sha256File, path=path) for path in (KEYRING, SOURCES)]
    wanted = [hashlib.sha256(each.encode()).hexdigest() for each in (f"{armored}\n", text)]
    if found == wanted:
        host.noop("the repository is known")
        return
    yield FunctionCommand(
        carried_out, (_TRY.replace("{key}", armored).replace("{text}", text),), {}
    )


def _sources(url: str, suite: str, components: Sequence[str]) -> str:
    """As deb822; a flat suite has no components."""
    parts = "" if suite.endswith("/") else f"Components: {' '.join(components)}\n"
    return f"Types: deb\nURIs: {url}\nSuites: {suite}\n{parts}Signed-By: {KEYRING}\n"
