"""Watching hosts of an inventory from outside: over the connection that pyinfra has to them."""

from __future__ import annotations

import time
from typing import Any

from pyinfra.api import StringCommand
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.util import make_unix_command_for_host

from netwright import watch
from netwright.commands.watch_host import Events, Local
from netwright.errors import Problem, SnapshotError
from netwright.verification.connection import Connection

__all__ = ["Remote", "transport"]


class Remote:
    """A host over SSH; it needs nothing for it but what every host has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, script: str) -> list[str]:
        return self._connection.script(script).stdout.splitlines()

    def events(self, script: str) -> Events:
        return _RemoteEvents(self._connection, script)


class _RemoteEvents:
    def __init__(self, connection: Connection, script: str) -> None:
        connection.connect()
        host = connection.pyinfra
        rights = connection.escalation()
        command = make_unix_command_for_host(
            host.state, host, StringCommand("sh", "-c", _quoted(script)), **rights
        )
        connector: Any = host.connector
        session = connector.client.get_transport().open_session()
        session.exec_command(command.get_raw_value())
        self._session = session
        self._rest = b""

    def read(self, timeout: float) -> list[str]:
        self._session.settimeout(max(timeout, 0.001))
        try:
            data = self._session.recv(65536)
        except TimeoutError:
            return []
        if not data:
            raise SnapshotError([watch.ENDED])
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        """The end of its standard input ends the script, also when the connection is lost."""
        self._session.shutdown_write()
        until = time.monotonic() + 2
        while not self._session.exit_status_ready() and time.monotonic() < until:
            time.sleep(0.02)
        self._session.close()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def transport(connection: Connection) -> Remote | Local:
    """Raises SnapshotError for a connector that can't be listened to."""
    connector = connection.pyinfra.connector
    if isinstance(connector, SSHConnector):
        return Remote(connection)
    if connection.hostname == "@local":
        return Local()
    what = "can be watched over SSH and @local only"
    raise SnapshotError([Problem("", what)])
