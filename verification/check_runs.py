"""All checks of a session: started when the first item asks, and each item waits for its own."""

from __future__ import annotations

from collections.abc import Iterable

from gevent.event import AsyncResult
from gevent.pool import Pool

from netwright.check import Check
from netwright.verification.check_run import run_check
from netwright.verification.connection import NotReached
from netwright.verification.hosts import PARALLEL, Hosts
from netwright.verification.place import Place, resolve
from netwright.verification.schedule import Key, Lane, stages

__all__ = ["CheckRuns"]

STOPPING = 60.0
"""Seconds that those that run have for taking their listeners away when the session is stopped."""


class CheckRuns:
    """The checks that are selected, over all hosts."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._results: dict[Key, AsyncResult] = {}
        self._pool = Pool(PARALLEL)
        self._started = False

    def select(self, keys: Iterable[Key]) -> None:
        """Say which shall run."""
        self._results = {key: AsyncResult() for key in keys}

    def wait(self, key: Key) -> None:
        """Returns when a check has come true. Raises CheckFailed."""
        if not self._started:
            self._started = True
            self._pool.spawn(self._all)
        self._results[key].get()

    def stop(self) -> None:
        """End what still runs."""
        self._pool.kill(timeout=STOPPING)

    def _all(self) -> None:
        try:
            checks = {key: self._check(key) for key in self._results if self._is_reached(key)}
            for stage in stages(checks, self._place):
                running = [self._pool.spawn(self._lane, lane) for lane in stage]
                for one in running:
                    one.join()
        # Whatever it is, those are told who wait for a check; else they would wait for ever.
        except Exception as error:  # noqa: BLE001
            for result in self._results.values():
                if not result.ready():
                    result.set_exception(error)

    def _lane(self, lane: Lane) -> None:
        for host, number in lane:
            try:
                run_check(self._hosts, host, number)
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                self._results[host, number].set_exception(error)
            else:
                self._results[host, number].set()

    def _check(self, key: Key) -> Check:
        host, number = key
        settings = self._hosts.targets[host].settings
        assert settings is not None
        return (settings.network.checks or ())[number]

    def _place(self, key: Key) -> Place:
        return resolve(self._check(key).from_, key[0], self._hosts.targets)

    def _is_reached(self, key: Key) -> bool:
        try:
            self._hosts.seen(key[0])
        except NotReached:
            return False
        return True
