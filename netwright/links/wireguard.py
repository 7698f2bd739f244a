"""A WireGuard link: shown by `wg show`, changed by `wg set`. Keys stay in files on the host; of
them public keys and hashes are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator

from netwright.links.options import Options
from netwright.model import Model, Range, prefix
from netwright.step import Command, Phase, Step, wg

__all__ = ["Wireguard", "WireguardPeer", "parse"]

OTHER = "another key"
"""What stands for a key that is in none of the files that were read."""


def _key(value: object) -> str:
    # 32 octets, so the last character before the sign has but four bits.
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", value):
        return value
    # Not the value: it may be a private key at the wrong place.
    raise ValueError("a public key is 44 characters of base64, as `wg pubkey` prints it")


def _endpoint(value: object) -> str:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})", str(value))
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise ValueError("is not ADDRESS:PORT, like 192.0.2.1:51820 or [2001:db8::1]:51820")
    try:
        address = ip_address(match[1] or match[2])
    except ValueError:
        raise ValueError("has no valid address, like 192.0.2.1:51820") from None
    text = f"[{address}]" if address.version == 6 else str(address)
    return f"{text}:{int(match[3])}"


def _file(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"/[A-Za-z0-9_./@+=,-]{1,250}", value):
        return value
    # Not the value: it may be the key itself.
    raise ValueError("a key is given by the absolute path of a file on the host that it stands in")


KeyFile = Annotated[str, BeforeValidator(_file)]
Key = Annotated[str, BeforeValidator(_key)]


class WireguardPeer(Model):
    """Who may come in: `allowed_ips` is the whole list; `persistent_keepalive` in seconds, 0 for
    none. `preshared_key_file`: a file on the host, as `wg genpsk` makes it."""

    public_key: Key
    preshared_key_file: KeyFile | None = None
    allowed_ips: tuple[Annotated[str, BeforeValidator(prefix)], ...] = ()
    endpoint: Annotated[str, BeforeValidator(_endpoint)] | None = None
    persistent_keepalive: Annotated[int, Range(0, 65535)] | None = None

    def __str__(self) -> str:
        return f"peer {self.public_key} ({', '.join(self.allowed_ips) or 'no addresses'})"


class Wireguard(Options):
    """`private_key_file`: a file on the host, as `wg genkey` makes it; the key itself stands in no
    declaration. `peers` is the whole list."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("private_key_file",)
    LATER: ClassVar[Mapping[str, Any]] = {
        "private_key_file": "",
        "listen_port": 0,
        "fwmark": 0,
        "peers": (),
    }
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"fwmark": 0, "peers": ()}

    private_key_file: KeyFile | None = None
    listen_port: Annotated[int, Range(1, 65535)] | None = None
    fwmark: Annotated[int, Range(0, 0xFFFFFFFF)] | None = None
    peers: tuple[WireguardPeer, ...] | None = None

    def normal(self) -> Self:
        if self.peers is None:
            return self
        peers = [item.but(allowed_ips=tuple(sorted(set(item.allowed_ips)))) for item in self.peers]
        return self.but(peers=tuple(sorted(peers, key=lambda item: item.public_key)))

    def problems(self) -> Iterator[tuple[str, str]]:
        keys: dict[str, int] = {}
        nets: dict[str, int] = {}
        for index, item in enumerate(self.peers or ()):
            if item.public_key in keys:
                yield (
                    f"peers[{index}].public_key",
                    f"is also that of peers[{keys[item.public_key]}]",
                )
            keys.setdefault(item.public_key, index)
            for text in item.allowed_ips:
                if text in nets:
                    # The kernel gives it to the last one.
                    yield (
                        f"peers[{index}].allowed_ips",
                        f"{text} is also that of peers[{nets[text]}]",
                    )
                nets.setdefault(text, index)

    def modify(self, netns: str, ifname: str, kind: str, have: Self) -> Iterator[Step]:
        def step(name: str, before: object, after: object) -> Step:
            attribute = f"{kind}.{name}"
            return Step(
                Phase.LINK, netns, f"links.{ifname}", attribute, before, after, _RENDER[name]
            )

        for name in ("private_key_file", "listen_port", "fwmark"):
            value = getattr(self, name)
            if value not in (None, getattr(have, name)):
                yield step(name, getattr(have, name), value)
        if self.peers is None:
            return
        there = {item.public_key: item for item in have.peers or ()}
        # What goes first: an address that moves to another peer would go with it.
        for key in there.keys() - {item.public_key for item in self.peers}:
            yield step("peers", there[key], None)
        for item in self.peers:
            before = there.get(item.public_key)
            known = None if before is None else _restricted(before, item)
            if item != known:
                yield step("peers", known, item)


