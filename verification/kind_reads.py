"""What a link's claims need besides `ip`: of keys only public ones and hashes."""

from __future__ import annotations

from collections.abc import Iterator

from netwright.links.options import Options
from netwright.links.tuntap import Tun
from netwright.links.wireguard import Wireguard

__all__ = ["reads"]

_WORDS = "public-key listen-port fwmark allowed-ips endpoints persistent-keepalive"
_TOLD = f"""sh -c 'for w in {_WORDS}; do wg show all $w | sed "s/^/$w /"; done'"""
# With the line's end that the file has as well.
_PSK = (
    "sh -c 'wg show all preshared-keys | while read -r l p k; do"
    """ echo "$l $p $(echo "$k" | sha256sum)"; done'"""
)


def reads(options: Options) -> Iterator[tuple[str, str]]:
    """Name and command of each part."""
    if getattr(options, "vlans", None) is not None:
        yield "vlans", "bridge -j vlan show"
    if getattr(options, "fdb", None) is not None:
        yield "fdb", "bridge -j fdb show"
    if isinstance(options, Tun):
        # ip shows a name where it finds one.
        yield "passwd", "getent passwd"
        yield "group", "getent group"
    if isinstance(options, Wireguard):
        yield "wireguard", _TOLD
        if options.private_key_file:
            yield (
                f"key {options.private_key_file}",
                f"sh -c 'wg pubkey < {options.private_key_file}'",
            )
        for peer in options.peers or ():
            if peer.preshared_key_file:
                yield "psk", _PSK
                yield f"psk {peer.preshared_key_file}", f"sha256sum {peer.preshared_key_file}"
