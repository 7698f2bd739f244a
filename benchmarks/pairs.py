"""L(n), what managers of links can express: n pairs of veths, an end on a bridge, one addressed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["CHECK", "declaration", "expected", "floor", "ifupdown2", "networkd"]

BRIDGE = "bench0"
GATEWAY = "10.77.0.1/16"


def _pairs(number: int, changed: bool) -> Iterator[tuple[str, str, str, int]]:
    """The port, the other end, its address, the port's MTU."""
    for index in range(1, number + 1):
        address = f"10.77.{1 + index // 250}.{1 + index % 250}/16"
        yield f"p{index}", f"q{index}", address, 1400 if changed and index == 1 else 1500


def declaration(number: int, changed: bool) -> dict[str, Any]:
    """As this project declares it."""
    links: dict[str, Any] = {
        BRIDGE: {"kind": "bridge", "bridge": {"stp_state": False}, "addresses": [GATEWAY]}
    }
    for port, end, address, mtu in _pairs(number, changed):
        veth = {"peer": {"name": end}}
        links[port] = {"kind": "veth", "veth": veth, "master": BRIDGE, "mtu": mtu}
        links[end] = {"addresses": [address]}
    return {"links": links}


def floor(number: int, changed: bool) -> str:
    """The script of a hand."""
    if changed:
        return "ip link set dev p1 mtu 1400\n"
    lines = ["ip -batch - <<'END'", f"link add name {BRIDGE} type bridge stp_state 0"]
    lines += [f"address add {GATEWAY} dev {BRIDGE}", f"link set dev {BRIDGE} up"]
    for port, end, address, _ in _pairs(number, False):
        lines.append(f"link add name {port} type veth peer name {end}")
        lines.append(f"link set dev {port} master {BRIDGE} up")
        lines += [f"address add {address} dev {end}", f"link set dev {end} up"]
    return "\n".join([*lines, "END"])


def ifupdown2(number: int, changed: bool) -> str:
    """One file, and its own word for making the kernel as the file says."""
    ports = " ".join(port for port, *_ in _pairs(number, changed))
    lines = ["cat > /etc/network/interfaces <<'END'", "auto lo", "iface lo inet loopback"]
    lines += [f"auto {BRIDGE}", f"iface {BRIDGE}", f"  address {GATEWAY}"]
    lines += [f"  bridge-ports {ports}", "  bridge-stp off"]
    for port, end, address, mtu in _pairs(number, changed):
        lines += [f"auto {port}", f"iface {port}", "  link-type veth", f"  veth-peer-name {end}"]
        lines += [f"  mtu {mtu}", f"auto {end}", f"iface {end}", "  link-type veth"]
        lines += [f"  veth-peer-name {port}", f"  address {address}"]
    return "\n".join([*lines, "END", "PATH=$PATH:/usr/sbin ifreload -a"])


def networkd(number: int, changed: bool) -> str:
    """Its files, its reload, and the wait until it is done: reloading does not wait."""
    folder = "/etc/systemd/network"
    lines = ["set -e", f"mkdir -p {folder}"]

    def file(name: str, *text: str) -> None:
        lines.extend([f"cat > {folder}/bench-{name} <<'END'", *text, "END"])

    file(f"{BRIDGE}.netdev", "[NetDev]", f"Name={BRIDGE}", "Kind=bridge", "[Bridge]", "STP=no")
    file(f"{BRIDGE}.network", "[Match]", f"Name={BRIDGE}", "[Network]", f"Address={GATEWAY}",
         "ConfigureWithoutCarrier=yes", "IPv6AcceptRA=no")  # fmt: skip
    for port, end, address, mtu in _pairs(number, changed):
        file(f"{port}.netdev", "[NetDev]", f"Name={port}", "Kind=veth", "[Peer]", f"Name={end}")
        file(f"{port}.network", "[Match]", f"Name={port}", "[Link]", f"MTUBytes={mtu}",
             "[Network]", f"Bridge={BRIDGE}")  # fmt: skip
        file(
            f"{end}.network",
            "[Match]",
            f"Name={end}",
            "[Network]",
            f"Address={address}",
            "IPv6AcceptRA=no",
        )
    lines += ["systemctl start systemd-networkd"]
    lines += ["until networkctl list > /dev/null 2>&1; do sleep 0.05; done"]
    lines += ["networkctl reload"]
    if changed:
        # What is configured already is left by a reload.
        lines.append("networkctl reconfigure p1")
    return "\n".join([*lines, _DONE.replace("NUMBER", str(number)).replace("MTU",
                      "1400" if changed else "1500")])  # fmt: skip


_DONE = """
is_done() {
  [ "$(ip -o -4 address show | grep -c ': q')" = NUMBER ] &&
    [ "$(ip -o -4 address show dev bench0 | grep -c .)" = 1 ] &&
    [ "$(ip -o link show master bench0 | grep -c UP)" = NUMBER ] &&
    [ "$(cat /sys/class/net/p1/mtu)" = MTU ] &&
    ! networkctl --no-legend list 'bench0' 'p*' 'q*' | grep -qv ' configured'
}
# Twice: what has changed is taken away and brought back, some time after a reload.
until is_done && sleep 0.1 && is_done; do sleep 0.05; done
"""
CHECK = """
ip -o -4 address show | awk '$2 ~ /^(q|bench0)/ { print "address", $2, $4 }'
ip -o link show master bench0 | sed 's/^[0-9]*: \\(p[0-9]*\\)@.* mtu \\([0-9]*\\) .*/port \\1 \\2/'
"""


def expected(number: int, changed: bool) -> set[str]:
    """The lines that `CHECK` prints."""
    found = {f"address {BRIDGE} {GATEWAY}"}
    for port, end, address, mtu in _pairs(number, changed):
        found |= {f"address {end} {address}", f"port {port} {mtu}"}
    return found
