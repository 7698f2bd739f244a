"""Brings labs up and down; each step looks at what is there, can be interrupted and repeated."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from netwright.lab import places, seed, wire
from netwright.lab.cgroup import kill
from netwright.lab.progress import say
from netwright.lab.spec import HostSpec, LabError, LabSpec
from netwright.lab.status import (
    ENGINES,
    engine_of,
    ready_file,
    record,
    recorded,
    recorded_labs,
    require_root,
    switched,
)

__all__ = ["down", "reboot", "shell", "up", "warn_of_inotify"]

TOLD_AFTER = 2.0
SSH_PORT = 22
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_OF_A_HOST = 7
BOOTED = "systemctl is-system-running --wait"


def up(lab: LabSpec) -> None:
    """Bring the lab up: what is up stays, what is not is started, what it no longer names goes.

    Raises:
        LabError: if it cannot be.
    """
    require_root()
    with _lock():
        before = recorded(lab.name)
        _check_owner(lab, before)
        wire.check_free(lab, _other_subnets(lab))
        for name in dict.fromkeys(host.engine for host in lab.hosts):
            ENGINES[name](lab).prepare()
        began = time.monotonic()
        warn_of_inotify(lab)
        if before is None or (before.subnet, before.packages) != (lab.subnet, lab.packages):
            # Whatever is there under this name is half made, or made otherwise.
            _remove(lab.name)
        else:
            for host in set(before.hosts) - set(lab.hosts):
                engine_of(before, host).delete(host)
        # Before anything is made, so that whatever comes of it can be found again.
        record(lab)
        seed.client_files(lab)
        if not switched(lab):
            for host in lab.hosts:
                engine_of(lab, host).stop(host)
            wire.make_switch(lab, places.switch(lab.name))
        for host in lab.hosts:
            if not engine_of(lab, host).alive(host):
                engine_of(lab, host).start(host)
        _wait(lab, [host for host in lab.hosts if not ready_file(lab, host).exists()])
        if time.monotonic() - began > TOLD_AFTER:
            say(f"lab {lab.name}: {len(lab.hosts)} hosts are up")


def down(name: str) -> None:
    """Stop the lab's hosts and remove all of it; no lab of that name is no error."""
    require_root()
    with _lock():
        _remove(name)


def reboot(lab: LabSpec, hosts: Sequence[HostSpec], *, hard: bool = False) -> None:
    """Boot hosts again and wait until they are up.

    Args:
        lab: theirs; it is up.
        hosts: which of them, at once.
        hard: cut the power.

    Raises:
        LabError: if one is not running, or does not come back.
    """
    require_root()
    with _lock():
        for host in hosts:
            if not engine_of(lab, host).alive(host):
                raise LabError(f"host {host.name} of lab {lab.name} is not running")
        boots = {host.name: engine_of(lab, host).boots(host) for host in hosts}
        for host in hosts:
            engine_of(lab, host).reboot(host, hard=hard)
        # The host answers until it goes down: only what the next boot says counts.
        _wait(lab, hosts, boots)


def shell(lab: LabSpec, host: HostSpec, command: Sequence[str]) -> list[str]:
    """The arguments of a process that is root in the host, also when its network is dead.

    Args:
        lab: the host's.
        host: which.
        command: what to run; a login shell if empty.
    """
    require_root()
    return engine_of(lab, host).shell(host, command)


def _remove(name: str) -> None:
    """All of a lab, by its name alone: its record may be missing, or of another version."""
    kill(places.lab_cgroup(name))
    wire.remove_switch(name, places.switch(name))
    if places.lab_dir(name).exists():
        shutil.rmtree(places.lab_dir(name))
    parents = places.lab_cgroup(name).parent
    if parents.exists() and not any(path.is_dir() for path in parents.iterdir()):
        parents.rmdir()


def warn_of_inotify(lab: LabSpec) -> None:
    """A host that gets none hangs in its boot, and its console does not say why."""
    limit = int(INOTIFY.read_text()) if INOTIFY.exists() else 0
    labs = [lab, *(other for other in recorded_labs() if other.name != lab.name)]
    hosts = sum(host.engine == "nspawn" for item in labs for host in item.hosts)
    if hosts * INOTIFY_OF_A_HOST > limit > 0:
        say(
            f"lab {lab.name}: {hosts} lab hosts want some {hosts * INOTIFY_OF_A_HOST} inotify"
            f" instances, this machine allows {limit}: if hosts hang at boot, run"
            " `sysctl fs.inotify.max_user_instances=1024`"
        )


def _lock() -> AbstractContextManager[None]:
    # One for all labs: whether a subnet is free is only true as long as no other lab comes up.
    return places.locked(places.state() / "lock")


def _check_owner(lab: LabSpec, before: LabSpec | None) -> None:
    """Two inventories of the same name must not pull one lab to and fro."""
    if before is None or before == lab or before.source == lab.source:
        return
    if any(engine_of(before, host).alive(host) for host in before.hosts):
        raise LabError(
            f"lab {lab.name} is up with other hosts, from {before.source}: give this one another"
            f" name, or end that one by `netwright lab down {before.source}`"
        )


def _other_subnets(lab: LabSpec) -> list[tuple[str, IPv4Network | IPv6Network]]:
    return [
        (f"lab {other.name} ({other.source})", IPv4Network(other.subnet))
        for other in recorded_labs()
        if other.name != lab.name
    ]


def _wait(lab: LabSpec, hosts: Sequence[HostSpec], boots: Mapping[str, int] | None = None) -> None:
    """Wait, for all hosts at once, until each has booted to the end; then mark it ready."""
    if not hosts:
        return
    with ThreadPoolExecutor(len(hosts)) as pool:
        waiting = [
            pool.submit(_wait_for, lab, host, (boots or {}).get(host.name, 0)) for host in hosts
        ]
        late = wait(waiting, timeout=TOLD_AFTER).not_done
        if late:
            names = ", ".join(
                host.name for host, each in zip(hosts, waiting, strict=True) if each in late
            )
            say(f"lab {lab.name}: waiting for {names} to boot")
    for each in waiting:
        each.result()


def _wait_for(lab: LabSpec, host: HostSpec, boots: int) -> None:
    engine = engine_of(lab, host)
    deadline = time.monotonic() + engine.boot_timeout
    while time.monotonic() < deadline:
        if not engine.alive(host):
            raise LabError(f"host {host.name} of lab {lab.name} went off: {engine.log(host)}")
        if engine.boots(host) > boots and _listens(host.address) and _booted(lab, host):
            ready_file(lab, host).touch()
            return
        time.sleep(0.05)
    raise LabError(
        f"host {host.name} of lab {lab.name} does not answer on SSH at {host.address} after"
        f" {engine.boot_timeout:.0f} s; `netwright lab shell` looks inside without the network,"
        f" its console says: {engine.log(host)}"
    )


def _listens(address: str) -> bool:
    try:
        with socket.create_connection((address, SSH_PORT), timeout=1.0) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _booted(lab: LabSpec, host: HostSpec) -> bool:
    """Whether the boot is over; a unit that failed is the host's business."""
    asked = subprocess.run(
        ["ssh", "-F", places.ssh_config(lab.name), "-oBatchMode=yes", host.name, BOOTED],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() in ("running", "degraded")
