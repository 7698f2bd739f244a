"""What adoption reads of a host: which namespaces there are, and then everything in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netwright import route, rule, snapshot
from netwright.adopt_link import Place
from netwright.adopt_sysctl import READS
from netwright.errors import Problem
from netwright.model import HOST
from netwright.pack_shell import unpacked
from netwright.state import NetworkState

__all__ = ["names", "names_script", "parse", "script"]

_SET = "3"
"""NET_ADDR_SET of `addr_assign_type`: somebody chose the MAC address."""
_NAMES = r"""
nw_macs() { echo "@@ macs $1"; grep -H '' /sys/class/net/*/addr_assign_type; }
nw_macs host
for nw_path in /run/netns/*; do
  [ -e "$nw_path" ] || continue
  nw_name=${nw_path##*/}
  # Not every name has a namespace behind it any more.
  if ip netns exec "$nw_name" true 2> /dev/null; then
    echo "@@ macs $nw_name"
    # It shows a /sys of the namespace's own.
    ip netns exec "$nw_name" sh -c "grep -H '' /sys/class/net/*/addr_assign_type"
  fi
done
"""


def names_script() -> str:
    """The script that prints the namespaces and whose MAC addresses somebody chose."""
    return _NAMES


def names(output: Iterable[str]) -> tuple[list[str], set[Place]]:
    """Namespaces, the host's own first, and links with a chosen MAC address."""
    found: list[str] = []
    places: set[Place] = set()
    for line in output:
        if line.startswith("@@ macs "):
            found.append(line.removeprefix("@@ macs "))
        elif line.endswith(f"/addr_assign_type:{_SET}") and found:
            places.add((found[-1], line.split("/")[-2]))
    return found, places


def script(spaces: Iterable[str]) -> str:
    """The script that prints everything in them."""
    rooms = ("@ids", "@rules6", "@ipsets", "@iptables", "@ip6tables", *READS)
    return snapshot.script([f"{name} {room}" for name in spaces for room in rooms])


def parse(output: list[str]) -> tuple[NetworkState, list[Problem]]:
    """The host as it is, and what of it no declaration can say.

    Raises SnapshotError when the answer isn't whole.
    """
    lines = unpacked(output)
    return snapshot.parse(lines).state, list(_unsaid(lines))


def _unsaid(output: Iterable[str]) -> Iterator[Problem]:
    for netns, kind, entry in _entries(output):
        at = "" if netns == HOST else f"netns.{netns}."
        if kind == "route" and _is_unsaid_route(entry):
            what = f"a route with the type {entry['type']} cannot be declared; left out"
            yield Problem(f"{at}routes.{entry['dst']}", what)
        elif kind in ("inet", "inet6") and entry.get("protocol") != "2":
            seen = rule.parse(entry, kind)
            if seen is None or not 1 <= seen.priority <= 32765:
                what = "a rule with more in it than can be declared; left out"
                yield Problem(f"{at}rules.{entry['priority']}", what)


def _is_unsaid_route(entry: Mapping[str, Any]) -> bool:
    # Broadcast (3), anycast (4) and multicast (5) are the kernel's.
    by_kernel = entry.get("protocol") == "2" or entry["type"] in ("3", "4", "5")
    return not by_kernel and route.parse(entry) is None


def _entries(output: Iterable[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each route and rule as `ip -j` printed it, with its namespace."""
    netns, kinds = "", list[str]()
    for line in output:
        if line.startswith("@@ "):
            section, _, netns = line[3:].strip().partition(" ")
            kinds = {"netns": ["", "route", "inet"], "rules6": ["inet6"]}.get(section, [])
        elif line.startswith("[") and kinds:
            kind = kinds.pop(0)
            yield from ((netns, kind, entry) for entry in json.loads(line) if kind and entry)
