"""What the declaration of a fabric alone shows to be wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from netwright.errors import Problem
from netwright.installs.fabric import Fabric

__all__ = ["problems"]


def problems(fabric: Fabric, hosts: Sequence[str]) -> Iterator[Problem]:
    """What the declaration alone shows to be wrong.

    + hosts: the fabric's, by their names in the inventory
    """
    for name in fabric.hosts:
        if name not in hosts:
            yield Problem(f"fabric.hosts.{name}", f"is no host of the fabric: {', '.join(hosts)}")
    for number, name in enumerate(fabric.reflectors):
        if name not in hosts:
            what = f"{name} is no host of the fabric: {', '.join(hosts)}"
            yield Problem(f"fabric.reflectors[{number}]", what)
    yield from _blocks(fabric)
    yield from _addresses(fabric)
    yield from _groups(fabric)
    yield from _containers(fabric)


def _blocks(fabric: Fabric) -> Iterator[Problem]:
    pool = IPv4Network(fabric.pool)
    taken: list[tuple[str, IPv4Network]] = []
    for host, node in fabric.hosts.items():
        if node.address is not None and IPv4Address(node.address) in pool:
            what = f"{node.address} is in pool {pool}, which is for workloads"
            yield Problem(f"fabric.hosts.{host}.address", what)
        if node.block is None:
            continue
        block, path = IPv4Network(node.block), f"fabric.hosts.{host}.block"
        if not block.subnet_of(pool):
            yield Problem(path, f"{block} is not in pool {pool}")
        elif block.prefixlen != fabric.block_size:
            yield Problem(path, f"{block} is not a /{fabric.block_size}, which is block_size")
        for other, there in taken:
            if block.overlaps(there):
                yield Problem(path, f"{block} overlaps {there} of {other}")
        taken.append((host, block))


def _addresses(fabric: Fabric) -> Iterator[Problem]:
    pool = IPv4Network(fabric.pool)
    taken: dict[str, str] = {}
    for host, node in fabric.hosts.items():
        room = 2 ** (32 - fabric.block_size)
        if len(node.workloads) > room:
            what = f"{len(node.workloads)}, a block of /{fabric.block_size} has {room} addresses"
            yield Problem(f"fabric.hosts.{host}.workloads", what)
        for name, workload in node.workloads.items():
            path = f"fabric.hosts.{host}.workloads.{name}.address"
            if workload.address is None:
                continue
            address = ipaddress.ip_address(workload.address)
            if node.block is not None and address not in IPv4Network(node.block):
                yield Problem(path, f"{address} is not in the host's block {node.block}")
            elif address not in pool:
                yield Problem(path, f"{address} is not in pool {pool}")
            other = taken.setdefault(str(address), f"{host}/{name}")
            if other != f"{host}/{name}":
                yield Problem(path, f"{address} is that of {other}")


def _groups(fabric: Fabric) -> Iterator[Problem]:
    known = {
        group
        for node in fabric.hosts.values()
        for workload in node.workloads.values()
        for group in workload.groups
    }
    for number, rule in enumerate(fabric.policy.rules):
        for side, group in (("from", rule.from_), ("to", rule.to)):
            if group is not None and group not in known:
                path = f"fabric.policy.rules[{number}].{side}"
                there = ", ".join(sorted(known)) or "none"
                yield Problem(path, f"no workload is in group {group}; groups: {there}")


def _containers(fabric: Fabric) -> Iterator[Problem]:
    for host, node in fabric.hosts.items():
        taken: dict[str, str] = {}
        for name, workload in node.workloads.items():
            if workload.container is None:
                continue
            other = taken.setdefault(workload.container, name)
            if other != name:
                path = f"fabric.hosts.{host}.workloads.{name}.container"
                yield Problem(path, f"{workload.container} is that of {other}")
