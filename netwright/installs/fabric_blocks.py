"""Who has which block, and which workload which address: kept as long as they are declared.

Blocks are not computed from a host's place in the inventory: that place changes when a host before
it goes. What is declared counts first; then what the hosts have already, each host's BIRD listing
every block, so that one host that answers is enough; who is new gets the first that is free, in
the inventory's order. An address is kept by the host's own route to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from netwright.errors import DeclarationError, Problem
from netwright.installs.fabric import Fabric

__all__ = ["addresses", "blocks", "has_to_look"]


def has_to_look(fabric: Fabric, hosts: Sequence[str]) -> bool:
    """Whether something is left to be allocated, for which it has to be known what is there."""
    return any(
        fabric.node(host).block is None
        or any(each.address is None for each in fabric.node(host).workloads.values())
        for host in hosts
    )


def blocks(fabric: Fabric, hosts: Sequence[str], had: Mapping[str, str]) -> dict[str, str]:
    """Each host's block.

    + hosts: in the inventory's order
    + had: what the hosts' evidence says; of no effect where it no longer fits

    Raises DeclarationError when the pool has too few.
    """
    pool = IPv4Network(fabric.pool)
    declared = {host: fabric.node(host).block for host in hosts}
    found = {host: IPv4Network(block) for host, block in declared.items() if block is not None}
    for host in hosts:
        if host in found or host not in had:
            continue
        kept = IPv4Network(had[host])
        fits = kept.subnet_of(pool) and kept.prefixlen == fabric.block_size
        if fits and kept not in found.values() and _holds(fabric, host, kept):
            found[host] = kept
    # A host that declares addresses takes the block that they are in.
    for host in sorted(hosts, key=lambda name: not _declared(fabric, name)):
        if host in found:
            continue
        taken = set(found.values())
        free = pool.subnets(new_prefix=fabric.block_size)
        block = next((b for b in free if b not in taken and _holds(fabric, host, b)), None)
        if block is None:
            raise DeclarationError([Problem(f"fabric.hosts.{host}", _none(fabric, host))])
        found[host] = block
    return {host: str(found[host]) for host in hosts}


def _declared(fabric: Fabric, host: str) -> list[IPv4Address]:
    workloads = fabric.node(host).workloads.values()
    return [IPv4Address(each.address) for each in workloads if each.address is not None]


def _holds(fabric: Fabric, host: str, block: IPv4Network) -> bool:
    return all(address in block for address in _declared(fabric, host))


def _none(fabric: Fabric, host: str) -> str:
    if addresses := _declared(fabric, host):
        listed = ", ".join(map(str, addresses[:4]))
        return f"no free /{fabric.block_size} of {fabric.pool} holds its workloads ({listed})"
    return f"pool {fabric.pool} has no /{fabric.block_size} left for it"


def addresses(fabric: Fabric, host: str, block: str, had: Mapping[str, str]) -> dict[str, str]:
    """The addresses of a host's workloads, by their names.

    + had: those that it has, by name

    Raises DeclarationError when one is not in the block, or the block has too few.
    """
    workloads, own = fabric.node(host).workloads, IPv4Network(block)
    path = f"fabric.hosts.{host}.workloads"
    found = {name: each.address for name, each in workloads.items() if each.address is not None}
    wrong = [
        Problem(f"{path}.{name}.address", f"{address} is not in the host's block {block}")
        for name, address in found.items()
        if IPv4Address(address) not in own
    ]
    taken = set(found.values())
    for name in workloads:
        kept = had.get(name)
        if name not in found and kept and kept not in taken and IPv4Address(kept) in own:
            found[name] = kept
            taken.add(kept)
    free = (str(address) for address in own if str(address) not in taken)
    for name in workloads:
        if name not in found:
            found[name] = next(free, "")
    wrong += [
        Problem(f"{path}.{name}", f"block {block} has no address left for it")
        for name, address in found.items()
        if not address
    ]
    if wrong:
        raise DeclarationError(wrong)
    return {name: found[name] for name in workloads}
