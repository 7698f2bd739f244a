"""What the next boot reads: parameters, modules, and a script with the unit that runs it."""

from __future__ import annotations

from netwright import boot
from netwright.snapshot import DIRECTORY
from netwright.state import NetworkState

__all__ = ["files", "paths"]

_HEAD = "# Written by netwright for the network {name!r}; changes here are overwritten.\n"
_UNITS = "/etc/systemd/system"

_UNIT = """\
[Unit]
Description=Network {name} as declared (netwright)
After=systemd-sysctl.service systemd-modules-load.service systemd-udev-settle.service
After=network-pre.target systemd-networkd.service networking.service NetworkManager.service
After=netfilter-persistent.service nftables.service firewalld.service ufw.service
Before=network-online.target docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {directory}/{name}.boot

[Install]
WantedBy=multi-user.target
"""


def paths(name: str) -> tuple[str, ...]:
    """Every path that may be ours. The parameters' file sorts after the vendors' files and after
    99-sysctl.conf, since of two entries for one parameter the later one counts."""
    return (
        f"/etc/sysctl.d/99-zz-netwright-{name}.conf",
        f"/etc/modules-load.d/netwright-{name}.conf",
        f"{DIRECTORY}/{name}.boot",
        f"{_UNITS}/netwright-{name}.service",
        f"{_UNITS}/multi-user.target.wants/netwright-{name}.service",
    )


def files(name: str, declared: NetworkState) -> dict[str, str]:
    """Path -> content of what brings a declaration back at boot.

    A link to another file, as in a target's `.wants`, has that file's content.
    """
    parameters, modules, script, unit, enabled = paths(name)
    head = _HEAD.format(name=name)
    found = {}
    if declared.sysctl:
        # With slashes: a dot in a link's name stays one.
        lines = "".join(f"{key} = {value}\n" for key, value in sorted(declared.sysctl.items()))
        found[parameters] = head + lines
    if declared.modules:
        found[modules] = head + "".join(f"{module}\n" for module in declared.modules)
    steps = boot.steps(declared)
    if steps:
        found[script] = boot.render(name, steps)
        found[unit] = found[enabled] = head + _UNIT.format(name=name, directory=DIRECTORY)
    return found
