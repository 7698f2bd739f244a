"""The fabric's part of a host's network, as a declaration: links, routes, parameters, rules.

The same kernel state that Calico programs for a workload; what is added to it says why.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from netwright.installs.fabric import DEFAULT_ROUTER, Fabric, PolicyRule, group_of

__all__ = ["NAME", "ifname", "network", "provisional"]

NAME = "fabric"
"""Whose the network is; beside what the host's admins declare as `network`."""

_METRIC = 1024
_MAC = "ee:ee:ee:ee:ee:ee"
_FORWARD, _TO = "fabric-forward", "fabric-to"


def ifname(workload: str) -> str:
    """The host's end of a workload's link: it tells the workload's name again."""
    return "cali" + hashlib.sha1(workload.encode(), usedforsecurity=False).hexdigest()[:11]


def network(
    fabric: Fabric, host: str, addresses: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """A host's declaration.

    + addresses: of all hosts' workloads, by host and name
    """
    own = addresses[host]
    return {
        "sysctl": {
            "net.ipv4.ip_forward": 1,
            # It would wait up to 0.8 s before it answers for somebody else.
            **{f"net.ipv4.neigh.{ifname(name)}.proxy_delay": 0 for name in own},
        },
        "links": {ifname(name): _link(name) for name in own},
        "routes": [*_host_routes(own)],
        "netns": {name: _inside(address) for name, address in own.items()},
        "ipsets": dict(_sets(fabric, addresses)),
        "iptables": _tables(fabric),
    }


def provisional(fabric: Fabric, hosts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Addresses that differ, for a network of which the real ones are not known yet: what has to
    be asked of a host depends on the workloads alone."""
    numbers = itertools.count(int(IPv4Network(fabric.pool)[0]))
    return {
        host: {name: str(IPv4Address(next(numbers))) for name in fabric.node(host).workloads}
        for host in hosts
    }


def _link(workload: str) -> dict[str, Any]:
    return {
        "kind": "veth",
        "veth": {"peer": {"name": "eth0", "netns": workload}},
        "mac": _MAC,
        # Strict: a workload can't send with another's address.
        "ipv4": {"proxy_arp": 1, "forwarding": 1, "route_localnet": 1, "rp_filter": 1},
    }


def _inside(address: str) -> dict[str, Any]:
    return {
        "links": {"lo": {}, "eth0": {"addresses": [f"{address}/32"]}},
        "routes": [
            {"dst": f"{DEFAULT_ROUTER}/32", "dev": "eth0", "scope": "link"},
            {"dst": "default", "via": DEFAULT_ROUTER, "dev": "eth0"},
        ],
    }


def _host_routes(own: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    # Without a default route a host has no way to the default router, and answers no ARP for it;
    # as a local address it answers always, and no packet takes it for its source.
    yield {"dst": f"{DEFAULT_ROUTER}/32", "type": "local", "dev": "lo"}
    for name, address in own.items():
        # Below 1024 Calico's filters on neighbours pass a /32 on.
        yield {"dst": f"{address}/32", "dev": ifname(name), "scope": "link", "metric": _METRIC}


def _sets(
    fabric: Fabric, addresses: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    named = {group for rule in fabric.policy.rules for group in (rule.from_, rule.to) if group}
    for group in sorted(named):
        entries = [
            addresses[host][name]
            for host in addresses
            for name, workload in fabric.node(host).workloads.items()
            if group in workload.groups
        ]
        yield group_of(group), {"type": "hash:ip", "entries": entries}


def _tables(fabric: Fabric) -> dict[str, Any]:
    """As many rules for a packet, whatever the number of workloads: groups are sets."""
    filter_ = {
        # A policy of DROP, which Docker sets, would stop what is only passed on.
        "FORWARD": {"at": "top", "rules": [f"-j {_FORWARD}"]},
        _FORWARD: [f"-d {fabric.pool} -j {_TO}", f"-s {fabric.pool} -j ACCEPT"],
        _TO: [
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            *(_rule(rule) for rule in fabric.policy.rules),
            f"-j {_verdict(fabric.policy.default)}",
        ],
    }
    if not fabric.nat_outgoing:
        return {"filter": filter_}
    rule = f"-s {fabric.pool} ! -d {fabric.pool} -j MASQUERADE"
    return {"filter": filter_, "nat": {"POSTROUTING": [rule]}}


def _rule(rule: PolicyRule) -> str:
    words = []
    for group, side in ((rule.from_, "src"), (rule.to, "dst")):
        if group is not None:
            words.append(f"-m set --match-set {group_of(group)} {side}")
    if rule.protocol is not None:
        words.append(f"-p {rule.protocol}")
    if rule.ports:
        words.append(f"-m multiport --dports {','.join(rule.ports)}")
    return " ".join([*words, f"-j {_verdict(rule.action)}"])


def _verdict(action: str) -> str:
    return "ACCEPT" if action == "allow" else "DROP"
