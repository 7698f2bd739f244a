"""The best script that a hand would write for W(n): one batch for each namespace, one restore."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.workload import (
    BRIDGE,
    CHAINS,
    GATEWAY,
    HOST_PARAMETERS,
    NETNS_PARAMETERS,
    PREFIX,
    rules,
    spaces,
)

__all__ = ["script"]


def script(number: int) -> str:
    """For `sh` on the host, on its standard input."""
    return "\n".join(["set -e", *_parameters(), *_links(number), *_inside(number), *_rules(number)])


def _parameters() -> Iterator[str]:
    yield "cat > /etc/sysctl.d/99-floor.conf <<'END'"
    yield from (f"{key} = {value}" for key, value in HOST_PARAMETERS.items())
    yield "END"
    yield "sysctl -qp /etc/sysctl.d/99-floor.conf"


def _links(number: int) -> Iterator[str]:
    yield "ip -batch - <<'END'"
    yield f"link add name {BRIDGE} type bridge stp_state 0"
    yield f"address add {GATEWAY}/{PREFIX} dev {BRIDGE}"
    yield f"link set dev {BRIDGE} up"
    for space in spaces(number):
        yield f"netns add {space.name}"
        yield f"link add name {space.port} type veth peer name eth0 netns {space.name}"
        yield f"link set dev {space.port} master {BRIDGE}"
        yield f"link set dev {space.port} type bridge_slave hairpin on"
        yield f"link set dev {space.port} up"
    yield "END"


def _inside(number: int) -> Iterator[str]:
    writes = "; ".join(
        f"echo {value} > /proc/sys/{key.replace('.', '/')}"
        for key, value in NETNS_PARAMETERS.items()
    )
    for space in spaces(number):
        # Not `ip -n`: it copies all of the host's mounts, of which each namespace is one.
        yield f"nsenter --net=/run/netns/{space.name} ip -batch - <<'END'"
        yield "link set dev lo up"
        yield f"address add {space.address} dev eth0"
        yield "link set dev eth0 up"
        yield f"route add default via {GATEWAY}"
        yield "END"
        yield f"nsenter --net=/run/netns/{space.name} sh -c '{writes}'"


def _rules(number: int) -> Iterator[str]:
    yield "iptables-restore --noflush <<'END'"
    yield "*filter"
    yield from (f":{chain} - [0:0]" for chain in CHAINS)
    for chain, source, port in rules(number):
        yield f"-A {chain} -s {source}/32 -p tcp -m tcp --dport {port} -j ACCEPT"
    yield "COMMIT"
    yield "END"
