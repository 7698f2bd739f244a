"""W(n): n namespaces on one hairpin bridge, 5n rules in three chains, 20 parameters of the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["BRIDGE", "CHAINS", "HOST_PARAMETERS", "NETNS_PARAMETERS", "Space", "declaration"]
__all__ += ["rules", "spaces"]

BRIDGE = "bench0"
GATEWAY = "10.77.0.1"
PREFIX = 16
CHAINS = ("BENCH-A", "BENCH-B", "BENCH-C")
NETNS_PARAMETERS = {"net.ipv4.conf.all.accept_local": 1, "net.ipv4.ip_nonlocal_bind": 1}
HOST_PARAMETERS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.ip_nonlocal_bind": 1,
    "net.ipv4.tcp_fin_timeout": 30,
    "net.ipv4.tcp_keepalive_time": 600,
    "net.ipv4.tcp_keepalive_intvl": 20,
    "net.ipv4.tcp_keepalive_probes": 5,
    "net.ipv4.tcp_mtu_probing": 1,
    "net.ipv4.tcp_syn_retries": 4,
    "net.ipv4.tcp_synack_retries": 4,
    "net.ipv4.tcp_retries2": 12,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.all.arp_ignore": 0,
    "net.ipv4.conf.all.arp_announce": 2,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.all.secure_redirects": 0,
    "net.ipv4.conf.all.log_martians": 1,
    "net.ipv4.conf.default.accept_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.default.log_martians": 1,
}


@dataclass(frozen=True)
class Space:
    """One namespace and its link on the bridge."""

    name: str
    port: str
    address: str
    mtu: int


def spaces(number: int, changed: bool = False) -> Iterator[Space]:
    """All of them; `changed`: the first one's port has another MTU."""
    for index in range(1, number + 1):
        address = f"10.77.{1 + index // 250}.{1 + index % 250}"
        mtu = 1400 if changed and index == 1 else 1500
        yield Space(f"w{index}", f"p{index}", f"{address}/{PREFIX}", mtu)


def rules(number: int) -> Iterator[tuple[str, str, int]]:
    """5n of them: the chain, the source, the port."""
    for index in range(5 * number):
        yield CHAINS[index % 3], f"10.78.{index // 250}.{index % 250}", 1000 + index % 60000


def declaration(number: int, changed: bool = False) -> dict[str, Any]:
    """W(n) as this project declares it."""
    chains: dict[str, list[str]] = {name: [] for name in CHAINS}
    for chain, source, port in rules(number):
        chains[chain].append(f"-s {source}/32 -p tcp -m tcp --dport {port} -j ACCEPT")
    bridge = {
        "kind": "bridge", "bridge": {"stp_state": False}, "addresses": [f"{GATEWAY}/{PREFIX}"]
    }  # fmt: skip
    links: dict[str, Any] = {BRIDGE: bridge}
    netns: dict[str, Any] = {}
    for space in spaces(number, changed):
        peer = {"name": "eth0", "netns": space.name}
        links[space.port] = {
            "kind": "veth", "veth": {"peer": peer}, "master": BRIDGE, "mtu": space.mtu,
            "port": {"hairpin": True},
        }  # fmt: skip
        netns[space.name] = {
            "links": {"lo": {}, "eth0": {"addresses": [space.address]}},
            "routes": [{"dst": "default", "via": GATEWAY}],
            "sysctl": NETNS_PARAMETERS,
        }
    return {
        "sysctl": HOST_PARAMETERS,
        "links": links,
        "netns": netns,
        "iptables": {"filter": chains},
    }
