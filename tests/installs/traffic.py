"""Echo requests between all ordered pairs of workloads, and who saw which source: a program.

Its sockets are in the workloads' namespaces, it is not, so nothing is installed there. It reads
`{name: [path of the namespace, address]}` as its argument, sends until its standard input ends, and
prints what became of each packet. Requests are counted where they arrive, with the source they
have there; answers where they were asked for.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import struct
import sys
import time
from collections import defaultdict
from pathlib import Path

PACE = 0.1
MAGIC = b"netwright"
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
LATE = 1.5
"""Seconds after the last request in which answers still count."""


def inside(path: str, kind: int = socket.SOCK_RAW, protocol: int = socket.IPPROTO_ICMP):
    """A socket of another namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
        made = socket.socket(socket.AF_INET, kind, protocol)
        if libc.setns(home, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns back")
        return made
    finally:
        os.close(home)
        os.close(there)


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(mark: bytes, pair: int, number: int) -> bytes:
    body = MAGIC + mark + struct.pack("!II", pair, number)
    body += b" " * (len(body) % 2)
    head = struct.pack("!BBHHH", 8, 0, 0, pair & 0xFFFF, number & 0xFFFF)
    return struct.pack("!BBHHH", 8, 0, checksum(head + body), pair & 0xFFFF, number & 0xFFFF) + body


class Traffic:
    """All sockets, what was sent, and what came."""

    def __init__(self, places: dict[str, tuple[str, str]]) -> None:
        # Another program's packets are none of ours.
        self.mark = os.urandom(8)
        self.addresses = {name: address for name, (_, address) in places.items()}
        self.sockets = {}
        for name, (path, _) in places.items():
            made = inside(path)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
            self.sockets[made.fileno()] = (name, made)
        self.by_name = dict(self.sockets.values())
        self.pairs = [(a, b) for a in places for b in places if a != b]
        self.sent: list[int] = [0] * len(self.pairs)
        self.answered: list[set[int]] = [set() for _ in self.pairs]
        self.sources: dict[int, set[str]] = defaultdict(set)

    def round(self, number: int) -> None:
        for index, (source, target) in enumerate(self.pairs):
            self.sent[index] += 1
            try:
                packet = echo(self.mark, index, number)
                self.by_name[source].sendto(packet, (self.addresses[target], 0))
            except OSError:
                pass  # not sent is not answered
        self.listen(0)

    def listen(self, seconds: float) -> None:
        for fd in select.select(list(self.sockets), [], [], max(0.0, seconds))[0]:
            while True:
                try:
                    self.take(self.sockets[fd][1].recv(2048))
                except BlockingIOError:
                    break

    def take(self, packet: bytes) -> None:
        size = (packet[0] & 15) * 4
        kind, body = packet[size], packet[size + 8 :]
        if not body.startswith(MAGIC + self.mark):
            return
        pair, number = struct.unpack_from("!II", body, len(MAGIC) + 8)
        if kind == 8:
            self.sources[pair].add(socket.inet_ntoa(packet[12:16]))
        elif kind == 0:
            self.answered[pair].add(number)

    def run(self) -> None:
        number, due = 0, time.monotonic()
        print("sending", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            self.round(number)
            number += 1
            due = max(due + PACE, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                self.listen(left)
        end = time.monotonic() + LATE
        while (left := end - time.monotonic()) > 0:
            self.listen(left)

    def result(self) -> dict[str, dict[str, object]]:
        return {
            f"{source} {target}": {
                "sent": self.sent[index],
                "lost": [n for n in range(self.sent[index]) if n not in self.answered[index]],
                "sources": sorted(self.sources[index]),
            }
            for index, (source, target) in enumerate(self.pairs)
        }


def connects(places: dict[str, tuple[str, str]], port: int, target: str) -> dict[str, bool]:
    """From every other place one TCP connection to a listener at `target`."""
    listener = inside(places[target][0], socket.SOCK_STREAM, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(64)
    open_ = {}
    for name, (path, _) in places.items():
        if name != target:
            open_[name] = inside(path, socket.SOCK_STREAM, 0)
            open_[name].setblocking(False)
            open_[name].connect_ex((places[target][1], port))
    end = time.monotonic() + 2.5
    done: set[str] = set()
    while (left := end - time.monotonic()) > 0 and len(done) < len(open_):
        waiting = {each: name for name, each in open_.items() if name not in done}
        for each in select.select([], list(waiting), [], left)[1]:
            done.add(waiting[each])
    errors = {
        name: each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for name, each in open_.items()
    }
    return {name: name in done and not errors[name] for name in open_}


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    if len(sys.argv) > 2:
        print(json.dumps(connects(given, int(sys.argv[2]), sys.argv[3])))
    else:
        traffic = Traffic(given)
        traffic.run()
        print(json.dumps(traffic.result()))
