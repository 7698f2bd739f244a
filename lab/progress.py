"""What a lab tells its user while he waits: on stderr, with the time since the command began."""

from __future__ import annotations

import sys
import time

__all__ = ["say"]

BEGAN = time.monotonic()


def say(text: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"[lab {time.monotonic() - BEGAN:5.1f} s] {text}\n")
    sys.stderr.flush()
