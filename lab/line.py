"""`python -m netwright.lab.line SOCKET`: ssh's way to a virtual machine over its serial line.

What an earlier session left on the line must not meet this one: both sides say so before sshd
starts. The machine answers `hello NUMBER` and starts sshd at `go`; see root.sh.
"""

from __future__ import annotations

import os
import secrets
import select
import socket
import sys
from pathlib import Path

__all__ = ["main"]

AGAIN_AFTER = 2.0


def main(path: Path) -> None:
    """Join standard input and output with the line, once the machine is there.

    Args:
        path: the socket of the line.
    """
    # By its name alone: that of a socket may be no longer than 107 characters.
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path.name)
        rest = _greet(line)
        os.write(1, rest)
        _join(line)


def _greet(line: socket.socket) -> bytes:
    """Say hello until it is answered; what came after the answer."""
    hello = f"hello {secrets.token_hex(8)}\n".encode()
    heard = b""
    while hello not in heard:
        line.sendall(hello)
        while hello not in heard and select.select([line], [], [], AGAIN_AFTER)[0]:
            heard += line.recv(65536)
    line.sendall(b"go\n")
    # Several may have been sent before the first was answered.
    return heard.rpartition(hello)[2]


def _join(line: socket.socket) -> None:
    while True:
        for ready in select.select([0, line.fileno()], [], [])[0]:
            got = os.read(0, 65536) if ready == 0 else line.recv(65536)
            if not got:
                return
            if ready == 0:
                line.sendall(got)
            else:
                os.write(1, got)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
