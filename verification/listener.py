"""A listener on a target for the time of a check: socat or perl, with a bounded life of its own.

It answers each connection or datagram with one line and remembers whom it saw. It is stopped when
the check is over, whatever came of it; if nobody can, because the run was killed, it ends by itself
and removes its files.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv6Address, ip_address
from shlex import quote

from netwright.verification.connection import Connection, NotReached
from netwright.verification.place import Place
from netwright.verification.tools import PATH

__all__ = ["Listener", "ListenerFailed", "start"]

_TOOLS = ("socat", "perl")


class ListenerFailed(Exception):
    """A listener that couldn't be started, or was gone before its time; the text says why."""


@dataclass(frozen=True)
class Listener:
    """One that listens."""

    place: Place
    reply: str
    connection: Connection
    directory: str

    def stop(self) -> list[str]:
        """Stop it and remove what it left. Returns the addresses that it saw, in order.

        Raises ListenerFailed, NotReached.
        """
        result = self.connection.script(f"dir={quote(self.directory)}\n{_STOP}")
        if result.rc:
            raise ListenerFailed(f"the listener on {self.place}: {' '.join(result.stderr.split())}")
        return [_plain(line) for line in result.stdout.splitlines() if line.strip()]


_STOP = """
if [ ! -f "$dir/pid" ]; then
  echo 'was gone before the check was over' >&2
  exit 1
fi
cat "$dir/seen"
kill "$(cat "$dir/pid")"
tries=0
while [ -d "$dir" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || { echo 'does not end' >&2; exit 1; }
  sleep 0.05
done
"""


def _plain(text: str) -> str:
    """An address as ipaddress writes it; socat prints IPv6 at full length in brackets."""
    address = ip_address(text.strip().strip("[]"))
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def start(
    place: Place,
    connection: Connection,
    there: Collection[str],
    *,
    protocol: str,
    family: str,
    port: int,
    reply: str | None,
    http: bool,
    life: int,
) -> Listener:
    """Start a listener and wait until it listens.

    + there: the tools that the target has
    + family: `inet` or `inet6`
    + reply: what it answers; something of its own if it is None
    + http: whether it reads a request first and answers with a status
    + life: seconds after which it ends by itself

    Raises ListenerFailed, NotReached.
    """
    tool = next((name for name in _TOOLS if name in there), None)
    if tool is None:
        raise ListenerFailed(f"no tool to listen with on {place.host}; install socat or perl")
    if "timeout" not in there:
        raise ListenerFailed(f"no timeout on {place.host}; install coreutils")
    reply = reply or f"netwright-{secrets.token_hex(6)}"
    directory = f"/tmp/netwright-check.{secrets.token_hex(8)}"
    words = [directory, tool, protocol, family, port, life, reply, "yes" if http else "no"]
    values = " ".join(quote(str(word)) for word in [*words, place.prefix.strip()])
    try:
        result = connection.script(f"{PATH}\nset -- {values}\n{_script()}")
    except BaseException:
        # An interrupt may come when it listens already and the answer is still on its way.
        _abandon(connection, directory)
        raise
    if result.rc:
        raise ListenerFailed(f"listen on {place}: {' '.join(result.stderr.split())}")
    return Listener(place, reply, connection, directory)


def _abandon(connection: Connection, directory: str) -> None:
    with suppress(NotReached):
        connection.script(f"dir={quote(directory)}\n{_ABANDON}")


# What starts it may be at work still, or may have been stopped itself: both come to an end here.
_ABANDON = """
tries=0
while [ ! -s "$dir/pid" ] && [ "$tries" -lt 40 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
[ ! -s "$dir/pid" ] || kill "$(cat "$dir/pid")"
while [ -d "$dir" ] && [ "$tries" -lt 80 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
rm -rf "$dir"
"""


@cache
def _script() -> str:
    return files("netwright.verification").joinpath("listen.sh").read_text(encoding="utf-8")
