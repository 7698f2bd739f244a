"""One run of one tool: seconds, what it took of the controller, what went over the wire."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import ROOT, Process, Target, environment

__all__ = ["Figures", "Stopped", "measured", "reset", "sessions"]

RESET = r"""
set -e
systemctl --quiet stop systemd-networkd.socket systemd-networkd 2> /dev/null || :
rm -f /etc/systemd/network/bench-* /run/systemd/network/bench-* /etc/network/interfaces
ip -batch - <<END
$(ip netns list | sed -n 's/^\(w[0-9]*\).*/netns delete \1/p')
END
ip link show bench0 > /dev/null 2>&1 && ip link delete bench0
for port in $(ip -o link show type veth | sed -n 's/^[0-9]*: \(p[0-9]*\)@.*/\1/p'); do
  ip link delete "$port" 2> /dev/null || :
done
iptables -F
iptables -X
rm -rf /etc/netwright /run/netwright /etc/sysctl.d/99-*
rm -f /etc/systemd/system/netwright-* /etc/systemd/system/multi-user.target.wants/netwright-*
while ip -o link show type veth | grep -q ' p[0-9]*@'; do sleep 0.1; done
"""


class Stopped(Exception):
    """A tool did not end in time, or failed."""


@dataclass(frozen=True)
class Figures:
    """What a run cost."""

    seconds: float
    processor: float
    """Of the controller, with all that it started: seconds."""
    memory: float
    """Of the controller's largest process: MB."""
    commands: int
    """Sessions that the host's sshd began."""
    sent: int
    """Bytes to the host."""


def _quiet() -> None:
    """Waits, a minute at most, until the machine does little: what a thousand new ports of a bridge
    say of themselves goes to all the others, and keeps the kernel busy for a while."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        before = _times()
        time.sleep(0.5)
        (idle, all_), (idle_before, all_before) = _times(), before
        if idle - idle_before > 0.9 * (all_ - all_before):
            return


def _times() -> tuple[int, int]:
    """Ticks that all processors were idle, and all ticks."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def _bytes(link: str) -> int:
    return int(Path(f"/sys/class/net/{link}/statistics/tx_bytes").read_text())


def sessions(target: Target) -> int:
    """How many commands the host's sshd has begun so far, this one among them."""
    count = "journalctl -q -u ssh -t sshd -o cat | grep -c '^Starting session'"
    done = subprocess.run(target.ssh(count), capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0)


def reset(target: Target) -> None:
    """An empty host again."""
    done = subprocess.run(
        target.ssh("sh"), input=RESET, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Stopped(f"the host could not be emptied: {done.stderr.strip()}")


def measured(process: Process, target: Target, link: str, limit: float) -> Figures:
    """Run it to its end.

    + limit: seconds after which it is stopped

    Raises Stopped with the last lines of its output when it fails or takes longer.
    """
    _quiet()
    before, sent = sessions(target), _bytes(link)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as given:
        given.write(process.stdin)
        given.seek(0)
        started = time.monotonic()
        running = subprocess.Popen(
            process.words, stdin=given, stdout=output, stderr=subprocess.STDOUT,
            cwd=ROOT, env=environment(process), start_new_session=True,
        )  # fmt: skip
        status, usage = _wait(running, started + limit)
        seconds = time.monotonic() - started
        output.seek(0)
        said = output.read()
    if status != 0:
        why = f"did not end within {limit:.0f} s" if status is None else f"ended with {status}"
        raise Stopped(f"{why}: {' | '.join(said.strip().splitlines()[-3:])[-300:]}")
    return Figures(
        seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        sessions(target) - before - 1,
        _bytes(link) - sent,
    )


def _wait(running: subprocess.Popen[str] | subprocess.Popen[bytes], until: float):  # type: ignore[no-untyped-def]
    """Its exit status, None when it had to be killed, and what it used."""
    while time.monotonic() < until:
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if pid:
            running.returncode = os.waitstatus_to_exitcode(status)
            return running.returncode, usage
        time.sleep(0.005)
    os.killpg(running.pid, 9)
    _, _, usage = os.wait4(running.pid, 0)
    running.returncode = -9
    return None, usage
