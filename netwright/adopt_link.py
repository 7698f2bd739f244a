"""A host's links as a declaration says them: without what the kernel chooses by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

from netwright.links.link import KINDS, Link, defaults
from netwright.links.options import Options
from netwright.links.port import FRESH
from netwright.model import HOST
from netwright.state import Namespace

__all__ = ["Note", "Place", "adopt", "keep", "parents"]

Place = tuple[str, str]
"""A namespace and the name of a link in it."""
Note = Callable[[str, str], None]
Document = dict[str, Any]

_BY_MODULE = re.compile(r"(?:tunl|sit|ip6tnl|gre|gretap|erspan|ip_vti|ip6_vti|ip6gre)0")
"""Links that a module makes in every namespace as it is loaded."""
_THEIRS = {
    "Docker": re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}"),
    "Calico": re.compile(r"cali[0-9a-f]{11}|vxlan\.calico|bpf(?:in|out)\.cali"),
    "Flannel": re.compile(r"flannel\.\d+|cni0"),
    "Kubernetes": re.compile(r"kube-ipvs0|nodelocaldns"),
    "Cilium": re.compile(r"cilium_\w+|lxc[0-9a-f]{12}"),
    "libvirt": re.compile(r"virbr\d+(?:-nic)?|vnet\d+"),
}
_QUEUE = {"ifb": 32, "tun": 500}
"""Packets that a new one's transmit queue takes, where that isn't 1000."""
_PATH_COSTS = (None, 2, 4, 19, 100)
"""What the kernel takes for a port's cost by its speed (`port_cost`, net/bridge/br_if.c)."""


def adopt(
    spaces: Mapping[str, Namespace],
    set_macs: Container[Place],
    note: Callable[[str, str, str], None],
) -> dict[str, dict[str, Document]]:
    """Each namespace's links; what is left out is noted."""
    told: set[Place] = set()
    found: dict[str, dict[str, Document]] = {name: {} for name in spaces}
    for name, space in spaces.items():
        for ifname, link in (space.links or {}).items():
            why = _left_out(name, ifname, link, spaces)
            if why is not None:
                if why:
                    note(name, f"links.{ifname}", why)
                continue
            for words in getattr(link, "addresses", None) or ():
                if getattr(words, "words", "") and _matters(words.words):
                    what = f"{words} has `{words.words}`, which cannot be declared"
                    note(name, f"links.{ifname}.addresses", what)
            mac = link.mac if (name, ifname) in set_macs else None
            found[name][ifname] = _link(name, ifname, link, space, mac, told)
    return found


def _matters(words: str) -> bool:
    # The kernel's own choice for what was added without it.
    kept = re.sub(r"(?:broadcast \S+|scope (?:253|254)|nodad)", "", words).strip()
    return bool(kept)


def _left_out(name: str, ifname: str, link: Link, spaces: Mapping[str, Namespace]) -> str | None:
    """Why a link is not declared; nothing to say of what the kernel makes; None if it is."""
    if _BY_MODULE.fullmatch(ifname) and not link.addresses:
        return ""
    for owner, pattern in _THEIRS.items():
        if pattern.fullmatch(ifname):
            return f"is {owner}'s by its name; left out"
    if link.kind is None:
        there = name == HOST or ifname == "lo"
        return None if there else "is a physical link that was moved here; left out"
    if link.kind not in KINDS:
        return f"is of kind {link.kind}, which cannot be declared; left out"
    if link.kind == "veth":
        peer = link.veth.peer if link.veth is not None else None
        if peer is None or (peer.netns or name) not in spaces:
            return "has its other end in a namespace that has no name here; left out"
    return None


def _link(
    name: str, ifname: str, link: Link, space: Namespace, mac: str | None, told: set[Place]
) -> Document:
    found: Document = {}
    if link.kind is not None:
        found |= _kind(name, ifname, link, told)
    if link.state != "up":
        found["state"] = "down"
    expected = _expected_mtu(ifname, link, space)
    if link.mtu != expected and link.mtu is not None:
        found["mtu"] = link.mtu
    if mac is not None:
        found["mac"] = mac
    if link.promisc:
        found["promisc"] = True
    if link.txqueuelen not in (None, _QUEUE.get(str(link.kind), 1000)):
        found["txqueuelen"] = link.txqueuelen
    if link.addresses:
        found["addresses"] = [str(item) for item in link.addresses]
    if link.master:
        found["master"] = link.master
        port = _differing(link.port, FRESH) if link.port is not None else {}
        if port.get("cost") in _PATH_COSTS:
            port.pop("cost", None)
        found |= {"port": port} if port else {}
    return found


def _kind(name: str, ifname: str, link: Link, told: set[Place]) -> Document:
    """What makes it. Of a pair, only the end that comes first says so."""
    if link.kind == "veth" and link.veth is not None and link.veth.peer is not None:
        peer = link.veth.peer
        if (name, ifname) in told:
            return {}
        there = peer.netns or name
        told.add((there, peer.name))
        place = {} if there == name else {"netns": there}
        return {"kind": "veth", "veth": {"peer": {"name": peer.name, **place}}}
    found: Document = {"kind": link.kind}
    if link.link_netns not in (None, name):
        found["link_netns"] = link.link_netns
    plain = defaults(Link(kind=link.kind).but(**{str(link.kind): link.options}))
    if link.options is not None and plain.options is not None:
        kept = {*link.options.REQUIRED, link.options.PARENT}
        options = _differing(link.options, plain.options, kept)
        found |= {str(link.kind): options} if options else {}
    return found


def _differing(have: Options, fresh: Options, kept: Container[str] = ()) -> Document:
    said = have.model_dump(mode="json", exclude_none=True)
    plain = fresh.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in said.items() if key in kept or plain.get(key) != value}


def _expected_mtu(ifname: str, link: Link, space: Namespace) -> int | None:
    """What the kernel gives it by itself."""
    links = space.links or {}
    if ifname == "lo":
        return 65536
    if link.kind == "bridge":
        ports = [item.mtu for item in links.values() if item.master == ifname and item.mtu]
        return min(ports, default=1500)
    if link.parent and link.link_netns is None and link.parent in links:
        under = links[link.parent].mtu or 1500
        return under - 50 if link.kind == "vxlan" else under
    return 1420 if link.kind == "wireguard" else 1500


def parents(spaces: Mapping[str, Namespace]) -> set[Place]:
    """Links that others stand on."""
    return {
        (link.link_netns or name, link.parent)
        for name, space in spaces.items()
        for link in (space.links or {}).values()
        if link.parent is not None
    }


def keep(
    name: str, space: Namespace, links: dict[str, Document], stood_on: Container[Place]
) -> None:
    """Drop what is as it is without a word: a physical link or `lo`, the end of a pair that is
    told by its other end.

    + stood_on: what `parents` gave; such an end has to be there under its own name
    """
    for ifname, found in list(links.items()):
        link = (space.links or {})[ifname]
        plain = not set(found) - {"state"}
        up = link.state == "up"
        own_lo = ifname == "lo" and up == (name == HOST)
        told = link.kind is None or (name, ifname) not in stood_on
        if plain and told and "kind" not in found and (own_lo or not up):
            del links[ifname]
