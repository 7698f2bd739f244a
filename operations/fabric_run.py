"""All hosts of a fabric in one run: read once, what each has to become, and the way there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from gevent.pool import Pool
from pyinfra.api import State

from netwright.installs import fabric_blocks, fabric_evidence, fabric_network, fabric_routing
from netwright.installs.fabric import Fabric
from netwright.installs.fabric_evidence import Evidence
from netwright.installs.fabric_routing import Routing
from netwright.operations import fabric_look
from netwright.operations.remote import Failed, last, named, reached, run

__all__ = ["Fleet", "render", "settled", "told"]

WAIT = 60.0


def render(fabric: Fabric, own: Routing, templates: Path) -> str:
    """A host's configuration of BIRD."""
    loader = jinja2.FileSystemLoader(templates)
    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("bird.conf.j2")
    return template.render(fabric=fabric, own=own, header=fabric_routing.header(own))


@dataclass
class Fleet:
    """The fabric's hosts, all of them part of this run.

    + addresses: the hosts' own, by name, in the inventory's order
    + templates: the directory that has BIRD's
    """

    state: State
    fabric: Fabric
    addresses: Mapping[str, str]
    templates: Path
    say: Callable[[str], None] = field(default=lambda line: None)
    _seen: dict[str, Evidence] = field(default_factory=dict)

    def reached(self) -> frozenset[str]:
        """The hosts that can be asked and changed now."""
        return frozenset(host for host in self.addresses if reached(self.state, host))

    def look(self, again: bool = True) -> dict[str, Evidence]:
        """What every host that is reached shows.

        + again: whether they are asked again; else what was read last will do

        Raises Failed if one can't be read.
        """
        hosts = sorted(self.reached())
        if again or not set(hosts) <= set(self._seen):
            self._seen = fabric_look.all_of(hosts)
        return {host: self._seen[host] for host in hosts}

    def look_first(self) -> None:
        """The same, and each host's network with it, in one command. Raises Failed."""
        addresses = fabric_network.provisional(self.fabric, self.addresses)
        networks = {
            host: fabric_network.network(self.fabric, host, addresses) for host in self.addresses
        }
        self._seen = fabric_look.with_networks(sorted(self.reached()), networks)

    def blocks(self) -> dict[str, str]:
        """Each host's block. Raises Failed, DeclarationError."""
        known: dict[str, str] = {}
        if fabric_blocks.has_to_look(self.fabric, list(self.addresses)):
            seen = {host: each.had for host, each in self.look(again=False).items()}
            for had in seen.values():
                known |= had.blocks if had else {}
            # What a host says of itself counts more than what others say of it.
            known |= {h: had.blocks[h] for h, had in seen.items() if had and h in had.blocks}
        return fabric_blocks.blocks(self.fabric, list(self.addresses), known)

    def workloads(self) -> dict[str, dict[str, str]]:
        """The addresses of all workloads, by host and name. Raises Failed, DeclarationError."""
        found = {}
        for host, block in self.blocks().items():
            had: dict[str, str] = {}
            workloads = self.fabric.node(host).workloads
            open_ = any(each.address is None for each in workloads.values())
            if open_ and host in self.reached():
                had = fabric_evidence.workloads(self.look(again=False)[host], workloads)
            found[host] = fabric_blocks.addresses(self.fabric, host, block, had)
        return found

    def networks(self) -> dict[str, dict[str, object]]:
        """Each host's part of the network. Raises Failed, DeclarationError."""
        addresses = self.workloads()
        return {
            host: fabric_network.network(self.fabric, host, addresses) for host in self.addresses
        }

    def stages(self) -> list[dict[str, Routing]]:
        """The configurations to go through. Raises Failed, DeclarationError."""
        after = fabric_routing.routings(self.fabric, self.addresses, self.blocks())
        before = {host: each.had for host, each in self.look(again=False).items()}
        return fabric_routing.stages(before, after, self.reached())

    def due(self, stage: Mapping[str, Routing]) -> dict[str, str]:
        """The configurations that differ from what the hosts have, by host."""
        found = {}
        for host, each in self.look(again=False).items():
            text = render(self.fabric, stage[host], self.templates)
            if each.config.strip() != text.strip() or each.stale or not each.answers:
                found[host] = text
        return found

    def converge(self) -> None:
        """Stage by stage, each until it works. Raises Failed."""
        for stage in self.stages():
            self.look()
            due = self.due(stage)
            for host in due:
                self.say(f"{host}: {told(self._seen[host], stage[host])}")
            pool = Pool(fabric_look.PARALLEL)
            pool.map(_configured, due.items())
            began = time.monotonic()
            self.until(stage)
            self.say(f"every session is established after {time.monotonic() - began:.1f} s")

    def until(self, stage: Mapping[str, Routing]) -> None:
        """Wait until a stage works. Raises Failed with what doesn't."""
        deadline = time.monotonic() + WAIT
        while wrong := settled(stage, self.look()):
            if time.monotonic() > deadline:
                raise Failed(f"after {WAIT:.0f} s: {'; '.join(wrong[:6])}")
            time.sleep(0.3)


def told(seen: Evidence, after: Routing) -> str:
    """What a change of a host's BIRD is about; nothing of it is secret."""
    had = seen.had
    if had is None:
        return f"BIRD's configuration, block {after.block}, {len(after.peers)} peers"
    words = []
    peers = {peer.name for peer in after.peers}
    words += [f"+ peer {name}" for name in sorted(peers - had.peers)]
    words += [f"- peer {name}" for name in sorted(had.peers - peers)]
    if after.reflects != had.reflects:
        words.append("passes routes on" if after.reflects else "passes no routes on")
    if had.blocks != after.blocks:
        words.append("blocks of the hosts")
    if not seen.answers:
        words.append("is started")
    return ", ".join(words) or "BIRD's configuration"


def settled(stage: Mapping[str, Routing], seen: Mapping[str, Evidence]) -> list[str]:
    """What is missing on the hosts that were read: sessions, and routes over each of them."""
    wrong = []
    for host, evidence in seen.items():
        for peer in stage[host].peers:
            if peer.name not in seen:
                continue
            session = evidence.sessions.get(peer.protocol)
            due = len(seen) - 1 if stage[peer.name].reflects else 1
            if session is None or not session.established:
                words = session.words or session.state if session else "not there"
                wrong.append(f"{host}: session with {peer.name}: {words}")
            elif session.imported < due:
                wrong.append(f"{host}: {session.imported} of {due} routes from {peer.name}")
    return wrong


def _configured(due: tuple[str, str]) -> None:
    host, text = due
    ok, output, errors = run(named(host), fabric_routing.apply(text))
    if not ok:
        raise Failed(f"{host}: {last(errors, output)}")
