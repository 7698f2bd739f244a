"""What the next boot reads: parameters for systemd-sysctl, modules for systemd-modules-load."""

from __future__ import annotations

from netwright.state import NetworkState

__all__ = ["files", "paths"]

_HEAD = "# Written by netwright for the network {name!r}; changes here are overwritten.\n"


def paths(name: str) -> tuple[str, str]:
    """The parameters' file and the modules' file. The first sorts after the vendors' files and
    after 99-sysctl.conf, since of two entries for one parameter the later one counts."""
    return (
        f"/etc/sysctl.d/99-zz-netwright-{name}.conf",
        f"/etc/modules-load.d/netwright-{name}.conf",
    )


def files(name: str, declared: NetworkState) -> dict[str, str]:
    """Path -> content, for what of a declaration these two services can bring back."""
    parameters, modules = paths(name)
    head = _HEAD.format(name=name)
    found = {}
    if declared.sysctl:
        # With slashes: a dot in a link's name stays one.
        lines = "".join(f"{key} = {value}\n" for key, value in sorted(declared.sysctl.items()))
        found[parameters] = head + lines
    if declared.modules:
        found[modules] = head + "".join(f"{module}\n" for module in declared.modules)
    return found
