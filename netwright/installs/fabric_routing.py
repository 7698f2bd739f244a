"""Each host's BIRD: whom it talks to, whether it passes routes on, and the way from one to another.

A session is configured the same with and without reflectors: every peer is a client of every other,
and a filter, which changes without a session's end, says whether routes are passed on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from netwright.installs.fabric import Fabric

__all__ = ["CONFIG", "Had", "Peer", "Routing", "apply", "had", "header", "routings", "stages"]

CONFIG = "/etc/bird/bird.conf"
_HEADER = "# fabric: "


@dataclass(frozen=True, order=True)
class Peer:
    """One session. `passive`: the other side opens it."""

    name: str
    address: str
    passive: bool

    @property
    def protocol(self) -> str:
        """How BIRD calls it."""
        return f"peer_{self.name}"


@dataclass(frozen=True)
class Routing:
    """What one host's BIRD has to do."""

    host: str
    address: str
    block: str
    peers: tuple[Peer, ...]
    reflects: bool
    blocks: Mapping[str, str] = field(default_factory=dict)
    """Of all hosts: whoever answers tells what the others have."""


@dataclass(frozen=True)
class Had:
    """What a configuration of ours says that a later run has to know."""

    blocks: Mapping[str, str] = field(default_factory=dict)
    peers: frozenset[str] = frozenset()
    reflects: bool = False


def header(own: Routing) -> str:
    """What `had` reads again."""
    peers = [peer.name for peer in own.peers]
    return json.dumps({"blocks": dict(own.blocks), "peers": peers, "reflects": own.reflects})


def had(config: str) -> Had | None:
    """What a configuration says; None if it is not of ours."""
    for line in config.splitlines():
        if line.startswith(_HEADER):
            try:
                found = json.loads(line.removeprefix(_HEADER))
                return Had(found["blocks"], frozenset(found["peers"]), found["reflects"])
            except (ValueError, KeyError, TypeError):
                return None
    return None


def routings(
    fabric: Fabric, addresses: Mapping[str, str], blocks: Mapping[str, str]
) -> dict[str, Routing]:
    """Each host's part.

    + addresses: the hosts' own, by name
    + blocks: the hosts' blocks, by name
    """
    found = {}
    for host, address in addresses.items():
        names = [
            other
            for other in addresses
            if other != host and _talk(fabric, host, other)
        ]  # fmt: skip
        peers = tuple(_peer(host, other, addresses) for other in sorted(names))
        reflects = host in fabric.reflectors
        found[host] = Routing(host, address, blocks[host], peers, reflects, blocks)
    return found


def _talk(fabric: Fabric, host: str, other: str) -> bool:
    return not fabric.reflectors or host in fabric.reflectors or other in fabric.reflectors


def _peer(host: str, other: str, addresses: Mapping[str, str]) -> Peer:
    """One side of each pair waits for the other: two connections at a time would meet."""
    passive = IPv4Address(addresses[host]) > IPv4Address(addresses[other])
    return Peer(other, addresses[other], passive)


def stages(
    before: Mapping[str, Had | None], after: Mapping[str, Routing], reached: frozenset[str]
) -> list[dict[str, Routing]]:
    """The configurations to go through, one after the other, each when the one before it works.

    + before: what each host that was read has; None for none of ours
    + reached: the hosts that can be changed now

    Where a session ends, or routes are no longer passed on, between hosts of the fabric, both the
    old and the new are there for a while: no route is without a way. With a host that isn't reached
    the new way can't be seen to work, so the old one stays.
    """
    both = {host: _union(before.get(host), own, after) for host, own in after.items()}
    if both == after:
        return [dict(after)]
    return [both] if set(after) - reached else [both, dict(after)]


def _union(old: Had | None, own: Routing, after: Mapping[str, Routing]) -> Routing:
    if old is None:
        return own
    there = {peer.name for peer in own.peers}
    addresses = {host: each.address for host, each in after.items()}
    kept = [name for name in old.peers if name in addresses and name not in there]
    peers = [*own.peers, *(_peer(own.host, name, addresses) for name in kept)]
    peers.sort(key=lambda peer: peer.name)
    return replace(own, peers=tuple(peers), reflects=own.reflects or old.reflects)


_APPLY = f"""umask 027
cat >{CONFIG}.new <<'END-OF-CONFIGURATION'
%sEND-OF-CONFIGURATION
chown bird:bird {CONFIG}.new
if ! said=$(/usr/sbin/bird -p -c {CONFIG}.new 2>&1); then
  rm -f {CONFIG}.new
  echo "bird -p refuses it: $said" >&2
  exit 1
fi
mv {CONFIG}.new {CONFIG}
systemctl is-enabled --quiet bird.service || systemctl enable --quiet bird.service
if systemctl is-active --quiet bird.service && birdc show status >/dev/null 2>&1; then
  said=$(birdc configure)
  case $said in
  *Reconfigured* | *'Reconfiguration in progress'*) ;;
  *) echo "birdc configure: $said" >&2; exit 1 ;;
  esac
else
  systemctl reset-failed bird.service 2>/dev/null
  systemctl restart bird.service
fi
"""


def apply(config: str) -> str:
    """The script that gives a host's BIRD a configuration, which is checked before it sees it."""
    return _APPLY % config
