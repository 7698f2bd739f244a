"""The moment of a change: under load, with the lock held by others, and when a table fails."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from subprocess import PIPE
from typing import Any

import pytest

from tests.iptables.host import Host

pytestmark = pytest.mark.live

_MANY = [f"-s 10.{number // 250}.{number % 250}.1 -j DROP" for number in range(300)]


def _document(turn: int) -> dict[str, Any]:
    shift = _MANY[turn % 7 :] if turn % 2 else [*_MANY[100:], *_MANY[:50]]
    return {
        "iptables": {
            "filter": {
                "INPUT": {"policy": "DROP", "rules": ["-p udp -j RULES"]},
                "RULES": [*shift, "-p udp --dport 7000 -j ACCEPT", "-j DROP"],
            }
        }
    }


_FLOOD = """
import socket, sys, threading, time
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 7000))
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("started", flush=True)
def drain(patience):
    receiver.settimeout(patience)
    try:
        while True:
            receiver.recv(64)
    except (BlockingIOError, TimeoutError):
        pass
while not stop.is_set():
    for _ in range(20):
        sender.sendto(b"x", ("127.0.0.1", 7000))
    drain(0)
    time.sleep(0.001)
# The kernel counts what was fetched.
drain(0.5)
"""


@contextmanager
def _flood(host: Host) -> Iterator[list[int]]:
    """Inside, datagrams come in over `lo`; afterwards how many were sent, and how many of them
    met no rule that let them in, as the kernel counts them."""
    found: list[int] = []
    command = ["nsenter", "-t", str(host.pid), "-n", "python3", "-c", _FLOOD]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as flood:
        assert flood.stdout is not None
        assert flood.stdout.readline() == "started\n"
        yield found
        assert flood.stdin is not None
        flood.stdin.close()
    text = host.sh("grep Udp: /proc/net/snmp")
    names, values = (line.split()[1:] for line in text.splitlines())
    counts = dict(zip(names, map(int, values), strict=True))
    sent, came = counts["OutDatagrams"], counts["InDatagrams"] + counts["RcvbufErrors"]
    found += [sent, sent - came]


def test_no_packet_is_lost_under_a_flood(host: Host) -> None:
    host.sh("ip link set lo up")
    host.converge(_document(0))
    with _flood(host) as found:
        for turn in range(1, 6):
            assert host.converge(_document(turn))
    sent, lost = found
    assert sent > 2000
    assert lost == 0


def test_flush_and_add_would_lose_some(host: Host) -> None:
    """The flood does see a moment without rules."""
    host.sh("ip link set lo up")
    host.converge(_document(0))
    with _flood(host) as found:
        host.sh("iptables -F RULES; sleep 0.3; iptables -A RULES -p udp --dport 7000 -j ACCEPT")
    assert found[1] > 0


@contextmanager
def _lock_held(host: Host) -> Iterator[Callable[[], None]]:
    """Inside, another program has the lock of iptables; what is given gives it back."""
    held = f"nsenter -t {host.pid} -m flock /run/xtables.lock sleep 600"
    with subprocess.Popen(held.split(), start_new_session=True) as holder:

        def release() -> None:
            with suppress(ProcessLookupError):
                os.killpg(holder.pid, signal.SIGKILL)

        time.sleep(0.3)
        try:
            yield release
        finally:
            release()


def test_the_lock_is_waited_for() -> None:
    with Host("legacy") as host:
        run = host.prepare(_document(0))
        with _lock_held(host) as release:
            timer = threading.Timer(2, release)
            timer.start()
            started = time.monotonic()
            assert host.execute(run).failed is None
            assert time.monotonic() - started > 1
            timer.join()


@pytest.mark.slow
def test_a_lock_that_is_never_given_up_is_told() -> None:
    with Host("legacy") as host:
        run = host.prepare(_document(0))
        with _lock_held(host):
            answer = host.execute(run)
        assert answer.failed is not None
        assert "xtables lock" in answer.words
        assert host.chain("INPUT") == []


def test_the_second_table_undoes_the_first(host: Host) -> None:
    host.sh("iptables -A INPUT -s 9.9.9.9 -j DROP")
    document = {
        "iptables": {
            "nat": {"PREROUTING": ["-p tcp -j REDIRECT"]},
            "filter": {"INPUT": ["-i lo -j ACCEPT"]},
        }
    }
    run = host.prepare(document)
    host.sh("iptables -A INPUT -s 8.8.8.8 -j DROP")
    answer = host.execute(run)
    assert answer.failed is not None
    assert answer.failed.path == "iptables.filter"
    assert host.chain("PREROUTING", "nat") == []
    assert len(host.chain("INPUT")) == 2
