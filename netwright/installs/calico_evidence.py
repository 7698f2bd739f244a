"""What a host shows of its Calico: one script prints it, `parse` reads it. Nothing is changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright.installs.calico import Document
from netwright.installs.read import MARK, parts, unit

__all__ = ["KINDS", "Evidence", "Peer", "parse", "script"]

KINDS = ("IPPool", "BGPConfiguration", "BGPPeer", "FelixConfiguration", "Node")

_SCRIPT = f"""cd /
export LC_ALL=C PATH=/usr/local/bin:$PATH:/usr/sbin:/sbin
part() {{ echo; echo "{MARK}$1"; }}
part version; if command -v calicoctl >/dev/null; then calicoctl version 2>/dev/null; fi
part unit; systemctl show -p ActiveState,UnitFileState,MainPID calico-node.service
pid=$(systemctl show -p MainPID --value calico-node.service)
part inputs
if [ "${{pid:-0}}" -gt 0 ]; then
  tr '\\0' '\\n' <"/proc/$pid/environ" | sed -n 's/^NETWRIGHT_INPUTS=//p'
fi
part nodename; if [ -e /var/lib/calico/nodename ]; then cat /var/lib/calico/nodename; fi
if command -v calicoctl >/dev/null && [ -e /etc/calico/calicoctl.cfg ]; then
  part status; calicoctl node status 2>&1
  for kind in {" ".join(KINDS)}; do
    part "$kind"; timeout 10 calicoctl get "$kind" -o json 2>/dev/null
  done
fi
part end
"""


@dataclass(frozen=True)
class Peer:
    """A line of `calicoctl node status`."""

    address: str
    kind: str
    state: str
    info: str

    @property
    def established(self) -> bool:
        return self.info == "Established"


@dataclass(frozen=True)
class Evidence:
    """What one host shows; `resources` None: the datastore did not answer."""

    version: str | None = None
    active: bool = False
    enabled: bool = False
    inputs: str = ""
    nodename: str = ""
    status: str = ""
    peers: tuple[Peer, ...] = ()
    resources: Mapping[tuple[str, str], Document] | None = field(default=None, repr=False)
    """By kind and name."""

    def established(self, address: str, kind: str = "") -> bool:
        """Whether there is an established session with an address, of that type if one is asked."""
        return any(
            each.established and each.address == address and kind in each.kind
            for each in self.peers
        )


def script() -> str:
    """What to run on a host, as root, in one go."""
    return _SCRIPT


def parse(output: list[str]) -> Evidence:
    """What the script printed.

    Raises SnapshotError if it did not come to its end.
    """
    found = parts(output, "calico")
    shown = unit(found["unit"])
    version = re.search(r"^Client Version:\s*v?(\S+)", found["version"], re.M)
    status = found.get("status", "")
    return Evidence(
        version=version[1] if version else None,
        active=shown.get("ActiveState") == "active",
        enabled=shown.get("UnitFileState") == "enabled",
        inputs=found["inputs"],
        nodename=found["nodename"],
        status=next(iter(status.splitlines()), ""),
        peers=tuple(_peers(status)),
        resources=_resources(found),
    )


def _peers(status: str) -> Iterator[Peer]:
    for line in status.splitlines():
        words = [word.strip() for word in line.strip().strip("|").split("|")]
        if len(words) == 5 and words[0] != "PEER ADDRESS":
            yield Peer(words[0], words[1], words[2], words[4])


def _resources(found: Mapping[str, str]) -> dict[tuple[str, str], Document] | None:
    resources = {}
    for kind in KINDS:
        try:
            answer: Any = json.loads(found.get(kind, ""))
        except ValueError:
            return None
        # One that is asked for by kind comes in a list, or in a list of lists.
        for each in _flat(answer):
            resources[kind, str(each["metadata"]["name"])] = each
    return resources


def _flat(answer: Any) -> Iterator[Document]:
    if isinstance(answer, list):
        for each in answer:
            yield from _flat(each)
    elif "items" in answer:
        yield from answer["items"] or ()
    else:
        yield answer
