"""Real hosts on one machine: an inventory calls `lab`, and its hosts are there.

    from netwright.lab import lab

    hosts = lab(__file__, subnet="198.18.0.0/24", hosts={"a": {"network": {...}}, "b": {}})

The hosts are Debian with systemd, SSH and no Python, on a network of their own. The machine gets
one link for each lab and is not changed otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netwright.lab import places
from netwright.lab.spec import HostSpec, LabError, LabSpec
from netwright.lab.status import is_up

__all__ = ["LabError", "LabSpec", "declared", "lab"]

# The labs that inventories of this process declared, in order; how the commands read an inventory.
declared: list[LabSpec] = []


def lab(
    inventory: str,
    *,
    subnet: str,
    hosts: Mapping[str, Mapping[str, Any]],
    name: str | None = None,
    packages: Sequence[str] = (),
) -> list[tuple[str, dict[str, Any]]]:
    """Declare a lab and bring it up; the inventory's hosts.

    A lab that is up costs a few file reads. What is not up is started, all hosts at once, and
    waited for. NETWRIGHT_LAB=off only names the hosts and starts nothing.

    + inventory: the inventory's `__file__`; its stem names the lab
    + subnet: an IPv4 network, /16 to /24, that nobody else uses; 198.18.0.0/15 is meant for this
    + hosts: each host's pyinfra data by its name, in order: the first has the address 10, the
      next 11; `engine` in it says what runs the host: nspawn
      (default), or vm, a virtual machine with Debian's own kernel
    + name: another name for the lab
    + packages: Debian packages that its hosts can install by apt; others they don't reach

    Reads and writes the lab's state (NETWRIGHT_STATE, /var/lib/netwright). Raises pyinfra's
    InventoryError, one line of text, if the declaration is wrong or the lab cannot be brought up.

    **Example:**

    .. code:: python

        hosts = lab(__file__, subnet="198.18.0.0/24", hosts={"a": {}, "b": {}})
    """
    source = Path(inventory).resolve()
    try:
        spec = LabSpec.of(
            name or source.stem,
            str(source),
            subnet,
            [(host, str(data.get("engine", "nspawn"))) for host, data in hosts.items()],
            packages,
        )
        declared.append(spec)
        if os.environ.get("NETWRIGHT_LAB") != "off" and not is_up(spec):
            _bring_up(spec)
    except LabError as error:
        # Only here, since the lab itself needs no pyinfra: what it prints as one line.
        from pyinfra.api.exceptions import InventoryError

        raise InventoryError(str(error)) from error
    return [(host.name, {**hosts[host.name], **_connection(spec, host)}) for host in spec.hosts]


def _bring_up(spec: LabSpec) -> None:
    """In a process of its own: pyinfra has patched this one's sockets and threads with gevent."""
    done = subprocess.run(
        [sys.executable, "-m", "netwright.lab.up"],
        input=json.dumps(spec.to_json()),
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(places.package_parent())},
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        raise LabError(done.stdout.strip() or f"lab {spec.name} could not be brought up")


def _connection(spec: LabSpec, host: HostSpec) -> dict[str, Any]:
    return {
        "ssh_hostname": host.address,
        "ssh_port": 22,
        "ssh_user": "root",
        "ssh_key": str(places.ssh_key()),
        # In place of the user's own ~/.ssh/config, which knows nothing of these hosts.
        "ssh_config_file": str(places.ssh_config(spec.name)),
        "ssh_known_hosts_file": str(places.known_hosts(spec.name)),
        "ssh_strict_host_key_checking": "yes",
    }
