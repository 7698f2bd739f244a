"""Calico without Kubernetes: what the data key `calico` declares, and the documents it becomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from netwright.errors import Problem
from netwright.installs.etcd import Release
from netwright.installs.fabric import Ip, Net
from netwright.model import Model, Range

__all__ = ["CFG", "CNI", "ENVIRONMENT", "REFLECTORS", "Calico", "Document", "Pool", "Site"]
__all__ += ["cfg", "cni", "documents", "environment", "inputs", "problems"]

CFG = "/etc/calico/calicoctl.cfg"
ENVIRONMENT = "/etc/calico/node.env"
CNI = "/etc/cni/net.d/10-calico.conflist"
REFLECTORS = "netwright-reflectors"
"""The peering of every node with those that carry the reflectors' label."""

_API = "projectcalico.org/v3"
_PATH = r"^/[\w./-]+$"

Document = dict[str, Any]


class Ctl(Release):
    """calicoctl as a release has it: one file below `url`, such as GitHub's releases/download."""

    file: str = Field(default="calicoctl-linux-amd64", pattern=r"^[\w.{}+-]+$")


class Datastore(Model):
    """etcd, as the hosts reach it; the files are on the hosts."""

    endpoints: list[Annotated[str, Field(pattern=r"^https?://[\w.\[\]:-]+$")]] = Field(min_length=1)
    ca: str | None = Field(default=None, pattern=_PATH)
    cert: str | None = Field(default=None, pattern=_PATH)
    key: str | None = Field(default=None, pattern=_PATH)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        files = [self.ca, self.cert, self.key]
        if any(files) and not all(files):
            raise ValueError("ca, cert and key go together")
        if not any(files) and any(each.startswith("https:") for each in self.endpoints):
            raise ValueError("https needs ca, cert and key")
        return self


class Pool(Model):
    """An IPPool. Its cidr and block_size are what addresses were given from: they never change."""

    cidr: Net
    block_size: Annotated[int, Range(20, 32)] = 26
    nat_outgoing: bool = True
    ipip: Literal["Never", "Always", "CrossSubnet"] = "Never"
    vxlan: Literal["Never", "Always", "CrossSubnet"] = "Never"
    node_selector: str = "all()"
    disabled: bool = False


class Site(Model):
    """One host. `nodename`: what Calico knows it by, for ever; its name in the inventory if left
    out. `address`: Calico's own guess takes wrong links."""

    nodename: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$")
    address: Ip | None = None


class Calico(Model):
    """The data key `calico`, of the group: one for all of its hosts.

    `peers`, `felix`, `bgp`: specs in Calico's own words. `image`: calico/node's, of `version`.
    `cni`: whether the configuration for nerdctl and cnitool is written."""

    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    calicoctl: Ctl
    etcd: Datastore
    image: str = Field(default="docker.io/calico/node:v{version}", pattern=r"^[\w.:/@{}-]+$")
    runtime: str = Field(default="/usr/bin/docker", pattern=_PATH)
    asn: Annotated[int, Range(1, 4294967294)] = 64512
    pools: dict[str, Pool] = {}
    reflectors: list[str] = []
    bgp: dict[str, Any] = {}
    peers: dict[str, dict[str, Any]] = {}
    felix: dict[str, Any] = {}
    environment: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], str] = {}
    cni: bool = True
    hosts: dict[str, Site] = {}

    def site(self, host: str) -> Site:
        """What is declared of a host; nothing will do."""
        return self.hosts.get(host) or Site()

    def nodename(self, host: str) -> str:
        """What Calico knows a host by."""
        return self.site(host).nodename or host


def problems(calico: Calico, hosts: Sequence[str]) -> Iterator[Problem]:
    """What the declaration alone shows to be wrong.

    + hosts: the group's, by their names in the inventory
    """
    for path, names in (("hosts", list(calico.hosts)), ("reflectors", calico.reflectors)):
        for name in names:
            if name not in hosts:
                yield Problem(f"calico.{path}.{name}", f"is no host here: {', '.join(hosts)}")
    yield from _pools(list(calico.pools.items()))
    for key in ("asNumber", "nodeToNodeMeshEnabled"):
        if key in calico.bgp:
            yield Problem(f"calico.bgp.{key}", "is told by `asn` and `reflectors`")
    if REFLECTORS in calico.peers:
        yield Problem(f"calico.peers.{REFLECTORS}", "is made of `reflectors`")


