"""Where claims about installs ask: any host of the session."""

from __future__ import annotations

from typing import Protocol

from netwright.verification.connection import Connection

__all__ = ["Reached"]


class Reached(Protocol):
    """Gives the connection to a host."""

    def connection(self, name: str) -> Connection: ...
