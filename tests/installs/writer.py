"""A client that writes to etcd at a steady pace and counts what becomes of it."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwright.installs.certificate import Authority, Pair, issue
from tests.installs.background import Background

__all__ = ["Client", "Writer"]

PACE = 0.05
PATIENCE = 2.0
"""Seconds for one write: over all endpoints, as a client with a list of them has it."""


def context(pki: Path, also: Path | None = None) -> ssl.SSLContext:
    """As a client of its own: a certificate of the same CA, and servers are checked.

    + also: another CA's certificate, which servers may have as well
    """
    ca = Pair((pki / "ca.pem").read_text(), (pki / "ca.key").read_text())
    leaf = issue(Authority(ca), "writer", ["127.0.0.1"])
    file = pki / "writer.pem"
    file.write_text(leaf.certificate + leaf.key)
    found = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    found.load_cert_chain(file)
    if also is not None:
        found.load_verify_locations(also)
    return found


class Client:
    """Asks one endpoint after the other, over connections that it keeps."""

    def __init__(self, addresses: Sequence[str], tls: ssl.SSLContext) -> None:
        self.addresses, self.tls = list(addresses), tls
        self.open: dict[str, http.client.HTTPSConnection] = {}
        self.first = 0

    def ask(self, path: str, body: dict[str, Any], patience: float = PATIENCE) -> Any:
        """The answer of the first endpoint that has one; OSError when none has in time."""
        deadline = time.monotonic() + patience
        while True:
            address = self.addresses[self.first % len(self.addresses)]
            try:
                return self._once(address, path, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection = self.open.pop(address, None)
                if connection is not None:
                    connection.close()
                self.first += 1
                if time.monotonic() > deadline:
                    raise OSError(f"no endpoint took it: {error}") from error
                time.sleep(0.01)

    def close(self) -> None:
        """All connections."""
        for connection in self.open.values():
            connection.close()
        self.open.clear()

    def _once(self, address: str, path: str, body: dict[str, Any]) -> Any:
        connection = self.open.get(address)
        if connection is None:
            connection = http.client.HTTPSConnection(address, 2379, timeout=1, context=self.tls)
            self.open[address] = connection
        connection.request("POST", f"/v3/{path}", json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise ValueError(text.decode(errors="replace"))
        return json.loads(text)


@dataclass
class Writer(Background):
    """Writes keys 0, 1, 2, ... twenty times a second until it is told to stop."""

    client: Client
    prefix: str
    written: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    gap: float = 0.0

    def _go(self) -> None:
        number, due = 0, time.monotonic()
        last = due
        while not self._stop.is_set():
            body = {"key": _coded(f"{self.prefix}/{number:06}"), "value": _coded(str(number))}
            try:
                self.client.ask("kv/put", body)
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
                self.written.append(number)
            except OSError:
                self.lost.append(number)
            number += 1
            # A pace, not a backlog: what was not written in time is no burst afterwards.
            due = max(due + PACE, time.monotonic())
            self._stop.wait(max(0.0, due - time.monotonic()))
        # What came to no end is a gap as well.
        self.gap = max(self.gap, time.monotonic() - last)

    def missing(self) -> list[int]:
        """The acknowledged writes that the cluster does not have; read linearizably."""
        end = _coded(f"{self.prefix}0")
        body = {"key": _coded(f"{self.prefix}/"), "range_end": end}
        answer = self.client.ask("kv/range", body, 20)
        there = {
            base64.b64decode(each["key"]).decode(): base64.b64decode(each["value"]).decode()
            for each in answer.get("kvs", ())
        }
        return [n for n in self.written if there.get(f"{self.prefix}/{n:06}") != str(n)]

    def figures(self, what: str) -> str:
        tried = len(self.written) + len(self.lost)
        share = 100 * len(self.lost) / max(1, tried)
        return (
            f"{what}: {tried} writes, {len(self.lost)} lost ({share:.1f} %),"
            f" longest time without a write {self.gap:.2f} s"
        )


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
