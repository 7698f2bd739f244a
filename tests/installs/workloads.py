"""A fabric's workloads in a lab, asked from the machine: through their namespaces, by sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwright.lab import status
from tests.installs.bench import Bench

__all__ = ["Between", "connects", "places", "power_off", "sh"]

PROGRAM = Path(__file__).with_name("traffic.py")


def power_off(bench: Bench, host: str) -> None:
    """At once; the disk stays."""
    spec = status.recorded(bench.name)
    assert spec is not None
    status.engine_of(spec, spec.host(host)).stop(spec.host(host))


def _enter(bench: Bench, host: str, *command: str) -> list[str]:
    spec = status.recorded(bench.name)
    assert spec is not None
    return status.engine_of(spec, spec.host(host)).shell(spec.host(host), command)


def sh(bench: Bench, host: str, script: str) -> str:
    """What a script prints that is root on a host; as `Bench.sh`, without a Python in between."""
    done = subprocess.run(
        _enter(bench, host, "sh", "-c", script),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def _init(bench: Bench, host: str) -> str:
    words = _enter(bench, host)
    return next(word.removeprefix("--target=") for word in words if word.startswith("--target="))


def places(bench: Bench, hosts: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Each workload's namespace, as the machine finds it, and the address it really has."""
    found = {}
    for host in hosts:
        listed = sh(bench, host, "for n in $(ip netns list | cut -d' ' -f1); do"
                          " echo $n $(ip -n $n -4 -o address show dev eth0); done")  # fmt: skip
        for line in listed.splitlines():
            words = line.split()
            if "inet" in words:
                address = words[words.index("inet") + 1].partition("/")[0]
                path = f"/proc/{_init(bench, host)}/root/run/netns/{words[0]}"
                found[f"{host}/{words[0]}"] = (path, address)
    return found


@dataclass
class Between:
    """Traffic between all ordered pairs as long as the block lasts; its counts afterwards."""

    bench: Bench
    places: dict[str, tuple[str, str]]
    pairs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> Between:
        file = self.bench.path / "places.json"
        file.write_text(json.dumps(self.places))
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "sending\n"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            output, _errors = self._process.communicate("", timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self.pairs = json.loads(output)

    @property
    def sent(self) -> int:
        return sum(each["sent"] for each in self.pairs.values())

    @property
    def lost(self) -> dict[str, int]:
        """How many packets each pair has lost, of those that have lost any."""
        return {pair: len(each["lost"]) for pair, each in self.pairs.items() if each["lost"]}

    def wrong_sources(self) -> dict[str, list[str]]:
        """Pairs whose receiver saw anything but the sender's own address."""
        return {
            pair: each["sources"]
            for pair, each in self.pairs.items()
            if each["sources"] != [self.places[pair.split()[0]][1]]
        }

    def figures(self, what: str) -> str:
        reached = sum(len(each["lost"]) < each["sent"] for each in self.pairs.values())
        lost = sum(self.lost.values())
        return f"{what}: {reached} of {len(self.pairs)} pairs, {lost} of {self.sent} packets lost"


def connects(bench: Bench, there: dict[str, tuple[str, str]], target: str, port: int) -> set[str]:
    """The workloads that get a TCP connection to a listener at `target`."""
    file = bench.path / "places.json"
    file.write_text(json.dumps(there))
    words = [sys.executable, str(PROGRAM), str(file), str(port), target]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return {name for name, ok in json.loads(done.stdout).items() if ok}
