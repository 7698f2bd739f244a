"""Clients that ask for a page all the time and count what becomes of it."""

from __future__ import annotations

import threading
import time
import urllib.request

from tests.installs.background import Background
from tests.installs.bench import Bench

__all__ = ["PAGE", "Asking", "Inside", "answered"]

PAGE = b"a page\n"


def answered(url: str, patience: float = 60) -> bool:
    """Whether the page comes, sooner or later."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if _page(url):
            return True
        time.sleep(0.3)
    return False


def _page(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return bool(answer.read() == PAGE)
    except OSError:
        return False


class Asking(Background):
    """From this machine, ten times a second, each time over a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers, self.failures, self.gap = 0, 0, 0.0

    def _go(self) -> None:
        last = time.monotonic()
        while not self._stop.is_set():
            if _page(self.url):
                self.answers += 1
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
            else:
                self.failures += 1
            self._stop.wait(0.1)
        # What came to no end is a gap as well.
        self.gap = max(self.gap, time.monotonic() - last)

    def figures(self, what: str) -> str:
        return (
            f"{what}: {self.answers} answers, {self.failures} without,"
            f" longest time without one {self.gap:.2f} s"
        )


class Inside:
    """From a lab host, five times a second, to an address that only its routes lead to."""

    def __init__(self, bench: Bench, host: str, url: str) -> None:
        self.bench, self.host, self.url = bench, host, url
        self.answers, self.failures = 0, 0

    def __enter__(self) -> Inside:
        self.bench.sh(self.host, "rm -f /tmp/stop")
        self._thread = threading.Thread(target=self._go)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bench.sh(self.host, "touch /tmp/stop")
        self._thread.join()

    def _go(self) -> None:
        loop = (
            "yes=0; no=0; while [ ! -e /tmp/stop ]; do"
            f" if [ \"$(curl -s -m 10 {self.url})\" = 'a page' ]; then yes=$((yes + 1));"
            " else no=$((no + 1)); fi; sleep 0.2; done; echo $yes $no"
        )
        self.answers, self.failures = map(int, self.bench.sh(self.host, loop).split())

    def figures(self, what: str) -> str:
        return f"{what}: {self.answers} answers, {self.failures} without"
