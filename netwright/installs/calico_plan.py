"""What has to change in Calico's datastore, from what is there; and in which order it may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from netwright.errors import Problem
from netwright.installs.calico import REFLECTORS, Calico, Document, documents
from netwright.installs.calico_evidence import Evidence

__all__ = ["Step", "differs", "plan", "refused"]

LABEL = "route-reflector"
CLUSTER = "244.0.0.1"
"""Of all reflectors: they are one cluster, so none takes another's reflections for news."""


@dataclass(frozen=True)
class Step:
    """One change. `apply` and `delete` have a document, `patch` a node's name and what changes.
    `gate`: the hosts with which every host has to have a session before it."""

    kind: str
    name: str
    document: Document
    why: str
    gate: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.why}"


Resources = Mapping[tuple[str, str], Document]


def refused(calico: Calico, seen: Mapping[str, Evidence]) -> Iterator[Problem]:
    """What must not be changed on a live Calico, and what makes ghosts."""
    for host, evidence in seen.items():
        wanted = calico.nodename(host)
        if evidence.nodename and evidence.nodename != wanted:
            what = (
                f"{wanted}: the host has been {evidence.nodename} (/var/lib/calico/nodename); with"
                " another name its addresses would be another node's. Declare that name, or delete"
                " that node and the file"
            )
            yield Problem(f"calico.hosts.{host}.nodename", what)
    resources = next((each.resources for each in seen.values() if each.resources), {})
    there = {name: each["spec"] for (kind, name), each in resources.items() if kind == "IPPool"}
    for name, pool in calico.pools.items():
        path = f"calico.pools.{name}"
        for key, field_, value in (
            ("cidr", "cidr", pool.cidr), ("blockSize", "block_size", pool.block_size),
        ):  # fmt: skip
            live = there.get(name, {}).get(key, value)
            if live != value:
                what = f"{value}: the live pool has {live}, and addresses are given out of it"
                yield Problem(f"{path}.{field_}", f"{what}; declare another pool beside it")
        for other, spec in there.items():
            if other not in calico.pools and IPv4Network(pool.cidr).overlaps(_net(spec)):
                yield Problem(
                    f"{path}.cidr", f"{pool.cidr} overlaps {spec['cidr']} of {other}, which is live"
                )


def _net(spec: Mapping[str, Any]) -> IPv4Network:
    text = str(spec.get("cidr", ""))
    return IPv4Network("0.0.0.0/32" if ":" in text or not text else text)


def plan(calico: Calico, hosts: Sequence[str], resources: Resources) -> list[Step]:
    """The changes in order.

    + hosts: the group's, by their names in the inventory

    To reflectors: their peerings first, then their cluster id, with which they leave the mesh, and
    the mesh last, each when the sessions before are there. Back: the mesh first.
    """
    declared = {(each["kind"], each["metadata"]["name"]): each for each in documents(calico)}
    mesh = ("BGPConfiguration", "default")
    first = {key: each for key, each in declared.items() if key != mesh}
    steps = [step for key, each in first.items() for step in _applied(each, resources.get(key))]
    steps += _mesh(calico, hosts, declared[mesh], resources)
    return steps


def _mesh(
    calico: Calico, hosts: Sequence[str], bgp: Document, resources: Resources
) -> Iterator[Step]:
    live = resources.get(("BGPConfiguration", "default"))
    reflectors = tuple(calico.reflectors)
    nodes = [*_nodes(calico, hosts, resources)]
    if reflectors:
        had = (live or {}).get("spec", {}).get("nodeToNodeMeshEnabled", True)
        rest = {**bgp, "spec": {**bgp["spec"], "nodeToNodeMeshEnabled": had}}
        yield from _applied(rest, live)
        # A label has no effect but the peering; the cluster id takes a node out of the mesh.
        yield from nodes
        if had:
            yield Step("apply", "BGPConfiguration default", bgp, "the mesh ends", reflectors)
        return
    steps = [*_applied(bgp, live)]
    yield from steps
    gate = tuple(hosts) if steps or nodes else ()
    yield from (Step(each.kind, each.name, each.document, each.why, gate) for each in nodes)
    key = ("BGPPeer", REFLECTORS)
    if key in resources:
        yield Step("delete", f"BGPPeer {REFLECTORS}", resources[key], "no reflectors", tuple(hosts))


def _nodes(calico: Calico, hosts: Sequence[str], resources: Resources) -> Iterator[Step]:
    reflectors = tuple(calico.reflectors)
    for host in hosts:
        name = calico.nodename(host)
        node = resources.get(("Node", name))
        if node is None:
            continue
        label = node["metadata"].get("labels", {}).get(LABEL)
        cluster = node.get("spec", {}).get("bgp", {}).get("routeReflectorClusterID")
        if host in reflectors:
            if label != "true":
                yield _patched(name, {"metadata": {"labels": {LABEL: "true"}}}, "is a reflector")
            if not cluster:
                patch = {"spec": {"bgp": {"routeReflectorClusterID": CLUSTER}}}
                yield _patched(name, patch, f"reflects as {CLUSTER}", reflectors)
        elif label is not None or cluster:
            off: Document = {
                "metadata": {"labels": {LABEL: None}},
                "spec": {"bgp": {"routeReflectorClusterID": None}},
            }
            yield _patched(name, off, "is no reflector")


def _patched(name: str, patch: Document, why: str, gate: tuple[str, ...] = ()) -> Step:
    return Step("patch", f"Node {name}", patch, why, gate)


def _applied(declared: Document, live: Document | None) -> Iterator[Step]:
    name = f"{declared['kind']} {declared['metadata']['name']}"
    if live is None:
        yield Step("apply", name, declared, "is new")
        return
    changes = [*differs(declared["spec"], live.get("spec", {}))]
    if changes:
        # What others have put into the spec stays.
        spec = {**live.get("spec", {}), **declared["spec"]}
        metadata = {"name": declared["metadata"]["name"]}
        whole = {**declared, "metadata": metadata, "spec": spec}
        yield Step("apply", name, whole, ", ".join(changes))


def differs(declared: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    """The keys that are declared otherwise than they are, each with both values."""
    for key, value in declared.items():
        found = live.get(key)
        if found != value and not (found is None and value in (False, [], {}, "")):
            yield f"{key} {found!r} -> {value!r}"
