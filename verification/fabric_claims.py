"""A fabric: sessions from both sides, routes, each host's network, and who reaches whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from netwright.errors import DeclarationError
from netwright.installs import (
    fabric_blocks,
    fabric_calico,
    fabric_containers,
    fabric_evidence,
    fabric_routing,
)
from netwright.installs.fabric import Fabric
from netwright.installs.fabric_evidence import Evidence
from netwright.installs.fabric_network import network
from netwright.installs.fabric_pairs import (
    HEARD,
    Place,
    allowed,
    by_name,
    heard,
    partners,
    ping_script,
)
from netwright.state import NetworkState, load
from netwright.verification import reading
from netwright.verification.claims import claims as state_claims
from netwright.verification.connection import TIMEOUT
from netwright.verification.reached import Reached
from netwright.verification.seen import Seen

__all__ = ["Whole", "claims"]

Failure = Callable[[Reached], str | None]
_SHOWN = 5


class Whole:
    """What all hosts show, asked once for all claims.

    + addresses: the hosts' own, by name
    """

    def __init__(self, fabric: Fabric, addresses: Mapping[str, str]) -> None:
        self.fabric, self.addresses = fabric, addresses
        self._seen: dict[str, Evidence] = {}
        self._answers: dict[tuple[str, str], bool] = {}
        self._heard: set[tuple[str, str]] = set()

    def seen(self, hosts: Reached) -> dict[str, Evidence]:
        """Each host's BIRD and routes."""
        for host in self.addresses:
            if host not in self._seen:
                output = hosts.connection(host).script(fabric_evidence.script())
                self._seen[host] = fabric_evidence.parse(output.stdout.splitlines())
        return self._seen

    def blocks(self, hosts: Reached) -> dict[str, str]:
        """The blocks as the hosts have them, which is where the next run takes them from."""
        had = {host: each.had for host, each in self.seen(hosts).items()}
        known = {
            host: each.blocks[host] for host, each in had.items() if each and host in each.blocks
        }
        return fabric_blocks.blocks(self.fabric, list(self.addresses), known)

    def workloads(self, hosts: Reached) -> dict[str, dict[str, str]]:
        """The workloads' addresses by host and name."""
        found = {}
        for host, block in self.blocks(hosts).items():
            names = self.fabric.node(host).workloads
            had = fabric_evidence.workloads(self.seen(hosts)[host], names)
            found[host] = fabric_blocks.addresses(self.fabric, host, block, had)
        return found

    def state(self, hosts: Reached, host: str) -> NetworkState:
        """A host's part of the network."""
        return load(network(self.fabric, host, self.workloads(hosts)))

    def asked(self, hosts: Reached) -> None:
        """Every pair's pings, and then what the hosts that got them have seen."""
        if self._answers:
            return
        places = by_name(self.workloads(hosts))
        for host in self.addresses:
            pairs = [(s, t) for s in places if s.host == host for t in partners(s, places)]
            output = hosts.connection(host).script(ping_script(pairs), TIMEOUT + len(pairs))
            for line in output.stdout.splitlines():
                source, target, word = line.split()
                self._answers[source, target] = word == "ok"
        for host in self.addresses:
            self._heard |= set(heard(hosts.connection(host).script(HEARD).stdout))

    def wrong(self, source: Place, target: Place) -> str | None:
        """What is wrong between two workloads, after they were asked."""
        wanted = allowed(self.fabric, source, target)
        if self._answers.get((source.address, target.address), False) is not wanted:
            return f"{target} ({target.address}) {'does not answer' if wanted else 'answers'}"
        if wanted and (source.address, target.address) not in self._heard:
            return f"{target} ({target.address}) has not seen the source {source.address}"
        return None


