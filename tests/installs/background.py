"""What goes on beside a test, until its `with` ends."""

from __future__ import annotations

import threading
from typing import Self

__all__ = ["Background"]


class Background:
    """`_go` runs in a thread of its own until `_stop` is set."""

    _stop: threading.Event
    _thread: threading.Thread

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go(self) -> None:
        raise NotImplementedError
