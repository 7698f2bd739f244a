"""What tells what the next boot will make of a host: its own tools, not our files."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from netwright.state import NetworkState

__all__ = ["boot_parts"]

_STARTED = """systemctl is-enabled netwright-{name}.service 2> /dev/null && exit
for start in /etc/systemd/system/multi-user.target.wants/netwright-{name}.service \\
  /etc/network/if-pre-up.d/netwright-{name} /etc/local.d/netwright-{name}.start; do
  [ ! -s "$start" ] || { echo enabled; exit; }
done
echo disabled
"""
_MODULES = """for at in /etc/modules /etc/modules-load.d/*.conf /usr/lib/modules-load.d/*.conf; do
  [ ! -r "$at" ] || cat "$at"
done
"""
# In the order in which it is applied, and with what masks what.
_PARAMETERS = """for tool in /lib/systemd/systemd-sysctl /usr/lib/systemd/systemd-sysctl; do
  [ ! -x "$tool" ] || { "$tool" --cat-config; exit; }
done
"""


def boot_parts(name: str, state: NetworkState) -> Iterator[tuple[str, str]]:
    """Name and command of what is read for it.

    + name: the network's, `network_name`
    """
    yield "boot ours", f"sh -c {quote(f'test ! -e /etc/netwright/{name} || echo yes')}"
    yield "boot start", f"sh -c {quote(_STARTED.replace('{name}', name))}"
    if state.sysctl:
        yield "boot parameters", f"sh -c {quote(_PARAMETERS)}"
    if state.modules:
        yield "boot modules", f"sh -c {quote(_MODULES)}"