def claims(whole: Whole, host: str) -> Iterator[tuple[str, Failure]]:
    """Path and failure of everything that is declared of a host of the fabric."""
    yield "bird", partial(_bird, whole, host)
    yield "network", partial(_network, whole, host)
    yield "kernel as Calico's", partial(_as_calico, host)
    after = fabric_routing.routings(
        whole.fabric, whole.addresses, dict.fromkeys(whole.addresses, "")
    )
    for peer in after[host].peers:
        yield f"sessions[{peer.name}]", partial(_session, whole, host, peer.name)
    for other in whole.addresses:
        if other != host:
            yield f"routes[{other}]", partial(_route, whole, host, other)
    for name in whole.fabric.node(host).workloads:
        yield f"workloads.{name}", partial(_workload, whole, host, name)
    for name, container in fabric_containers.containers(whole.fabric, host).items():
        yield f"workloads.{name}.container", partial(_container, host, name, container)


def _bird(whole: Whole, host: str, hosts: Reached) -> str | None:
    found = whole.seen(hosts)[host]
    if not found.answers:
        return "BIRD does not run" if found.installed else "there is no BIRD"
    if found.stale:
        return "BIRD has not read its configuration since it was written"
    return None if found.enabled else "the unit is not enabled"


def _network(whole: Whole, host: str, hosts: Reached) -> str | None:
    """All of the host's links, parameters, routes, namespaces, sets and rules."""
    try:
        state = whole.state(hosts, host)
    except DeclarationError as error:
        return str(error)
    timeout = TIMEOUT + 0.1 * len(state.netns or ())
    output = hosts.connection(host).script(reading.script(state), timeout)
    seen = Seen(*reading.parse(output.stdout))
    found = [(claim.path, claim.failure(seen)) for claim in state_claims(state)]
    wrong = [f"{path}: {failure}" for path, failure in found if failure is not None]
    more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return "; ".join(wrong[:_SHOWN]) + more if wrong else None


def _as_calico(host: str, hosts: Reached) -> str | None:
    """By another's knowledge than what made it."""
    output = hosts.connection(host).script(fabric_calico.script()).stdout.splitlines()
    wrong = fabric_calico.differences(output)
    more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return "; ".join(wrong[:_SHOWN]) + more if wrong else None


def _session(whole: Whole, host: str, other: str, hosts: Reached) -> str | None:
    """Established, as both sides say."""
    for here, there in ((host, other), (other, host)):
        session = whole.seen(hosts)[here].sessions.get(f"peer_{there}")
        if session is None:
            return f"{here} has no session with {there}"
        if not session.established or session.neighbor != whole.addresses[there]:
            words = f" ({session.words})" if session.words else ""
            return f"{here} says of {there} at {session.neighbor}: {session.state}{words}"
    return None


def _route(whole: Whole, host: str, other: str, hosts: Reached) -> str | None:
    """The other host's block by the other host, and by nobody else."""
    block, via = whole.blocks(hosts)[other], whole.addresses[other]
    there = [each for each in whole.seen(hosts)[host].routes if each.get("dst") == block]
    found = [f"via {each.get('gateway')} proto {each.get('protocol')}" for each in there]
    wanted = f"via {via} proto bird"
    return None if found == [wanted] else f"{block}: declared {wanted}, found {found or 'none'}"


def _workload(whole: Whole, host: str, name: str, hosts: Reached) -> str | None:
    """Every workload that it may reach answers it, and has seen its own address."""
    whole.asked(hosts)
    places = by_name(whole.workloads(hosts))
    (source,) = (place for place in places if (place.host, place.name) == (host, name))
    wrong = [line for target in partners(source, places) if (line := whole.wrong(source, target))]
    return "; ".join(wrong[:_SHOWN]) or None


def _container(host: str, name: str, container: str, hosts: Reached) -> str | None:
    """By the namespaces' numbers, which are the kernel's."""
    script = (
        f"readlink /proc/$(docker inspect -f '{{{{.State.Pid}}}}' {container})/ns/net;"
        f" stat -Lc 'net:[%i]' /run/netns/{name}; systemctl is-active fabric-containers.service"
    )
    words = hosts.connection(host).script(script).stdout.split()
    if words[-1:] != ["active"]:
        return "fabric-containers.service, which plugs it when it starts, does not run"
    if len(words) == 3 and words[0] == words[1]:
        return None
    return f"{container} does not run, or namespace {name} is not its own"
