"""A testinfra host over the connection that the inventory describes: whatever pyinfra reaches,
in the way pyinfra reaches it (user, key, port, known hosts, jump hosts, sudo and its password)."""

from __future__ import annotations

import secrets
import warnings
from getpass import GetPassWarning
from typing import Any

from gevent.lock import BoundedSemaphore, RLock
from paramiko import SSHException
from pyinfra.api import Host, State, StringCommand
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.exceptions import PyinfraError
from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host as TestinfraHost

__all__ = ["TIMEOUT", "Connection", "NotReached"]

TIMEOUT = 60.0
"""Seconds that a command may take that says nothing else; a host may die while it is asked."""


AT_ONCE = 8
"""Commands at a time; a server's MaxSessions is 10 if nobody says otherwise."""


class NotReached(Exception):
    """A host that cannot be connected to, or that stopped answering; the text is one line."""


class Connection(BaseBackend):
    """A testinfra backend: one connection for all commands to a host, made when first needed."""

    NAME = "pyinfra"

    def __init__(self, state: State, host: Host) -> None:
        super().__init__(host.name)
        self._pyinfra = host
        self._state = state
        self._arguments: dict[str, Any] | None = None
        self._connecting = RLock()
        self._commands = BoundedSemaphore(AT_ONCE)
        self.set_host(TestinfraHost(self))
        # Asking the target for its encoding would take Python there.
        self._encoding = "utf-8"

    @property
    def pyinfra(self) -> Host:
        """The host as facts take it, with the rights that the inventory gives."""
        rights: Any = self.escalation()
        self._pyinfra.current_op_global_arguments = rights
        return self._pyinfra

    def connect(self) -> None:
        """Connect if that hasn't been done. Raises NotReached."""
        with self._connecting:
            if self._pyinfra.connected:
                return
            try:
                self._pyinfra.connect(show_errors=False, raise_exceptions=True)
            except (PyinfraError, SSHException, OSError, EOFError) as error:
                raise self._not_reached(_line(error)) from None

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self._pyinfra.connected:
            self._pyinfra.disconnect()

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """What testinfra calls: `command` with each %s replaced by a quoted argument."""
        return self.script(self.quote(command, *args))

    def script(self, script: str, timeout: float = TIMEOUT) -> CommandResult:
        """Run a POSIX shell script of any length, with the rights that the inventory gives.

        + script: sent on standard input, so no limit of a command line applies
        + timeout: seconds after which the host counts as not reached

        Raises NotReached if the host doesn't bring it to an end.
        """
        self.connect()
        mark = f"rc-{secrets.token_hex(8)}"
        # Where there is no terminal to ask for a password, nobody shall be asked.
        warnings.simplefilter("error", GetPassWarning)
        # pyinfra tells whether a command succeeded, not how it ended; so the script says it.
        text = f"(\n{script}\n) < /dev/null\nprintf '\\n%s %s' {mark} $?"
        try:
            with self._commands:
                _, output = self._pyinfra.run_shell_command(
                    StringCommand("sh"), _stdin=text, _timeout=timeout, **self.escalation()
                )
        except GetPassWarning:
            raise self._not_reached("sudo asks for a password; set _sudo_password") from None
        except TimeoutError:
            self._drop()
            raise self._not_reached(f"no answer within {timeout:g} s") from None
        except (PyinfraError, SSHException, OSError, EOFError) as error:
            self._drop()
            raise self._not_reached(_line(error)) from None
        stdout, _, status = output.stdout.rpartition(f"\n{mark} ")
        if not status.isdigit():
            self._drop()
            words = " / ".join(line for line in output.stderr_lines[-3:] if line)
            raise self._not_reached(f"its shell broke off: {words or 'no word of why'}")
        return self.result(int(status), self.encode(script), stdout, output.stderr)

    def _drop(self) -> None:
        """Give up a connection that doesn't answer any more; the next command makes a new one."""
        client = getattr(self._pyinfra.connector, "client", None)
        if client is not None:
            client.close()
        self._pyinfra.connected = False

    def _not_reached(self, why: str) -> NotReached:
        return NotReached(f"{self.hostname} is not reached: {why}")

    def escalation(self) -> dict[str, Any]:
        """`_sudo`, `_su_user` and so on, from host data or pyinfra's config."""
        if self._arguments is None:
            found, _ = pop_global_arguments(self._state, self._pyinfra, {})
            self._arguments = {
                key: value
                for key, value in found.items()
                if key in CONNECTOR_ARGUMENT_KEYS and key not in _OURS
            }
        return self._arguments


_OURS = ("_stdin", "_timeout", "_get_pty", "_success_exit_codes")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
