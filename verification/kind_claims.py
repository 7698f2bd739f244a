"""Claims about what a link's kind alone has: what `ip -d -j` shows otherwise than it is declared,
and what other tools show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netwright.links.options import Options
from netwright.links.tuntap import Tun
from netwright.links.wireguard import Wireguard
from netwright.verification.claim import Claim, Value
from netwright.verification.seen import NotThere, Seen, SeenLink

__all__ = ["kind_claims", "vlans"]

_QOS = {"ingress_qos_map": "ingress_qos", "egress_qos_map": "egress_qos"}
_FLAGS = ("reorder_hdr", "gvrp", "mvrp", "loose_binding", "bridge_binding")
# What ip shows under another name, and what it is when it shows nothing.
_SHOWN: Mapping[tuple[str, str], tuple[str, Value]] = {
    ("vxlan", "dstport"): ("port", None),
    ("vxlan", "udpcsum"): ("udp_csum", None),
    ("vxlan", "udp6zerocsumtx"): ("udp_zero_csum6_tx", None),
    ("vxlan", "udp6zerocsumrx"): ("udp_zero_csum6_rx", None),
    **{("vxlan", name): (name, False) for name in ("proxy", "rsc", "l2miss", "l3miss")},
    ("bond", "lacp_rate"): ("ad_lacp_rate", None),
    ("bond", "num_grat_arp"): ("num_peer_notif", None),
}


def kind_claims(
    path: str, netns: str, ifname: str, kind: str, options: Options
) -> dict[str, list[Claim]]:
    """Field -> the claims for it, where the general ones don't do."""
    found: dict[str, list[Claim]] = {}
    for name, value in options.given().items():
        read = _reader(kind, name)
        if read is not None:
            found[name] = [Claim(f"{path}.{name}", value, _of(netns, ifname, kind, read))]
    if getattr(options, "vlans", None) is not None:
        found["vlans"] = [vlans(f"{path}.vlans", netns, ifname, getattr(options, "vlans", ()))]
    if getattr(options, "fdb", None) is not None:
        found["fdb"] = [_fdb(f"{path}.fdb", netns, ifname, options)]
    if isinstance(options, Tun):
        for name, word, file in (("owner", "user", "passwd"), ("group", "group", "group")):
            if getattr(options, name) is not None:
                find = _owner(netns, ifname, word, file)
                found[name] = [Claim(f"{path}.{name}", getattr(options, name), find)]
    if isinstance(options, Wireguard):
        found |= _wireguard(path, netns, ifname, options)
    return found


def _owner(netns: str, ifname: str, word: str, file: str) -> Callable[[Seen], Value]:
    def find(seen: Seen) -> Value:
        raw = seen.space(netns).link(ifname).data.get(word)
        if raw is None:
            raise NotThere("anybody may open it")
        for line in seen.space(netns).text(file).splitlines():
            if line.split(":")[0] == raw:
                return int(line.split(":")[2])
        return int(raw)

    return find


Find = Callable[[SeenLink], Value]


def _of(netns: str, ifname: str, kind: str, find: Find) -> Callable[[Seen], Value]:
    def found(seen: Seen) -> Value:
        link = seen.space(netns).link(ifname)
        if link.kind != kind:
            raise NotThere(f"it is a {link.kind or 'physical'} link, not a {kind}")
        return find(link)

    return found


def _reader(kind: str, name: str) -> Find | None:
    if kind == "vlan" and name in _FLAGS:
        return lambda link: name.upper() in link.data.get("flags", ())
    if name in _QOS:
        return lambda link: _maps(link.data.get(_QOS[name], ()))
    if (kind, name) == ("ipvlan", "flag"):
        return lambda link: _ipvlan_flag(link.data)
    if (kind, name) == ("vxlan", "link"):
        return lambda link: str(link.data.get("link", ""))
    if kind == "vxlan" and name in ("local", "remote", "group"):
        return lambda link: str(link.data.get(name) or link.data.get(f"{name}6", ""))
    if kind == "vxlan" and name in ("ttl", "tos"):
        return lambda link: _octet(link.data, name)
    if (kind, name) in _SHOWN:
        shown, otherwise = _SHOWN[kind, name]
        return lambda link: _plain(link.data, shown, otherwise)
    return None


def _maps(shown: Any) -> tuple[str, ...]:
    pairs = sorted((item["from"], item["to"]) for item in shown)
    return tuple(f"{one}:{other}" for one, other in pairs)


def _ipvlan_flag(data: Mapping[str, Any]) -> str:
    return next((word for word in ("private", "vepa", "bridge") if data.get(word)), "bridge")


def _octet(data: Mapping[str, Any], name: str) -> int | str:
    raw = data.get(name, "inherit" if name == "ttl" else 0)
    if isinstance(raw, str) and raw.startswith("0x"):
        return "inherit" if raw == "0x1" else int(raw, 16)
    return raw if isinstance(raw, int) else str(raw)


def _plain(data: Mapping[str, Any], shown: str, otherwise: Value) -> Value:
    if shown not in data:
        if otherwise is None:
            raise NotThere("ip shows nothing of it")
        return otherwise
    raw = data[shown]
    return raw if isinstance(raw, (bool, int)) else str(raw)


