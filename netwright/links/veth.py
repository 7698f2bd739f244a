"""A veth pair: shown by `ip -d link show type veth`, made by `ip link add ... peer name ...`.

Declaring one end makes both; the other end may be declared as well, to give it addresses and so on.
"""

from __future__ import annotations

from typing import ClassVar

from netwright.links.options import Options
from netwright.model import IfName, Model, NetnsRef

__all__ = ["Peer", "Veth", "peer_argument"]


class Peer(Model):
    """The other end. `netns` left out: in the same namespace; `host` for the host's own."""

    name: IfName
    netns: NetnsRef | None = None


class Veth(Options):
    """The pair is one thing: with another peer it is another pair."""

    IDENTITY: ClassVar[frozenset[str]] = frozenset({"peer"})
    REQUIRED: ClassVar[tuple[str, ...]] = ("peer",)

    peer: Peer | None = None


def peer_argument(peer: Peer, netns: str) -> str:
    """The words after `type veth`, for the end in `netns`."""
    place = "" if peer.netns in (None, netns) else f" netns {peer.netns}"
    return f" peer name {peer.name}{place}"