def _pools(pools: Sequence[tuple[str, Pool]]) -> Iterator[Problem]:
    for number, (name, pool) in enumerate(pools):
        net, path = IPv4Network(pool.cidr), f"calico.pools.{name}"
        if pool.block_size < net.prefixlen:
            yield Problem(f"{path}.block_size", f"a /{pool.block_size} is larger than {pool.cidr}")
        for other, there in pools[:number]:
            if net.overlaps(IPv4Network(there.cidr)):
                yield Problem(f"{path}.cidr", f"{net} overlaps {there.cidr} of {other}")


def cfg(calico: Calico) -> str:
    """/etc/calico/calicoctl.cfg, which is YAML, of which JSON is a part."""
    spec: Document = {"datastoreType": "etcdv3", "etcdEndpoints": ",".join(calico.etcd.endpoints)}
    if calico.etcd.ca:
        files = (calico.etcd.ca, calico.etcd.cert, calico.etcd.key)
        spec |= dict(zip(("etcdCACertFile", "etcdCertFile", "etcdKeyFile"), files, strict=True))
    found = {"apiVersion": _API, "kind": "CalicoAPIConfig", "metadata": {}, "spec": spec}
    return json.dumps(found, indent=2) + "\n"


def environment(calico: Calico, host: str, address: str) -> dict[str, str]:
    """What calico/node is told on a host."""
    found = {
        "NODENAME": calico.nodename(host),
        "IP": address,
        "AS": str(calico.asn),
        "CALICO_NETWORKING_BACKEND": "bird",
        "NO_DEFAULT_POOLS": "true",
        "DATASTORE_TYPE": "etcdv3",
        "ETCD_ENDPOINTS": ",".join(calico.etcd.endpoints),
    }
    if calico.etcd.ca:
        files = (str(calico.etcd.ca), str(calico.etcd.cert), str(calico.etcd.key))
        names = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
        found |= dict(zip(names, files, strict=True))
    return {**found, **calico.environment}


def inputs(calico: Calico, host: str, address: str) -> str:
    """What a running node is known by: another one is another start of it."""
    parts = [calico.image, calico.version, calico.runtime, environment(calico, host, address)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def cni(calico: Calico, host: str) -> str:
    """The CNI configuration list that nerdctl and cnitool read."""
    plugin: Document = {
        "type": "calico",
        "log_level": "info",
        "nodename": calico.nodename(host),
        "etcd_endpoints": ",".join(calico.etcd.endpoints),
        "ipam": {"type": "calico-ipam"},
    }
    if calico.etcd.ca:
        files = (calico.etcd.ca, calico.etcd.cert, calico.etcd.key)
        plugin |= dict(
            zip(("etcd_ca_cert_file", "etcd_cert_file", "etcd_key_file"), files, strict=True)
        )
    portmap = {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}}
    found = {"name": "calico", "cniVersion": "0.3.1", "plugins": [plugin, portmap]}
    return json.dumps(found, indent=2) + "\n"


def documents(calico: Calico) -> list[Document]:
    """The resources as they are declared, but for the nodes, which calico/node makes."""
    found = [_document("IPPool", name, _pool(pool)) for name, pool in calico.pools.items()]
    mesh = {"asNumber": calico.asn, "nodeToNodeMeshEnabled": not calico.reflectors}
    found.append(_document("BGPConfiguration", "default", {**calico.bgp, **mesh}))
    found += [_document("BGPPeer", name, spec) for name, spec in calico.peers.items()]
    if calico.reflectors:
        spec = {"nodeSelector": "all()", "peerSelector": "route-reflector == 'true'"}
        found.append(_document("BGPPeer", REFLECTORS, spec))
    if calico.felix:
        found.append(_document("FelixConfiguration", "default", calico.felix))
    return found


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> Document:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def _pool(pool: Pool) -> Document:
    return {
        "cidr": pool.cidr,
        "blockSize": pool.block_size,
        "natOutgoing": pool.nat_outgoing,
        "ipipMode": pool.ipip,
        "vxlanMode": pool.vxlan,
        "nodeSelector": pool.node_selector,
        "disabled": pool.disabled,
    }