def _restricted(seen: WireguardPeer, want: WireguardPeer) -> WireguardPeer:
    """Of what is seen only what is declared."""
    return seen.but(**{name: None for name in seen.given() if getattr(want, name) is None})


def _render_key(step: Step) -> Iterator[Command]:
    # The key of somebody else can't be given back: nobody has read it.
    if step.after not in (None, "", OTHER):
        yield wg(step.netns, f"set {step.thing[6:]} private-key {step.after}")


def _render_number(step: Step) -> Iterator[Command]:
    word = step.attribute.partition(".")[2].replace("_", "-")
    if step.after is not None:
        yield wg(step.netns, f"set {step.thing[6:]} {word} {step.after}")


def _render_peer(step: Step) -> Iterator[Command]:
    item: WireguardPeer = step.before if step.after is None else step.after
    words = [f"set {step.thing[6:]} peer {item.public_key}"]
    if step.after is None:
        words.append("remove")
    else:
        if item.preshared_key_file not in (None, OTHER):
            words.append(f"preshared-key {item.preshared_key_file or '/dev/null'}")
        if item.endpoint is not None:
            words.append(f"endpoint {item.endpoint}")
        if item.persistent_keepalive is not None:
            words.append(f"persistent-keepalive {item.persistent_keepalive}")
        if item.allowed_ips:
            words.append(f"allowed-ips {','.join(item.allowed_ips)}")
        elif step.before is not None:
            # An empty list can't be said in a line of words.
            yield wg(step.netns, f"{words[0]} remove")
    yield wg(step.netns, " ".join(words))


_RENDER = {
    "private_key_file": _render_key,
    "listen_port": _render_number,
    "fwmark": _render_number,
    "peers": _render_peer,
}


def parse(lines: Iterable[str], files: Mapping[str, str]) -> dict[str, Wireguard]:
    """Link -> what `wg` tells of it.

    + lines: `WHAT IFNAME ...` for each line of `wg show all WHAT`; a preshared key as its hash
    + files: path -> the public key or the hash of what is in it
    """
    by_content = {content: path for path, content in files.items()}
    links: dict[str, dict[str, Any]] = {}
    peers: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        what, ifname, *words = line.split()
        link = links.setdefault(ifname, {})
        if what == "public-key":
            none = words[0] == "(none)"
            link["private_key_file"] = "" if none else by_content.get(words[0], OTHER)
        elif what in ("listen-port", "fwmark"):
            number = 0 if words[0] == "off" else int(words[0], 0)
            link[what.replace("-", "_")] = number
        else:
            peer = peers.setdefault((ifname, words[0]), {"public_key": words[0]})
            peer |= _of_peer(what, words[1:], by_content)
    for (ifname, _), fields in sorted(peers.items()):
        seen = WireguardPeer.model_construct(**fields)
        links[ifname]["peers"] = (*links[ifname].get("peers", ()), seen)
    return {ifname: Wireguard.model_construct(**fields) for ifname, fields in links.items()}


def _of_peer(what: str, words: list[str], by_content: Mapping[str, str]) -> dict[str, Any]:
    first = words[0] if words else "(none)"
    if what == "preshared-keys":
        return {"preshared_key_file": "" if first == "(none)" else by_content.get(first, OTHER)}
    if what == "allowed-ips":
        return {"allowed_ips": tuple(sorted(item for item in words if item != "(none)"))}
    if what == "endpoints":
        return {"endpoint": "" if first == "(none)" else first}
    return {"persistent_keepalive": 0 if first == "off" else int(first)}
