"""Claims about a link: each attribute that is declared, whatever the link's kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netwright.links.link import Link
from netwright.links.options import Options
from netwright.verification.claim import Claim, Value, unreadable
from netwright.verification.kind_claims import kind_claims, vlans
from netwright.verification.seen import NotThere, Seen, SeenLink

__all__ = ["link_claims"]

# ip prints these in hundredths of a second.
_CENTISECONDS = frozenset({"forward_delay", "hello_time", "max_age", "ageing_time"})

_SIMPLE: Mapping[str, Callable[[SeenLink], Value]] = {
    "kind": lambda link: link.kind or "physical",
    "state": lambda link: link.state,
    "mtu": lambda link: int(link.entry["mtu"]),
    "mac": lambda link: str(link.entry.get("address", "")).lower(),
    "promisc": lambda link: link.promisc,
    "txqueuelen": lambda link: int(link.entry.get("txqlen", 0)),
    "master": lambda link: link.master,
}


def link_claims(at: str, netns: str, ifname: str, link: Link) -> Iterator[Claim]:
    """Everything that is declared of one link, in a fixed order."""
    path = f"{at}links.{ifname}"
    if link.state == "absent":
        yield Claim(
            f"{path}.state",
            "absent",
            lambda seen: "present" if ifname in seen.space(netns).links else "absent",
        )
        return
    for name, value in link.given().items():
        if name in _SIMPLE:
            yield _simple(f"{path}.{name}", netns, ifname, value, _SIMPLE[name])
        elif name == "addresses":
            yield _addresses(path, netns, ifname, value)
        elif name == "port":
            yield from _port(f"{path}.port", netns, ifname, value)
        elif name == "link_netns":
            yield _parent_space(f"{path}.link_netns", netns, ifname, value)
        elif isinstance(value, Options) and name == link.kind:
            yield from _options(f"{path}.{name}", netns, ifname, link)
        elif isinstance(value, Options):
            yield from _other_options(f"{path}.{name}", netns, ifname, name, value)
        elif name not in ("ipv4", "ipv6"):
            yield unreadable(f"{path}.{name}")


def _simple(
    path: str, netns: str, ifname: str, value: Value, read: Callable[[SeenLink], Value]
) -> Claim:
    return Claim(path, value, lambda seen: read(seen.space(netns).link(ifname)))


def _addresses(path: str, netns: str, ifname: str, value: tuple[str, ...]) -> Claim:
    declared = frozenset(value)
    return Claim(
        f"{path}.addresses",
        tuple(sorted(declared)),
        lambda seen: seen.space(netns).link(ifname).addresses(declared),
    )


def _port(path: str, netns: str, ifname: str, port: Options) -> Iterator[Claim]:
    for name, value in port.given().items():
        if name == "vlans":
            yield vlans(f"{path}.vlans", netns, ifname, value)
            continue
        if not isinstance(value, (str, int)):
            yield unreadable(f"{path}.{name}")
            continue

        def find(seen: Seen, name: str = name, value: Value = value) -> Value:
            data = seen.space(netns).link(ifname).port
            if data is None:
                raise NotThere("it is no port of a bridge")
            return _value(data, name, value)

        yield Claim(f"{path}.{name}", value, find)


def _options(path: str, netns: str, ifname: str, link: Link) -> Iterator[Claim]:
    options = link.options
    assert options is not None
    special = kind_claims(path, netns, ifname, str(link.kind), options)
    for name, value in options.given().items():
        if name in special:
            yield from special[name]
        elif name == "peer":
            yield _peer(f"{path}.peer", netns, ifname, f"{value.netns}/{value.name}")
        elif name == options.PARENT:
            yield _parent(f"{path}.{name}", netns, ifname, value)
        else:
            yield _option(f"{path}.{name}", netns, ifname, str(link.kind), name, value)


def _other_options(
    path: str, netns: str, ifname: str, kind: str, options: Options
) -> Iterator[Claim]:
    """Of a link that is there already, whose kind is not declared."""
    special = kind_claims(path, netns, ifname, kind, options)
    for name, value in options.given().items():
        if name in special:
            yield from special[name]
        else:
            yield _option(f"{path}.{name}", netns, ifname, kind, name, value)


def _option(path: str, netns: str, ifname: str, kind: str, name: str, value: Any) -> Claim:
    if not isinstance(value, (str, int)):
        return unreadable(path)

    def find(seen: Seen) -> Value:
        link = seen.space(netns).link(ifname)
        if link.kind != kind:
            raise NotThere(f"it is a {link.kind or 'physical'} link, not a {kind}")
        return _value(link.data, name, value)

    return Claim(path, value, find)


def _value(data: Mapping[str, Any], name: str, declared: Value) -> Value:
    """What `ip -d -j` shows, in the type in which it is declared."""
    if name not in data:
        raise NotThere("ip shows nothing of it")
    raw = data[name]
    if isinstance(declared, bool):
        return raw in (1, True, "on")
    if isinstance(declared, int) and isinstance(raw, (int, float)):
        return _whole(raw / 100) if name in _CENTISECONDS else _whole(raw)
    return str(raw)


def _whole(number: float) -> int | str:
    return int(number) if number == int(number) else str(number)


def _peer(path: str, netns: str, ifname: str, declared: str) -> Claim:
    return Claim(path, declared, lambda seen: "/".join(_other_end(seen, netns, ifname)))


def _parent(path: str, netns: str, ifname: str, declared: str) -> Claim:
    return Claim(path, declared, lambda seen: _other_end(seen, netns, ifname)[1])


def _parent_space(path: str, netns: str, ifname: str, declared: str) -> Claim:
    return Claim(path, declared, lambda seen: _other_end(seen, netns, ifname)[0])


def _other_end(seen: Seen, netns: str, ifname: str) -> tuple[str, str]:
    found = seen.other_end(netns, seen.space(netns).link(ifname))
    if found is None:
        raise NotThere("a link outside the declared namespaces, or none")
    return found
