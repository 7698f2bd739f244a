"""Calico by calicoctl's own words: the node, its sessions, and each resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from netwright.installs import calico_evidence
from netwright.installs.calico import Calico, Document, documents
from netwright.installs.calico_evidence import Evidence
from netwright.installs.calico_plan import differs
from netwright.verification.reached import Reached

__all__ = ["Site", "claims"]

Failure = Callable[[Reached], str | None]


class Site:
    """What all hosts show, asked once for all claims.

    + addresses: the hosts' own, by name
    """

    def __init__(self, calico: Calico, addresses: Mapping[str, str]) -> None:
        self.calico, self.addresses = calico, addresses
        self._seen: dict[str, Evidence] = {}

    def seen(self, hosts: Reached, host: str) -> Evidence:
        if host not in self._seen:
            output = hosts.connection(host).script(calico_evidence.script())
            self._seen[host] = calico_evidence.parse(output.stdout.splitlines())
        return self._seen[host]


def claims(site: Site, host: str) -> Iterator[tuple[str, Failure]]:
    """Path and failure of everything that is declared of a host, and with the first of all."""
    yield "node", partial(_node, site, host)
    reflectors = site.calico.reflectors
    for other in site.addresses:
        if other != host and (not reflectors or host in reflectors or other in reflectors):
            yield f"sessions[{other}]", partial(_session, site, host, other)
    if host == next(iter(site.addresses)):
        for document in documents(site.calico):
            name = f"{document['kind']}.{document['metadata']['name']}"
            yield name, partial(_resource, site, host, document)


def _node(site: Site, host: str, hosts: Reached) -> str | None:
    found = site.seen(hosts, host)
    if found.version != site.calico.version:
        return f"calicoctl: declared {site.calico.version}, found {found.version or 'none'}"
    if not found.active or not found.enabled:
        return "calico-node.service does not run" if not found.active else "is not enabled"
    wanted = site.calico.nodename(host)
    if found.nodename != wanted:
        return f"declared {wanted}, calico/node goes by {found.nodename or 'no name'}"
    return None if found.status == "Calico process is running." else found.status


def _session(site: Site, host: str, other: str, hosts: Reached) -> str | None:
    """Established, as both sides say."""
    for here, there in ((host, other), (other, host)):
        if not site.seen(hosts, here).established(site.addresses[there]):
            return f"{here} says nothing of an established session with {site.addresses[there]}"
    return None


def _resource(site: Site, host: str, document: Document, hosts: Reached) -> str | None:
    found = site.seen(hosts, host).resources
    if found is None:
        return "the datastore does not answer"
    live = found.get((document["kind"], document["metadata"]["name"]))
    if live is None:
        return "is not there"
    changes = [*differs(document["spec"], live.get("spec", {}))]
    return f"found -> declared: {', '.join(changes)}" if changes else None