def vlans(path: str, netns: str, ifname: str, declared: Any) -> Claim:
    """The VLANs of a port, or of a bridge itself."""

    def find(seen: Seen) -> Value:
        seen.space(netns).link(ifname)
        entries = seen.space(netns).part("vlans")
        found = [item for entry in entries if entry["ifname"] == ifname for item in entry["vlans"]]
        return _ranges(found)

    return Claim(path, tuple(str(item) for item in declared), find)


def _ranges(found: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Neighbours that are alike as one, in the declaration's words."""
    groups: list[tuple[int, int, str]] = []
    for item in sorted(found, key=lambda item: int(item["vlan"])):
        flags = item.get("flags", ())
        how = f"{' pvid' if 'PVID' in flags else ''}"
        how += f"{' untagged' if 'Egress Untagged' in flags else ''}"
        vid = int(item["vlan"])
        if groups and groups[-1][1:] == (vid - 1, how):
            groups[-1] = (groups[-1][0], vid, how)
        else:
            groups.append((vid, vid, how))
    return tuple(
        f"{low}{how}" if low == high else f"{low}-{high}{how}" for low, high, how in groups
    )


def _fdb(path: str, netns: str, ifname: str, options: Options) -> Claim:
    """A VXLAN's permanent entries, but for the one that `remote` or `group` makes."""
    own = {getattr(options, "remote", None), getattr(options, "group", None)}

    def find(seen: Seen) -> Value:
        seen.space(netns).link(ifname)
        found = []
        for entry in seen.space(netns).part("fdb"):
            if entry.get("ifname") != ifname or "dst" not in entry:
                continue
            if entry.get("state") != "permanent":
                continue
            if entry["mac"] == "00:00:00:00:00:00" and entry["dst"] in own:
                continue
            words = [entry["mac"], "dst", entry["dst"]]
            for name, shown in (("port", "port"), ("vni", "vni"), ("via", "viaIf")):
                words += [name, str(entry[shown])] if shown in entry else []
            found.append(" ".join(words))
        return tuple(sorted(found))

    declared = tuple(sorted(str(item) for item in getattr(options, "fdb", None) or ()))
    return Claim(path, declared, find)


def _wireguard(path: str, netns: str, ifname: str, options: Wireguard) -> dict[str, list[Claim]]:
    def told(seen: Seen, what: str, *key: str) -> str:
        seen.space(netns).link(ifname)
        wanted = [what, ifname, *key]
        for line in seen.space(netns).text("wireguard").splitlines():
            words = line.split()
            if words[: len(wanted)] == wanted:
                return " ".join(words[len(wanted) :])
        raise NotThere("wg shows nothing of it")

    found: dict[str, list[Claim]] = {}
    if options.private_key_file is not None:
        file = options.private_key_file

        def same_key(seen: Seen) -> str:
            theirs = seen.space(netns).text(f"key {file}").strip()
            return file if told(seen, "public-key") == theirs else "another key than in that file"

        found["private_key_file"] = [Claim(f"{path}.private_key_file", file, same_key)]
    for name in ("listen_port", "fwmark"):
        value = getattr(options, name)
        if value is not None:
            word = name.replace("_", "-")

            def number(seen: Seen, word: str = word) -> int:
                return _number(told(seen, word))

            found[name] = [Claim(f"{path}.{name}", value, number)]
    if options.peers is not None:
        found["peers"] = list(_peers(path, netns, ifname, options, told))
    return found


def _peers(
    path: str, netns: str, ifname: str, options: Wireguard, told: Callable[..., str]
) -> Iterator[Claim]:
    def keys(seen: Seen) -> Value:
        seen.space(netns).link(ifname)
        lines = [line.split() for line in seen.space(netns).text("wireguard").splitlines()]
        return tuple(sorted(line[2] for line in lines if line[:2] == ["allowed-ips", ifname]))

    yield Claim(f"{path}.peers", tuple(item.public_key for item in options.peers or ()), keys)
    for index, item in enumerate(options.peers or ()):
        at, key = f"{path}.peers[{index}]", item.public_key

        def ips(seen: Seen, key: str = key) -> Value:
            text = told(seen, "allowed-ips", key)
            return tuple(sorted(word for word in text.split() if word != "(none)"))

        yield Claim(f"{at}.allowed_ips", item.allowed_ips, ips)

        def endpoint(seen: Seen, key: str = key) -> str:
            return told(seen, "endpoints", key)

        def keepalive(seen: Seen, key: str = key) -> int:
            return _number(told(seen, "persistent-keepalive", key))

        if item.endpoint is not None:
            yield Claim(f"{at}.endpoint", item.endpoint, endpoint)
        if item.persistent_keepalive is not None:
            yield Claim(f"{at}.persistent_keepalive", item.persistent_keepalive, keepalive)
        if item.preshared_key_file is not None:
            yield _preshared(
                f"{at}.preshared_key_file", netns, ifname, key, item.preshared_key_file
            )


def _preshared(path: str, netns: str, ifname: str, key: str, file: str) -> Claim:
    def find(seen: Seen) -> Value:
        theirs = seen.space(netns).text(f"psk {file}").split()[:1]
        for line in seen.space(netns).text("psk").splitlines():
            if line.split()[:2] == [ifname, key]:
                return file if line.split()[2:3] == theirs else "another key than in that file"
        raise NotThere("wg shows no such peer")

    return Claim(path, file, find)


def _number(text: str) -> int:
    return 0 if text == "off" else int(text, 0)
